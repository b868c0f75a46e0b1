"""Deliveries: one row per recipient, claimed by lease with a fence, and their append-only history."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, union, update
from sqlalchemy import select as core_select
from sqlmodel import Session, col, func, or_, select

from gatepost.envelope import NOTHING_ASKED, Asked
from gatepost.ids import new_id
from gatepost.model import Conversation, Delivery, DeliveryEvent, Message, Suppression
from gatepost.reply import Reply
from gatepost.store.events import add_event
from gatepost.store.rows import connection, insert_row, insert_rows
from gatepost.store.suppressions import SANDBOX, count_failure, forgive, sentence, suppressed_among
from gatepost.store.transcripts import put_transcript
from gatepost.words import NOT_DELIVERED, WAITING, DeliveryState

FAILURE_TAG = "system_email_notification_failure"
HINTED = (DeliveryState.DELIVERED, DeliveryState.UNCERTAIN)
"""States that a report may change which is not proven."""
GONE = (*HINTED, DeliveryState.BOUNCED, DeliveryState.COMPLAINED)
"""States that a proven report may change."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery that this process may attempt until its lease ends; a later fence makes its result void."""

    delivery_id: str
    message_id: str
    recipient: str
    attempts: int
    fence: int
    created_at: datetime
    notify: str = ""
    orcpt: str = ""
    via: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one attempt, and what follows: the new state and, where it is tried again, when.

    `transcript` is what was said, empty where nothing was; `told_on`: the next server notifies of a success (RFC 3461).
    """

    state: DeliveryState
    reply: Reply
    remote_host: str
    route: str
    next_attempt_at: datetime | None
    transcript: str = ""
    told_on: bool = False


def put_deliveries(
    session: Session,
    message_id: str,
    recipients: Sequence[str],
    now: datetime,
    held: str = "",
    asked: Mapping[str, Asked] | None = None,
) -> list[Delivery]:
    """One row per recipient (address keys or wire forms, each once).

    It starts queued; or suppressed, when its address is on the list; or held, when `held` says why.
    `asked` has what some recipients' commands asked to be told.
    """
    rows = [
        Delivery(
            id=new_id("dlv"),
            message_id=message_id,
            recipient=recipient,
            next_attempt_at=now,
            notify=told.notify,
            orcpt=told.orcpt,
            created_at=now,
            updated_at=now,
        )
        for recipient in dict.fromkeys(recipients)
        for told in [(asked or {}).get(recipient, NOTHING_ASKED)]
    ]
    listed = {entry.address: entry for entry in suppressed_among(session, recipients, now)}
    stopped = [row for row in rows if stop(row, listed.get(row.recipient.lower()), held)]
    insert_rows(session, rows)
    insert_rows(session, [beginning(row, now) for row in stopped])
    return rows


def stop(row: Delivery, entry: Suppression | None, held: str) -> bool:
    """Keep a new delivery from being sent, with the why as its text; whether there was a reason to."""
    if entry is None and not held:
        return False
    row.state = DeliveryState.SUPPRESSED if entry else DeliveryState.HELD
    row.text = sentence(entry) if entry else held
    row.next_attempt_at = None
    return True


def beginning(row: Delivery, now: datetime) -> DeliveryEvent:
    """The first line of the history of a delivery that is not sent."""
    source = "suppression list" if row.state == DeliveryState.SUPPRESSED else "credential"
    return DeliveryEvent(id=new_id("dev"), delivery_id=row.id, at=now, state=row.state, source=source, text=row.text)


def announce_suppressed(session: Session, rows: Sequence[Delivery], now: datetime) -> None:
    """Tell of new deliveries whose address is on the list, once their message is where it is shown."""
    for row in rows:
        if row.state == DeliveryState.SUPPRESSED:
            result = Result(DeliveryState.SUPPRESSED, Reply(None, None, row.text), "", "", None)
            announce(session, row.id, row.message_id, row.recipient, result, now)


def read_claim(row: Row[str, str, str, int, int, datetime, str, str, str]) -> Claim:
    return Claim(*row)


def end_leases(session: Session, now: datetime) -> None:
    """At the start of the only process: whoever held a lease is gone, so what he was sending is due now."""
    session.execute(update(Delivery).where(col(Delivery.state) == DeliveryState.SENDING).values(lease_until=now))


DELIVERIES: Any = Delivery.__table__  # type: ignore[attr-defined]
RECORD = (
    update(DELIVERIES)
    .where(
        DELIVERIES.c.id == bindparam("its_id"),
        DELIVERIES.c.fence == bindparam("its_fence"),
        DELIVERIES.c.state == DeliveryState.SENDING,
    )
    .values(
        state=bindparam("its_state"),
        attempts=bindparam("its_attempts"),
        lease_until=None,
        next_attempt_at=bindparam("due"),
        code=bindparam("its_code"),
        status=bindparam("its_status"),
        text=bindparam("its_text"),
        remote_host=bindparam("host"),
        route=bindparam("way"),
        updated_at=bindparam("now"),
    )
)
"""Built once: building it for every answer costs more than running it."""


def record_reply(session: Session, taken: Claim, result: Result, now: datetime) -> bool:
    """Write what came of an attempt; False when the lease was lost to another process, whose result then holds."""
    values = {
        "its_id": taken.delivery_id,
        "its_fence": taken.fence,
        "its_state": result.state,
        "its_attempts": taken.attempts + 1,
        "due": result.next_attempt_at,
        "its_code": result.reply.code,
        "its_status": result.reply.status,
        "its_text": result.reply.text,
        "host": result.remote_host,
        "way": result.route,
        "now": now,
    }
    if not connection(session).execute(RECORD, values).rowcount:
        return False
    add_delivery_event(session, taken.delivery_id, result, "dialogue", taken.attempts + 1, now)
    more = {"dsn": "told on"} if result.told_on else {}
    announce(session, taken.delivery_id, taken.message_id, taken.recipient, result, now, **more)
    learn(session, taken.delivery_id, taken.recipient, result, "dialogue", now)
    return True


def learn(session: Session, delivery_id: str, recipient: str, result: Result, source: str, now: datetime) -> None:
    """Let a success speak for its address and a permanent failure against it; what the sandbox says does neither."""
    if result.route == SANDBOX:
        return
    if result.state == DeliveryState.DELIVERED:
        forgive(session, recipient, now)
    elif result.state in (DeliveryState.FAILED, DeliveryState.BOUNCED):
        count_failure(session, delivery_id, recipient, result.reply, source, now)


def record_report(
    session: Session, delivery: Delivery, state: DeliveryState, reply: Reply, host: str, proven: bool, now: datetime
) -> None:
    """Write what a report says about a delivery; `proven` when its return path was ours.

    Anybody who got the mail can write an unproven one: it is history, and only changes what had been delivered, so that
    it neither stops a delivery under way nor takes the place of what a server told us. A proven one changes what had
    left us, but not what a person sent again meanwhile.
    """
    result = Result(state, reply, host, delivery.route, delivery.next_attempt_at)
    values: dict[str, Any] = {"updated_at": now}
    where = [col(Delivery.id) == delivery.id]
    if not proven:
        where.append(col(Delivery.state).in_(HINTED))
    if state in (DeliveryState.BOUNCED, DeliveryState.COMPLAINED) or ends_doubt(delivery, state, proven):
        where.append(col(Delivery.state).in_(GONE))
        values |= {
            "state": state,
            "code": reply.code,
            "status": reply.status,
            "text": reply.text,
            "reported": not proven,
        }
    source = "return path" if proven else "message id"
    changed = session.execute(update(Delivery).where(*where).values(values).returning(col(Delivery.id))).first()
    add_delivery_event(session, delivery.id, result, source, delivery.attempts, now)
    if changed:
        announce(session, delivery.id, delivery.message_id, delivery.recipient, result, now, source=source)
    if state == DeliveryState.BOUNCED:
        learn(session, delivery.id, delivery.recipient, result, source, now)


def note_report(session: Session, delivery: Delivery, state: DeliveryState, reply: Reply, now: datetime) -> None:
    """Show in a delivery's history what a report says that proves nothing; its state stays."""
    result = Result(state, reply, "", delivery.route, delivery.next_attempt_at)
    add_delivery_event(session, delivery.id, result, "unproven report", delivery.attempts, now)


