"""Who watches which mailbox (IDLE): claims that hold across processes, and how the watching goes."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import case, delete, func, or_, update
from sqlmodel import Session, col, select

from gatepost.model import Account, Idler, Idling
from gatepost.store.accounts import AccountState

WATCHABLE = (AccountState.LIVE, AccountState.DELAYED, AccountState.IMPORTING)
"""A mailbox is watched from its first whole pass on, and for as long as nobody must act."""


class Word(StrEnum):
    """How watching a mailbox goes; the words are shown as they are."""

    IDLE = "idle"
    ASKING = "asking"
    WAITING = "waiting"


WATCHED = (Word.IDLE, Word.ASKING)


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A mailbox that this process watches, and since when it is live (None: it is delayed, or importing)."""

    id: str
    login: str
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Note:
    """How watching a mailbox goes since a moment; `why` is for people."""

    account_id: str
    word: Word
    why: str
    at: datetime


def keep_watching(
    session: Session, holder: str, now: datetime, until: datetime, most: int, process: int = 0
) -> list[Mailbox]:
    """This process lives until then; what it watches now: what it had and still may, and more up to `most`."""
    if session.get(Idler, holder) is None:
        session.add(Idler(holder=holder, until=until))
        session.flush()
    session.execute(update(Idler).where(col(Idler.holder) == holder).values(until=until, process=process))
    free_dead(session, now)
    drop_ended(session, holder)
    held = mailboxes_of(session, holder)
    if len(held) < most and claim(session, holder, now, most - len(held)):
        held = mailboxes_of(session, holder)
    return held


def free_dead(session: Session, now: datetime) -> int:
    """Free what dead processes watched; those mailboxes are due at once, for nobody told of their mail since."""
    dead = set(session.exec(select(Idler.holder).where(Idler.until <= now)))
    if not dead:
        return 0
    ids = list(session.exec(select(Idling.account_id).where(col(Idling.holder).in_(dead))))
    make_due(session, ids, now)
    session.execute(delete(Idling).where(col(Idling.holder).in_(dead)))
    session.execute(delete(Idler).where(col(Idler.holder).in_(dead)))
    return len(ids)


def free_all(session: Session, now: datetime) -> int:
    """Free everything; only where no other process watches (embedded SQLite)."""
    session.execute(update(Idler).values(until=now))
    return free_dead(session, now)


def drop_ended(session: Session, holder: str) -> None:
    """Give back mailboxes that are switched off, or that a person must see to."""
    ended = select(Account.id).where(col(Account.state).not_in(WATCHABLE))
    session.execute(delete(Idling).where(col(Idling.holder) == holder, col(Idling.account_id).in_(ended)))


def mailboxes_of(session: Session, holder: str) -> list[Mailbox]:
    """What a process watches."""
    live_since = case((col(Account.state) == AccountState.LIVE, col(Account.state_since)))
    query = (
        select(Account.id, Account.host, Account.username, live_since)
        .join(Idling, col(Idling.account_id) == Account.id)
        .where(Idling.holder == holder)
        .order_by(col(Account.created_at), col(Account.id))
    )
    return [Mailbox(key, f"{username}@{host}", since) for key, host, username, since in session.exec(query)]


def claim(session: Session, holder: str, now: datetime, most: int) -> int:
    """Take mailboxes that are live and that nobody watches, oldest first. Returns how many."""
    taken = select(Idling.account_id)
    query = (
        select(Account.id)
        .where(Account.state == AccountState.LIVE, col(Account.id).not_in(taken))
        .order_by(col(Account.created_at), col(Account.id))
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    ids = list(session.exec(query))
    for account_id in ids:
        session.add(Idling(account_id=account_id, holder=holder, word=Word.WAITING, since=now))
    session.flush()
    return len(ids)


def give_back(session: Session, holder: str, now: datetime) -> int:
    """A process stops watching: what it watched is due at once. Returns how many mailboxes that were."""
    session.execute(update(Idler).where(col(Idler.holder) == holder).values(until=now))
    return free_dead(session, now)


def note_all(session: Session, holder: str, notes: Iterable[Note], due: datetime) -> None:
    """Write down how watching goes, unless another process watches by now; what waits is due at `due` at the latest."""
    waiting: list[str] = []
    for note in notes:
        row = session.get(Idling, note.account_id)
        if row is None or row.holder != holder:
            continue
        if row.word != note.word:
            row.since = note.at
        row.word, row.why = note.word, note.why
        session.add(row)
        if note.word == Word.WAITING:
            waiting.append(note.account_id)
    session.flush()
    make_due(session, waiting, due)


def make_due(session: Session, ids: Collection[str], now: datetime) -> None:
    """Accounts are due at a moment at the latest, and again where they are being read just now.

    Those that failed are not: they wait out their back-off.
    """
    if not ids:
        return
    later = or_(col(Account.next_poll_at) > now, col(Account.lease_until) > now)
    statement = update(Account).where(col(Account.id).in_(ids), col(Account.failures) == 0, later)
    session.execute(statement.values(next_poll_at=now))


def is_watched(session: Session, account_id: str, now: datetime) -> bool:
    """Whether a living process is told of this mailbox's changes as they come."""
    query = (
        select(Idling.account_id)
        .join(Idler, col(Idler.holder) == Idling.holder)
        .where(Idling.account_id == account_id, col(Idling.word).in_(WATCHED), Idler.until > now)
    )
    return session.exec(query).first() is not None


def state_of(session: Session, account_id: str, now: datetime) -> Idling | None:
    """How watching a mailbox goes; None where no living process watches it."""
    query = (
        select(Idling)
        .join(Idler, col(Idler.holder) == Idling.holder)
        .where(Idling.account_id == account_id, Idler.until > now)
    )
    return session.exec(query).first()


def count_words(session: Session, now: datetime) -> dict[str, int]:
    """Watched mailboxes by word, of living processes."""
    query = (
        select(Idling.word, func.count())
        .join(Idler, col(Idler.holder) == Idling.holder)
        .where(Idler.until > now)
        .group_by(col(Idling.word))
    )
    return dict(session.exec(query).all())
