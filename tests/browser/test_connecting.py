"""Connecting mailboxes in a browser, from the wizard's button to the first mail in the inbox, at a provider of our own.

The provider is Google- and Microsoft-shaped, with a real Dovecot behind it that takes its tokens.
"""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlmodel import Session

from gatepost.model import Channel
from gatepost.parts import clock
from gatepost.seal import Keys
from gatepost.store.accounts import list_accounts
from gatepost.store.events import events_after
from gatepost.store.oauth_clients import save_client
from tests.browser.conftest import PATIENCE
from tests.browser.desk import MAYA, log_in
from tests.fakes.dns import dns_server
from tests.lives.letters import letter
from tests.rig.gatepost import Product, started
from tests.rig.identity import GOOGLE_CLIENT, MICROSOFT_CLIENT
from tests.rig.identity_state import Person
from tests.rig.process import free_port
from tests.rig.provider import ProviderRig

STICKS_OUT = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
MX = {
    "gmail.test": {"MX": ["5 gmail-smtp-in.l.google.com."]},
    "contoso.test": {"MX": ["0 contoso-test.mail.protection.outlook.com."]},
    "fabrikam.test": {"MX": ["0 fabrikam-test.mail.protection.outlook.com."]},
}


@pytest.fixture(scope="module")
def shop(provider_rig: ProviderRig) -> Iterator[Product]:
    """A running Gatepost that is registered at both sides of the provider."""
    port = free_port()
    with (
        dns_server(MX) as server,
        started(provider_rig.environ, web=f"127.0.0.1:{port}", dns_servers=[server.address]) as product,
    ):
        provider_rig.identity.state.redirects.add(f"http://127.0.0.1:{port}/connect/callback")
        product.user(MAYA)
        product.write(lambda session: register(session, product.parts.keys))
        yield product


def register(session: Session, keys: Keys) -> None:
    """What the page OAuth clients does."""
    for provider, (client_id, secret) in (("google", GOOGLE_CLIENT), ("microsoft", MICROSOFT_CLIENT)):
        save_client(session, keys, provider, client_id=client_id, secret=secret, now=clock())


@pytest.fixture
def contexts(browser: Browser) -> Iterator[ExitStack]:
    """Closes the browsers of a test."""
    expect.set_options(timeout=PATIENCE)
    with ExitStack() as stack:
        yield stack


def fresh(browser: Browser, contexts: ExitStack, *, phone: bool = False) -> BrowserContext:
    """Somebody's browser, logged in nowhere."""
    context = browser.new_context(
        locale="en-GB",
        timezone_id="UTC",
        ignore_https_errors=True,
        viewport={"width": 390, "height": 844} if phone else {"width": 1440, "height": 960},
        color_scheme="dark" if phone else "light",
    )
    contexts.callback(context.close)
    context.set_default_timeout(PATIENCE)
    return context


@pytest.fixture
def admin(browser: Browser, contexts: ExitStack, shop: Product) -> Page:
    """The admin's tab."""
    page = fresh(browser, contexts).new_page()
    log_in(page, shop.web, MAYA)
    page.wait_for_url("**/inbox")
    return page


def mailbox(shop: Product, rig: ProviderRig, person: Person, subject: str) -> Channel:
    """A mailbox of ours with somebody's address, and a mail that waits for it at the provider."""
    _, mail = letter("Ana Ruiz <ana@calderon.test>", person.address, subject, "Where is my parcel?")
    rig.dovecot.deliver(person.address, mail)
    return shop.channel(person.address, subject, by_mx=False)


def to_the_button(page: Page, shop: Product, channel: Channel, name: str) -> None:
    """Through the wizard, as far as the page that says what will happen."""
    page.goto(f"{shop.web}/mailboxes/{channel.id}")
    page.get_by_role("link", name="Connect", exact=True).click()
    page.get_by_role("button", name="Synchronise").click()
    page.get_by_role("link", name=re.compile(f"Continue with {name} · recommended")).click()
    expect(page.get_by_text(f"You log in at {name} itself")).to_be_visible()


def sign_in(page: Page, name: str, person: Person) -> Page:
    """Press the button and log in at the provider; the new tab."""
    with page.context.expect_page() as opened:
        page.get_by_role("button", name=f"Log in at {name}").click()
    type_in(opened.value, person)
    return opened.value


def type_in(tab: Page, person: Person) -> None:
    """The provider's login page."""
    tab.get_by_label("Email").fill(person.address)
    tab.get_by_label("Password").fill(person.password)
    tab.get_by_role("button", name="Sign in").click()


def in_the_inbox(page: Page, shop: Product, subject: str) -> None:
    """The mail arrives, and is shown."""
    shop.until(lambda: shown(page, shop, subject), 60)


def shown(page: Page, shop: Product, subject: str) -> bool:
    page.goto(f"{shop.web}/inbox")
    return page.get_by_text(subject).count() > 0


