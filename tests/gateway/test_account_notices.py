"""Owners are told of their mailboxes by mail that does not depend on them, each change once."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from sqlmodel import Session, col, select

from gatepost.account_states import OUTAGE
from gatepost.gateway.accept import Gate
from gatepost.gateway.account_notices import tell_expiries, tell_once
from gatepost.mail import parse
from gatepost.model import Account, Delivery, Event, Message, OAuthClient, Route, User
from gatepost.store import accounts, channels, users
from gatepost.store.accounts import AccountState
from gatepost.store.deliveries import deliveries_of
from gatepost.store.messages import raw_of

HOUR = timedelta(hours=1)


@pytest.fixture
def admin(gate: Gate, now: datetime) -> User:
    return person(gate, "admin@office.example", "admin", now)


def person(gate: Gate, email: str, role: str, now: datetime) -> User:
    return gate.ledger.write(
        lambda session: users.create_user(session, email=email, name=email.split("@")[0].title(), role=role, now=now)
    )


def mailbox(gate: Gate, name: str, now: datetime, *, owner: str = "", provider: str = "google") -> str:
    def op(session: Session) -> str:
        channel = channels.create_channel(session, name=name, address=f"{name}@shop.example", now=now)
        account = accounts.create_account(
            session, gate.keys, channel_id=channel.id, host="imap.example.org", port=993, security="tls",
            username=name, secret="s", now=now,
        )  # fmt: skip
        account.address, account.provider, account.user_id = channel.address, provider, owner or None
        accounts.set_state(session, account, AccountState.LIVE, "", now)
        account.told = "live"
        return account.id

    return gate.ledger.write(op)


def turn(gate: Gate, account_id: str, state: AccountState, now: datetime, why: str = "The login was refused.") -> None:
    def op(session: Session) -> None:
        accounts.set_state(session, session.get_one(Account, account_id), state, why, now)

    gate.ledger.write(op)


def mails(gate: Gate) -> list[tuple[str, str, str]]:
    """Recipient, subject and text of every notice, oldest first."""
    with gate.database.session() as session:
        found = []
        for message in session.exec(select(Message).order_by(col(Message.at), col(Message.id))):
            mail = parse(raw_of(session, message.raw_id, gate.blobs))
            (delivery,) = deliveries_of(session, message.id)
            found.append((delivery.recipient, message.subject, mail.text or ""))
        return found


def events(gate: Gate, kind: str) -> Sequence[Event]:
    with gate.database.session() as session:
        return session.exec(select(Event).where(Event.kind == kind)).all()


def test_the_owner_is_told_once_what_happened_why_and_what_to_do(gate: Gate, admin: User, now: datetime) -> None:
    owner = person(gate, "mia@office.example", "agent", now)
    account = mailbox(gate, "support", now, owner=owner.id)
    turn(gate, account, AccountState.NEEDS_RECONNECT, now)
    assert tell_once(gate, now) == 1
    assert tell_once(gate, now + HOUR) == 0
    ((to, subject, text),) = mails(gate)
    assert (to, subject) == ("mia@office.example", "support@shop.example has to be connected again")
    assert "Why: The login was refused." in text
    assert "Next step: Open the mailbox and connect it again" in text
    assert f"{gate.settings.base_url}/mailboxes/" in text
    turn(gate, account, AccountState.LIVE, now + HOUR, "")
    tell_once(gate, now + HOUR)
    assert [subject for _, subject, _ in mails(gate)][1:] == ["support@shop.example works again"]


def test_a_short_delay_is_not_told_and_a_long_one_is(gate: Gate, admin: User, now: datetime) -> None:
    account = mailbox(gate, "support", now)
    turn(gate, account, AccountState.DELAYED, now, "Nothing answers.")
    assert tell_once(gate, now + HOUR - timedelta(seconds=1)) == 0
    assert tell_once(gate, now + HOUR) == 1
    assert mails(gate)[0][:2] == ("admin@office.example", "support@shop.example is delayed")


def test_nobody_is_told_at_the_mailbox_that_is_dead(gate: Gate, admin: User, now: datetime) -> None:
    owner = person(gate, "support@shop.example", "agent", now)
    account = mailbox(gate, "support", now, owner=owner.id)
    turn(gate, account, AccountState.NEEDS_APPROVAL, now)
    tell_once(gate, now)
    assert [to for to, _, _ in mails(gate)] == ["admin@office.example"]


def test_a_notice_does_not_go_out_over_the_dead_account(gate: Gate, admin: User, now: datetime) -> None:
    account = mailbox(gate, "support", now)
    turn(gate, account, AccountState.NEEDS_RECONNECT, now)
    row = Route(
        id="rte_1", name="by-support", kind="account", account_id=account, rules=["sender:gatepost.test"],
        created_at=now, updated_at=now,
    )  # fmt: skip
    gate.ledger.write(lambda session: session.add(row))
    tell_once(gate, now)
    with gate.database.session() as session:
        (delivery,) = session.exec(select(Delivery)).all()
    assert delivery.via == gate.settings.route


def test_an_outage_of_a_provider_is_one_mail_for_all_and_one_when_it_ends(
    gate: Gate, admin: User, now: datetime
) -> None:
    ids = [mailbox(gate, f"box{number}", now) for number in range(5)]
    for account in ids:
        turn(gate, account, AccountState.DELAYED, now, "imap.gmail.com stopped answering.")
    assert tell_once(gate, now + HOUR) == 1
    assert tell_once(gate, now + 3 * HOUR) == 0
    ((to, subject, text),) = mails(gate)
    assert (to, subject) == ("admin@office.example", "5 mailboxes at Google do not answer")
    assert "do not connect them again" in text
    assert all(f"box{number}@shop.example" in text for number in range(5))
    with gate.database.session() as session:
        assert {session.get_one(Account, account).told for account in ids} == {OUTAGE}
    for account in ids:
        turn(gate, account, AccountState.LIVE, now + 4 * HOUR, "")
    tell_once(gate, now + 4 * HOUR)
    assert [subject for _, subject, _ in mails(gate)][1:] == ["The mailboxes at Google work again"]
    assert [row.data["state"] for row in events(gate, "account.outage")] == ["begun", "over"]


def test_a_change_that_another_process_told_is_not_told_again(gate: Gate, admin: User, now: datetime) -> None:
    from gatepost.account_states import due_notices
    from gatepost.gateway.account_notices import tell
    from gatepost.store.standings import standings

    turn(gate, mailbox(gate, "support", now), AccountState.NEEDS_RECONNECT, now)
    with gate.database.session() as session:
        (notice,) = due_notices(standings(session), now)
    tell(gate, notice, now)
    tell(gate, notice, now)
    assert len(mails(gate)) == 1


def test_an_end_is_told_weeks_before_and_again_when_it_comes_near(gate: Gate, admin: User, now: datetime) -> None:
    client = OAuthClient(
        provider="microsoft", client_id="c", secret_sealed=b"", secret_expires_at=now + timedelta(days=40),
        created_at=now, updated_at=now,
    )  # fmt: skip
    gate.ledger.write(lambda session: session.add(client))
    days = [tell_expiries(gate, now + timedelta(days=day)) for day in range(42)]
    assert [day for day, told in enumerate(days) if told] == [10, 26, 33, 37, 39, 40]
    assert [row.data["days"] for row in events(gate, "expiry.near")] == [30, 14, 7, 3, 1, 0]
    to, subject, text = mails(gate)[0]
    assert (to, subject) == ("admin@office.example", "The Client secret Microsoft ends in 30 days, on 2027-01-01")
    assert "Make a new secret in Microsoft's console" in text
