"""What puts a conversation aside or marks it: snoozing and tags."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import update
from sqlmodel import Session, col, func, select

from gatepost.model import Conversation
from gatepost.store.conversations import set_state
from gatepost.store.events import add_event
from gatepost.words import DELETED

MOST_TAGS = 50


def snooze(session: Session, conversation: Conversation, until: datetime, user_id: str | None, now: datetime) -> None:
    """Close a conversation until a time."""
    set_state(session, conversation, "closed", user_id, now)
    mine = update(Conversation).where(col(Conversation.id) == conversation.id)
    session.execute(mine.values(snoozed_until=until))


def next_to_wake(session: Session) -> datetime | None:
    """When the next of what is snoozed is to be opened; None where nothing is snoozed."""
    query = select(func.min(Conversation.snoozed_until)).where(col(Conversation.snoozed_until).is_not(None))
    return session.exec(query).one()


def wake_snoozed(session: Session, now: datetime, limit: int = 100) -> int:
    """Open what was snoozed until now; how many there were. What was opened before is left as it is; what was deleted
    is open once it is restored.
    """
    due = select(Conversation).where(col(Conversation.snoozed_until) <= now).limit(limit)
    rows = session.exec(due).all()
    for row in rows:
        if row.state == "closed":
            set_state(session, row, "open", None, now)
        from_ = "open" if row.state == DELETED else row.deleted_from
        mine = update(Conversation).where(col(Conversation.id) == row.id)
        session.execute(mine.values(snoozed_until=None, deleted_from=from_))
    return len(rows)


def add_tags(
    session: Session, conversation: Conversation, tags: Sequence[str], user_id: str | None, now: datetime
) -> None:
    """Add tags that are not there yet."""
    held = list(session.exec(select(Conversation.tags).where(Conversation.id == conversation.id)).one())
    kept = list(dict.fromkeys([*held, *tags]))[:MOST_TAGS]
    session.execute(update(Conversation).where(col(Conversation.id) == conversation.id).values(tags=kept))
    add_event(
        session,
        "conversation.updated",
        now=now,
        conversation_id=conversation.id,
        channel_id=conversation.channel_id,
        user_id=user_id,
        data={"tags": " ".join(tags)},
    )
