"""Side conversations: what agents ask third people about a conversation, linked to it and hidden from its customer."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from gatepost.model import Conversation, SideConversation
from gatepost.store.conversations import add_participants, create_conversation, note_contact
from gatepost.store.events import add_event
from gatepost.store.rows import insert_row

OPENED = "conversation.side_opened"


def open_side(
    session: Session,
    side: Conversation,
    parent_id: str,
    people: Sequence[tuple[str, str]],
    user_id: str | None,
    now: datetime,
) -> Conversation:
    """A conversation with third people (address key, name), about another one; `side` has its id, subject, channel."""
    made = create_conversation(
        session,
        subject=side.subject,
        requester=people[0][0],
        channel_id=side.channel_id,
        now=now,
        conversation_id=side.id,
    )
    for key, name in people:
        note_contact(session, key, name, now)
    roles = ["requester", *["participant"] * len(people)]
    add_participants(session, made.id, [(key, name, role) for (key, name), role in zip(people, roles, strict=False)])
    insert_row(session, SideConversation(conversation_id=made.id, parent_id=parent_id, user_id=user_id, at=now))
    for one in (parent_id, made.id):
        data = {"number": made.number, "people": [key for key, _ in people]}
        add_event(session, OPENED, now=now, conversation_id=one, channel_id=side.channel_id, user_id=user_id, data=data)
    return made


def sides_of(session: Session, conversation_id: str) -> Sequence[Conversation]:
    """The side conversations about a conversation, the oldest first."""
    side = select(SideConversation.conversation_id).where(SideConversation.parent_id == conversation_id)
    query = select(Conversation).where(col(Conversation.id).in_(side))
    return session.exec(query.order_by(col(Conversation.number))).all()


def parent_of(session: Session, conversation_id: str) -> Conversation | None:
    """The conversation that a side conversation is about."""
    row = session.get(SideConversation, conversation_id)
    return session.get(Conversation, row.parent_id) if row else None


def belong_apart(session: Session, one_id: str, other_id: str) -> bool:
    """Whether one of them is a side conversation about the other: their people must not meet."""
    pair = (one_id, other_id)
    rows = session.exec(select(SideConversation).where(col(SideConversation.conversation_id).in_(pair))).all()
    about = {row.conversation_id: row.parent_id for row in rows}
    return about.get(one_id) == other_id or about.get(other_id) == one_id
