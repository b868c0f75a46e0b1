"""Which deliveries have news that their submitter asked to be told (RFC 3461), and how far that was done."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import update
from sqlmodel import Session, col, or_, select

from gatepost.model import Counter, Delivery, Event, Message
from gatepost.store.events import add_event

NAME = "dsn"
WINDOW = 1000
SENT = "dsn.sent"
DELIVERED = "delivery.delivered"
NEWS = tuple(
    f"delivery.{state}" for state in ("delivered", "delayed", "failed", "expired", "bounced", "suppressed", "cancelled")
)


@dataclass(frozen=True, slots=True)
class News:
    """One event of a delivery, with what it is about."""

    event: Event
    delivery: Delivery
    message: Message


def told_until(session: Session, name: str = NAME) -> int:
    """The last event whose news were told, by the duty of this name."""
    row = session.get(Counter, name)
    return row.value if row else 0


def move_on(session: Session, before: int, after: int, name: str = NAME) -> bool:
    """Take the events up to `after`; False when another process did so first."""
    row = session.get(Counter, name, with_for_update=True, populate_existing=True)
    if (row.value if row else 0) != before:
        return False
    if row is None:
        row = Counter(name=name, value=0)
        session.add(row)
    row.value = after
    session.flush()
    return True


def news_between(session: Session, after: int, until: int) -> Sequence[News]:
    """News of mail that a system submitted with a reverse-path, oldest first; no success that nobody asked for."""
    rows = session.exec(
        select(Event, Delivery, Message)
        .join(Delivery, col(Delivery.id) == col(Event.delivery_id))
        .join(Message, col(Message.id) == col(Delivery.message_id))
        .where(col(Event.seq) > after, col(Event.seq) <= until, col(Event.kind).in_(NEWS))
        .where(Message.trigger == "smtp", Message.envelope_from != "")
        .where(or_(Event.kind != DELIVERED, Delivery.notify != ""))
        .order_by(col(Event.seq))
    )
    return [News(*row) for row in rows.all()]


def told_before(session: Session, message_ids: Sequence[str]) -> set[tuple[str, str]]:
    """What was told already of these messages: delivery and action."""
    rows = session.exec(select(Event).where(col(Event.message_id).in_(message_ids), Event.kind == SENT)).all()
    return {(row.delivery_id or "", str(row.data.get("action"))) for row in rows}


def note_told(session: Session, delivery: Delivery, action: str, to: str, notice_id: str, now: datetime) -> None:
    """Write into the history that a notification was sent."""
    if action == "delayed":
        session.execute(update(Delivery).where(col(Delivery.id) == delivery.id).values(notified_at=now))
    data = {"recipient": delivery.recipient, "action": action, "to": to, "notice": notice_id}
    add_event(session, SENT, now=now, message_id=delivery.message_id, delivery_id=delivery.id, data=data)
