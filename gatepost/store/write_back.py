"""What is done here to mail of accounts that work two ways, and is to be done at their providers too: a queue."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import update
from sqlmodel import Session, col, select

from gatepost.ids import new_id
from gatepost.model import Account, Arrival, Message, View, WriteBack
from gatepost.store.chores import Claimed, claim_due, in_trouble

ACTS = (("read", "unread"), ("archive", "inbox", "back", "spam", "trash"))
"""Acts that take each other's place; `back` is the archive again, for what was deleted while it was closed."""
ASIDE = ("spam", "trash")
MOST_MAILS = 200
SEEN = "\\Seen"


class WriteState(StrEnum):
    """What became of an act; `replaced` is one whose place another took before it was done."""

    DUE = "due"
    DONE = "done"
    FAILED = "failed"
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a mail lies at its account (without a folder: nowhere that is read), and its Message-ID."""

    folder: str
    uidvalidity: int
    uid: int
    header_id: str


def want_for_conversation(session: Session, conversation_id: str, act: str, now: datetime) -> int:
    """Have an act on a conversation written back, for each of its mails that an account of two ways holds."""
    if not any_two_way(session):
        return 0
    query = (
        select(Arrival.id, View.account_id, View.flags)
        .join(Message, col(Message.id) == col(Arrival.message_id))
        .join(View, col(View.arrival_id) == col(Arrival.id))
        .join(Account, col(Account.id) == col(View.account_id))
        .where(Message.conversation_id == conversation_id, Message.direction == "in")
        .where(col(Account.two_way).is_(True), col(View.gone_at).is_(None), col(Arrival.sent).is_(False))
        .order_by(col(Arrival.id).desc())
        .limit(MOST_MAILS)
    )
    found = {(row[0], row[1]): row[2] for row in session.exec(query)}
    wanted = [key for key, flags in found.items() if act != "read" or SEEN not in flags.split()]
    for arrival_id, account_id in wanted:
        want(session, arrival_id, account_id, act, now)
    return len(wanted)


def want_back(session: Session, conversation_id: str, act: str, now: datetime) -> int:
    """Have those mails of a conversation brought back that were put into spam or trash for it, or are about to be."""
    query = (
        select(WriteBack.arrival_id, WriteBack.account_id, WriteBack.act)
        .join(Arrival, col(Arrival.id) == col(WriteBack.arrival_id))
        .join(Message, col(Message.id) == col(Arrival.message_id))
        .join(Account, col(Account.id) == col(WriteBack.account_id))
        .where(Message.conversation_id == conversation_id, col(Account.two_way).is_(True))
        .where(col(WriteBack.act).in_(ACTS[1]), col(WriteBack.state).in_([WriteState.DUE, WriteState.DONE]))
        .order_by(col(WriteBack.at), col(WriteBack.id))
    )
    last = {(row[0], row[1]): row[2] for row in session.exec(query)}
    wanted = [key for key, done in last.items() if done in ASIDE]
    for arrival_id, account_id in wanted:
        want(session, arrival_id, account_id, act, now)
    return len(wanted)


def want_for_arrival(session: Session, arrival: Arrival, act: str, now: datetime) -> None:
    """As for a conversation, of one mail."""
    account = session.get(Account, arrival.account_id) if arrival.account_id else None
    if account and account.two_way:
        want(session, arrival.id, account.id, act, now)


def any_two_way(session: Session) -> bool:
    """Whether any account works two ways."""
    return session.exec(select(Account.id).where(col(Account.two_way).is_(True)).limit(1)).first() is not None


def want(session: Session, arrival_id: str, account_id: str, act: str, now: datetime) -> None:
    """Queue an act; one that it takes the place of, or the same, is not done any more. Junk is not archived."""
    others = next(group for group in ACTS if act in group)
    mine = (col(WriteBack.arrival_id) == arrival_id, col(WriteBack.account_id) == account_id)
    junk = select(WriteBack.id).where(
        *mine, WriteBack.state == WriteState.DUE, col(WriteBack.act).in_(["spam", "trash"])
    )
    if act == "archive" and session.exec(junk).first():
        return
    waiting = update(WriteBack).where(*mine, col(WriteBack.state) == WriteState.DUE, col(WriteBack.act).in_(others))
    session.execute(waiting.values(state=WriteState.REPLACED, at=now))
    row = WriteBack(id=new_id("wbk"), account_id=account_id, arrival_id=arrival_id, act=act, next_at=now, at=now)
    session.add(row)
    session.flush()


def claim_acts(session: Session, now: datetime) -> Claimed[WriteBack, tuple[Place, ...]] | None:
    """What is due of one account in the order it was wanted, each with the places of its mail (`chores.claim_due`)."""
    return claim_due(session, WriteBack, now, col(WriteBack.at), lambda row: places_of(session, row))


def places_of(session: Session, row: WriteBack) -> tuple[Place, ...]:
    """Where the mail lies in its account now; where that is not known, its id alone."""
    query = (
        select(View.folder, View.uidvalidity, View.uid, Message.message_id)
        .join(Arrival, col(Arrival.id) == col(View.arrival_id))
        .join(Message, col(Message.id) == col(Arrival.message_id), isouter=True)
        .where(View.account_id == row.account_id, View.arrival_id == row.arrival_id, col(View.gone_at).is_(None))
    )
    found = tuple(Place(folder, valid, uid, header or "") for folder, valid, uid, header in session.exec(query))
    if found:
        return found
    named = select(Message.message_id).join(Arrival, col(Arrival.message_id) == col(Message.id))
    return tuple(Place("", 0, 0, key) for key in session.exec(named.where(Arrival.id == row.arrival_id)) if key)


def settle(session: Session, row_id: str, state: WriteState, why: str, now: datetime) -> None:
    """Write down what became of it; what was replaced meanwhile stays so."""
    mine = update(WriteBack).where(col(WriteBack.id) == row_id, col(WriteBack.state) == WriteState.DUE)
    session.execute(mine.values(state=state, why=why, at=now, tries=WriteBack.tries + 1))


def try_again(session: Session, row_id: str, why: str, next_at: datetime) -> None:
    """It could not be done now."""
    mine = update(WriteBack).where(col(WriteBack.id) == row_id)
    session.execute(mine.values(why=why, next_at=next_at, tries=WriteBack.tries + 1))


def troubled(session: Session, account_id: str, limit: int = 20) -> list[tuple[WriteBack, Arrival, str]]:
    """What could not be done there, given up or to be tried again, the newest first; with the mail and its subject."""
    query: Any = (
        select(WriteBack, Arrival, Message.subject)
        .join(Arrival, col(Arrival.id) == col(WriteBack.arrival_id))
        .join(Message, col(Message.id) == col(Arrival.message_id), isouter=True)
        .where(WriteBack.account_id == account_id, in_trouble(WriteBack))
    )
    rows = session.exec(query.order_by(col(WriteBack.at).desc()).limit(limit))
    return [(row, arrival, subject or "") for row, arrival, subject in rows]
