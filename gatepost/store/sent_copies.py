"""Copies of what went out over accounts, in their Sent folders: which are due, claimed by account, and what became."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import update
from sqlmodel import Session, col, select

from gatepost.model import Message, SentCopy
from gatepost.store.chores import AT_ONCE, Claimed, claim_due, in_trouble
from gatepost.store.rows import insert_missing

FIRST_LOOK = timedelta(seconds=8)
"""Some servers file their own copy a moment after they took the mail."""


class CopyState(StrEnum):
    """What became of a copy; the words are shown as they are."""

    DUE = "due"
    FOUND = "found"
    APPENDED = "appended"
    LEFT = "left"
    FAILED = "failed"


def note_sent(
    session: Session, message_id: str, account_id: str, header_id: str, now: datetime, *, sure: bool = True
) -> None:
    """A mail went out over an account, or may have: its copy is due. `header_id` is the id that its server gave it.

    A mail in doubt that then went out is sure from then on; whatever was found or put there before stays.
    """
    due = now + FIRST_LOOK
    row = SentCopy(message_id=message_id, account_id=account_id, sure=sure, header_id=header_id, next_at=due, at=now)
    insert_missing(session, [row])
    if sure:
        session.execute(of(message_id, account_id).where(col(SentCopy.sure).is_(False)).values(sure=True, next_at=due))
        again = of(message_id, account_id).where(col(SentCopy.state) == CopyState.FAILED)
        session.execute(again.values(state=CopyState.DUE, next_at=due))


def of(message_id: str, account_id: str):  # type: ignore[no-untyped-def]  # SQLAlchemy's Update has no public name here
    return update(SentCopy).where(col(SentCopy.message_id) == message_id, col(SentCopy.account_id) == account_id)


def get_copy(session: Session, message_id: str, account_id: str) -> SentCopy | None:
    """The copy of a message in an account's Sent folder."""
    return session.get(SentCopy, (message_id, account_id))


def claim_copies(session: Session, now: datetime) -> Claimed[SentCopy, Message] | None:
    """The due copies of one account, each with its message (`chores.claim_due`)."""

    def message_of(copy: SentCopy) -> Message:
        return session.get_one(Message, copy.message_id)

    return claim_due(session, SentCopy, now, col(SentCopy.next_at), message_of)


def settle_copy(
    session: Session,
    copy: SentCopy,
    state: CopyState,
    why: str,
    now: datetime,
    *,
    folder: str = "",
    uid: int = 0,
) -> None:
    """Write down what became of a copy."""
    values = {"state": state, "why": why, "at": now, "tries": copy.tries + 1}
    values |= {name: value for name, value in (("folder", folder), ("uid", uid)) if value}
    session.execute(of(copy.message_id, copy.account_id).values(**values))


def look_again(session: Session, copy: SentCopy, why: str, next_at: datetime) -> None:
    """It could not be done now."""
    session.execute(of(copy.message_id, copy.account_id).values(why=why, next_at=next_at, tries=copy.tries + 1))


def came_back(session: Session, account_id: str, message_id: str, header_id: str, now: datetime) -> None:
    """The copy was fetched from the Sent folder: it is there, whoever put it there."""
    values = {"state": CopyState.FOUND, "at": now, "header_id": header_id, "why": "It was fetched from the Sent folder"}
    waiting = col(SentCopy.state).in_([CopyState.DUE, CopyState.LEFT, CopyState.FAILED])
    session.execute(of(message_id, account_id).where(waiting).values(**values))


def troubled(session: Session, account_id: str, limit: int = 20) -> list[tuple[SentCopy, Message]]:
    """The copies that could not be put there, given up or to be tried again, the newest first."""
    query: Any = select(SentCopy, Message).join(Message, col(Message.id) == col(SentCopy.message_id))
    query = query.where(SentCopy.account_id == account_id, in_trouble(SentCopy)).order_by(col(SentCopy.at).desc())
    return [(copy, message) for copy, message in session.exec(query.limit(limit))]


def awaited(session: Session, account_id: str, from_address: str, subject: str, since: datetime) -> Sequence[Message]:
    """Mails that went out over an account with this From and subject since a time, and whose copy is not found yet."""
    waiting = col(SentCopy.state).in_([CopyState.DUE, CopyState.LEFT, CopyState.FAILED])
    query = (
        select(Message)
        .join(SentCopy, col(SentCopy.message_id) == col(Message.id))
        .where(SentCopy.account_id == account_id, waiting, Message.at >= since)
        .where(Message.from_address == from_address, Message.subject == subject)
    )
    return session.exec(query.order_by(col(Message.at)).limit(AT_ONCE)).all()
