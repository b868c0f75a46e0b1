from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from threading import Barrier, Thread

import pytest
from sqlmodel import Session

from gatepost.database import Database, migrate, open_database
from gatepost.ledger import Ledger
from gatepost.model import Account
from gatepost.seal import Keys, SealError, make_keys
from gatepost.store import accounts, channels, events, folders
from gatepost.store.accounts import AccountState, LeaseLost
from tests.rig.postgres import postgres_database, postgres_url

__all__ = ["postgres_database", "postgres_url"]
LEASE = timedelta(minutes=5)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """The same contract on both databases."""
    sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path / 'contract.db'}" if sqlite else request.getfixturevalue("postgres_database")
    migrate(url)
    database = open_database(url)
    yield database
    database.close()


def add_account(ledger: Ledger, keys: Keys, now: datetime, name: str = "one") -> Account:
    def op(session: Session) -> Account:
        channel = channels.create_channel(session, name=name, address=f"{name}@gatepost.test", now=now)
        return accounts.create_account(
            session,
            keys,
            channel_id=channel.id,
            host="imap.example.org",
            port=993,
            security="tls",
            username="user",
            secret="hidden-pw",
            now=now,
        )

    return ledger.write(op)


def claim(ledger: Ledger, now: datetime) -> Account:
    account = ledger.write(lambda session: accounts.claim_due(session, now, LEASE))
    assert account is not None
    return account


def kinds(database: Database) -> list[tuple[str, object]]:
    with database.session() as session:
        return [(event.kind, event.data.get("state")) for event in events.events_after(session, 0)]


def test_the_secret_is_sealed_to_its_row(ledger: Ledger, keys: Keys, now: datetime, tmp_path: Path) -> None:
    account = add_account(ledger, keys, now)
    assert b"hidden-pw" not in account.secret_sealed
    assert accounts.open_secret(keys, account) == "hidden-pw"
    other = add_account(ledger, keys, now, "two")
    other.secret_sealed = account.secret_sealed
    with pytest.raises(SealError):
        accounts.open_secret(keys, other)
    with pytest.raises(SealError):
        accounts.open_secret(make_keys(tmp_path / "other"), account)


def test_a_due_account_is_claimed_once_until_its_lease_ends(ledger: Ledger, keys: Keys, now: datetime) -> None:
    account = add_account(ledger, keys, now)
    assert ledger.write(lambda session: accounts.claim_due(session, now - LEASE, LEASE)) is None
    first = claim(ledger, now)
    assert (first.id, first.lease_fence) == (account.id, 1)
    assert ledger.write(lambda session: accounts.claim_due(session, now, LEASE)) is None
    second = claim(ledger, now + LEASE)
    assert second.lease_fence == 2
    with pytest.raises(LeaseLost):
        ledger.write(lambda session: accounts.hold(session, first, now + 3 * LEASE))
    with pytest.raises(LeaseLost):
        ledger.write(lambda session: accounts.finish(session, first, next_poll_at=now, now=now))
    ledger.write(lambda session: accounts.hold(session, second, now + 3 * LEASE))
    assert ledger.write(lambda session: accounts.claim_due(session, now + 2 * LEASE, LEASE)) is None


