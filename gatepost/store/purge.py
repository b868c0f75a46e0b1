"""Deleting for ever: what mail said goes, and what the truth needs stays: deliveries, events, places, Message-IDs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, exists, union, update
from sqlalchemy.orm import aliased
from sqlmodel import Session, and_, col, func, or_, select

from gatepost.acts import Actor
from gatepost.amount import amount
from gatepost.model import (
    AgentCopy,
    AgentMail,
    Arrival,
    AutomaticMail,
    Conversation,
    Delivery,
    Event,
    Message,
    Participant,
    Raw,
)
from gatepost.store.conversations import get_conversation
from gatepost.store.corrections import NotPossible
from gatepost.store.events import add_event
from gatepost.store.gone import gone
from gatepost.words import DELETED, PURGED, WAITING, DeliveryState, Outcome

UNDER_WAY = (*WAITING, DeliveryState.HELD)
"""States of deliveries that may still need what their mail says."""
MOST_HELD = 1000
NOTHING: dict[str, Any] = {"subject": "", "snippet": "", "tags": []}
BY_TIME = Actor("the time that deleted conversations are kept")


@dataclass(frozen=True, slots=True)
class Contents:
    """What deleting for ever takes: so much of each; `waiting` mails by the number of the conversation that they hold
    back, because they are not sent yet.
    """

    conversations: int
    mails: int
    attachments: int
    waiting: dict[int, int]

    def __str__(self) -> str:
        parts = (("conversation", self.conversations), ("mail", self.mails), ("attachment", self.attachments))
        return ", ".join(amount(number, name) for name, number in parts)


def mails_of(conversation_ids: Sequence[str]) -> ColumnElement[bool]:
    """The mails that tell what was said in a conversation and those merged into it: its own, what agents got and wrote
    by mail, also where that was before a mail was moved here, what was sent by itself, and reports about them.
    """
    own = select(Message.id).where(col(Message.conversation_id).in_(conversation_ids))
    here = select(AgentCopy.message_id).where(col(AgentCopy.conversation_id).in_(conversation_ids))
    moved = select(AgentCopy.message_id).where(col(AgentCopy.answers_id).in_(own))
    copies = union(here, moved)  # an OR would walk all of them
    answers = select(AgentMail.message_id).where(col(AgentMail.copy_id).in_(copies))
    automatic = select(AutomaticMail.message_id).where(col(AutomaticMail.conversation_id).in_(conversation_ids))
    about: Any = Event.__table__  # type: ignore[attr-defined]
    told = and_(about.c.kind == "report.received", about.c.message_id.in_(own))
    reports: Any = select(about.c.data["report"].as_string()).where(told)
    return col(Message.id).in_(union(own, here, moved, answers, automatic, reports))


def waiting_in(session: Session, conversation_id: str) -> int:
    """How many mails of a conversation are not sent yet to everybody."""
    ids = select(Message.id).where(mails_of([conversation_id, *merged_into(session, conversation_id)]))
    under_way = (col(Delivery.message_id).in_(ids), col(Delivery.state).in_(UNDER_WAY))
    return session.exec(select(func.count(func.distinct(col(Delivery.message_id)))).where(*under_way)).one()


def contents(session: Session, conversation_ids: Sequence[str]) -> Contents:
    """What would go, and what holds it back, of those of these conversations that are in Deleted."""
    mails = attachments = 0
    waiting: dict[int, int] = {}
    rows = session.exec(
        select(Conversation).where(col(Conversation.id).in_(conversation_ids), Conversation.state == DELETED)
    ).all()
    for row in rows:
        sums = select(func.count(), func.coalesce(func.sum(col(Message.attachments)), 0))
        held = session.exec(sums.where(Message.conversation_id == row.id)).one()
        mails, attachments = mails + held[0], attachments + int(held[1])
        if count := waiting_in(session, row.id):
            waiting[row.number] = count
    return Contents(len(rows), mails, attachments, waiting)


def due_to_purge(session: Session, before: datetime, limit: int) -> Sequence[str]:
    """Conversations that were deleted before a time and that nothing holds back, the oldest first."""
    where = (Conversation.state == DELETED, col(Conversation.deleted_at) <= before)
    query = select(Conversation.id).where(*where).order_by(col(Conversation.deleted_at), col(Conversation.id))
    free = (key for key in session.exec(query.limit(MOST_HELD)).all() if not waiting_in(session, key))
    return list(islice(free, limit))


def purge(session: Session, conversation_id: str, actor: Actor, now: datetime) -> Contents:
    """Delete a conversation that is in Deleted for ever. Raises NotPossible."""
    values = {"state": PURGED, "purged_at": now, **NOTHING}
    mine = (col(Conversation.id) == conversation_id, col(Conversation.state) == DELETED)
    held = contents(session, [conversation_id])
    done = session.execute(update(Conversation).where(*mine).values(**values))  # first: whoever restores it waits
    row = get_conversation(session, conversation_id)
    if row is None or not done.rowcount:  # type: ignore[attr-defined]
        raise NotPossible("Only what is in Deleted can be deleted for ever; delete it first")
    if count := waiting_in(session, row.id):
        mails = amount(count, "mail")
        raise NotPossible(f"#{row.number} holds {mails} not sent to everybody yet: wait, or cancel what is queued")
    merged = merged_into(session, row.id)
    values |= {"deleted_at": row.deleted_at, "deleted_by": row.deleted_by}
    session.execute(update(Conversation).where(col(Conversation.id).in_(merged)).values(**values))
    people = col(Participant.conversation_id).in_([row.id, *merged])
    session.execute(update(Participant).where(people).values(name=""))
    empty_mails(session, row, merged, now)
    add_event(
        session,
        "conversation.purged",
        now=now,
        conversation_id=row.id,
        channel_id=row.channel_id,
        user_id=actor.user_id,
        data={"number": row.number, "by": actor.name, "mails": held.mails, "attachments": held.attachments},
    )
    return held


def merged_into(session: Session, conversation_id: str) -> list[str]:
    """The conversations that went into this one, and into those."""
    found: list[str] = []
    wave = [conversation_id]
    while wave:
        wave = list(session.exec(select(Conversation.id).where(col(Conversation.merged_into).in_(wave))))
        wave = [key for key in wave if key not in found and key != conversation_id]
        found += wave
    return found


def empty_mails(session: Session, row: Conversation, merged: Sequence[str], now: datetime) -> None:
    """Take what the mails of a conversation say; who wrote to whom and when, ids and sizes stay."""
    mine, why = mails_of([row.id, *merged]), f"{gone(row)}; what it said is gone"
    ids = select(Message.id).where(mine)
    values = {"subject": "", "snippet": "", "from_name": "", "recipients_shown": [], "purged_at": now}
    reasons = [{"result": "deleted", "text": why}]
    mails = session.execute(select(Message.id).where(mine)).scalars().all()
    for start in range(0, len(mails), 500):
        some = col(Message.id).in_(mails[start : start + 500])
        session.execute(update(Message).where(some).values(**values, why=reasons))
    own = select(Message.raw_id).where(mine, Message.raw_id != "")
    came = select(Arrival.raw_id).where(col(Arrival.message_id).in_(ids))
    empty(session, col(Raw.id).in_(union(own, came)), col(Arrival.message_id).in_(ids), now)
    session.execute(update(Arrival).where(col(Arrival.message_id).in_(ids)).values(outcome_why=why))
    reviewed = (col(Arrival.message_id).in_(ids), col(Arrival.outcome) == Outcome.REVIEW, col(Arrival.decided) == "")
    session.execute(update(Arrival).where(*reviewed).values(decided=DELETED))


def empty(session: Session, which: ColumnElement[bool], arrivals: ColumnElement[bool], now: datetime) -> None:
    """Take octets away, but for those that another mail has too: one that came for several mailboxes is stored once,
    and its arrivals have the same time.
    """
    twin, message = aliased(Arrival), aliased(Message)
    same = and_(col(twin.received_at) == col(Arrival.received_at), col(twin.raw_id) == col(Arrival.raw_id))
    shown = or_(col(twin.message_id).is_(None), col(message.purged_at).is_(None))
    shared = (
        select(Arrival.raw_id)
        .join(twin, and_(same, col(twin.id) != col(Arrival.id)))
        .outerjoin(message, col(message.id) == col(twin.message_id))
        .where(arrivals, shown)
    )
    session.execute(update(Raw).where(which, col(Raw.id).not_in(shared)).values(data=None, purged_at=now))


def empty_arrival(session: Session, arrival: Arrival, now: datetime) -> None:
    """Take the octets of a mail that came once more after it was deleted for ever."""
    empty(session, col(Raw.id) == arrival.raw_id, col(Arrival.id) == arrival.id, now)


def files_to_remove(session: Session, after: str = "", limit: int = 100) -> list[tuple[str, str, bool]]:
    """Octets that are deleted and still lie in a file: their id, the file's name, whether it is somebody else's too;
    those behind the id `after`.
    """
    other = aliased(Raw)
    shared = exists().where(col(other.blob) == col(Raw.blob), col(other.purged_at).is_(None))
    left = (col(Raw.purged_at).is_not(None), col(Raw.blob).is_not(None), col(Raw.id) > after)
    query = select(Raw.id, Raw.blob, shared).where(*left).order_by(col(Raw.id)).limit(limit)
    return [(row[0], row[1] or "", bool(row[2])) for row in session.exec(query)]


def forget_file(session: Session, raw_id: str) -> None:
    """The file of deleted octets is removed, or stays for another mail."""
    session.execute(update(Raw).where(col(Raw.id) == raw_id).values(blob=None))
