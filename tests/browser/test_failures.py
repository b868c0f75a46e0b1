"""Where a mail did not reach somebody: the three wordings, the icon beside just those names, and what it opens."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenTab
from tests.browser.desk import Desk

NOBODY = "Ana Ruiz <unknown@calderon.test>"
SPAM = "Kim Holm <spam@holm.test>"
REACHED = "Priya Nair <priya@nair.test>"
CASES = {
    "one": ([NOBODY], ["failed"], "The address unknown@calderon.test does not exist (550 5.1.1)", ["Ana Ruiz"]),
    "all": ([NOBODY, SPAM], ["failed"], "Could not be delivered", ["Ana Ruiz", "Kim Holm"]),
    "some": (
        [REACHED, NOBODY, SPAM],
        ["delivered", "failed"],
        "Could not be delivered to some recipients",
        ["Ana Ruiz", "Kim Holm"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_wording_and_the_icons(desk: Desk, open_tab: OpenTab, artifacts: Path, case: str) -> None:
    recipients, states, sentence, failing = CASES[case]
    message_id = desk.submit(f"Order of {case}", recipients)
    desk.settled(message_id, *states)
    path = desk.page_of(message_id)
    page = open_tab(path)
    expect(page.locator(".dlv-head > span")).to_have_text(
        sentence if case == "one" else f"{sentence} {'1 delivered' if case == 'some' else ''}"
    )
    warned = page.locator(".msg .to .rcpt-warn")
    expect(warned).to_have_text(failing)
    expect(page.locator(".msg .to .rcpt-warn .icon")).to_have_count(len(failing))
    expect(page.locator(".msg .to .rcpt.ok")).to_have_count(len(recipients) - len(failing))
    expect(page.locator(".dlv-head .again")).to_have_count(1 if len(failing) > 1 else 0)
    opens_why(page, failing[0])
    expect(page.locator(".why-card.show").get_by_role("link", name="550 5.1.1")).to_be_visible()
    page.screenshot(path=artifacts / f"failed-{case}.png")
    page.keyboard.press("Escape")
    expect(page.locator(".why-card.show")).to_have_count(0)

    page.goto(desk.url("/inbox?tab=failed"))
    row = page.locator(".row-link", has_text=f"Order of {case}")
    expect(row).to_contain_text(
        f"{len(failing)} of {len(recipients)} not delivered" if case != "one" else "Not delivered"
    )
    row.click()
    expect(page).to_have_url(desk.url(f"{path}?tab=failed"))
    expect(page.locator(".dlv-head")).to_be_visible()
    shows_what_was_said(page, artifacts / f"transcript-{case}.png")


def shows_what_was_said(page: Page, picture: Path) -> None:
    """The drawer has the transcript of the attempt, and the code leads to its page."""
    page.get_by_role("link", name="Events").click()
    drawer = page.get_by_role("complementary", name="Events")
    failed = drawer.locator("li", has_text="unknown@calderon.test")
    failed.get_by_text("What was said").click()
    said = failed.locator(".transcript pre")
    expect(said).to_contain_text("C: RCPT TO:<unknown@calderon.test>")
    expect(said).to_contain_text("S: 550 5.1.1")
    page.screenshot(path=picture)
    failed.get_by_role("link", name="What 5.1.1 means").click()
    expect(page.get_by_role("heading", name="The address does not exist")).to_be_visible()
    expect(page.get_by_text("Whoever sends the mail")).to_be_visible()


def opens_why(page: Page, name: str) -> None:
    """The icon of this recipient opens the address, the reason, the advice and the server's own words."""
    page.get_by_role("button", name=f"{name}: not delivered").click()
    card = page.locator(".why-card.show")
    expect(card).to_have_count(1)
    expect(card).to_contain_text("unknown@calderon.test")
    expect(card.locator(".reason")).to_contain_text("does not exist")
    expect(card.locator(".advice")).to_contain_text("Check the address")
    expect(card.locator(".code")).to_contain_text("550 5.1.1 ")


def test_the_events_drawer_tells_what_the_server_said(desk: Desk, open_tab: OpenTab, artifacts: Path) -> None:
    message_id = desk.submit("Order with history", [REACHED, NOBODY])
    desk.settled(message_id, "delivered", "failed")
    page = open_tab(desk.page_of(message_id))
    page.get_by_role("link", name="Events").click()
    drawer = page.get_by_role("complementary", name="Events")
    failed = drawer.locator("li", has_text="unknown@calderon.test")
    expect(failed).to_contain_text("Failed")
    expect(failed.locator("> pre")).to_contain_text("550 5.1.1 <unknown@calderon.test>: Recipient address rejected")
    expect(failed).to_contain_text("Email notification: Relayed over SMTP")
    expect(drawer.locator("li", has_text="priya@nair.test").locator("> pre")).to_contain_text("250 ")
    page.screenshot(path=artifacts / "events.png")
    page.keyboard.press("Escape")
    expect(drawer).to_have_count(0)
    expect(page.locator("#btn-events")).to_be_focused()


def test_the_messages_page_shows_the_same(desk: Desk, open_tab: OpenTab) -> None:
    message_id = desk.submit("Order on the messages page", [REACHED, NOBODY])
    desk.settled(message_id, "delivered", "failed")
    page = open_tab("/messages?show=failed")
    row = page.get_by_role("row").filter(has_text="Order on the messages page")
    expect(row).to_contain_text("1 of 2 not delivered")
    row.get_by_role("link", name="Order on the messages page").click()
    expect(page.locator(".dlv-head")).to_contain_text("Could not be delivered to some recipients")
    opens_why(page, "Ana Ruiz")
    page.keyboard.press("Escape")
    page.get_by_text("Every attempt").click()
    expect(page.locator("#attempts")).to_contain_text("550 5.1.1 <unknown@calderon.test>")
