"""Conversations: who takes part, which ids lead to them, and what agents do with them."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, case, or_, update
from sqlmodel import Session, col, select

from gatepost.blobs import Content
from gatepost.ids import new_id
from gatepost.model import Contact, Conversation, Counter, KnownId, Message, Participant, Seen, User
from gatepost.store.events import add_event
from gatepost.store.messages import note_of, put_message
from gatepost.store.rows import insert_missing, insert_row

STATES = ("open", "closed")
IDS_KEPT = 100
MOST_LED = 50


def create_conversation(
    session: Session,
    *,
    subject: str,
    requester: str,
    channel_id: str | None,
    now: datetime,
    credential_id: str | None = None,
    origin_id: str | None = None,
    claims_id: str | None = None,
) -> Conversation:
    """A new conversation with the next running number."""
    conversation = Conversation(
        id=new_id("con"),
        number=next_number(session, "conversation"),
        subject=subject,
        channel_id=channel_id,
        credential_id=credential_id,
        requester=requester,
        origin_id=origin_id,
        claims_id=claims_id,
        created_at=now,
        updated_at=now,
    )
    insert_row(session, conversation)
    add_event(
        session,
        "conversation.created",
        now=now,
        conversation_id=conversation.id,
        channel_id=channel_id,
        data={"number": conversation.number},
    )
    return conversation


def next_number(session: Session, name: str) -> int:
    """The next value of a running number; the row's lock orders concurrent callers."""
    step = (
        update(Counter).where(col(Counter.name) == name).values(value=Counter.value + 1).returning(col(Counter.value))
    )
    value = session.execute(step).scalar()
    if value is None:
        insert_missing(session, [Counter(name=name, value=0)])
        value = session.execute(step).scalar_one()
    return int(value)


def get_conversation(session: Session, conversation_id: str) -> Conversation | None:
    """A conversation by its id, read anew."""
    return session.get(Conversation, conversation_id, populate_existing=True)


def by_number(session: Session, number: int) -> Conversation | None:
    """A conversation by its running number."""
    return session.exec(select(Conversation).where(Conversation.number == number)).first()


def answering(session: Session, origin_id: str, sender: str = "") -> Sequence[Conversation]:
    """The conversations that answer a relayed message: first the sender's, then the oldest; at most 50."""
    takes_part = and_(col(Participant.conversation_id) == col(Conversation.id), col(Participant.address) == sender)
    return session.exec(
        select(Conversation)
        .outerjoin(Participant, takes_part)
        .where(Conversation.origin_id == origin_id)
        .order_by(col(Participant.address).is_(None), col(Conversation.number))
        .limit(MOST_LED)
    ).all()


def participants(session: Session, conversation_id: str) -> Sequence[Participant]:
    """Who takes part, the requester first."""
    rows = session.exec(select(Participant).where(Participant.conversation_id == conversation_id)).all()
    return sorted(rows, key=lambda row: (row.role != "requester", row.address))


def add_participants(session: Session, conversation_id: str, people: Iterable[tuple[str, str, str]]) -> None:
    """Add people as (address key, name, role); who is there already keeps role and name."""
    found: dict[str, Participant] = {}
    for address, name, role in people:
        row = Participant(conversation_id=conversation_id, address=address, name=name, role=role)
        found.setdefault(address, row)
    insert_missing(session, [found[address] for address in sorted(found)])


def keep_contact(session: Session, address: str, name: str, now: datetime) -> Contact:
    """The contact with this address key, made or given a name if it had none."""
    insert_missing(session, [Contact(id=new_id("ctc"), address=address, name=name, created_at=now)])
    if name:
        unnamed = (col(Contact.address) == address, col(Contact.name) == "")
        session.execute(update(Contact).where(*unnamed).values(name=name))
    query = select(Contact).where(Contact.address == address).execution_options(populate_existing=True)
    return session.exec(query).one()