@pytest.mark.parametrize(("name", "tenant"), [("Google", ""), ("Microsoft", "fabrikam")])
def test_from_the_button_to_the_first_mail(
    shop: Product, provider_rig: ProviderRig, admin: Page, name: str, tenant: str
) -> None:
    person, subject = provider_rig.identity.person(tenant), f"First mail by {name}"
    channel = mailbox(shop, provider_rig, person, subject)
    to_the_button(admin, shop, channel, name)
    tab = sign_in(admin, name, person)
    tab.get_by_role("button", name="Allow").click()
    finish_import(tab)
    in_the_inbox(tab, shop, subject)
    expect(admin.get_by_text(f"{person.address} is connected")).to_be_visible()
    [account] = shop.read(lambda session: list_accounts(session, channel.id))
    assert (account.auth, account.address, account.provider) == ("oauth", person.address, name.lower())


def finish_import(tab: Page) -> None:
    """Nothing is fetched before the choice: everything."""
    expect(tab.get_by_role("heading", name="Mail that was there before")).to_be_visible()
    tab.get_by_label("Everything").check()
    tab.get_by_role("button", name="Start").click()
    expect(tab.get_by_text("The choice is saved.")).to_be_visible()


def test_what_was_refused_is_explained_and_tried_again(
    shop: Product, provider_rig: ProviderRig, admin: Page, artifacts: Path
) -> None:
    """Denied, an unticked box, and another account; then it goes well."""
    person, other = provider_rig.identity.person(), provider_rig.identity.person()
    channel = mailbox(shop, provider_rig, person, "Refused first")
    to_the_button(admin, shop, channel, "Google")
    sign_in(admin, "Google", person).get_by_role("button", name="Cancel").click()
    expect(admin.get_by_text("Google sent you back without permission")).to_be_visible()
    tab = sign_in(admin, "Google", person)
    tab.get_by_role("checkbox", name="https://mail.google.com/").uncheck()
    tab.get_by_role("button", name="Allow").click()
    expect(admin.get_by_text("its box was not ticked")).to_be_visible()
    picture(admin, artifacts, "connect-unticked")
    sign_in(admin, "Google", other).get_by_role("button", name="Allow").click()
    expect(admin.get_by_text("Another account logged in")).to_be_visible()
    expect(admin.get_by_text(other.address)).to_be_visible()
    assert shop.read(lambda session: list_accounts(session, channel.id)) == []
    tab = sign_in(admin, "Google", person)
    tab.get_by_role("button", name="Allow").click()
    type_in(tab, person)  # consent was given before, so no refresh token came, and it is asked for once more
    tab.get_by_role("button", name="Allow").click()
    expect(tab.get_by_role("heading", name="Mail that was there before")).to_be_visible()
    [account] = shop.read(lambda session: list_accounts(session, channel.id))
    assert account.tokens_sealed


def test_need_admin_approval_then_granted_in_another_browser(
    shop: Product, provider_rig: ProviderRig, browser: Browser, contexts: ExitStack, admin: Page, artifacts: Path
) -> None:
    identity = provider_rig.identity
    person, boss = identity.person("contoso"), identity.person("contoso", admin=True)
    identity.state.policy("contoso").admin_consent = True
    channel = mailbox(shop, provider_rig, person, "After the approval")
    to_the_button(admin, shop, channel, "Microsoft")
    tab = sign_in(admin, "Microsoft", person)
    expect(tab.get_by_role("heading", name="Need admin approval")).to_be_visible()
    expect(admin.get_by_text("The login at Microsoft is under way")).to_be_visible()
    expect(admin.locator("#approval-link")).to_be_visible()
    tab.get_by_role("button", name="Return to the application").click()
    expect(tab.get_by_text("Microsoft does not tell which")).to_be_visible()
    expect(tab.get_by_text("Nothing is to be set in Gatepost.")).to_be_visible()
    picture(tab, artifacts, "connect-approval")
    link = tab.locator("#approval-link").inner_text()
    assert "/contoso.test/v2.0/adminconsent?" in link
    assert link in tab.locator("#it-mail").inner_text()

    it = fresh(browser, contexts, phone=True).new_page()
    it.goto(link)
    type_in(it, boss)
    it.get_by_role("button", name="Cancel").click()
    expect(it.get_by_role("heading", name="Not approved")).to_be_visible()
    it.goto(link)
    type_in(it, boss)
    it.get_by_role("button", name="Accept").click()
    expect(it.get_by_role("heading", name="Thank you")).to_be_visible()
    picture(it, artifacts, "connect-approved-phone-dark")

    told = shop.read(lambda session: list(events_after(session, 0, 10_000)))
    assert [event.kind for event in told].count("account.approved") == 1
    admin.goto(f"{shop.web}/messages")
    expect(admin.get_by_text(f"The approval link came back: try to connect {person.address}").first).to_be_visible()
    assert shop.read(lambda session: list_accounts(session, channel.id)) == []
    admin.goto(f"{shop.web}/mailboxes/{channel.id}")
    admin.get_by_role("link", name="Finish connecting").click()
    tab = sign_in(admin, "Microsoft", person)
    finish_import(tab)
    in_the_inbox(tab, shop, "After the approval")


