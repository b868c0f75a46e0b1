"""Which processes hold mailboxes and which of those are dead: each living one holds an advisory lock on its number."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text, update
from sqlmodel import Session, col, select

from gatepost.database import PROCESSES
from gatepost.model import Account, Idler
from gatepost.store.idling import free_dead

LIVING = text(
    "SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND classid = :kind AND objsubid = 2 AND granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


@dataclass(frozen=True, slots=True)
class Seen:
    """Other processes that hold mailboxes, by number, and those of them that are not there any more."""

    others: frozenset[int] = frozenset()
    dead: frozenset[int] = frozenset()


def look(session: Session, own: int, now: datetime) -> Seen:
    """Who else holds mailboxes. One that has just lost its connection looks dead: its fence tells it what it lost.

    `own` is 0 where processes do not see each other (SQLite has one): there leases end by time alone.
    """
    if not own:
        return Seen()
    reading = session.exec(select(Account.lease_process).where(col(Account.lease_until) > now).distinct())
    watching = session.exec(select(Idler.process).where(col(Idler.until) > now).distinct())
    others = frozenset({*reading, *watching} - {0, own})
    living = set(session.execute(LIVING, {"kind": PROCESSES}).scalars()) if others else set()
    return Seen(others, others - living)


def free(session: Session, dead: Collection[int], now: datetime) -> None:
    """What these processes read can be claimed, what they watched is due at once."""
    held = col(Account.lease_process).in_(dead), col(Account.lease_until) > now
    session.execute(update(Account).where(*held).values(lease_until=None))
    session.execute(update(Idler).where(col(Idler.process).in_(dead), col(Idler.until) > now).values(until=now))
    free_dead(session, now)
