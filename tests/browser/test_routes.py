"""The pages of routes and of streams, on a wide screen and on a phone, by day and by night."""

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenTab
from tests.browser.desk import Desk


def fits(page: Page) -> bool:
    """Whether nothing has to be scrolled sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def test_an_admin_adds_and_explains_a_route(desk: Desk, open_tab: OpenTab, artifacts: Path) -> None:
    page = open_tab("/routes")
    page.fill("#f-name", "bulk")
    page.fill("#f-url", "smtp://shop@relay.example:587")
    page.fill("#f-password", "hunter22")
    page.fill("#f-rules", "sender:news.example\nrecipient:calderon.test")
    page.get_by_role("button", name="Add").click()
    expect(page.locator("table")).to_contain_text("recipient:calderon.test")
    page.locator("#explain input[name=address]").fill("ana@calderon.test")
    page.get_by_role("button", name="Explain").click()
    expect(page.locator("ol.told li").first).to_have_text(
        "Route bulk: the recipient's domain calderon.test has the rule recipient:calderon.test."
    )
    page.screenshot(path=artifacts / "routes.png", full_page=True)
    page.get_by_role("link", name="bulk", exact=True).click()
    expect(page.get_by_role("heading", name="bulk")).to_be_visible()
    page.screenshot(path=artifacts / "route.png", full_page=True)


def test_routes_fit_on_a_phone_in_the_dark(desk: Desk, open_tab: OpenTab, artifacts: Path) -> None:
    for path, name in (("/routes?address=ana@x.example", "routes"), ("/suppressions", "suppressions")):
        page = open_tab(path, width=390, height=844, dark=True)
        page.screenshot(path=artifacts / f"{name}-phone.png", full_page=True)
        assert fits(page), path
