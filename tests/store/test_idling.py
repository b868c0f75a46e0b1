from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlmodel import Session

from gatepost.database import Database
from gatepost.ids import new_id
from gatepost.ledger import Ledger
from gatepost.seal import Keys
from gatepost.store import accounts, channels, idling
from gatepost.store.accounts import AccountState
from gatepost.store.idling import Note, Word

LEASE = timedelta(minutes=5)
Make = Callable[[AccountState], str]


@pytest.fixture
def make(ledger: Ledger, keys: Keys, now: datetime) -> Make:
    def make_one(state: AccountState) -> str:
        def op(session: Session) -> str:
            channel = channels.create_channel(session, name="Box", address=f"{new_id('x')}@gatepost.test", now=now)
            account = accounts.create_account(
                session, keys, channel_id=channel.id, host="imap.example.org", port=993, security="tls",
                username="u", secret="pw", now=now,
            )  # fmt: skip
            account.next_poll_at = now + timedelta(minutes=30)
            accounts.set_state(session, account, state, "", now)
            return account.id

        return ledger.write(op)

    return make_one


def watch(ledger: Ledger, holder: str, now: datetime, most: int = 10) -> list[str]:
    found = ledger.write(lambda session: idling.keep_watching(session, holder, now, now + LEASE, most))
    return [mailbox.id for mailbox in found]


def due(database: Database, account_id: str) -> datetime:
    with database.session() as session:
        account = accounts.get_account(session, account_id)
        assert account is not None
        return account.next_poll_at


def test_two_processes_never_watch_one_mailbox(ledger: Ledger, make: Make, now: datetime) -> None:
    ids = [make(AccountState.LIVE) for _ in range(3)]
    assert watch(ledger, "a", now, most=2) == ids[:2]
    assert watch(ledger, "b", now) == ids[2:]
    assert watch(ledger, "a", now) == ids[:2]
    later = now + LEASE / 2
    assert watch(ledger, "a", later) == ids[:2]
    assert sorted(watch(ledger, "b", now + LEASE)) == [ids[2]]  # "a" has moved its end on


def test_what_a_dead_process_watched_is_due_and_free(
    database: Database, ledger: Ledger, make: Make, now: datetime
) -> None:
    account_id = make(AccountState.LIVE)
    watch(ledger, "dead", now)
    assert due(database, account_id) == now + timedelta(minutes=30)
    assert watch(ledger, "b", now + LEASE) == [account_id]
    assert due(database, account_id) == now + LEASE
    with database.session() as session:
        assert idling.state_of(session, account_id, now + LEASE + LEASE) is None


def test_only_live_mailboxes_are_taken_and_ended_ones_given_back(ledger: Ledger, make: Make, now: datetime) -> None:
    for state in set(AccountState) - {AccountState.LIVE}:
        make(state)
    live = make(AccountState.LIVE)
    assert watch(ledger, "a", now) == [live]

    def move(state: AccountState) -> None:
        def op(session: Session) -> None:
            account = accounts.get_account(session, live)
            assert account is not None
            accounts.set_state(session, account, state, "", now)

        ledger.write(op)

    move(AccountState.DELAYED)
    assert watch(ledger, "a", now) == [live]
    move(AccountState.DISABLED)
    assert watch(ledger, "a", now) == []


def test_how_it_goes_is_written_down_by_its_holder_alone(
    database: Database, ledger: Ledger, make: Make, now: datetime
) -> None:
    account_id = make(AccountState.LIVE)
    watch(ledger, "a", now)

    def note(holder: str, word: Word, at: datetime) -> None:
        ledger.write(lambda s: idling.note_all(s, holder, [Note(account_id, word, "so", at)], at))

    def found(at: datetime) -> tuple[bool, str, datetime | None, dict[str, int]]:
        with database.session() as session:
            row = idling.state_of(session, account_id, at)
            words = idling.count_words(session, at)
            return (
                idling.is_watched(session, account_id, at),
                row.word if row else "",
                row.since if row else None,
                words,
            )

    assert found(now) == (False, "waiting", now, {"waiting": 1})
    note("other", Word.IDLE, now)
    assert found(now)[1] == "waiting"
    second = now + timedelta(seconds=1)
    note("a", Word.IDLE, second)
    note("a", Word.IDLE, now + timedelta(seconds=2))
    assert found(second) == (True, "idle", second, {"idle": 1})
    assert due(database, account_id) == now + timedelta(minutes=30)
    assert found(now + LEASE) == (False, "", None, {})
    note("a", Word.WAITING, now + timedelta(seconds=3))
    assert due(database, account_id) == now + timedelta(seconds=3)  # nothing tells of its mail meanwhile


def test_what_is_given_back_is_due_at_once(database: Database, ledger: Ledger, make: Make, now: datetime) -> None:
    ids = [make(AccountState.LIVE), make(AccountState.LIVE)]
    watch(ledger, "a", now, most=1)
    assert ledger.write(lambda session: idling.give_back(session, "a", now)) == 1
    assert [due(database, account_id) for account_id in ids] == [now, now + timedelta(minutes=30)]
    assert sorted(watch(ledger, "b", now)) == sorted(ids)
    assert ledger.write(lambda session: idling.free_all(session, now)) == 2
    assert watch(ledger, "c", now) == ids


def test_a_mailbox_that_failed_waits_out_its_back_off(
    database: Database, ledger: Ledger, make: Make, now: datetime
) -> None:
    account_id = make(AccountState.LIVE)
    watch(ledger, "a", now)

    def op(session: Session) -> None:
        account = accounts.get_account(session, account_id)
        assert account is not None
        account.failures = 2
        session.add(account)

    ledger.write(op)
    ledger.write(lambda session: idling.give_back(session, "a", now))
    assert due(database, account_id) == now + timedelta(minutes=30)
