"""Uncertain deliveries: since when, how often, and whether a copy of their mail was found in a mailbox of ours."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import aliased
from sqlmodel import Session, col, func, or_, select

from gatepost.model import Arrival, Delivery, DeliveryEvent, Message, SentCopy
from gatepost.store.deliveries import history
from gatepost.store.rows import insert_rows
from gatepost.words import DeliveryState

FOUND = "A mail with its Message-ID was found in a connected mailbox, so it was probably accepted; a person decides"
SOURCE = "mailbox"


@dataclass(frozen=True, slots=True)
class Uncertain:
    """A delivery in doubt; `copied`: a copy of its mail was found in a mailbox, `noted`: history says so."""

    delivery_id: str
    copied: bool
    noted: bool


def uncertain_since(session: Session, before: datetime, times: int, limit: int) -> Sequence[Uncertain]:
    """Those in doubt since before a time, oldest first, that have not come into doubt more than `times` times."""
    copy, line = aliased(Message), aliased(DeliveryEvent)
    found = or_(
        select(copy.id).where(copy.direction == "in", copy.message_id == Message.message_id).exists(),
        select(Arrival.id).where(Arrival.message_id == Message.id, col(Arrival.sent).is_(True)).exists(),
        select(SentCopy.message_id).where(SentCopy.message_id == Message.id, SentCopy.state == "found").exists(),
    )
    noted = select(line.id).where(line.delivery_id == Delivery.id, line.source == SOURCE).exists()
    doubts = (
        select(func.count(col(DeliveryEvent.id)))
        .where(DeliveryEvent.delivery_id == Delivery.id)
        .where(DeliveryEvent.state == DeliveryState.UNCERTAIN, DeliveryEvent.source == "dialogue")
        .correlate(Delivery)
        .scalar_subquery()
    )
    query = (
        select(Delivery.id, found, noted)
        .join(Message, col(Message.id) == col(Delivery.message_id))
        .where(Delivery.state == DeliveryState.UNCERTAIN, Delivery.updated_at <= before, doubts <= times)
        .order_by(col(Delivery.updated_at), col(Delivery.id))
        .limit(limit)
    )
    return [Uncertain(key, bool(copied), bool(told)) for key, copied, told in session.exec(query)]


def note_copy(session: Session, delivery_ids: Sequence[str], now: datetime) -> None:
    """Say in their histories that a copy was found."""
    lines = [history(key, DeliveryState.UNCERTAIN, FOUND, None, now, SOURCE) for key in delivery_ids]
    insert_rows(session, lines)
