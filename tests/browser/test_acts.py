"""What people do with a delivery: hold it, release it, correct the address, try all again, suppress an address."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenTab
from tests.browser.desk import MAYA, Desk
from tests.browser.test_looks import PHONE, look_at


def test_a_wrong_address_is_corrected_and_the_same_mail_arrives(desk: Desk, open_tab: OpenTab) -> None:
    message = desk.submit("Invoice 7", ["Ana <unknown@calderon.test>"])
    desk.settled(message, "failed")
    page = open_tab(who=MAYA)
    page.goto(desk.url(f"/messages/{message}"))
    page.get_by_role("link", name="Fix and resend").click()
    page.get_by_label("Corrected address").fill("no address")
    page.locator("form").evaluate("form => form.noValidate = true")
    page.get_by_role("button", name="Send again").click()
    expect(page.locator(".problem")).to_be_visible()
    page.get_by_label("Corrected address").fill("ana@calderon.test")
    page.get_by_role("button", name="Send again").click()
    expect(page.get_by_text("The same mail is on its way to the corrected address.")).to_be_visible()
    desk.settled(message, "delivered", "cancelled")
    expect(page.get_by_text("Sent to ana@calderon.test instead, by").first).to_be_visible()


def test_mail_is_held_released_and_tried_again(desk: Desk, open_tab: OpenTab) -> None:
    message = desk.submit("Newsletter", ["code+451-4.7.1@calderon.test"])
    desk.settled(message, "delayed")
    page = open_tab(who=MAYA)
    page.goto(desk.url(f"/messages/{message}"))
    page.get_by_role("button", name="Hold").click()
    desk.settled(message, "held")
    page.get_by_role("button", name="Release").click()
    expect(page.get_by_text("It is released and will be sent within seconds.")).to_be_visible()


@pytest.mark.parametrize(("size", "dark"), [((1440, 960), False), (PHONE, True)])
def test_the_pages_of_acts(desk: Desk, open_tab: OpenTab, artifacts: Path, size: tuple[int, int], dark: bool) -> None:
    message = desk.submit("Order 9", ["Ana <unknown@calderon.test>", "bob@calderon.test", "Full <full@calderon.test>"])
    desk.product.until(lambda: any(row.state == "failed" for row in desk.product.deliveries(message).values()))
    page = open_tab(who=MAYA, width=size[0], height=size[1], dark=dark)
    page.goto(desk.url("/suppressions"))
    page.get_by_label("Address", exact=True).fill("gone.long.address.of.a.person@calderon.test")
    page.get_by_role("button", name="Suppress").click()
    expect(page.get_by_text("Nothing is sent to this address any more.")).to_be_visible()
    failed = next(row for row in desk.product.deliveries(message).values() if row.state == "failed")
    pictures = artifacts / f"acts-{'dark' if dark else 'light'}"
    for path in (
        "/suppressions",
        "/messages?show=failed",
        "/messages/retry",
        f"/messages/{message}",
        f"/messages/{message}/resend?delivery={failed.id}",
    ):
        look_at(page, desk, path, pictures)
    page.goto(desk.url("/messages/retry"))
    page.get_by_role("button", name="Send again").click()
    expect(page.get_by_text("It will be tried again within seconds.")).to_be_visible()
