"""Deliveries: one row per recipient, claimed by lease with a fence, and their append-only history."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, union, update
from sqlalchemy import select as core_select
from sqlmodel import Session, col, func, or_, select

from gatepost.ids import new_id
from gatepost.model import Conversation, Delivery, DeliveryEvent, Message
from gatepost.reply import Reply
from gatepost.store.events import add_event
from gatepost.store.rows import connection, insert_row
from gatepost.store.suppressions import SANDBOX, count_failure
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


def end_leases(session: Session, now: datetime) -> None:
    """At the start of the only process: whoever held a lease is gone, so what he was sending is due now."""
    session.execute(update(Delivery).where(col(Delivery.state) == DeliveryState.SENDING).values(lease_until=now))


def learn(session: Session, delivery_id: str, recipient: str, result: Result, source: str, now: datetime) -> None:
    """Let a permanent failure speak against its address; what the sandbox says does not."""
    if result.route != SANDBOX:
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


def history(
    delivery_id: str, state: DeliveryState, text: str, due: datetime | None, now: datetime, source: str = "person"
) -> DeliveryEvent:
    """A line of a delivery's history that no server caused."""
    return DeliveryEvent(
        id=new_id("dev"),
        delivery_id=delivery_id,
        at=now,
        state=state,
        source=source,
        text=text,
        next_attempt_at=due,
    )


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


def authors_of(session: Session, delivery_ids: Sequence[str]) -> Sequence[str]:
    """The address keys in From of the mails of these deliveries, each once."""
    mails = select(Delivery.message_id).where(col(Delivery.id).in_(delivery_ids))
    return session.exec(select(Message.from_address).where(col(Message.id).in_(mails)).distinct()).all()


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
