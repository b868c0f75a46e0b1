"""The one append-only history: what happened, to whom, by whom."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, func, or_, select

from gatepost.model import Delivery, Event, Message
from gatepost.store.rows import insert_values


def add_event(
    session: Session,
    kind: str,
    *,
    now: datetime,
    conversation_id: str | None = None,
    message_id: str | None = None,
    delivery_id: str | None = None,
    channel_id: str | None = None,
    user_id: str | None = None,
    data: dict[str, Any] | None = None,
) -> None:
    """Append what happened; `kind` is dotted and in the past tense, such as `delivery.failed`."""
    values = event_values(
        kind,
        now=now,
        conversation_id=conversation_id,
        message_id=message_id,
        delivery_id=delivery_id,
        channel_id=channel_id,
        user_id=user_id,
        data=data,
    )
    add_events(session, [values])


def event_values(
    kind: str,
    *,
    now: datetime,
    conversation_id: str | None = None,
    message_id: str | None = None,
    delivery_id: str | None = None,
    channel_id: str | None = None,
    user_id: str | None = None,
    data: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """An event for `add_events`, as of `add_event`."""
    return {
        "at": now,
        "kind": kind,
        "conversation_id": conversation_id,
        "message_id": message_id,
        "delivery_id": delivery_id,
        "channel_id": channel_id,
        "user_id": user_id,
        "data": data or {},
    }


def add_events(session: Session, events: list[dict[str, Any]]) -> None:
    """Append what happened, in this order."""
    if events:
        insert_values(session, Event, events)


def events_after(session: Session, seq: int, limit: int = 200) -> Sequence[Event]:
    """The next events of a consumer that has seen everything up to `seq`."""
    return session.exec(select(Event).where(col(Event.seq) > seq).order_by(col(Event.seq)).limit(limit)).all()


def events_between(session: Session, after: int, until: int, kinds: Sequence[str]) -> Sequence[Event]:
    """The events of some kinds behind one position and up to another, oldest first."""
    wanted = select(Event).where(col(Event.seq) > after, col(Event.seq) <= until, col(Event.kind).in_(kinds))
    return session.exec(wanted.order_by(col(Event.seq))).all()


def last_seq(session: Session) -> int:
    """The newest position, 0 when nothing has happened yet."""
    return session.exec(select(func.max(Event.seq))).one() or 0


def conversation_events(session: Session, conversation_id: str) -> Sequence[Event]:
    """A conversation's history, oldest first, with that of its messages."""
    messages = select(Message.id).where(Message.conversation_id == conversation_id)
    where = or_(Event.conversation_id == conversation_id, col(Event.message_id).in_(messages))
    return session.exec(select(Event).where(where).order_by(col(Event.seq))).all()


def message_events(session: Session, message_id: str) -> Sequence[Event]:
    """A message's history and that of its deliveries, oldest first."""
    deliveries = select(Delivery.id).where(Delivery.message_id == message_id)
    where = or_(Event.message_id == message_id, col(Event.delivery_id).in_(deliveries))
    return session.exec(select(Event).where(where).order_by(col(Event.seq))).all()
