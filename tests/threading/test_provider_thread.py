"""The thread id of a mailbox's provider (Gmail's X-GM-THRID): leads back within that mailbox, and nowhere else."""

import pytest
from sqlmodel import Session

from gatepost.store import channels
from gatepost.store.accounts import create_account
from gatepost.threading.intake import Arriving, Received, receive, store_arrival
from gatepost.threading.reading import read
from gatepost.words import Strength
from tests.threading.office import ANA, EVE, SUPPORT, Office, mail


@pytest.fixture
def accounts(office: Office) -> tuple[str, str]:
    """Two logins: of the mailbox, and of another one."""

    def op(session: Session) -> tuple[str, str]:
        other = channels.create_channel(session, name="Sales", address="sales@shop.example", now=office.now)
        support = channels.channel_by_address(session, SUPPORT)
        assert support
        made = [
            create_account(
                session,
                office.desk.keys,
                channel_id=channel_id,
                host="imap.example",
                port=993,
                security="tls",
                username=f"u{number}",
                secret="p",
                folder="INBOX",
                now=office.now,
            ).id
            for number, channel_id in enumerate((support.id, other.id))
        ]
        return made[0], made[1]

    return office.ledger.write(op)


def fetched(office: Office, account: str, raw: bytes, thread: str, strength: Strength = Strength.NONE) -> Received:
    """A mail from an account's mailbox, in a thread of its provider."""
    arriving = Arriving(raw, "imap", account_id=account, provider_thread=thread, strength=strength)
    reading, content = read(raw, None), office.desk.blobs.keep(raw)

    def op(session: Session) -> Received:
        channel = channels.channel_by_address(session, SUPPORT)
        assert channel
        arrival = store_arrival(session, arriving, content, office.now)
        arrival.channel_id = channel.id
        return receive(session, office.desk, arrival, reading, office.now)

    return office.ledger.write(op)


def test_mail_of_one_thread_joins_without_any_reference(office: Office, accounts: tuple[str, str]) -> None:
    account, _ = accounts
    first = fetched(office, account, mail(ANA, "Lamp", "1@calderon.example"), "1500")
    again = fetched(office, account, mail(ANA, "Quite another subject", "2@calderon.example"), "1500")
    assert again.conversation_id == first.conversation_id
    assert "Provider's thread matched" in again.why
    other = fetched(office, account, mail(ANA, "Lamp", "3@calderon.example"), "1501")
    assert other.conversation_id != first.conversation_id


def test_a_reference_goes_before_the_thread(office: Office, accounts: tuple[str, str]) -> None:
    account, _ = accounts
    fetched(office, account, mail(ANA, "Lamp", "1@calderon.example"), "1500")
    second = fetched(office, account, mail(ANA, "Table", "2@calderon.example"), "1600")
    raw = mail(ANA, "Re: Table", "3@calderon.example", "In-Reply-To: <2@calderon.example>")
    assert fetched(office, account, raw, "1500").conversation_id == second.conversation_id


def test_a_stranger_does_not_join_by_a_thread(office: Office, accounts: tuple[str, str]) -> None:
    account, _ = accounts
    first = fetched(office, account, mail(ANA, "Lamp", "1@calderon.example"), "1500")
    stranger = fetched(office, account, mail(EVE, "Lamp", "e@evil.example"), "1500", Strength.ALIGNED)
    assert stranger.conversation_id != first.conversation_id
    assert office.conversation(stranger).claims_id == first.conversation_id


def test_the_thread_of_another_mailbox_says_nothing(office: Office, accounts: tuple[str, str]) -> None:
    account, other = accounts
    first = fetched(office, account, mail(ANA, "Lamp", "1@calderon.example"), "1500")
    assert fetched(office, other, mail(ANA, "x", "2@calderon.example"), "1500").conversation_id != first.conversation_id
