"""Looking into the queue, and making deliveries due: what the operator's commands ask."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, or_
from sqlmodel import Session, col, func, select

from gatepost.model import Arrival, Conversation, Delivery, Message
from gatepost.store.pages import tag_where
from gatepost.store.showing import shown_to
from gatepost.words import WAITING, Outcome


@dataclass(frozen=True, slots=True)
class Which:
    """Deliveries to look at: all conditions that are set must hold; `recipient` is an address, `domain` its domain.

    `ids` are of deliveries or messages, `code` is such as 550 or 5.1.1; `channels` limits to what these channels show,
    `tag` to mail that a conversation with this tag shows.
    """

    ids: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    recipient: str = ""
    domain: str = ""
    conversation: str = ""
    credential: str = ""
    code: str = ""
    channels: frozenset[str] | None = None
    tag: str = ""


def where(which: Which) -> list[ColumnElement[bool]]:
    """The conditions, none for all deliveries."""
    recipient = func.lower(col(Delivery.recipient))
    found: list[ColumnElement[bool]] = []
    if which.ids:
        found.append(or_(col(Delivery.id).in_(which.ids), col(Delivery.message_id).in_(which.ids)))
    if which.states:
        found.append(col(Delivery.state).in_(which.states))
    if which.recipient:
        found.append(recipient == which.recipient.lower())
    if which.domain:
        found.append(recipient.endswith(f"@{which.domain.lower()}", autoescape=True))
    if which.code:
        basic = which.code.isascii() and which.code.isdecimal() and len(which.code) == 3
        found.append(col(Delivery.code) == int(which.code) if basic else col(Delivery.status) == which.code)
    return [*found, *where_message(which)]


def where_message(which: Which) -> list[ColumnElement[bool]]:
    """The conditions on a delivery's message."""
    found: list[ColumnElement[bool]] = []
    if which.credential:
        found.append(of_messages(col(Message.credential_id) == which.credential))
    if which.conversation:
        found.append(of_conversations(col(Conversation.id) == which.conversation))
    if which.tag:
        found.append(of_conversations(tag_where(which.tag)))
    if which.channels is not None:
        channels = shown_to(which.channels)
        own, origins = select(Conversation.id).where(channels), select(Conversation.origin_id).where(channels)
        mine = (
            col(Message.channel_id).in_(sorted(which.channels)),
            col(Message.conversation_id).in_(own),
            col(Message.id).in_(origins.where(col(Conversation.origin_id).is_not(None))),
        )
        found.append(of_messages(or_(*mine)))
    return found


def of_conversations(conversations: ColumnElement[bool]) -> ColumnElement[bool]:
    """Deliveries of mail that these conversations show: their own, and the relayed one that they answer."""
    own, origins = select(Conversation.id).where(conversations), select(Conversation.origin_id).where(conversations)
    answered = col(Message.id).in_(origins.where(col(Conversation.origin_id).is_not(None)))
    return of_messages(or_(col(Message.conversation_id).in_(own), answered))


def of_messages(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return col(Delivery.message_id).in_(select(Message.id).where(condition))


def find_deliveries(session: Session, which: Which, limit: int) -> Sequence[tuple[Delivery, Message]]:
    """Deliveries with their messages, newest first."""
    query = select(Delivery, Message).join(Message, col(Message.id) == col(Delivery.message_id))
    order = (col(Delivery.created_at).desc(), col(Delivery.id).desc())
    return session.exec(query.where(*where(which)).order_by(*order).limit(limit)).all()


def count_overdue(session: Session, before: datetime) -> int:
    """How many deliveries should have been attempted before this time."""
    conditions = (col(Delivery.state).in_(WAITING), col(Delivery.next_attempt_at) < before)
    free = or_(col(Delivery.lease_until).is_(None), col(Delivery.lease_until) < before)
    return session.exec(select(func.count()).select_from(Delivery).where(*conditions, free)).one()


def messages_about(session: Session, address: str, limit: int) -> Sequence[Message]:
    """Messages from or to an address key, newest first."""
    sent_to = select(Delivery.message_id).where(Delivery.recipient == address)
    condition = or_(col(Message.from_address) == address, col(Message.id).in_(sent_to))
    return session.exec(select(Message).where(condition).order_by(col(Message.at).desc()).limit(limit)).all()


def arrivals_with(session: Session, outcome: Outcome, limit: int) -> Sequence[Arrival]:
    """Arrivals with this outcome, newest first."""
    order = col(Arrival.received_at).desc()
    return session.exec(select(Arrival).where(Arrival.outcome == outcome).order_by(order).limit(limit)).all()
