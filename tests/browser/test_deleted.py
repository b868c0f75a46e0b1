"""Deleting at the desk: chosen in the list, taken back, restored by the customer's next mail, gone for ever."""

from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import OpenTab
from tests.browser.desk import Desk


def test_chosen_deleted_taken_back_and_gone_for_ever(desk: Desk, open_tab: OpenTab, artifacts: Path) -> None:
    asked = desk.question("Brass handles", "Have you any?")
    desk.question("Cheap watches", "Buy now.")
    page = open_tab("/inbox?select=1")
    page.screenshot(path=artifacts / "choosing.png")
    page.get_by_role("button", name="All", exact=True).click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.locator(".did")).to_contain_text("conversations deleted")
    page.screenshot(path=artifacts / "deleted-list.png")
    expect(page.locator("#rows")).not_to_contain_text("Brass handles")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#rows")).to_contain_text("Brass handles")

    page.locator("a.row-link", has_text="Brass handles").click()
    page.locator(".conv-head").get_by_role("button", name="Delete").click()
    expect(page.locator(".claim")).to_contain_text("was deleted by")
    expect(page.locator("#rows")).not_to_contain_text("Brass handles")
    for width, dark in ((1440, False), (390, False), (390, True)):
        shown = open_tab(desk.page_of(asked.id), width=width, dark=dark)
        shown.screenshot(path=artifacts / f"deleted-{width}{'-dark' if dark else ''}.png")
        shown.goto(desk.url("/inbox?tab=deleted&select=1"))
        shown.screenshot(path=artifacts / f"deleted-choosing-{width}{'-dark' if dark else ''}.png")
    desk.answer(asked, "I found them, thank you.")
    expect(page.locator(".thread")).to_contain_text("I found them, thank you.")
    expect(page.locator(".conv-head .l2")).to_contain_text("Open")

    page.locator(".conv-head").get_by_role("button", name="Delete").click()
    page.get_by_role("link", name="Delete for ever").click()
    expect(page.locator(".sheet h2")).to_contain_text("Delete for ever: 1 conversation, ")
    page.screenshot(path=artifacts / "purge.png")
    page.get_by_role("button", name="Delete for ever").click()
    expect(page.locator(".did")).to_contain_text("1 conversation deleted for ever")
    page.goto(desk.url(desk.page_of(asked.id)))
    expect(page.locator(".thread")).to_contain_text("What this mail said was deleted for ever")
    expect(page.locator("#conv")).not_to_contain_text("Brass handles")
    page.screenshot(path=artifacts / "purged.png")
