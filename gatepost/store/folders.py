"""Folders of accounts at their servers: how far each is read, what lies where, what was left out; the poller's SQL."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, bindparam, delete, update
from sqlalchemy import select as core_select
from sqlmodel import Session, col, func, select

from gatepost.model import Arrival, Cursor, LeftOut, View
from gatepost.model_base import UTCDateTime
from gatepost.store.rows import connection, insert_missing

FROM_NOW = -1
"""In `floor_uid`: the folder was found by an account that is older than reading all folders; its old mail is left."""
AGAIN = -2
"""In `floor_uid`: somebody switched the folder on; what lies there and is not here comes as old mail, quietly."""
GONE_FOLDER = "The server does not list this folder any more."
VIEWS: Any = View.__table__  # type: ignore[attr-defined]
HERE = (
    VIEWS.c.account_id == bindparam("its_account"),
    VIEWS.c.folder == bindparam("its_folder"),
    VIEWS.c.uidvalidity == bindparam("its_uidvalidity"),
    VIEWS.c.uid == bindparam("its_uid"),
)
SET_FLAGS = (
    update(VIEWS)
    .where(*HERE)
    .values(flags=bindparam("new_flags"), labels=bindparam("new_labels", type_=JSON), gone_at=None)
)
RANGE = (*HERE[:3], VIEWS.c.uid >= bindparam("low"), VIEWS.c.uid <= bindparam("high"), VIEWS.c.gone_at.is_(None))
SET_GONE = update(VIEWS).where(*RANGE).values(gone_at=bindparam("gone", type_=UTCDateTime))


@dataclass(frozen=True, slots=True)
class Spot:
    """A folder of an account as it is numbered now."""

    account_id: str
    folder: str
    uidvalidity: int


@dataclass(frozen=True, slots=True)
class Present:
    """A mail that was there when last looked: where, its flags and labels, what recognises it, its arrival."""

    uid: int
    flags: str
    labels: list[str] = field(default_factory=list)
    fingerprint: str = ""
    size: int = 0
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Listed:
    """What a folder that the server lists is for, whether it is read by that alone, and why."""

    role: str
    read: bool
    why: str


def note_folders(session: Session, account_id: str, listed: Mapping[str, Listed]) -> dict[str, Cursor]:
    """The row of each listed folder, by name, made where it is new; those that vanished say so."""
    rows = {row.folder: row for row in session.exec(select(Cursor).where(Cursor.account_id == account_id))}
    older = bool(rows) and not any(row.role or row.messages or row.checked_at for row in rows.values())
    for name, told in listed.items():
        row = rows.get(name)
        if row is None:
            floor = FROM_NOW if older else 0
            row = rows[name] = Cursor(account_id=account_id, folder=name, uidvalidity=0, floor_uid=floor)
        row.role, row.by_role, row.role_why = told.role, told.read, told.why
        row.trouble = "" if row.trouble == GONE_FOLDER else row.trouble
        session.add(row)
    for name in rows.keys() - listed.keys():
        rows[name].trouble = GONE_FOLDER
        session.add(rows[name])
    session.flush()
    for row in rows.values():
        session.expunge(row)
    return {name: rows[name] for name in listed}


def list_cursors(session: Session, account_id: str) -> Sequence[Cursor]:
    """All folders of an account, by name."""
    return session.exec(select(Cursor).where(Cursor.account_id == account_id).order_by(col(Cursor.folder))).all()


def cursors_of(session: Session, account_id: str) -> dict[str, Cursor]:
    """All folders of an account, by name, as copies to work with."""
    rows = list_cursors(session, account_id)
    for row in rows:
        session.expunge(row)
    return {row.folder: row for row in rows}


def is_read(row: Cursor) -> bool:
    """Whether a folder is read: as a person said, else by its role."""
    if row.chosen is not None:
        return row.chosen
    return bool(row.uidvalidity) if row.by_role is None else row.by_role


def said_of(rows: Iterable[Cursor]) -> list[tuple[str, bool]]:
    """What a person said about reading which folder."""
    return [(row.folder, row.chosen) for row in rows if row.chosen is not None]


def set_cursor(session: Session, account_id: str, folder: str, **values: Any) -> None:
    """Change some columns of a folder's row, which is there."""
    where = (col(Cursor.account_id) == account_id, col(Cursor.folder) == folder)
    session.execute(update(Cursor).where(*where).values(**values))


def here(spot: Spot) -> tuple[Any, ...]:
    return (
        VIEWS.c.account_id == spot.account_id,
        VIEWS.c.folder == spot.folder,
        VIEWS.c.uidvalidity == spot.uidvalidity,
    )