def test_a_colleague_connects_by_a_link(
    shop: Product, provider_rig: ProviderRig, browser: Browser, contexts: ExitStack, admin: Page, artifacts: Path
) -> None:
    person = provider_rig.identity.person("fabrikam")
    channel = mailbox(shop, provider_rig, person, "By a link")
    admin.goto(f"{shop.web}/mailboxes/{channel.id}/connect")
    admin.get_by_role("button", name="Make the link").click()
    link = admin.locator("#connect-link").inner_text()
    guest = fresh(browser, contexts, phone=True).new_page()
    guest.goto(link)
    picture(guest, artifacts, "connect-link-phone-dark")
    guest.get_by_role("link", name="Continue with Microsoft").click()
    expect(guest.get_by_role("button", name="Log in at Microsoft")).to_be_visible()
    picture(guest, artifacts, "connect-guest-phone-dark")
    tab = sign_in(guest, "Microsoft", person)
    expect(guest.get_by_text("The login at Microsoft is under way")).to_be_visible()  # it follows by itself
    expect(guest.locator("#approval-link")).to_be_visible()
    picture(guest, artifacts, "connect-guest-waiting-phone-dark")
    tab.get_by_role("button", name="Allow").click()
    expect(tab.get_by_role("heading", name="Connected")).to_be_visible()
    expect(guest.get_by_role("heading", name=f"{person.address} is connected")).to_be_visible()
    expect(guest.get_by_role("button", name="Log in at Microsoft")).to_have_count(0)
    guest.goto(link)
    expect(guest.get_by_role("heading", name="no longer valid")).to_be_visible()
    [account] = shop.read(lambda session: list_accounts(session, channel.id))
    assert account.address == person.address


def test_app_only_access_finishes_by_itself(
    shop: Product, provider_rig: ProviderRig, browser: Browser, contexts: ExitStack, admin: Page
) -> None:
    identity = provider_rig.identity
    box, boss = identity.person("fabrikam"), identity.person("fabrikam", admin=True)
    identity.state.delegates[MICROSOFT_CLIENT[0]] = box.address
    channel = shop.channel(box.address, "App-only", by_mx=False)
    to_the_button(admin, shop, channel, "Microsoft")
    admin.locator("#approval > summary").click()
    admin.get_by_text("Without a person: app-only access").click()
    admin.get_by_role("button", name="Approval link for app-only access").click()
    link = admin.locator("#approval-link").inner_text()
    assert "ps.outlook.com" in link
    it = fresh(browser, contexts).new_page()
    it.goto(link)
    type_in(it, boss)
    it.get_by_role("button", name="Accept").click()
    expect(it.get_by_text(f"{box.address} is connected now.")).to_be_visible()
    [account] = shop.read(lambda session: list_accounts(session, channel.id))
    assert (account.auth, account.address, account.import_choice) == ("app", box.address, "new")
    shop.until(lambda: shop.read(lambda session: list_accounts(session, channel.id))[0].state == "live", 60)


def picture(page: Page, artifacts: Path, name: str) -> None:
    """A screenshot, of a page that fits its window."""
    page.screenshot(path=artifacts / f"{name}.png", full_page=True)
    assert not page.evaluate(STICKS_OUT)


@pytest.mark.parametrize("phone", [False, True])
def test_the_pages_fit(shop: Product, browser: Browser, contexts: ExitStack, artifacts: Path, phone: bool) -> None:
    channel = shop.channel(f"looks{int(phone)}@contoso.test", "Looks", by_mx=False)
    page = fresh(browser, contexts, phone=phone).new_page()
    log_in(page, shop.web, MAYA)
    page.wait_for_url("**/inbox")
    paths = {
        "wizard": f"/mailboxes/{channel.id}/connect",
        "provider": f"/mailboxes/{channel.id}/connect?address=x@contoso.test",
        "manual": f"/mailboxes/{channel.id}/connect?address=x@gmx.de",
        "google": f"/mailboxes/{channel.id}/connect/google",
        "microsoft": f"/mailboxes/{channel.id}/connect/microsoft",
        "account": f"/mailboxes/{channel.id}",
        "clients": "/oauth-clients",
        "permissions": "/help/permissions?q=AADSTS90094",
        "it": "/connect/it/microsoft",
        "over": "/connect/callback",
    }
    for name, path in paths.items():
        page.goto(shop.web + path)
        expect(page.locator("h1").first).to_be_attached()
        page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        picture(page, artifacts, f"connect-{name}-{'phone-dark' if phone else 'desk-light'}")
