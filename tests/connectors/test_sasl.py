"""Logins by token at a real Dovecot that asks the identity provider, and mail that comes over them."""

import ssl
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from sqlmodel import Session

from gatepost.connectors.imap import connect, list_folders
from gatepost.connectors.poll import Polled, poll_next
from gatepost.connectors.sasl import Bearer, first_message
from gatepost.connectors.trouble import TokenRefused, Trouble
from gatepost.connectors.wire import Connect
from gatepost.database import Database
from gatepost.ledger import Ledger
from gatepost.mailbox_access import imap_login
from gatepost.model import Account
from gatepost.seal import Keys
from tests.connectors.desk import Desk, Inbox, mail
from tests.connectors.office import Office
from tests.rig.provider import ProviderRig, providing

PLACE = Connect("imap.example", 993, "tls", "a=b,c@x.example", bearer="ya29.token")


def test_the_messages_are_those_of_their_documents() -> None:
    assert first_message("XOAUTH2", PLACE) == b"user=a=b,c@x.example\1auth=Bearer ya29.token\1\1"
    assert first_message("OAUTHBEARER", PLACE) == (
        b"n,a=a=3Db=2Cc@x.example,\1host=imap.example\1port=993\1auth=Bearer ya29.token\1\1"
    )
    for mechanism, answer in (("XOAUTH2", b""), ("OAUTHBEARER", b"\1")):
        bearer = Bearer(mechanism, PLACE)
        assert bearer(b"") == first_message(mechanism, PLACE)
        assert bearer(b'{"status":"401"}') == answer
        assert bearer.reasons == ['{"status":"401"}']
    assert "ya29" not in repr(PLACE)


def trust(rig: ProviderRig) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(rig.trust))


def place(rig: ProviderRig, mailbox: str, token: str) -> Connect:
    return Connect("localhost", rig.dovecot.tls_port, "tls", mailbox, bearer=token)


def folders_of(rig: ProviderRig, where: Connect) -> tuple[str, ...]:
    with connect(where, allow_private=True, message_size=0, tls=trust(rig)) as client:
        return list_folders(client)


def test_dovecot_opens_the_mailbox_by_both_mechanisms(provider_rig: ProviderRig) -> None:
    person = provider_rig.identity.person()
    token = provider_rig.identity.state.new_access("x", person, "", ["https://mail.google.com/"])
    assert "Drafts" in folders_of(provider_rig, place(provider_rig, person.address, token))
    with providing("IMAP4rev1 SASL-IR LITERAL+ ID ENABLE IDLE AUTH=OAUTHBEARER") as bearer_only:
        person = bearer_only.identity.person()
        token = bearer_only.identity.state.new_access("x", person, "", ["https://mail.google.com/"])
        assert "Drafts" in folders_of(bearer_only, place(bearer_only, person.address, token))
        with pytest.raises(TokenRefused, match="does not open the mailbox"):
            folders_of(bearer_only, place(bearer_only, person.address, "wrong"))


def test_a_refusal_is_told_apart_from_a_server_that_cannot_ask(provider_rig: ProviderRig) -> None:
    person = provider_rig.identity.person()
    token = provider_rig.identity.state.new_access("x", person, "", ["https://mail.google.com/"])
    with pytest.raises(TokenRefused) as refused:
        folders_of(provider_rig, place(provider_rig, "other@gmail.test", token))
    assert token not in str(refused.value) + refused.value.text
    assert not refused.value.lasting
    provider_rig.identity.fail("introspect", status=503, times=2)
    with pytest.raises(Trouble) as caught:
        folders_of(provider_rig, place(provider_rig, person.address, token))
    assert not isinstance(caught.value, TokenRefused)
    assert "\r\n" not in str(caught.value)
    for wrong in ("a\r\nb", "a\1b"):
        with pytest.raises(Trouble) as caught:
            folders_of(provider_rig, place(provider_rig, person.address, wrong))
        assert caught.value.lasting


@pytest.fixture
def office(database: Database, ledger: Ledger, keys: Keys, provider_rig: ProviderRig) -> Office:
    return Office(database, ledger, keys, provider_rig.identity, provider_rig.providers)


def poll(office: Office, rig: ProviderRig, after: timedelta = timedelta(hours=2)) -> Polled:
    office.ahead += after
    access = office.access()
    desk = Desk(office.database, office.ledger, office.keys, Inbox(), office.now())
    polling = replace(
        desk.polling(), login=partial(imap_login, access), refused=access.refused, clock=office.now, tls=trust(rig)
    )
    polled = poll_next(polling)
    assert polled is not None
    return polled


def outcome(office: Office, account: Account) -> tuple[str, str]:
    row = office.row(account.id)
    return row.state, row.state_why


@pytest.mark.parametrize("key", ["google", "microsoft"])
def test_mail_comes_in_over_a_login_of_the_provider(office: Office, provider_rig: ProviderRig, key: str) -> None:
    account = office.connect(key)
    provider_rig.dovecot.deliver(account.address, mail(1))
    assert poll(office, provider_rig, timedelta()).mails == 1
    provider_rig.dovecot.deliver(account.address, mail(2))
    assert poll(office, provider_rig).mails == 1  # with a refreshed token
    assert office.row(account.id).state == "live"
    office.identity.expire(office.people[account.id])  # the mail server refuses what we think is good
    for _ in range(5):
        assert poll(office, provider_rig, timedelta(minutes=9)).state in ("delayed", "live")
    assert office.row(account.id).state == "live"


def test_a_refusal_of_imap_alone_never_asks_for_another_login(office: Office, provider_rig: ProviderRig) -> None:
    account = office.connect("microsoft")
    person = office.people[account.id]
    provider_rig.identity.state.delegates.pop(person.address, None)
    office.ledger.write(lambda session: rename(session, account.id))
    before = office.refreshes()
    for _ in range(6):
        assert poll(office, provider_rig).state == "delayed"
    assert "its mail server refuses it" in outcome(office, account)[1]
    assert office.refreshes() - before <= 6


def rename(session: Session, account_id: str) -> None:
    """The mailbox is another one than the login opens."""
    row = session.get(Account, account_id)
    assert row is not None
    row.username = "nobody@contoso.test"


def test_a_dead_permission_asks_its_owner_at_once_and_an_outage_nobody(
    office: Office, provider_rig: ProviderRig
) -> None:
    account = office.connect("google")
    address = office.people[account.id].address
    provider_rig.identity.fail("token", status=503, person=address, times=3)
    for _ in range(3):
        assert poll(office, provider_rig).state == "delayed"
    assert poll(office, provider_rig).state == "live"
    provider_rig.identity.state.revoke(address)
    assert poll(office, provider_rig).state == "needs reconnect"