def ends_doubt(delivery: Delivery, reported: DeliveryState, proven: bool) -> bool:
    """Whether a report proves that a mail arrived whose transaction had broken off."""
    return proven and reported == DeliveryState.DELIVERED and delivery.state == DeliveryState.UNCERTAIN


def add_delivery_event(
    session: Session, delivery_id: str, result: Result, source: str, attempt: int, now: datetime
) -> None:
    """Append to a delivery's history, with what was said."""
    event_id = new_id("dev")
    insert_row(
        session,
        DeliveryEvent(
            id=event_id,
            delivery_id=delivery_id,
            at=now,
            state=result.state,
            source=source,
            attempt=attempt,
            code=result.reply.code,
            status=result.reply.status,
            text=result.reply.text,
            remote_host=result.remote_host,
            next_attempt_at=result.next_attempt_at,
        ),
    )
    if result.transcript:
        put_transcript(session, event_id, result.transcript, now)


def announce(
    session: Session,
    delivery_id: str,
    message_id: str,
    recipient: str,
    result: Result,
    now: datetime,
    **more: str,
) -> None:
    """Tell the conversations that show this message, and everybody who listens."""
    conversations = conversations_showing(session, message_id)
    for conversation in conversations:
        count_failures(session, conversation)
    add_event(
        session,
        f"delivery.{result.state}",
        now=now,
        message_id=message_id,
        delivery_id=delivery_id,
        conversation_id=conversations[0].id if conversations else None,
        channel_id=conversations[0].channel_id if conversations else None,
        data={"recipient": recipient, "reply": str(result.reply), "remote_host": result.remote_host, **more},
    )


