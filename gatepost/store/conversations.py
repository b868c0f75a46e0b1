"""Conversations: who takes part, which ids lead to them, and what agents do with them."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, String, and_, bindparam, case, or_, update
from sqlmodel import Session, col, select

from gatepost.blobs import Content
from gatepost.ids import new_id
from gatepost.model import Contact, Conversation, Counter, KnownId, Message, Participant, Seen, User
from gatepost.model_base import UTCDateTime
from gatepost.store import foresight
from gatepost.store.events import add_event
from gatepost.store.messages import note_of, put_message
from gatepost.store.rows import connection, insert_missing_values, insert_row, made, update_values
from gatepost.store.together import remembered, together_in
from gatepost.store.write_back import want_for_conversation

STATES = ("open", "closed")
CONTACTS: Any = Contact.__table__  # type: ignore[attr-defined]
CONVERSATIONS: Any = Conversation.__table__  # type: ignore[attr-defined]
COUNTERS: Any = Counter.__table__  # type: ignore[attr-defined]
IDS: Any = KnownId.__table__  # type: ignore[attr-defined]
COUNTER = COUNTERS.c.name == bindparam("its_name")
NEXT_NUMBER = update(COUNTERS).where(COUNTER).values(value=COUNTERS.c.value + 1).returning(COUNTERS.c.value)
SET_NUMBER = update(COUNTERS).where(COUNTER).values(value=bindparam("reached"))
NAME_CONTACT = (
    update(CONTACTS)
    .where(CONTACTS.c.address == bindparam("key"), CONTACTS.c.name == "")
    .values(name=bindparam("named"))
)
SEE_ID = (
    update(IDS)
    .where(
        IDS.c.message_id == bindparam("key"),
        IDS.c.conversation_id == bindparam("leads_to"),
        or_(IDS.c.message_pk.is_(None), IDS.c.message_pk == ""),
    )
    .values(message_pk=bindparam("seen"))
)
NOW = bindparam("now", type_=UTCDateTime)
BEGINS = bindparam("begins", type_=String)
SINCE = CONVERSATIONS.c.updated_at
TOUCH = (
    update(CONVERSATIONS)
    .where(CONVERSATIONS.c.id == bindparam("its_id"))
    .values(
        messages=CONVERSATIONS.c.messages + 1,
        updated_at=case((SINCE < NOW, NOW), else_=SINCE),
        snippet=case((and_(BEGINS != "", SINCE <= NOW), BEGINS), else_=CONVERSATIONS.c.snippet),
        state=case((bindparam("reopens", type_=Boolean), "open"), else_=CONVERSATIONS.c.state),
    )
)
"""Built once: building them for every mail costs more than running them."""
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
    inlet: str = "",
    conversation_id: str = "",
) -> Conversation:
    """A new conversation with the next running number; `inlet` is by which way its first mail came.

    `conversation_id` is its id where that was chosen before.
    """
    conversation = made(
        Conversation,
        id=conversation_id or new_id("con"),
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
    foresight.begin(session, conversation)
    add_event(
        session,
        "conversation.created",
        now=now,
        conversation_id=conversation.id,
        channel_id=channel_id,
        data={"number": conversation.number, **({"inlet": inlet} if inlet else {})},
    )
    return conversation


def next_number(session: Session, name: str) -> int:
    """The next value of a running number; the row's lock orders concurrent callers."""
    batch = together_in(session)
    if batch and name in batch.numbers:  # the lock is ours until the commit
        batch.numbers[name] += 1
        update_values(session, SET_NUMBER, {"its_name": name, "reached": batch.numbers[name]})
        return batch.numbers[name]
    value = connection(session).execute(NEXT_NUMBER, {"its_name": name}).scalar()
    if value is None:
        insert_missing_values(session, Counter, [{"name": name, "value": 0}])
        value = connection(session).execute(NEXT_NUMBER, {"its_name": name}).scalar_one()
    if batch:
        batch.numbers[name] = int(value)
    return int(value)


def get_conversation(session: Session, conversation_id: str) -> Conversation | None:
    """A conversation by its id, read anew."""
    return remembered(
        session,
        (foresight.CONVERSATION, conversation_id),
        lambda: session.get(Conversation, conversation_id, populate_existing=True),
    )


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
    rows = foresight.known(session, foresight.PEOPLE, conversation_id)
    if rows is None:
        rows = session.exec(select(Participant).where(Participant.conversation_id == conversation_id)).all()
    return sorted(rows, key=lambda row: (row.role != "requester", row.address))


def add_participants(session: Session, conversation_id: str, people: Iterable[tuple[str, str, str]]) -> None:
    """Add people as (address key, name, role); who is there already keeps role and name."""
    found: dict[str, dict[str, str]] = {}
    for address, name, role in people:
        row = {"conversation_id": conversation_id, "address": address, "name": name, "role": role}
        found.setdefault(address, row)
    foresight.joined(session, found.values())
    insert_missing_values(session, Participant, [found[address] for address in sorted(found)])


def keep_contact(session: Session, address: str, name: str, now: datetime) -> Contact:
    """The contact with this address key, made or given a name if it had none."""
    note_contact(session, address, name, now)
    query = select(Contact).where(Contact.address == address).execution_options(populate_existing=True)
    return session.exec(query).one()


def note_contact(session: Session, address: str, name: str, now: datetime) -> None:
    """As `keep_contact`, for who does not need it."""
    row = {"id": new_id("ctc"), "address": address, "name": name, "same_as": None, "created_at": now}
    insert_missing_values(session, Contact, [row])
    if name:
        update_values(session, NAME_CONTACT, {"key": address, "named": name})


def know_ids(session: Session, conversation_id: str, message_pk: str, own: str, referenced: Iterable[str]) -> None:
    """Lead a message's id, and the ids it references (ghosts), to its conversation; at most 100 of them.

    Written in one order by everybody, so that two processes wait for each other instead of in a circle.
    """
    wanted: dict[str, str | None] = dict.fromkeys(list(referenced)[:IDS_KEPT])
    if own:
        wanted[own] = message_pk
    rows = [
        {"message_id": key, "conversation_id": conversation_id, "message_pk": wanted[key]} for key in sorted(wanted)
    ]
    insert_missing_values(session, KnownId, rows)
    foresight.led(session, conversation_id, wanted, own)
    if own:
        update_values(session, SEE_ID, {"key": own, "leads_to": conversation_id, "seen": message_pk})


def known_ids(session: Session, header_ids: Sequence[str], sender: str) -> Sequence[KnownId]:
    """Where ids lead: first to conversations the sender takes part in, then where the mail was seen, the oldest first.

    At most 50, for anybody may write mails that reference an id.
    """
    header_ids = [key for key in header_ids[:IDS_KEPT] if key]
    foreseen = foresight.leads_of(session, header_ids, sender)
    if foreseen is not None:
        return foreseen[:MOST_LED]
    takes_part = and_(
        col(Participant.conversation_id) == col(KnownId.conversation_id), col(Participant.address) == sender
    )
    return session.exec(
        select(KnownId)
        .join(Conversation, col(Conversation.id) == col(KnownId.conversation_id))
        .outerjoin(Participant, takes_part)
        .where(col(KnownId.message_id).in_(header_ids))
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
    values = {"its_id": conversation_id, "now": now, "begins": snippet, "reopens": reopen}
    foresight.touched(session, conversation_id, snippet, now, reopen)
    update_values(session, TOUCH, values)


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
    want_for_conversation(session, conversation.id, "archive" if state == "closed" else "inbox", now)
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
    want_for_conversation(session, conversation_id, "read", now)
