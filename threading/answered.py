"""The text of the mail that an inbound one answers, by which its quotes are known: only we have it."""

from sqlmodel import Session

from gatepost.blobs import Blobs
from gatepost.child import JobFailed
from gatepost.mail import headers_of
from gatepost.mail_header import first
from gatepost.message_ids import extract_ids
from gatepost.model import Message
from gatepost.store.conversations import get_conversation
from gatepost.store.messages import RawLost, messages_by_header_id, raw_of
from gatepost.threading.reading import parse_safely

TEXT_LIMIT = 200_000
PARENT_SIZE = 128 * 1024
MOST_PARENTS = 5


def parent_text(session: Session, message: Message, raw: bytes, blobs: Blobs) -> str | None:
    """The text of the mail that an inbound one answers, by which its quotes are known, whatever marks them.

    Only of its own conversation, and not of a large one; None where that is not known.
    """
    conversation = get_conversation(session, message.conversation_id or "") if message.direction == "in" else None
    if conversation is None:
        return None
    fields = headers_of(raw)
    direct, chain = (extract_ids(first(fields, name) or "") for name in ("in-reply-to", "references"))
    ids = [*direct, *reversed(chain)]
    for header_id in dict.fromkeys(ids[:MOST_PARENTS]):
        for parent in messages_by_header_id(session, header_id):
            here = parent.conversation_id == conversation.id or parent.id == conversation.origin_id
            if here and parent.id != message.id and parent.size <= PARENT_SIZE:
                return text_of_mail(session, parent, blobs)
    return None


def text_of_mail(session: Session, message: Message, blobs: Blobs) -> str | None:
    """The plain text of a stored mail; None where storage lost it, or it cannot be read."""
    try:
        return parse_safely(raw_of(session, message.raw_id, blobs)).text[:TEXT_LIMIT]
    except (RawLost, JobFailed):
        return None