def know_ids(session: Session, conversation_id: str, message_pk: str, own: str, referenced: Iterable[str]) -> None:
    """Lead a message's id, and the ids it references (ghosts), to its conversation; at most 100 of them.

    Written in one order by everybody, so that two processes wait for each other instead of in a circle.
    """
    wanted: dict[str, str | None] = dict.fromkeys(list(referenced)[:IDS_KEPT])
    if own:
        wanted[own] = message_pk
    rows = [KnownId(message_id=key, conversation_id=conversation_id, message_pk=wanted[key]) for key in sorted(wanted)]
    insert_missing(session, rows)
    if own:
        mine = (col(KnownId.message_id) == own, col(KnownId.conversation_id) == conversation_id)
        ghost = or_(col(KnownId.message_pk).is_(None), col(KnownId.message_pk) == "")
        session.execute(update(KnownId).where(*mine, ghost).values(message_pk=message_pk))


def known_ids(session: Session, header_ids: Sequence[str], sender: str) -> Sequence[KnownId]:
    """Where ids lead: first to conversations the sender takes part in, then where the mail was seen, the oldest first.

    At most 50, for anybody may write mails that reference an id.
    """
    takes_part = and_(
        col(Participant.conversation_id) == col(KnownId.conversation_id), col(Participant.address) == sender
    )
    return session.exec(
        select(KnownId)
        .join(Conversation, col(Conversation.id) == col(KnownId.conversation_id))
        .outerjoin(Participant, takes_part)
        .where(col(KnownId.message_id).in_(header_ids[:IDS_KEPT]))
        .order_by(
            col(Participant.address).is_(None),
            col(KnownId.message_pk).is_(None),
            col(Conversation.number),
            KnownId.message_id,
        )
        .limit(MOST_LED)
    ).all()


def touch(session: Session, conversation_id: str, snippet: str, now: datetime, *, reopen: bool) -> None:
    """Count one more message, show its beginning in the list, and open the conversation again where asked."""
    later = case((col(Conversation.updated_at) < now, now), else_=col(Conversation.updated_at))
    values: dict[str, Any] = {"messages": Conversation.messages + 1, "updated_at": later}
    if snippet:
        newest = case((col(Conversation.updated_at) <= now, snippet), else_=col(Conversation.snippet))
        values["snippet"] = newest
    if reopen:
        values["state"] = "open"
    session.execute(update(Conversation).where(col(Conversation.id) == conversation_id).values(values))


def add_note(session: Session, conversation: Conversation, user: User, text: str, now: datetime) -> Message:
    """Keep an agent's note; only agents see it. Its text is its raw content."""
    note = note_of(conversation, user.id, user.name, text, now)
    data = text.encode()
    put_message(session, note, Content(data, None, len(data)))
    touch(session, conversation.id, "", now, reopen=False)
    add_event(
        session,
        "note.added",
        now=now,
        conversation_id=conversation.id,
        message_id=note.id,
        channel_id=conversation.channel_id,
        user_id=user.id,
    )
    return note


def set_state(session: Session, conversation: Conversation, state: str, user_id: str | None, now: datetime) -> None:
    """Open or close a conversation. Raises ValueError for another word."""
    if state not in STATES:
        raise ValueError(f"a conversation is {' or '.join(STATES)}")
    session.execute(update(Conversation).where(col(Conversation.id) == conversation.id).values(state=state))
    kind = "conversation.closed" if state == "closed" else "conversation.opened"
    add_event(
        session, kind, now=now, conversation_id=conversation.id, channel_id=conversation.channel_id, user_id=user_id
    )


def assign(
    session: Session, conversation: Conversation, assignee: User | None, user_id: str | None, now: datetime
) -> None:
    """Give a conversation to an agent, or to nobody."""
    assignee_id = assignee.id if assignee else None
    session.execute(update(Conversation).where(col(Conversation.id) == conversation.id).values(assignee_id=assignee_id))
    add_event(
        session,
        "conversation.assigned",
        now=now,
        conversation_id=conversation.id,
        channel_id=conversation.channel_id,
        user_id=user_id,
        data={"assignee": assignee.name if assignee else ""},
    )


def mark_seen(session: Session, conversation_id: str, user_id: str, now: datetime) -> None:
    """A user has read everything up to now."""
    row = session.get(Seen, (user_id, conversation_id)) or Seen(
        user_id=user_id, conversation_id=conversation_id, at=now
    )
    row.at = now
    session.add(row)
    session.flush()
