"""The ledger of days: replaced whole, with an event when a difference appears and one when it is gone."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlmodel import Session

from gatepost.database import Database
from gatepost.ids import new_id
from gatepost.model import Account, Arrival, Raw, View
from gatepost.seal import make_keys
from gatepost.store import accounts, channels, completeness, events
from gatepost.store.accounts import AccountState

DAY = date(2026, 5, 1)


def account_in(database: Database, tmp_path: Path, now: datetime) -> Account:
    keys = make_keys(tmp_path / "key")
    with database.session() as session:
        channel = channels.create_channel(session, name="Box", address="box@gatepost.test", now=now)
        account = accounts.create_account(
            session, keys, channel_id=channel.id, host="imap.test", port=993, security="tls", username="box",
            secret="s", now=now,
        )  # fmt: skip
        session.commit()
        session.refresh(account)
        session.expunge(account)
        return account


def day(missing: int, uids: list[int], folder: str = "INBOX", stored: int = 3) -> dict[str, Any]:
    total = stored + missing
    return {
        "folder": folder, "day": DAY, "on_server": total, "stored": stored, "skipped": 0, "waiting": 0,
        "missing": missing, "reasons": {}, "uids": uids,
    }  # fmt: skip


def told(session: Session) -> list[tuple[str, Any]]:
    return [(row.kind, row.data["missing"]) for row in events.events_after(session, 0)]


def test_a_difference_is_told_when_it_appears_or_grows_and_when_it_is_gone(
    database: Database, tmp_path: Path, now: datetime
) -> None:
    account = account_in(database, tmp_path, now)
    later = now + timedelta(days=1)
    with database.session() as session:
        for found in ([day(0, [])], [day(2, [4, 5])], [day(2, [4, 5])], [day(3, [4, 5, 6])], [day(0, [])]):
            row = completeness.keep_comparison(session, account, found, next_at=later, now=now)
        session.commit()
        assert told(session) == [("account.incomplete", 2), ("account.incomplete", 3), ("account.complete", 3)]
        assert (row.missing, row.refetched, row.tries, row.next_at) == (0, 3, 0, later)
        (only,) = completeness.ledger_of(session, account.id)
        assert (only.day, only.on_server, only.stored) == (DAY, 3, 3)
        event = events.events_after(session, 0)[0]
        assert event.channel_id == account.channel_id
        assert event.data["uids"] == {"INBOX": [4, 5]}


def test_a_comparison_that_failed_keeps_what_was_known(database: Database, tmp_path: Path, now: datetime) -> None:
    account = account_in(database, tmp_path, now)
    with database.session() as session:
        completeness.keep_trouble(session, account.id, "Nothing answers.", now)
        completeness.keep_comparison(session, account, [day(1, [4])], next_at=now, now=now)
        completeness.keep_trouble(session, account.id, "It ended the connection.", now + timedelta(hours=1))
        session.expire_all()
        row = completeness.get_verification(session, account.id)
        assert row is not None
        assert (row.missing, row.trouble, row.checked_at) == (1, "It ended the connection.", now)


def test_an_account_is_compared_by_one_at_a_time_and_only_while_it_is_read(
    database: Database, tmp_path: Path, now: datetime
) -> None:
    account = account_in(database, tmp_path, now)
    first, lease = timedelta(hours=1), timedelta(minutes=30)
    with database.session() as session:
        assert completeness.claim_verification(session, now + first, lease, first) is None  # connecting
        held = session.get_one(Account, account.id)
        accounts.set_state(session, held, AccountState.LIVE, "", now)
        assert completeness.claim_verification(session, now + first - timedelta(seconds=1), lease, first) is None
        claimed = completeness.claim_verification(session, now + first, lease, first)
        assert claimed is not None
        assert claimed.id == account.id
        assert completeness.claim_verification(session, now + first, lease, first) is None
        completeness.verify_soon(session, account.id, now + first)
        assert completeness.claim_verification(session, now + first, lease, first) is not None


def test_what_we_have_of_a_folder(database: Database, tmp_path: Path, now: datetime) -> None:
    account = account_in(database, tmp_path, now)
    with database.session() as session:
        for uid, outcome, why in (
            (1, "placed", ""),
            (2, "quarantined", "larger than the limit of 9 octets"),
            (3, "automatic", ""),
        ):
            raw, arrival = new_id("msg"), new_id("arr")
            session.add(Raw(id=raw, data=b"x" * uid, size=uid))
            session.flush()
            values: dict[str, Any] = {"outcome": outcome, "outcome_why": why, "inlet": "imap", "raw_id": raw}
            session.add(Arrival(id=arrival, receipt=arrival, received_at=now, **values))
            session.flush()
            session.add(View(account_id=account.id, folder="INBOX", uidvalidity=9, uid=uid, arrival_id=arrival))
        session.flush()
        assert sorted(completeness.places(session, account.id, "INBOX", 9)) == [1, 2, 3]
        assert completeness.places(session, account.id, "INBOX", 8) == []
        assert completeness.put_aside_in(session, account.id, "INBOX", 9) == [
            (2, "larger than the limit of 9 octets", 2)
        ]
        assert completeness.left_out(session, account.id, "INBOX", 9) == {}


def test_days_are_added_up_over_folders(database: Database, tmp_path: Path, now: datetime) -> None:
    account = account_in(database, tmp_path, now)
    with database.session() as session:
        rows = [day(0, []), day(1, [9], "Sent", 0)]
        completeness.keep_comparison(session, account, rows, next_at=now, now=now)
        assert completeness.sums_by_day(session, account.id, DAY) == [
            {"day": DAY, "on_server": 4, "stored": 3, "skipped": 0, "waiting": 0, "missing": 1}
        ]
        assert completeness.sums_by_day(session, account.id, DAY + timedelta(days=1)) == []


def test_mail_that_waited_a_day_before_waits_no_more_once_a_pass_has_ended(
    database: Database, tmp_path: Path, now: datetime
) -> None:
    account = account_in(database, tmp_path, now)
    waiting = {**day(0, []), "on_server": 4, "waiting": 1}
    compared = datetime(2026, 5, 2, 9, tzinfo=UTC)
    with database.session() as session:
        held = session.get_one(Account, account.id)
        accounts.set_state(session, held, AccountState.LIVE, "", now)
        completeness.keep_comparison(session, held, [waiting], next_at=compared, now=compared)
        held.last_sync_at = compared
        assert completeness.stuck_days(session, held) == {}
        held.last_sync_at = compared + timedelta(minutes=1)
        assert completeness.stuck_days(session, held) == {"INBOX": frozenset({DAY})}
        held.import_state = "running"
        assert completeness.stuck_days(session, held) == {}
        held.import_state = ""
        completeness.keep_comparison(session, held, [day(1, [4])], next_at=compared, now=compared + timedelta(days=1))
        assert completeness.stuck_days(session, held) == {"INBOX": frozenset({DAY})}  # as it was missing before
        completeness.keep_comparison(session, held, [waiting], next_at=compared, now=compared - timedelta(days=1))
        assert completeness.stuck_days(session, held) == {}  # it came that very day
