"""Who follows a conversation: who said so himself, and whom it is assigned to, unless he wants no mail of those."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import update
from sqlmodel import Session, col, select

from gatepost.model import Conversation, Follower, User


def follows(session: Session, user: User, conversation: Conversation) -> bool:
    """Whether a user follows a conversation: as he said himself, else as his setting says of assigned ones."""
    row = session.get(Follower, (user.id, conversation.id), populate_existing=True)
    if row:
        return row.following
    return user.follows_assigned and conversation.assignee_id == user.id


def follow(session: Session, user_id: str, conversation_id: str, following: bool, now: datetime) -> None:
    """Follow a conversation from now on, or no more."""
    row = session.get(Follower, (user_id, conversation_id)) or Follower(
        user_id=user_id, conversation_id=conversation_id, at=now
    )
    row.following, row.at = following, now
    session.add(row)
    session.flush()


def followers(session: Session, conversation: Conversation) -> Sequence[User]:
    """Who follows a conversation and is not switched off."""
    rows = session.exec(
        select(User, Follower)
        .join(Follower, col(Follower.user_id) == col(User.id))
        .where(Follower.conversation_id == conversation.id, col(User.disabled_at).is_(None))
        .order_by(User.id)
    ).all()
    said = {user.id: row.following for user, row in rows}
    found = [user for user, row in rows if row.following]
    assignee = session.get(User, conversation.assignee_id) if conversation.assignee_id else None
    if assignee and assignee.id not in said and assignee.follows_assigned and not assignee.disabled_at:
        found.append(assignee)
    return found


def set_follows_assigned(session: Session, user_id: str, follows_assigned: bool) -> None:
    """Whether a user gets the mail of conversations that are assigned to him."""
    session.execute(update(User).where(col(User.id) == user_id).values(follows_assigned=follows_assigned))
