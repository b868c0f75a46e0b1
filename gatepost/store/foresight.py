"""What placing a batch of mails asks about ids and conversations, looked up at once and kept up with what is written.

It holds inside `together` only; what was not foreseen, or is too much to be held, is asked of the database as ever.
"""

from bisect import insort
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam
from sqlalchemy.orm.attributes import set_committed_value
from sqlmodel import Session, col, select

from gatepost.model import Conversation, ConversationChannel, KnownId, Message, OtherId, Participant
from gatepost.store.rows import connection, made
from gatepost.store.together import Together, foresee, together_in

MOST_ROWS = 5000
LEADS, CONVERSATION, PEOPLE, MAILS, SHOWN = "leads", "conversation", "participants", "mails", "shown"
IDS: Any = KnownId.__table__  # type: ignore[attr-defined]
MESSAGES: Any = Message.__table__  # type: ignore[attr-defined]
SHOWN_IN: Any = ConversationChannel.__table__  # type: ignore[attr-defined]
SOME: Any = bindparam("keys", expanding=True)
LEADING = (
    IDS.select().where(IDS.c.message_id.in_(SOME)).order_by(IDS.c.message_id, IDS.c.conversation_id).limit(MOST_ROWS)
)
SENT = MESSAGES.select().with_only_columns(MESSAGES.c.message_id)
SENT = SENT.where(MESSAGES.c.message_id.in_(SOME), MESSAGES.c.direction == "out").distinct()
OTHER = select(OtherId.header_id).where(col(OtherId.header_id).in_(SOME))
MAILS_OF = MESSAGES.select().with_only_columns(MESSAGES.c.conversation_id, MESSAGES.c.at, MESSAGES.c.id)
MAILS_OF = MAILS_OF.where(MESSAGES.c.conversation_id.in_(SOME)).limit(MOST_ROWS)
SHOWN_OF = SHOWN_IN.select().where(SHOWN_IN.c.conversation_id.in_(SOME)).limit(MOST_ROWS)


def foresee_ids(session: Session, header_ids: Iterable[str]) -> None:
    """Look up where these ids lead, and everything that is asked about the conversations there."""
    batch = together_in(session)
    asked = {key for key in header_ids if key}
    if batch is None or not asked:
        return
    keys = {"keys": list(asked)}
    sent = {key for query in (SENT, OTHER) for key in connection(session).execute(query, keys).scalars()}
    foresee(session, "sent", asked, sent)
    rows = connection(session).execute(LEADING, keys).all()
    if len(rows) >= MOST_ROWS:
        return
    for key in asked:
        batch.known[LEADS, key] = []
    for row in rows:
        lead = made(KnownId, message_id=row.message_id, conversation_id=row.conversation_id, message_pk=row.message_pk)
        batch.known[LEADS, row.message_id].append(lead)
    foresee_conversations(session, batch, {row.conversation_id for row in rows})


def foresee_conversations(session: Session, batch: Together, ids: set[str]) -> None:
    """Look up conversations, who takes part, which mails they hold, and where they are shown too."""
    if not ids or len(ids) > MOST_ROWS:
        return
    keys = {"keys": list(ids)}
    found = session.exec(
        select(Conversation).where(col(Conversation.id).in_(ids)).execution_options(populate_existing=True)
    )
    for conversation in found:
        batch.known[CONVERSATION, conversation.id] = conversation
    people = session.exec(select(Participant).where(col(Participant.conversation_id).in_(ids)).limit(MOST_ROWS)).all()
    keep(batch, PEOPLE, ids, [(one.conversation_id, one) for one in people])
    mails = connection(session).execute(MAILS_OF, keys).all()
    keep(batch, MAILS, ids, [(row[0], (row[1], row[2])) for row in mails])
    shown = connection(session).execute(SHOWN_OF, keys).all()
    keep(batch, SHOWN, ids, [(row.conversation_id, row.channel_id) for row in shown])
    for conversation_id in ids:
        batch.known.get((MAILS, conversation_id), []).sort()


def keep(batch: Together, kind: str, ids: Iterable[str], pairs: Sequence[tuple[str, Any]]) -> None:
    """Keep what was found for each conversation, unless it may not be all."""
    if len(pairs) >= MOST_ROWS:
        return
    found: Mapping[str, list[Any]] = defaultdict(list)
    for conversation_id, value in pairs:
        found[conversation_id].append(value)
    for conversation_id in ids:
        batch.known[kind, conversation_id] = found[conversation_id]


def begin(session: Session, conversation: Conversation) -> None:
    """A conversation that is made in this batch: nothing else is there of it yet."""
    batch = together_in(session)
    if batch is not None:
        batch.known[CONVERSATION, conversation.id] = conversation
        keep(batch, PEOPLE, [conversation.id], ())
        keep(batch, MAILS, [conversation.id], ())
        keep(batch, SHOWN, [conversation.id], ())


def known(session: Session, kind: str, key: str) -> Any:
    """What is held of this kind, or None where the database has to be asked."""
    batch = together_in(session)
    return None if batch is None else batch.known.get((kind, key))


def leads_of(session: Session, header_ids: Sequence[str], sender: str) -> list[KnownId] | None:
    """Where ids lead, in the order of `known_ids`; None where the database has to be asked."""
    batch = together_in(session)
    if batch is None:
        return None
    rows: list[tuple[tuple[bool, bool, int, str], KnownId]] = []
    for key in header_ids:
        leads = batch.known.get((LEADS, key))
        if leads is None:
            return None
        for row in leads:
            conversation = batch.known.get((CONVERSATION, row.conversation_id))
            people = batch.known.get((PEOPLE, row.conversation_id))
            if conversation is None or people is None:
                return None
            apart = not any(one.address == sender for one in people)
            rows.append(((apart, row.message_pk is None, conversation.number, row.message_id), row))
    return [row for _, row in sorted(rows, key=lambda pair: pair[0])]


def led(session: Session, conversation_id: str, ids: Mapping[str, str | None], own: str) -> None:
    """Keep up with `know_ids`."""
    for key, message_pk in ids.items():
        leads = known(session, LEADS, key)
        if leads is None:
            continue
        there = next((row for row in leads if row.conversation_id == conversation_id), None)
        if there is None:
            leads.append(made(KnownId, message_id=key, conversation_id=conversation_id, message_pk=message_pk))
        elif key == own and not there.message_pk:
            there.message_pk = message_pk


def joined(session: Session, people: Iterable[Mapping[str, str]]) -> None:
    """Keep up with `add_participants`."""
    for values in people:
        there = known(session, PEOPLE, values["conversation_id"])
        if there is not None and all(one.address != values["address"] for one in there):
            there.append(made(Participant, **values))


def touched(session: Session, conversation_id: str, snippet: str, now: datetime, reopen: bool) -> None:
    """Keep up with `touch`: what the database will make of it."""
    conversation = known(session, CONVERSATION, conversation_id)
    if conversation is None:
        return
    changed: dict[str, Any] = {"messages": conversation.messages + 1}
    if snippet and conversation.updated_at <= now:
        changed["snippet"] = snippet
    changed["updated_at"] = max(conversation.updated_at, now)
    if reopen:
        changed["state"] = "open"
    for name, value in changed.items():
        set_committed_value(conversation, name, value)


def added(session: Session, message: Message) -> None:
    """Keep up with `put_message`."""
    mails = known(session, MAILS, message.conversation_id or "")
    if mails is not None:
        insort(mails, (message.at, message.id))