def test_claimers_in_several_processes_never_share_an_account(
    ledger: Ledger, keys: Keys, now: datetime, database: Database
) -> None:
    wanted = {add_account(ledger, keys, now, f"box{number}").id for number in range(6)}
    other = Ledger(database).start()  # the writer of another process
    claimed: list[str] = []
    barrier = Barrier(8)

    def work(writer: Ledger) -> None:
        barrier.wait()
        while account := writer.write(lambda session: accounts.claim_due(session, now, LEASE)):
            claimed.append(account.id)

    threads = [Thread(target=work, args=(writer,)) for writer in (ledger, other) * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    assert sorted(claimed) == sorted(wanted)


def test_the_longest_due_comes_first(ledger: Ledger, keys: Keys, now: datetime) -> None:
    late = add_account(ledger, keys, now, "late")
    early = add_account(ledger, keys, now - timedelta(minutes=1), "early")
    assert [claim(ledger, now).id, claim(ledger, now).id] == [early.id, late.id]


def test_states_are_events_when_they_change(ledger: Ledger, keys: Keys, now: datetime, database: Database) -> None:
    add_account(ledger, keys, now)
    later = now + timedelta(minutes=1)
    for at in (now, later):
        account = claim(ledger, at)
        ledger.write(lambda session, account=account, at=at: accounts.finish(session, account, next_poll_at=at, now=at))  # type: ignore[misc]
    assert kinds(database) == [("account.state", "live")]
    account = claim(ledger, later)
    row = ledger.write(
        lambda session: accounts.fail(
            session,
            account,
            state=AccountState.DELAYED,
            why="It broke.",
            next_step="Wait.",
            failures=1,
            next_poll_at=later,
            now=later,
        )
    )
    assert (row.state, row.state_since, row.state_why, row.failures) == ("delayed", later, "It broke. Wait.", 1)
    assert (row.last_sync_at, row.lease_until) == (later, None)
    for most, left in ((3, 1), (0, 0)):
        ledger.write(lambda session, most=most: accounts.calm(session, row, most))  # type: ignore[misc]
        held = ledger.write(lambda session: accounts.get_account(session, row.id))
        assert (held.failures if held else None) == left
    assert kinds(database) == [("account.state", "live"), ("account.state", "delayed")]


def test_a_reconnect_keeps_identity_and_secret_and_ends_a_running_pass(
    ledger: Ledger, keys: Keys, now: datetime
) -> None:
    account = add_account(ledger, keys, now)
    claim_of = claim(ledger, now)
    ledger.write(lambda session: accounts.move_cursor(session, account.id, "INBOX", uidvalidity=1, last_uid=5))

    def op(session: Session) -> Account:
        row = accounts.get_account(session, account.id)
        assert row is not None
        accounts.reconnect(
            session,
            keys,
            row,
            host="new.example.org",
            port=143,
            security="starttls",
            username="u2",
            folder="Box",
            now=now,
        )
        return row

    row = ledger.write(op)
    assert ledger.write(lambda session: accounts.get_cursor(session, account.id, "INBOX")) is None
    assert (row.id, row.host, row.state) == (account.id, "new.example.org", "connecting")
    assert accounts.open_secret(keys, row) == "hidden-pw"
    with pytest.raises(LeaseLost):
        ledger.write(lambda session: accounts.hold(session, claim_of, now))
    assert claim(ledger, now).host == "new.example.org"


@pytest.mark.parametrize(("username", "known"), [("user", {3}), ("other", set())])
def test_another_mailbox_has_no_place_in_common_with_the_one_before(
    ledger: Ledger, keys: Keys, now: datetime, username: str, known: set[int]
) -> None:
    """Gmail numbers every mailbox alike: what was stored or left out of the first one is other mail in the second."""
    account = add_account(ledger, keys, now)
    spot = folders.Spot(account.id, "INBOX", 1)

    def op(session: Session) -> set[int]:
        folders.leave_out(session, spot, [(3, "old")], now)
        row = accounts.get_account(session, account.id)
        assert row is not None
        accounts.reconnect(
            session, keys, row, host=account.host, port=993, security="tls", username=username, folder="INBOX", now=now
        )
        return folders.known_uids(session, spot, 0)

    assert ledger.write(op) == known


@pytest.mark.parametrize(
    ("host", "secret", "server"),
    [
        ("imap.example.org", "another", "smtp.example.org"),
        ("imap.moved.example", "hidden-pw", "smtp.example.org"),
        ("imap.moved.example", "another", ""),
    ],
)
def test_another_password_for_another_server_is_not_handed_to_the_old_one(
    ledger: Ledger, keys: Keys, now: datetime, host: str, secret: str, server: str
) -> None:
    account = add_account(ledger, keys, now)

    def op(session: Session) -> str:
        row = accounts.get_account(session, account.id)
        assert row is not None
        row.smtp_host = "smtp.example.org"
        accounts.reconnect(
            session, keys, row, host=host, port=993, security="tls", username=account.username, folder="INBOX", now=now,
            secret=secret,
        )  # fmt: skip
        return row.smtp_host

    assert ledger.write(op) == server


def test_a_disabled_account_is_not_polled_until_enabled(ledger: Ledger, keys: Keys, now: datetime) -> None:
    account = add_account(ledger, keys, now)

    def change(act: Callable[[Session, Account, datetime], None]) -> None:
        def op(session: Session) -> None:
            row = accounts.get_account(session, account.id)
            assert row is not None
            act(session, row, now)

        ledger.write(op)

    change(accounts.disable)
    assert ledger.write(lambda session: accounts.claim_due(session, now, LEASE)) is None
    change(accounts.enable)
    assert claim(ledger, now).id == account.id


def test_leases_of_a_dead_process_can_be_freed(ledger: Ledger, keys: Keys, now: datetime) -> None:
    add_account(ledger, keys, now)
    dead = claim(ledger, now)
    assert ledger.write(accounts.release_all) == 1
    assert claim(ledger, now).lease_fence == dead.lease_fence + 1


def test_a_cursor_moves_forward_and_back(ledger: Ledger, keys: Keys, now: datetime, database: Database) -> None:
    account = add_account(ledger, keys, now)
    for uidvalidity, last_uid in ((1, 5), (1, 9), (2, 0)):
        ledger.write(
            lambda session, v=uidvalidity, u=last_uid: accounts.move_cursor(  # type: ignore[misc]
                session, account.id, "INBOX", uidvalidity=v, last_uid=u
            )
        )
        with database.session() as session:
            cursor = accounts.get_cursor(session, account.id, "INBOX")
            assert cursor is not None
            assert (cursor.uidvalidity, cursor.last_uid) == (uidvalidity, last_uid)


def test_numbers_of_32_bits_fit(ledger: Ledger, keys: Keys, now: datetime, database: Database) -> None:
    account = add_account(ledger, keys, now)
    ledger.write(
        lambda session: accounts.move_cursor(session, account.id, "INBOX", uidvalidity=4294967295, last_uid=4294967295)
    )
    with database.session() as session:
        cursor = accounts.get_cursor(session, account.id, "INBOX")
        assert cursor is not None
        assert (cursor.uidvalidity, cursor.last_uid) == (4294967295, 4294967295)
