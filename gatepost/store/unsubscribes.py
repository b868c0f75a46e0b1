"""Streams that recipients can leave by themselves (RFC 8058), and who has left which."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, delete, exists, update
from sqlmodel import Session, and_, col, func, select

from gatepost.model import Credential, Delivery, Message, Unsubscribe
from gatepost.reply import Reply
from gatepost.store.deliveries import Result, announce, history
from gatepost.store.events import add_event
from gatepost.store.rows import insert_missing, insert_rows
from gatepost.words import DeliveryState

LONGEST = 60


def set_stream(session: Session, credential_id: str, stream: str) -> None:
    """Mail of this credential belongs to a stream, or to none. Raises ValueError."""
    name = " ".join(stream.split())
    if len(name) > LONGEST or not name.isprintable():
        raise ValueError(f"A stream's name has up to {LONGEST} characters, such as Order news")
    session.execute(update(Credential).where(col(Credential.id) == credential_id).values(stream=name))


def stream_of(session: Session, delivery_id: str) -> tuple[str, str] | None:
    """The stream of a delivery's mail, which may be empty, and its recipient's key."""
    query = (
        select(Credential.stream, Delivery.recipient)
        .join(Message, col(Message.id) == col(Delivery.message_id))
        .join(Credential, col(Credential.id) == col(Message.credential_id))
    )
    found = session.exec(query.where(Delivery.id == delivery_id)).first()
    return (found[0], found[1].lower()) if found else None


def has_left(session: Session, stream: str, address: str) -> bool:
    """Whether this address key has left a stream."""
    return session.get(Unsubscribe, (stream, address)) is not None


def has_left_it() -> ColumnElement[bool]:
    """Whether a delivery's recipient has left the stream of its mail."""
    whose = and_(col(Message.id) == col(Delivery.message_id), col(Message.credential_id) == col(Credential.id))
    gone = and_(
        col(Unsubscribe.stream) == col(Credential.stream),
        col(Unsubscribe.address) == func.lower(col(Delivery.recipient)),
    )
    return exists().where(whose, gone).correlate(Delivery)


def stream_left(session: Session, message_id: str, address: str) -> str:
    """The stream of a mail, if this address key has left it; else nothing."""
    query = select(Credential.stream).join(Message, col(Message.credential_id) == col(Credential.id))
    stream = session.exec(query.where(Message.id == message_id)).first() or ""
    return stream if stream and has_left(session, stream, address) else ""


def leave(session: Session, delivery_id: str, how: str, now: datetime) -> bool:
    """The recipient of a delivery leaves its stream; False where it has none. Once more changes nothing."""
    found = stream_of(session, delivery_id)
    if not found or not found[0]:
        return False
    stream, address = found
    if not has_left(session, stream, address):
        row = Unsubscribe(stream=stream, address=address, how=how, delivery_id=delivery_id, at=now)
        insert_missing(session, [row])
        data = {"address": address, "stream": stream, "how": how}
        add_event(session, "unsubscribe.added", now=now, delivery_id=delivery_id, data=data)
        stop_waiting(session, stream, address, now)
    return True


def come_back(session: Session, stream: str, address: str, now: datetime, user_id: str | None = None) -> bool:
    """Send a stream to an address again; False where it had not left."""
    where = (col(Unsubscribe.stream) == stream, col(Unsubscribe.address) == address.lower())
    gone = session.execute(delete(Unsubscribe).where(*where).returning(col(Unsubscribe.address))).first()
    if gone:
        data = {"address": address, "stream": stream}
        add_event(session, "unsubscribe.removed", now=now, user_id=user_id, data=data)
    return bool(gone)


def list_unsubscribes(session: Session, text: str = "", limit: int = 200) -> Sequence[Unsubscribe]:
    """Who has left which stream, newest first."""
    query = select(Unsubscribe).order_by(col(Unsubscribe.at).desc(), Unsubscribe.address).limit(limit)
    if text:
        query = query.where(col(Unsubscribe.address).contains(text.lower(), autoescape=True))
    return session.exec(query).all()


def stop_those_who_left(session: Session, stream: str, message_id: str, now: datetime) -> list[str]:
    """Suppress a new message's deliveries to those who left its stream; their ids."""
    gone = select(Unsubscribe.address).where(Unsubscribe.stream == stream)
    here = (col(Delivery.message_id) == message_id, func.lower(col(Delivery.recipient)).in_(gone))
    return stop_all(session, stream, and_(*here), now)


def stop_waiting(session: Session, stream: str, address: str, now: datetime) -> list[str]:
    """Suppress what waits of a stream for somebody who has just left it; what is being sent at this moment goes on."""
    mine = select(Message.id).join(Credential, col(Credential.id) == col(Message.credential_id))
    mine = mine.where(Credential.stream == stream)
    here = and_(func.lower(col(Delivery.recipient)) == address, col(Delivery.message_id).in_(mine))
    return stop_all(session, stream, here, now)


def stop_all(session: Session, stream: str, where: ColumnElement[bool], now: datetime) -> list[str]:
    """Suppress these deliveries as far as they wait."""
    text = f"Suppressed: the recipient unsubscribed from {stream}"
    waiting = col(Delivery.state).in_((DeliveryState.QUEUED, DeliveryState.DELAYED, DeliveryState.HELD))
    values = {"state": DeliveryState.SUPPRESSED, "text": text, "next_attempt_at": None, "fence": Delivery.fence + 1}
    changed = update(Delivery).where(where, waiting).values(**values, updated_at=now)
    returned = (col(Delivery.id), col(Delivery.recipient), col(Delivery.message_id))
    stopped = session.execute(changed.returning(*returned)).all()
    lines = [history(key, DeliveryState.SUPPRESSED, text, None, now, "unsubscribe") for key, *_ in stopped]
    insert_rows(session, lines)
    result = Result(DeliveryState.SUPPRESSED, Reply(None, None, text), "", "", None)
    for key, recipient, message_id in stopped:
        announce(session, key, message_id, recipient, result, now)
    return [key for key, *_ in stopped]
