from datetime import datetime, timedelta
from pathlib import Path

from sqlmodel import Session

from gatepost.blobs import Blobs, Content
from gatepost.database import Database
from gatepost.ids import new_id
from gatepost.ledger import Ledger
from gatepost.model import Message
from gatepost.reply import Reply
from gatepost.store import claims, conversations, deliveries, events
from gatepost.store.deliveries import FAILURE_TAG, Claim, Result
from gatepost.store.messages import conversation_messages, get_message, put_message, raw_of
from gatepost.store.outgoing import NewDelivery
from gatepost.words import DeliveryState
from tests.rows import put_deliveries, record_reply

LEASE = timedelta(minutes=5)
REFUSED = Reply(550, "5.1.1", "no such user")


def send(
    session: Session, recipients: list[str], now: datetime, conversation_id: str | None = None
) -> list[NewDelivery]:
    row_id = new_id("msg")
    message = Message(
        id=row_id,
        direction="out",
        digest=row_id,
        message_id=f"{row_id}@x",
        at=now,
        size=4,
        conversation_id=conversation_id,
    )
    put_message(session, message, Content(b"body", None, 4))
    return put_deliveries(session, row_id, recipients, now)


def result(state: DeliveryState, reply: Reply, due: datetime | None = None) -> Result:
    return Result(state, reply, "mx.example [192.0.2.1]", "relay", due)


def claim_all(ledger: Ledger, now: datetime) -> list[Claim]:
    return ledger.write(lambda session: claims.claim(session, 10, LEASE, now))


def test_each_recipient_is_one_row_claimed_once(ledger: Ledger, now: datetime) -> None:
    ledger.write(lambda session: send(session, ["a@x.example", "b@x.example", "a@x.example"], now))
    assert claim_all(ledger, now - LEASE) == []
    claims = claim_all(ledger, now)
    assert [claim.recipient for claim in claims] == ["a@x.example", "b@x.example"]
    assert claim_all(ledger, now) == []


def test_a_lease_that_ran_out_is_claimed_again_and_the_first_holder_is_fenced_off(
    ledger: Ledger, database: Database, now: datetime
) -> None:
    ledger.write(lambda session: send(session, ["a@x.example"], now))
    (first,) = claim_all(ledger, now)
    (second,) = claim_all(ledger, now + LEASE)
    assert second.fence == first.fence + 1
    delivered = result(DeliveryState.DELIVERED, Reply(250, "2.0.0", "ok"))
    failed = result(DeliveryState.FAILED, REFUSED)
    assert ledger.write(lambda session: record_reply(session, second, delivered, now))
    assert not ledger.write(lambda session: record_reply(session, first, failed, now))
    with database.session() as session:
        row = deliveries.get_delivery(session, first.delivery_id)
        assert row is not None
        assert (row.state, row.attempts, row.code) == (DeliveryState.DELIVERED, 1, 250)
        assert len(deliveries.delivery_events(session, row.id)) == 1


def test_a_delayed_one_waits_for_its_time(ledger: Ledger, now: datetime) -> None:
    ledger.write(lambda session: send(session, ["a@x.example"], now))
    (claim,) = claim_all(ledger, now)
    due = now + timedelta(minutes=10)
    later = result(DeliveryState.DELAYED, Reply(452, "4.2.2", "full"), due)
    ledger.write(lambda session: record_reply(session, claim, later, now))
    assert claim_all(ledger, due - timedelta(seconds=1)) == []
    (again,) = claim_all(ledger, due)
    assert again.attempts == 1


def test_a_failure_marks_every_conversation_that_shows_the_mail(
    ledger: Ledger, database: Database, now: datetime
) -> None:
    def op(session: Session) -> tuple[str, str]:
        own = conversations.create_conversation(session, subject="s", requester="a@x.example", channel_id=None, now=now)
        rows = send(session, ["a@x.example"], now, own.id)
        answering = conversations.create_conversation(
            session, subject="s", requester="a@x.example", channel_id=None, origin_id=rows[0].message_id, now=now
        )
        return own.id, answering.id

    ids = ledger.write(op)
    (claim,) = claim_all(ledger, now)
    ledger.write(lambda s: record_reply(s, claim, result(DeliveryState.FAILED, REFUSED), now))
    with database.session() as session:
        for conversation_id in ids:
            row = conversations.get_conversation(session, conversation_id)
            assert row is not None
            assert (row.failed, row.tags) == (1, [FAILURE_TAG])
        kinds = [event.kind for event in events.message_events(session, claim.message_id)]
        assert kinds == ["delivery.failed", "suppression.added"]


def test_a_report_turns_delivered_into_bounced(ledger: Ledger, database: Database, now: datetime) -> None:
    (row,) = ledger.write(lambda session: send(session, ["a@x.example"], now))
    (claim,) = claim_all(ledger, now)
    ledger.write(lambda s: record_reply(s, claim, result(DeliveryState.DELIVERED, Reply(250)), now))

    def report(session: Session) -> None:
        delivery = deliveries.get_delivery(session, row.id)
        assert delivery is not None
        deliveries.record_report(session, delivery, DeliveryState.BOUNCED, REFUSED, "", False, now)

    ledger.write(report)
    with database.session() as session:
        delivery = deliveries.get_delivery(session, row.id)
        assert delivery is not None
        assert (delivery.state, delivery.code, delivery.reported) == (DeliveryState.BOUNCED, 550, True)
        assert [event.source for event in deliveries.delivery_events(session, row.id)] == ["dialogue", "message id"]


def test_at_a_restart_what_was_being_sent_is_due_at_once(ledger: Ledger, now: datetime) -> None:
    ledger.write(lambda session: send(session, ["a@x.example"], now))
    assert len(claim_all(ledger, now)) == 1
    ledger.write(lambda session: deliveries.end_leases(session, now))
    assert len(claim_all(ledger, now)) == 1


def test_numbers_run_and_messages_are_in_order(ledger: Ledger, database: Database, now: datetime) -> None:
    def op(session: Session) -> list[int]:
        made = [
            conversations.create_conversation(session, subject="s", requester="a@x", channel_id=None, now=now)
            for _ in range(3)
        ]
        send(session, ["a@x.example"], now, made[0].id)
        return [row.number for row in made]

    assert ledger.write(op) == [1, 2, 3]
    with database.session() as session:
        conversation = conversations.by_number(session, 1)
        assert conversation is not None
        assert [row.direction for row in conversation_messages(session, conversation)] == ["out"]


def test_octets_come_back(ledger: Ledger, database: Database, now: datetime, tmp_path: Path) -> None:
    (row,) = ledger.write(lambda session: send(session, ["a@x.example"], now))
    with database.session() as session:
        message = get_message(session, row.message_id)
        assert message is not None
        assert raw_of(session, message.raw_id, Blobs(tmp_path)) == b"body"