def known_uids(session: Session, spot: Spot, after: int) -> set[int]:
    """The UIDs above one that are stored, or were left out on purpose."""
    stored = session.execute(core_select(VIEWS.c.uid).where(*here(spot), VIEWS.c.uid > after)).scalars()
    where = (LeftOut.account_id == spot.account_id, LeftOut.folder == spot.folder)
    skipped = select(LeftOut.uid).where(*where, LeftOut.uidvalidity == spot.uidvalidity, LeftOut.uid > after)
    return {*stored, *session.exec(skipped)}


def views_at(session: Session, spot: Spot, after: int, limit: int, *, newest: bool = False) -> list[Present]:
    """Stored mails of a folder after a UID, ascending; or the `newest` ones."""
    order = VIEWS.c.uid.desc() if newest else VIEWS.c.uid
    columns = (VIEWS.c.uid, VIEWS.c.flags, VIEWS.c.labels, VIEWS.c.fingerprint, VIEWS.c.size, VIEWS.c.gone_at)
    query = core_select(*columns).where(*here(spot), VIEWS.c.uid > after).order_by(order).limit(limit)
    rows = session.execute(query).all()
    found = [Present(row[0], row[1], row[2] or [], row[3], row[4], row[5] is not None) for row in rows]
    return sorted(found, key=lambda one: one.uid)


def add_views(session: Session, views: Sequence[View]) -> None:
    """Store where mails lie; a place that is known stays as it is."""
    insert_missing(session, list(views))


def leave_out(session: Session, spot: Spot, uids: Iterable[tuple[int, str]], now: datetime) -> None:
    """Note mails that are not fetched, and why."""
    where = (spot.account_id, spot.folder, spot.uidvalidity)
    insert_missing(session, [left_out(*where, uid, why, now) for uid, why in uids])


def left_out(account_id: str, folder: str, uidvalidity: int, uid: int, why: str, now: datetime) -> LeftOut:
    return LeftOut(account_id=account_id, folder=folder, uidvalidity=uidvalidity, uid=uid, why=why, at=now)


def set_flags(session: Session, spot: Spot, changed: Mapping[int, tuple[str, tuple[str, ...]]]) -> None:
    """Write flags and labels by UID; what has some is there."""
    rows = [
        at(spot, uid) | {"new_flags": flags, "new_labels": list(labels)} for uid, (flags, labels) in changed.items()
    ]
    if rows:
        connection(session).execute(SET_FLAGS, rows)


def set_gone(session: Session, spot: Spot, ranges: Iterable[tuple[int, int]], now: datetime) -> None:
    """Mark places, by ranges of UIDs, where nothing lies any more; the messages stay."""
    rows = [at(spot) | {"low": low, "high": high, "gone": now} for low, high in ranges]
    if rows:
        connection(session).execute(SET_GONE, rows)


def at(spot: Spot, uid: int | None = None) -> dict[str, Any]:
    place = {"its_account": spot.account_id, "its_folder": spot.folder, "its_uidvalidity": spot.uidvalidity}
    return place if uid is None else place | {"its_uid": uid}


def renumber(session: Session, spot: Spot, uidvalidity: int, moved: Mapping[int, int], now: datetime) -> None:
    """Give places new UIDs (`moved`: old by new) under another UIDVALIDITY; the others are gone.

    Where the UIDVALIDITY is the same one (a server restored from a copy) the places of those that are gone are needed.
    """
    rows = session.exec(
        select(View).where(
            View.account_id == spot.account_id, View.folder == spot.folder, View.uidvalidity == spot.uidvalidity
        )
    ).all()
    by_uid = {row.uid: row for row in rows}
    again = [renumbered(by_uid[old], uidvalidity, new) for new, old in moved.items() if old in by_uid]
    session.expunge_all()
    if uidvalidity == spot.uidvalidity:
        session.execute(delete(View).where(*here(spot)))
    elif moved:
        connection(session).execute(delete(VIEWS).where(*HERE), [at(spot, uid) for uid in moved.values()])
    set_all_gone(session, spot, now)
    insert_missing(session, again)


def renumbered(view: View, uidvalidity: int, uid: int) -> View:
    return View(**{**view.model_dump(), "uidvalidity": uidvalidity, "uid": uid, "gone_at": None})


def set_all_gone(session: Session, spot: Spot, now: datetime) -> None:
    """Mark every place of a folder, as it was numbered, where nothing lies any more."""
    session.execute(update(View).where(*here(spot), VIEWS.c.gone_at.is_(None)).values(gone_at=now))


def octets_since(session: Session, account_id: str, since: datetime) -> int:
    """How much was fetched for an account since a time, as its server counts octets."""
    query = (
        select(func.coalesce(func.sum(col(View.size)), 0))
        .join(Arrival, col(Arrival.id) == col(View.arrival_id))
        .where(View.account_id == account_id, col(Arrival.received_at) >= since)
    )
    return int(session.exec(query).one())
