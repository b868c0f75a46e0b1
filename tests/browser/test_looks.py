"""Every page as admin and agent, on a desk in light and a phone in dark: nothing sticks out, nothing complains."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenTab
from tests.browser.desk import LEO, MAYA, Desk

LONG = " ".join(f"word{at}" for at in range(140))
PHONE = (390, 844)
FOR_ALL: tuple[str, ...] = (
    "/inbox",
    "/inbox?tab=mine",
    "/inbox?tab=failed",
    "/inbox?tab=closed",
    "/messages",
    "/sandbox",
    "/profile",
)
FOR_ALL += ("/messages?show=failed", "/messages/fix", "/contacts", "/contact?address=unknown@calderon.test")
FOR_ALL += ("/delivery-codes", "/delivery-codes/5.1.1", "/docs/api")
FOR_ADMINS = ("/mailboxes", "/senders", "/suppressions", "/webhooks", "/help/mail", "/users", "/password")
STICKS_OUT = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
UNNAMED = """() => [...document.querySelectorAll(
    'button, a[href], input:not([type=hidden], [aria-hidden]), select, textarea')]
    .filter((one) => one.checkVisibility() && !(one.textContent.trim() || one.ariaLabel || one.labels?.length))
    .map((one) => one.outerHTML)"""


@pytest.fixture(scope="module")
def filled(desk: Desk) -> list[str]:
    """Mail that is long, wide, in other scripts, and to many; the paths that show it."""
    everybody = [f"Person {at} <person{at}@{'long-' * 8}domain.test>" for at in range(60)]
    many = desk.submit(LONG[:900], [*everybody, "Ana <unknown@calderon.test>"])
    desk.settled(many, "delivered", "failed")
    wide = desk.question(
        LONG, f"{'x' * 500}\n\nhttps://calderon.test/{'path/' * 60}", f"{LONG[:200]} <t@calderon.test>"
    )
    arabic = desk.question("استفسار حول الفاتورة رقم 2041", "السلام عليكم،\n\nHello", "محمد <m@calderon.test>")
    japanese = desk.question("見積書の件について" * 8, "お世話になっております。", "田中太郎 <tanaka@calderon.test>")
    shown = [desk.page_of(message.id) for message in (wide, arabic, japanese)]
    return [desk.page_of(many), f"/messages/{many}", *shown]


@pytest.mark.parametrize(("size", "dark"), [((1440, 960), False), (PHONE, True)])
def test_every_page(
    desk: Desk, filled: list[str], open_tab: OpenTab, artifacts: Path, size: tuple[int, int], dark: bool
) -> None:
    page = open_tab(who=MAYA, width=size[0], height=size[1], dark=dark)
    links = 'a.strong[href^="/mailboxes/"], a.strong[href^="/users/"], a.strong[href^="/sandbox/"]'
    further: list[str] = []
    for path in (*FOR_ALL, *FOR_ADMINS, *filled):
        look_at(page, desk, path, artifacts / f"{'phone' if size == PHONE else 'desk'}-{'dark' if dark else 'light'}")
        further += page.eval_on_selector_all(links, "all => all.slice(0, 1).map((one) => one.getAttribute('href'))")
    assert len(further) == 3
    for path in further:
        look_at(page, desk, path, artifacts / f"{'phone' if size == PHONE else 'desk'}-{'dark' if dark else 'light'}")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark" if dark else "light")


def look_at(page: Page, desk: Desk, path: str, pictures: Path) -> None:
    """Open a page, and keep a picture of it."""
    pictures.mkdir(exist_ok=True)
    page.goto(desk.url(path))
    expect(page.locator("h1").first).to_be_attached()
    short = re.sub(r"[^a-z0-9]+", "-", re.sub(r"_[0-9a-f]{32}", "", path)).strip("-")
    page.screenshot(path=pictures / f"{short}.png")
    assert not page.evaluate(STICKS_OUT), f"{path} is wider than its window"
    assert page.evaluate(UNNAMED) == [], path


def test_an_agent_sees_no_settings(desk: Desk, filled: list[str], open_tab: OpenTab, artifacts: Path) -> None:
    page = open_tab("/inbox", who=LEO)
    expect(page.get_by_role("link", name="Sandbox")).to_be_visible()
    expect(page.get_by_role("navigation", name="Main").get_by_role("link", name="Users")).to_have_count(0)
    for path in (*FOR_ALL, *filled):
        look_at(page, desk, path, artifacts / "agent")


def test_a_phone_moves_between_list_and_conversation(desk: Desk, filled: list[str], open_tab: OpenTab) -> None:
    page = open_tab("/inbox", width=PHONE[0], height=PHONE[1])
    expect(page.locator("#conv")).to_be_hidden()
    page.locator(".row-link").first.click()
    expect(page.locator(".conv-head h1")).to_be_visible()
    expect(page.locator("#rows")).to_be_hidden()
    expect(page.get_by_role("button", name="Send")).to_be_in_viewport()
    page.get_by_role("button", name="Back to list").click()
    expect(page.locator("#rows")).to_be_visible()
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Messages").click()
    expect(page.get_by_role("heading", name="Messages")).to_be_visible()
