"""Read-only questions that the API asks, limited to what a credential may see."""

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import ColumnElement, and_
from sqlmodel import Session, col, func, or_, select

from gatepost.model import Conversation, Delivery, DeliveryEvent, Event, Message, Participant
from gatepost.store.pages import is_there, tag_where
from gatepost.store.showing import shown_to
from gatepost.words import DeliveryState


def own_message(session: Session, credential_id: str, message_id: str) -> Message | None:
    """An outgoing message that this credential submitted."""
    message = session.get(Message, message_id)
    return message if message and message.direction == "out" and message.credential_id == credential_id else None


def own_messages(
    session: Session, credential_id: str, *, state: DeliveryState | None, after: str | None, limit: int
) -> Sequence[Message]:
    """A credential's messages, newest first (ids are ordered by time), from below the id `after`."""
    query = select(Message).where(Message.credential_id == credential_id, Message.direction == "out")
    if state:
        query = query.where(col(Message.id).in_(select(Delivery.message_id).where(col(Delivery.state) == state)))
    if after:
        query = query.where(col(Message.id) < after)
    return session.exec(query.order_by(col(Message.id).desc()).limit(limit)).all()


def state_counts(session: Session, message_ids: Collection[str]) -> dict[str, dict[str, int]]:
    """How many deliveries of each message are in each state."""
    counts = (
        select(Delivery.message_id, Delivery.state, func.count())
        .where(col(Delivery.message_id).in_(message_ids))
        .group_by(Delivery.message_id, Delivery.state)
    )
    found: dict[str, dict[str, int]] = {message_id: {} for message_id in message_ids}
    for message_id, state, count in session.exec(counts):
        found[message_id][str(state)] = count
    return found


def message_history(session: Session, message_id: str) -> tuple[Sequence[Event], Sequence[DeliveryEvent]]:
    """What happened to a message, and to its deliveries; both oldest first."""
    events = select(Event).where(Event.message_id == message_id, ~col(Event.kind).like("delivery.%"))
    attempts = (
        select(DeliveryEvent)
        .join(Delivery, col(Delivery.id) == col(DeliveryEvent.delivery_id))
        .where(Delivery.message_id == message_id)
    )
    order = (col(DeliveryEvent.at), col(DeliveryEvent.id))
    return session.exec(events.order_by(col(Event.seq))).all(), session.exec(attempts.order_by(*order)).all()


def visible(credential_id: str, channel_ids: Collection[str]) -> ColumnElement[bool]:
    """Which conversations a credential sees: those of its own mail, and those of these channels."""
    return or_(col(Conversation.credential_id) == credential_id, shown_to(channel_ids))


def one_conversation(
    session: Session, seen: ColumnElement[bool], *, conversation_id: str = "", number: int = 0
) -> Conversation | None:
    """A visible conversation by its id or number."""
    named = Conversation.id == conversation_id if conversation_id else Conversation.number == number
    return session.exec(select(Conversation).where(seen, named)).first()


def conversations(
    session: Session,
    seen: ColumnElement[bool],
    *,
    state: str | None,
    failed: bool | None,
    tag: str | None = None,
    after: str | None,
    limit: int,
) -> Sequence[Conversation]:
    """Visible conversations, newest first, from below the id `after`; deleted ones only where `state` asks for them."""
    query = select(Conversation).where(seen, Conversation.state == state if state else is_there())
    if failed is not None:
        query = query.where(col(Conversation.failed) > 0 if failed else Conversation.failed == 0)
    if tag:
        query = query.where(tag_where(tag))
    if after:
        query = query.where(col(Conversation.id) < after)
    return session.exec(query.order_by(col(Conversation.id).desc()).limit(limit)).all()


def participants_of(session: Session, conversation_ids: Iterable[str]) -> dict[str, list[Participant]]:
    """Who takes part in conversations, the requester first."""
    ids = sorted(conversation_ids)
    found: dict[str, list[Participant]] = {conversation_id: [] for conversation_id in ids}
    rows = session.exec(select(Participant).where(col(Participant.conversation_id).in_(ids))).all()
    for row in sorted(rows, key=lambda row: (row.role != "requester", row.address)):
        found[row.conversation_id].append(row)
    return found


def mails_of(session: Session, conversation: Conversation, *, after: str | None, limit: int) -> Sequence[Message]:
    """A conversation's mails without agents' notes, oldest first, beginning with the relayed one that it answers.

    From after the message `after` on; an `after` that is not in the conversation gives nothing.
    """
    here = or_(Message.conversation_id == conversation.id, Message.id == conversation.origin_id)
    query = select(Message).where(here, Message.direction != "note")
    if after:
        last = session.exec(select(Message).where(here, Message.id == after)).first()
        if last is None:
            return []
        later = or_(col(Message.at) > last.at, and_(col(Message.at) == last.at, col(Message.id) > last.id))
        query = query.where(later)
    return session.exec(query.order_by(col(Message.at), Message.id).limit(limit)).all()