CONVERSATIONS: Any = Conversation.__table__  # type: ignore[attr-defined]
MESSAGES: Any = Message.__table__  # type: ignore[attr-defined]
SHOWING = union(
    core_select(MESSAGES.c.conversation_id).where(
        MESSAGES.c.id == bindparam("message"), MESSAGES.c.conversation_id.is_not(None)
    ),
    core_select(CONVERSATIONS.c.id).where(CONVERSATIONS.c.origin_id == bindparam("message")),
)


def conversations_showing(session: Session, message_id: str) -> list[Conversation]:
    """The conversations in which a message is seen: its own, and those that answer it; in no order."""
    found = connection(session).execute(SHOWING, {"message": message_id}).scalars().all()
    return [row for row in (session.get(Conversation, key, populate_existing=True) for key in found) if row]


def count_failures(session: Session, conversation: Conversation) -> None:
    """Bring a conversation's count of recipients not reached, and its tag, up to date."""
    shown = or_(Message.conversation_id == conversation.id, Message.id == conversation.origin_id)
    failed = session.exec(
        select(func.count())
        .select_from(Delivery)
        .join(Message, col(Message.id) == col(Delivery.message_id))
        .where(shown, col(Delivery.state).in_(NOT_DELIVERED))
    ).one()
    tags = [tag for tag in conversation.tags if tag != FAILURE_TAG] + ([FAILURE_TAG] if failed else [])
    session.execute(
        update(Conversation).where(col(Conversation.id) == conversation.id).values(failed=failed, tags=tags)
    )


def deliveries_of(session: Session, message_id: str) -> Sequence[Delivery]:
    """A message's deliveries in the order of its recipients."""
    return session.exec(select(Delivery).where(Delivery.message_id == message_id).order_by(Delivery.id)).all()


def get_delivery(session: Session, delivery_id: str) -> Delivery | None:
    """A delivery by its id."""
    return session.get(Delivery, delivery_id)


def last_attempt(session: Session, delivery: Delivery) -> datetime:
    """When we last spoke with a server about a delivery; reports, which others send, do not count."""
    tried = (DeliveryEvent.delivery_id == delivery.id, DeliveryEvent.source == "dialogue")
    return session.exec(select(func.max(DeliveryEvent.at)).where(*tried)).one() or delivery.created_at


def delivery_events(session: Session, delivery_id: str) -> Sequence[DeliveryEvent]:
    """A delivery's history, oldest first."""
    where = DeliveryEvent.delivery_id == delivery_id
    return session.exec(select(DeliveryEvent).where(where).order_by(col(DeliveryEvent.at), DeliveryEvent.id)).all()


def count_states(session: Session) -> dict[str, int]:
    """How many deliveries are in each state."""
    return dict(session.exec(select(Delivery.state, func.count()).group_by(Delivery.state)).all())


def next_due(session: Session) -> datetime | None:
    """When the outbox has something to do next."""
    return session.exec(select(func.min(Delivery.next_attempt_at)).where(col(Delivery.state).in_(WAITING))).one()
