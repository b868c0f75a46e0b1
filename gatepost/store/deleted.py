"""Deleting conversations: into the view Deleted, and back from there by a person or by an answer of the customer."""

from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlmodel import Session, col

from gatepost.acts import Actor
from gatepost.model import Conversation
from gatepost.store.conversations import get_conversation
from gatepost.store.corrections import NotPossible
from gatepost.store.events import add_event
from gatepost.store.gone import gone
from gatepost.store.write_back import want_back, want_for_conversation
from gatepost.words import DELETED, PURGED

ANSWERED = "a new mail came for it"


def delete(session: Session, conversation_id: str, actor: Actor, now: datetime, *, spam: bool = False) -> bool:
    """Put a conversation into Deleted, where it waits; False where it is there already. Raises NotPossible."""
    row = get_conversation(session, conversation_id)
    if row is None or row.state == PURGED:
        raise NotPossible(gone(row) if row else "This conversation is not there any more")
    if row.merged_into:
        raise NotPossible(f"#{row.number} was merged into another conversation: delete that one")
    if row.state == DELETED:
        return False
    values = {"state": DELETED, "deleted_from": row.state, "deleted_at": now, "deleted_by": actor.name, "spam": spam}
    change(session, row, values)
    want_for_conversation(session, row.id, "spam" if spam else "trash", now)
    tell(session, "conversation.deleted", row, actor, now, "it is spam" if spam else "")
    return True


def restore(session: Session, conversation_id: str, actor: Actor, now: datetime, why: str = "") -> bool:
    """Bring a conversation back to where it was deleted from; False where it is not deleted. Raises NotPossible."""
    row = get_conversation(session, conversation_id)
    if row is None or row.state == PURGED:
        raise NotPossible(gone(row) if row else "This conversation is not there any more")
    if row.state != DELETED:
        return False
    state = row.deleted_from or "open"
    if not change(session, row, {"state": state, **NOT_DELETED}, DELETED):
        raise NotPossible("Somebody else has just restored this conversation, or deleted it for ever")
    want_back(session, row.id, "inbox" if state == "open" else "back", now)
    tell(session, "conversation.restored", row, actor, now, why)
    return True


def restore_by_answer(session: Session, row: Conversation, message_id: str, now: datetime) -> None:
    """Bring a deleted conversation back because a mail came that belongs there."""
    change(session, row, {"state": "open", **NOT_DELETED})
    want_back(session, row.id, "inbox", now)
    tell(session, "conversation.restored", row, Actor(""), now, ANSWERED, message_id)


NOT_DELETED: dict[str, Any] = {"deleted_from": "", "deleted_at": None, "deleted_by": "", "spam": False}


def change(session: Session, row: Conversation, values: dict[str, Any], only: str = "") -> bool:
    """Write values, `only` in this state: another process may just have changed it; whether it was."""
    mine = update(Conversation).where(col(Conversation.id) == row.id)
    mine = mine.where(col(Conversation.state) == only) if only else mine
    return bool(session.execute(mine.values(**values)).rowcount)  # type: ignore[attr-defined]


def tell(
    session: Session, kind: str, row: Conversation, actor: Actor, now: datetime, why: str, message_id: str | None = None
) -> None:
    """The event of an act on a conversation as a whole."""
    add_event(
        session,
        kind,
        now=now,
        conversation_id=row.id,
        message_id=message_id,
        channel_id=row.channel_id,
        user_id=actor.user_id,
        data={"number": row.number, "by": actor.name, "why": why},
    )
