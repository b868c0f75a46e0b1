"""Ids that servers gave our mails instead of their own, so that answers and bounces find them."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from gatepost.model import Message, OtherId
from gatepost.store.rows import insert_missing
from gatepost.store.together import appear

MOST = 10


def keep_other_id(session: Session, header_id: str, message_id: str, source: str, now: datetime) -> None:
    """Lead an id to a message that went out, once; not to its own."""
    message = session.get(Message, message_id)
    if header_id and message and header_id != message.message_id:
        insert_missing(session, [OtherId(header_id=header_id, message_id=message_id, source=source, at=now)])
        appear(session, "sent", [header_id])


def messages_by_other_id(session: Session, header_id: str) -> Sequence[Message]:
    """The messages that went out under this id, oldest first; at most ten."""
    query = select(Message).join(OtherId, col(OtherId.message_id) == col(Message.id))
    return session.exec(query.where(OtherId.header_id == header_id).order_by(col(Message.at)).limit(MOST)).all()
