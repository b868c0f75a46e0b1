"""The first login: the password that was printed must be changed before anything else is shown."""

import re
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.desk import log_in
from tests.rig.gatepost import Product, started

CHOSEN = "four words in a row"


@pytest.fixture(scope="module")
def printed() -> Iterator[tuple[Product, str, str]]:
    """A new installation, and the login that its set-up printed."""
    told = StringIO()
    with redirect_stdout(told):
        running = started()
        product = running.__enter__()
    try:
        found = re.search(r"First admin: (\S+)\s+password \(shown once\): (\S+)", told.getvalue())
        assert found is not None
        yield product, found[1], found[2]
    finally:
        running.__exit__(None, None, None)


def test_the_printed_password_is_for_the_first_login_only(
    page: Page, printed: tuple[Product, str, str], artifacts: Path
) -> None:
    product, email, password = printed
    page.goto(product.web)
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    log_in(page, product.web, email, "not the password")
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("Email address")).to_have_value(email)

    log_in(page, product.web, email, password)
    expect(page.get_by_role("heading", name="Change your password")).to_be_visible()
    page.goto(f"{product.web}/messages")
    expect(page.get_by_role("heading", name="Change your password")).to_be_visible()
    page.screenshot(path=artifacts / "first-login.png")

    page.get_by_label("Present password").fill(password)
    page.get_by_label("New password", exact=True).fill(CHOSEN)
    page.get_by_label("New password again").fill("something else here")
    page.get_by_role("button", name="Change password").click()
    expect(page.locator(".problem")).to_be_visible()
    page.get_by_label("Present password").fill(password)
    page.get_by_label("New password", exact=True).fill(CHOSEN)
    page.get_by_label("New password again").fill(CHOSEN)
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_role("heading", name="Inbox")).to_be_visible()
    expect(page.get_by_text("No conversation yet")).to_be_visible()
    page.screenshot(path=artifacts / "empty-inbox.png")

    page.goto(f"{product.web}/profile")
    page.get_by_role("button", name="Log out", exact=True).click()
    log_in(page, product.web, email, password)
    expect(page.get_by_role("alert")).to_be_visible()
    log_in(page, product.web, email, CHOSEN)
    page.wait_for_url("**/inbox")
