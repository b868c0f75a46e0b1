"""The pages of senders in a browser: an address is validated, a domain's records are copied and checked."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from gatepost.cli.domain import gate_of
from gatepost.gateway.domain_watch import check_domain
from gatepost.parts import clock
from gatepost.resolver import dns_resolver
from gatepost.store.domains import create_domain
from gatepost.store.events import events_after
from tests.browser.conftest import OpenTab
from tests.browser.desk import Desk
from tests.fakes.dns import dns_server

STICKS_OUT = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
LOOKS = [((1440, 960), False), ((390, 844), True)]


@pytest.fixture(scope="module")
def domain(desk: Desk) -> str:
    """A domain whose records were looked up, and are not there; the path of its page."""
    parts = desk.product.parts
    made = desk.product.write(lambda session: create_domain(session, parts.keys, "northwind.de", clock()))
    with dns_server({"northwind.de": {"TXT": ['"v=spf1 -all"']}}) as server:
        check_domain(gate_of(parts), made.id, dns_resolver([server.address]), clock())
    return f"/senders/domains/{made.id}"


def picture(page: Page, artifacts: Path, name: str, dark: bool) -> None:
    page.screenshot(path=artifacts / f"{name}-{'phone-dark' if dark else 'desk-light'}.png", full_page=True)
    assert not page.evaluate(STICKS_OUT)


@pytest.mark.parametrize(("size", "dark"), LOOKS)
def test_the_page_of_a_domain_says_what_is_wrong(
    desk: Desk, domain: str, open_tab: OpenTab, artifacts: Path, size: tuple[int, int], dark: bool
) -> None:
    page = open_tab(domain, width=size[0], height=size[1], dark=dark)
    expect(page.get_by_role("heading", name="northwind.de", exact=True)).to_be_visible()
    expect(page.get_by_text("There is no TXT record at")).to_have_count(2)
    expect(page.get_by_text("May not be used as From yet")).to_be_visible()
    expect(page.get_by_role("button", name="Copy")).to_have_count(8)
    picture(page, artifacts, "domain", dark)


@pytest.mark.parametrize(("size", "dark"), LOOKS)
def test_an_address_is_validated(
    desk: Desk, domain: str, open_tab: OpenTab, artifacts: Path, size: tuple[int, int], dark: bool
) -> None:
    address = f"sales{size[0]}@southwind.de"
    page = open_tab("/senders", width=size[0], height=size[1], dark=dark)
    page.get_by_role("textbox", name="Address", exact=True).fill(address)
    page.locator("form", has=page.get_by_role("textbox", name="Address", exact=True)).get_by_role(
        "button", name="Validate"
    ).click()
    expect(page.get_by_text("The mail is on its way")).to_be_visible()
    picture(page, artifacts, "senders", dark)
    with desk.product.parts.database.session() as session:
        asked = [event for event in events_after(session, 0, 10_000) if event.kind == "sender.asked"]
    page.goto(desk.url(f"/messages/{asked[-1].message_id}"))
    link = page.get_by_role("link", name="/confirm/").get_attribute("href") or ""
    confirm = page.context.new_page()
    confirm.goto(desk.url(urlsplit(link).path))
    expect(confirm.get_by_role("heading", name=f"May mail be sent as {address}?")).to_be_visible()
    picture(confirm, artifacts, "confirm", dark)
    confirm.get_by_role("button", name="Confirm").click()
    expect(confirm.get_by_text("from now on")).to_be_visible()
    page.goto(desk.url("/senders"))
    expect(page.get_by_text(f"{address} was confirmed by mail")).to_be_visible()
