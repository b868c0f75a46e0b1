"""Which folders of an account people want read: what is known of each, and changing it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, func, select

from gatepost.amount import amount
from gatepost.model import Account, Completeness, Cursor, View
from gatepost.store import accounts
from gatepost.store.completeness import verify_soon
from gatepost.store.events import add_event
from gatepost.store.folders import AGAIN, GONE_FOLDER, is_read, list_cursors

NAMED = 50
SETTLED = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class FolderLine:
    """A folder, how many of its mails are here, and how many the server had at the last comparison (None: none yet)."""

    row: Cursor
    here: int
    on_server: int | None


@dataclass(frozen=True, slots=True)
class Changed:
    """The folders that are read from now on, and those that are not any more."""

    on: tuple[str, ...]
    off: tuple[str, ...]


def folder_lines(session: Session, account_id: str) -> list[FolderLine]:
    """All folders of an account that were ever listed: those that are read first, each part by name."""
    here = places_here(session, account_id)
    there = on_server(session, account_id)
    rows = sorted(list_cursors(session, account_id), key=lambda row: (not is_read(row), row.folder))
    return [FolderLine(row, here.get(row.folder, 0), there.get(row.folder)) for row in rows]


def places_here(session: Session, account_id: str) -> dict[str, int]:
    """How many mails are stored of each folder, without those that are gone from it."""
    query = select(View.folder, func.count()).where(View.account_id == account_id, col(View.gone_at).is_(None))
    return dict(session.exec(query.group_by(col(View.folder))).all())


def on_server(session: Session, account_id: str) -> dict[str, int]:
    """How many mails each folder had at the last comparison."""
    query = select(Completeness.folder, func.sum(Completeness.on_server)).where(Completeness.account_id == account_id)
    return {name: int(number) for name, number in session.exec(query.group_by(col(Completeness.folder)))}


def choose_folders(
    session: Session, account: Account, wanted: Mapping[str, bool | None], now: datetime, user_id: str | None = None
) -> Changed:
    """Read folders, or not, or (None) as their role says; a change is an event. Raises ValueError with a sentence.

    What is stored stays. A folder that is switched on is read as one that is read for the first time: new mail from now
    on, and what lies there behind it, as the choice of the first import says.
    """
    rows = {row.folder: row for row in list_cursors(session, account.id)}
    unknown = sorted(wanted.keys() - rows.keys())
    if unknown:
        raise ValueError(f"the server lists no folder {unknown[0][:200]}")
    before = {name: is_read(rows[name]) for name in wanted}
    for name, read in wanted.items():
        rows[name].chosen = read
        session.add(rows[name])
    if not any(is_read(row) for row in rows.values() if row.trouble != GONE_FOLDER):
        raise ValueError("at least one folder must be read; to fetch nothing at all, stop fetching from this mailbox")
    changed = Changed(
        tuple(name for name in sorted(wanted) if is_read(rows[name]) and not before[name]),
        tuple(name for name in sorted(wanted) if before[name] and not is_read(rows[name])),
    )
    settle(session, account, [rows[name] for name in (*changed.on, *changed.off)], now)
    if changed.on or changed.off:
        tell(session, account, changed, now, user_id)
    return changed


def tell(session: Session, account: Account, changed: Changed, now: datetime, user_id: str | None) -> None:
    """The event of a change; webhooks are told how many folders, their names stay here."""
    why = f"{amount(len(changed.on), 'folder')} read from now on, {amount(len(changed.off), 'folder')} not any more"
    data = {"account": account.id, "why": why, "read": changed.on[:NAMED], "not_read": changed.off[:NAMED]}
    add_event(session, "account.folders", now=now, channel_id=account.channel_id, user_id=user_id, data=data)


def settle(session: Session, account: Account, rows: Sequence[Cursor], now: datetime) -> None:
    """Have folders whose reading was changed looked at, and compared a minute later."""
    for row in rows:
        if is_read(row):
            row.floor_uid = AGAIN
        elif row.trouble != GONE_FOLDER:
            row.trouble = ""
        session.add(row)
    session.flush()
    if rows:
        accounts.poll_now(session, account, now)
        verify_soon(session, account.id, now + SETTLED)
