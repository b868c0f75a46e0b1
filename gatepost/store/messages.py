"""Messages and their octets."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, bindparam, delete, update
from sqlalchemy import select as core_select
from sqlmodel import Session, and_, col, func, or_, select

from gatepost.blobs import Blobs, Content, ContentFile
from gatepost.ids import new_id
from gatepost.model import Conversation, Delivery, Idempotency, Message, Raw
from gatepost.store import foresight
from gatepost.store.other_ids import messages_by_other_id
from gatepost.store.rows import connection, insert_row, insert_values
from gatepost.store.together import appear, foresee, is_absent
from gatepost.words import DeliveryState

KEY_KEPT = timedelta(hours=24)
UNSENT = (DeliveryState.FAILED, DeliveryState.EXPIRED, DeliveryState.SUPPRESSED, DeliveryState.CANCELLED)
"""States of a delivery whose mail nobody has got, and nobody will."""
MESSAGES: Any = Message.__table__  # type: ignore[attr-defined]
OUTGOING = core_select(MESSAGES.c.digest, MESSAGES.c.id, MESSAGES.c.at).where(
    MESSAGES.c.direction == "out", MESSAGES.c.digest.in_(bindparam("digests", expanding=True))
)
OTHERS = MESSAGES.alias()
POSITION = (
    core_select(func.count())
    .select_from(MESSAGES)
    .join(
        OTHERS,
        or_(OTHERS.c.at < MESSAGES.c.at, and_(OTHERS.c.at == MESSAGES.c.at, OTHERS.c.id <= MESSAGES.c.id)),
    )
    .where(
        MESSAGES.c.id == bindparam("its_id"),
        or_(OTHERS.c.conversation_id == bindparam("conversation"), OTHERS.c.id == bindparam("origin")),
    )
)
INCOMING = core_select(MESSAGES.c.digest).where(
    MESSAGES.c.direction == "in", MESSAGES.c.digest.in_(bindparam("digests", expanding=True))
)
"""Built once, for they run with every mail."""


class RawLost(Exception):
    """A mail's octets are not where they were put."""


def put_raw(session: Session, raw_id: str, content: Content) -> None:
    """Store octets that `Blobs.keep` made durable."""
    insert_values(session, Raw, [{"id": raw_id, "data": content.data, "blob": content.blob, "size": content.size}])


def put_message(session: Session, message: Message, content: Content | None) -> None:
    """Store a message, and its octets under its own id when they are not stored already (`raw_id`)."""
    if content:
        message.raw_id = message.id
        put_raw(session, message.id, content)
    insert_row(session, message)
    if message.direction == "out":
        appear(session, "sent", [message.message_id])
    foresight.added(session, message)
    appear(session, "digest", [message.digest])


def raw_of(session: Session, raw_id: str, blobs: Blobs) -> bytes:
    """A mail's octets by the `raw_id` of its message or arrival. Raises RawLost."""
    content = open_raw(session, raw_id, blobs)
    try:
        return content if isinstance(content, bytes) else content.read()
    except OSError as error:
        raise RawLost(f"the content of {raw_id} cannot be read: {error}") from None


def open_raw(session: Session, raw_id: str, blobs: Blobs) -> bytes | ContentFile:
    """A mail's octets, or the file that they are in where they are many. Raises RawLost."""
    raw = session.get(Raw, raw_id)
    if raw is None:
        raise RawLost(f"the content of {raw_id} is not stored")
    if raw.data is not None:
        return raw.data
    if raw.purged_at is not None:
        raise RawLost(f"the content of {raw_id} was deleted for ever on {raw.purged_at:%Y-%m-%d}")
    try:
        return blobs.open(raw.blob or "")
    except (OSError, ValueError) as error:
        raise RawLost(f"the content of {raw_id} cannot be read: {error}") from None


def small_raws(session: Session, raw_ids: Sequence[str]) -> dict[str, bytes]:
    """The octets of those of these mails that are stored as a row."""
    rows = session.exec(select(Raw.id, Raw.data).where(col(Raw.id).in_(raw_ids), col(Raw.data).is_not(None))).all()
    return {raw_id: data for raw_id, data in rows if data is not None}


def get_message(session: Session, message_id: str) -> Message | None:
    """A message by its id."""
    return session.get(Message, message_id)


def message_by_digest(session: Session, direction: str, digest: str) -> Message | None:
    """The message with this identity."""
    if direction == "in" and is_absent(session, "digest", digest):
        return None
    return session.exec(select(Message).where(Message.direction == direction, Message.digest == digest)).first()


