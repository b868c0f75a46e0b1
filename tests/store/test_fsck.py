import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, text, update
from sqlmodel import Session, col

from gatepost.acts import Actor
from gatepost.blobs import Blobs, Content
from gatepost.database import Database
from gatepost.gateway import acts
from gatepost.ledger import Ledger
from gatepost.model import Arrival, Conversation, Delivery, Raw
from gatepost.reply import Reply
from gatepost.store import conversations, deliveries
from gatepost.store.conversations import touch
from gatepost.store.events import add_event
from gatepost.store.fsck import Finding, fix_counts, fsck, remove_orphans
from gatepost.store.messages import put_raw
from gatepost.store.queue import Which
from gatepost.words import DeliveryState
from tests.rows import record_reply
from tests.store.test_deliveries import REFUSED, claim_all, result, send

LEASED = datetime(2026, 11, 22, tzinfo=UTC)
ANA = Actor("Ana", "usr_ana")


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "blobs")


def story(session: Session, now: datetime) -> str:
    """A conversation with one mail to two recipients, as accepting leaves it; the message's id."""
    row = conversations.create_conversation(session, subject="s", requester="a@x", channel_id=None, now=now)
    first, _ = send(session, ["a@x.example", "b@x.example"], now, row.id)
    touch(session, row.id, "", now, reopen=False)
    add_event(session, "message.queued", now=now, message_id=first.message_id, data={"recipients": 2})
    return first.message_id


def looked(database: Database, blobs: Blobs, now: datetime) -> list[Finding]:
    with database.session() as session:
        return fsck(session, blobs, now)


def test_a_whole_story_is_clean(ledger: Ledger, database: Database, blobs: Blobs, now: datetime) -> None:
    ledger.write(lambda session: story(session, now))
    one, _ = claim_all(ledger, now)
    assert looked(database, blobs, now) == []
    ledger.write(lambda s: record_reply(s, one, result(DeliveryState.FAILED, REFUSED), now))
    acts.resend(ledger, one.delivery_id, "c@x.example", ANA, now)
    acts.perform(database, ledger, "hold", Which(), ANA, now)
    assert looked(database, blobs, now) == []


BREAKS: dict[str, Any] = {
    "every recipient that was accepted is one delivery": delete(Delivery).where(
        col(Delivery.recipient) == "a@x.example"
    ),
    "every outgoing message has a delivery": delete(Delivery),
    "every delivery is in one known state": update(Delivery).values(state="vanished", next_attempt_at=None),
    "every delivery has its message": update(Delivery).values(message_id="msg_none"),
    "only what is being sent has a lease": update(Delivery).values(lease_until=LEASED),
    "what waits has a time, and what has ended has none": update(Delivery).values(next_attempt_at=None),
    "every message's octets are stored": delete(Raw).where(col(Raw.id).like("msg_%")),
    "every arrival's octets are stored": update(Arrival).values(raw_id="raw_none"),
    "every arrival has one known outcome": update(Arrival).values(outcome="lost"),
    "every arrival that was placed is a message": update(Arrival).values(message_id=None),
    "no arrival waits to be read for an hour": update(Arrival).values(outcome="pending"),
    "every conversation's counts are right": update(Conversation).values(messages=7),
    "every large mail's file is there and whole": update(Raw).values(blob="a" * 64, data=None),
}


@pytest.mark.parametrize("check", BREAKS)
def test_each_check_notices_what_it_is_for(
    ledger: Ledger, database: Database, blobs: Blobs, now: datetime, check: str
) -> None:
    """Written past the foreign keys, as a broken disk or another program would."""

    def op(session: Session) -> None:
        message_id = story(session, now)
        put_raw(session, "arr_1", Content(b"x", None, 1))
        session.add(
            Arrival(
                id="arr_1",
                receipt="r",
                inlet="mx",
                raw_id="arr_1",
                received_at=now - timedelta(days=1),
                outcome="placed",
                message_id=message_id,
            )
        )

    ledger.write(op)
    assert looked(database, blobs, now) == []
    with database.engine.connect() as connection:
        if database.sqlite:
            there: Any = connection.connection.driver_connection
            there.execute("PRAGMA foreign_keys=OFF")  # does nothing once a transaction has begun
        else:
            connection.execute(text("SET session_replication_role = replica"))
        connection.execute(BREAKS[check])
        connection.commit()
    found = {finding.check: finding for finding in looked(database, blobs, now)}
    assert check in found
    assert found[check].count >= 1
    assert found[check].examples
    assert found[check].fix


