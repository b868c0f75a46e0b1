"""What is to be done at providers, copies in Sent and acts: when it is due, claimed by account, tried again."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from sqlalchemy import ColumnElement, and_, or_, update
from sqlalchemy.orm import Mapped
from sqlmodel import Session, col, func, select

from gatepost.model import Account, SentCopy, WriteBack

CLAIMED = timedelta(minutes=10)
AT_ONCE = 50
DUE = "due"
FAILED = "failed"

Chore = TypeVar("Chore", SentCopy, WriteBack)
Needed = TypeVar("Needed")


@dataclass(frozen=True, slots=True)
class Claimed(Generic[Chore, Needed]):
    """What is due of one account, each with what is needed to do it."""

    account: Account
    items: tuple[tuple[Chore, Needed], ...]


def next_due(session: Session, table: type[Chore]) -> datetime | None:
    """When the next one is due; None where none waits."""
    return session.exec(select(func.min(table.next_at)).where(table.state == DUE)).one()


def claim_due(
    session: Session,
    table: type[Chore],
    now: datetime,
    order: Mapped[datetime],
    needed: Callable[[Chore], Needed],
) -> Claimed[Chore, Needed] | None:
    """What is due of one account, which nobody else gets for ten minutes; None where nothing is due."""
    query = select(table).where(table.state == DUE, table.next_at <= now)
    first = session.exec(query.order_by(col(table.next_at)).limit(1).with_for_update(skip_locked=True)).first()
    account = session.get(Account, first.account_id) if first else None
    if first is None or account is None:
        return None
    mine = query.where(table.account_id == account.id).order_by(order).limit(AT_ONCE)
    rows = session.exec(mine.with_for_update(skip_locked=True)).all()
    items = tuple((row, needed(row)) for row in rows)
    for row in rows:
        row.next_at = now + CLAIMED
        session.add(row)
    session.flush()
    session.expunge_all()
    return Claimed(account, items)


def in_trouble(table: type[Chore]) -> ColumnElement[bool]:
    """Which could not be done, given up or to be tried again."""
    tried_again = and_(col(table.state) == DUE, col(table.tries) > 0)
    return or_(col(table.state) == FAILED, tried_again)


def try_now(session: Session, account_id: str, now: datetime) -> None:
    """Have what was given up tried once more at once; what is due may be under way in another process."""
    for table in (SentCopy, WriteBack):
        mine = update(table).where(col(table.account_id) == account_id, col(table.state) == FAILED)
        session.execute(mine.values(state=DUE, next_at=now))
