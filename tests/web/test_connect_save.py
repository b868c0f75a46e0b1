"""Saving a mailbox that was logged in to at its provider."""

from datetime import timedelta

from sqlmodel import Session
from starlette.requests import Request

from gatepost.connectors.grant import Granted, Tokens
from gatepost.store import attempts, channels, users
from gatepost.store.accounts import create_account, list_accounts
from gatepost.store.sending import set_sending
from gatepost.web.connect_save import save, save_app_only
from gatepost.web.forms import Form
from gatepost.web.journey import Journey, known_providers
from gatepost.web.route import Guest
from tests.web.conftest import Site

ANN = "ann@contoso.com"


def held(site: Site) -> tuple[str, str, int]:
    with site.parts.database.session() as session:
        (account,) = list_accounts(session, site.support)
        return account.auth, account.smtp_host, account.smtp_port


def journey_to(site: Site, session: Session, provider: str) -> Journey:
    channel = channels.get_channel(session, site.support)
    assert channel
    session.expunge_all()
    return Journey(channel, ANN, known_providers(site.parts.settings)[provider], "/", site.admin)


def log_in(site: Site, provider: str) -> None:
    """What follows a login that went well."""
    ledger, keys, now = site.parts.ledger, site.parts.keys, site.now
    with site.parts.database.session() as session:
        journey = journey_to(site, session, provider)
        guest = Guest(site.parts, Request({"type": "http"}), session, now, Form())
        state = f"c-{users.new_token()}"
        ledger.write(
            lambda writing: attempts.begin_attempt(
                writing, keys, state=state, browser="b", provider=provider, channel_id=site.support, address=ANN,
                flow="{}", now=now, user_id=site.admin,
            )
        )  # fmt: skip
        attempt = ledger.write(lambda writing: attempts.take_attempt(writing, state, "b", now))
        assert attempt
        tokens = Tokens("access", now, now + timedelta(hours=1), "refresh")
        save(guest, attempt, journey, Granted(ANN, ANN, "contoso", (), tokens))


def test_a_token_is_not_given_to_the_server_that_the_mailbox_sent_over_before(site: Site) -> None:
    ledger, keys, now = site.parts.ledger, site.parts.keys, site.now

    def by_password(session: Session) -> None:
        account = create_account(
            session, keys, channel_id=site.support, host="imap.old.example", port=993, security="tls",
            username=ANN, secret="s3cret", now=now,
        )  # fmt: skip
        set_sending(session, account, smtp_host="smtp.old.example", smtp_port=25, smtp_security="starttls")

    ledger.write(by_password)
    log_in(site, "google")
    assert held(site) == ("oauth", "smtp.gmail.com", 465)
    log_in(site, "microsoft")
    assert held(site) == ("oauth", "smtp.office365.com", 587)
    own = "smtp-mail.outlook.com"
    ledger.write(lambda session: set_sending(session, list_accounts(session, site.support)[0], smtp_host=own))
    log_in(site, "microsoft")
    assert held(site) == ("oauth", own, 587)
    log_in(site, "google")
    with site.parts.database.session() as session:
        journey = journey_to(site, session, "microsoft")
        guest = Guest(site.parts, Request({"type": "http"}), session, now, Form())
        ledger.write(lambda writing: save_app_only(writing, site.parts, journey, "contoso", guest))
    assert held(site) == ("app", "smtp.office365.com", 587)