def test_counts_are_made_anew(ledger: Ledger, database: Database, blobs: Blobs, now: datetime) -> None:
    ledger.write(lambda session: story(session, now))
    ledger.write(lambda session: session.execute(update(Conversation).values(messages=9, failed=3)) and None)
    (finding,) = looked(database, blobs, now)
    assert (finding.count, finding.examples) == (1, ("#1",))
    assert ledger.write(fix_counts) == 1
    assert looked(database, blobs, now) == []


def test_a_relayed_message_counts_in_the_conversation_that_answers_it(
    ledger: Ledger, database: Database, blobs: Blobs, now: datetime
) -> None:
    def op(session: Session) -> None:
        (row,) = send(session, ["a@x.example"], now)
        conversation = conversations.create_conversation(
            session, subject="s", requester="a@x.example", channel_id=None, origin_id=row.message_id, now=now
        )
        touch(session, conversation.id, "", now, reopen=False)

    ledger.write(op)
    assert looked(database, blobs, now) == []


def test_files_that_nobody_names_are_listed_but_not_fresh_ones(
    ledger: Ledger, database: Database, blobs: Blobs, now: datetime
) -> None:
    content = blobs.keep(b"x" * 200_000)
    assert content.blob
    ledger.write(lambda session: put_raw(session, "arr_1", content))
    loose = blobs.keep(b"y" * 200_000)
    half = blobs.root / "ab" / ".new-1"
    half.parent.mkdir()
    half.write_bytes(b"half")
    for path in blobs.root.rglob("*"):
        os.utime(path, (now.timestamp() - 60, now.timestamp() - 60))
    assert looked(database, blobs, now) == []
    (finding,) = looked(database, blobs, now + timedelta(hours=1))
    assert finding.count == 2
    assert finding.examples == tuple(sorted(("ab/.new-1", f"{(loose.blob or '')[:2]}/{loose.blob}")))
    blobs.file(content.blob).write_bytes(b"short")
    assert "every large mail's file is there and whole" in {finding.check for finding in looked(database, blobs, now)}


def test_files_that_nobody_has_named_for_a_day_are_removed(
    ledger: Ledger, database: Database, blobs: Blobs, now: datetime
) -> None:
    kept, left, again = (blobs.keep(bytes([65 + number]) * 200_000) for number in range(3))
    ledger.write(lambda session: put_raw(session, "arr_1", kept))
    for content, hours in ((kept, 100), (left, 25), (again, 100)):
        assert content.blob
        set_age(blobs.file(content.blob), now, hours)
    blobs.keep(b"C" * 200_000)  # kept anew, and about to be named
    with database.session() as session:
        assert remove_orphans(session, blobs, now) == 1
        assert remove_orphans(session, blobs, now) == 0
    assert [blobs.file(content.blob or "").exists() for content in (kept, left, again)] == [True, False, True]
    assert list(blobs.spool_folder.iterdir()) == []
    assert blobs.keep(b"B" * 200_000) == left
    assert blobs.file(left.blob or "").exists()


def test_a_file_that_is_kept_anew_while_it_is_removed_stays(blobs: Blobs, now: datetime) -> None:
    content = blobs.keep(b"x" * 200_000)
    path = blobs.file(content.blob or "")
    set_age(path, now, 30)
    blobs.keep(b"x" * 200_000)
    assert not blobs.remove_old(path, now.timestamp() - 86400)
    assert path.exists()


def set_age(path: Path, now: datetime, hours: float) -> None:
    at = (now - timedelta(hours=hours)).timestamp()
    os.utime(path, (at, at))


def test_an_event_of_a_report_is_no_acceptance(ledger: Ledger, database: Database, blobs: Blobs, now: datetime) -> None:
    message_id = ledger.write(lambda session: story(session, now))
    one, _ = claim_all(ledger, now)
    ledger.write(lambda s: record_reply(s, one, result(DeliveryState.DELIVERED, Reply(250)), now))

    def report(session: Session) -> None:
        row = deliveries.get_delivery(session, one.delivery_id)
        assert row
        deliveries.record_report(session, row, DeliveryState.BOUNCED, REFUSED, "", True, now)

    ledger.write(report)
    assert message_id
    assert looked(database, blobs, now) == []