def foresee_digests(session: Session, digests: Sequence[str]) -> None:
    """Look up for a whole batch which of these inbound mails are new."""
    there = connection(session).execute(INCOMING, {"digests": list(digests)}).scalars()
    foresee(session, "digest", set(digests), set(there))


def outgoing_by_digest(session: Session, digests: Sequence[str], since: datetime) -> dict[str, str]:
    """By identity the ids of outgoing messages made since a time.

    Older ones give their identity up, and so do those that went to nobody and will not.
    """
    rows = connection(session).execute(OUTGOING, {"digests": list(digests)}).all()
    if not rows:
        return {}
    ids = [row[1] for row in rows]
    alive = set(session.exec(select(Delivery.message_id).where(col(Delivery.message_id).in_(ids), has_hope())).all())
    for row in rows:
        if row[2] < since or row[1] not in alive:
            give_up_digest(session, row[1])
    return {row[0]: row[1] for row in rows if row[2] >= since and row[1] in alive}


def has_hope() -> ColumnElement[bool]:
    """Whether a delivery's mail went out, or may yet."""
    return col(Delivery.state).not_in(UNSENT)


def give_up_digest(session: Session, message_id: str) -> None:
    """Let another message have this one's identity."""
    spent = Message.digest + ":" + Message.id
    session.execute(update(Message).where(col(Message.id) == message_id).values(digest=spent))


def messages_by_header_id(session: Session, header_id: str) -> Sequence[Message]:
    """Messages with this Message-ID (without brackets), oldest first; at most ten, for ids can be forged."""
    return session.exec(
        select(Message).where(Message.message_id == header_id).order_by(col(Message.at)).limit(10)
    ).all()


def sent_by_header_id(session: Session, header_id: str) -> Sequence[Message]:
    """As `messages_by_header_id`, of those that went out, also under an id that the next server gave them."""
    if is_absent(session, "sent", header_id):
        return []
    query = select(Message).where(Message.message_id == header_id, Message.direction == "out")
    found = session.exec(query.order_by(col(Message.at)).limit(10)).all()
    return found or messages_by_other_id(session, header_id)


def conversation_messages(session: Session, conversation: Conversation) -> Sequence[Message]:
    """A conversation's messages, oldest first, beginning with the relayed one that it answers."""
    where = or_(Message.conversation_id == conversation.id, Message.id == conversation.origin_id)
    return session.exec(select(Message).where(where).order_by(col(Message.at), Message.id)).all()


def position(session: Session, conversation: Conversation, message: Message) -> int:
    """Which message of a conversation it is, counted from 1."""
    return position_of(session, conversation, message.id)


def position_of(session: Session, conversation: Conversation, message_id: str) -> int:
    """Which message of a conversation this is, counted from 1; 0 for one that is not there."""
    mails = foresight.known(session, foresight.MAILS, conversation.id)
    if mails is not None and conversation.origin_id is None:
        return next((place for place, (_, key) in enumerate(mails, 1) if key == message_id), 0)
    its = {"its_id": message_id, "conversation": conversation.id, "origin": conversation.origin_id}
    return int(connection(session).execute(POSITION, its).scalar() or 0)


def key_used(session: Session, credential_id: str, key: str) -> Idempotency | None:
    """What a caller's idempotency key made before, within 24 h."""
    return session.get(Idempotency, (credential_id, key))


def keep_key(session: Session, credential_id: str, key: str, request_hash: str, message_id: str, now: datetime) -> None:
    """Remember a caller's key in the transaction of its message; forgets those older than 24 h."""
    session.execute(delete(Idempotency).where(col(Idempotency.at) < now - KEY_KEPT))
    row = Idempotency(credential_id=credential_id, key=key, request_hash=request_hash, message_id=message_id, at=now)
    insert_row(session, row)


def note_of(conversation: Conversation, user_id: str, name: str, text: str, now: datetime) -> Message:
    """An agent's note as a row; it is never sent."""
    note_id = new_id("msg")
    return Message(
        id=note_id,
        direction="note",
        digest=note_id,
        kind="note",
        message_id="",
        subject=conversation.subject,
        from_name=name,
        snippet=text[:200],
        at=now,
        size=len(text.encode()),
        conversation_id=conversation.id,
        channel_id=conversation.channel_id,
        user_id=user_id,
        trigger="note",
    )
