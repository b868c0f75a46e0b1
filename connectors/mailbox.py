"""One pass over a mailbox: every chosen folder in turn, its new mail, what changed, what is gone."""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import structlog
from sqlmodel import Session

from gatepost.connectors.compare import VIEWS_AT_ONCE, compare
from gatepost.connectors.cursor import Folder, Position
from gatepost.connectors.fetch import Batch, Source, fetch_places, fetch_uids
from gatepost.connectors.first import first_position, wanted_since
from gatepost.connectors.folders import chosen, listed_of
from gatepost.connectors.imap import Client, begin_session, examine, list_entries, list_new, status
from gatepost.connectors.importing import import_old
from gatepost.connectors.left_out import Reason
from gatepost.connectors.polling import PATIENCE, Polling
from gatepost.connectors.quirks import octets_a_day
from gatepost.connectors.remap import Place, remap
from gatepost.connectors.storing import Store, store_batches
from gatepost.connectors.sync import Known, Plan, plan
from gatepost.connectors.trouble import DayUsedUp, Trouble, refused
from gatepost.connectors.visit import Visit
from gatepost.model import Account, Cursor
from gatepost.reply import clean_text
from gatepost.store import accounts, folders, imports
from gatepost.store.folders import AGAIN, FROM_NOW, Present, Spot

BELLS = ("inbox", "all")

log = structlog.get_logger("gatepost.poll")


def visit_all(client: Client, account: Account, polling: Polling) -> int:
    """Read all chosen folders; returns how many mails were stored. Raises Trouble, LeaseLost.

    A folder that the server refuses keeps its trouble to itself, unless it is the one that the account names.
    """
    begin_session(client)
    stored, done = 0, []
    for visit in choose(client, account, polling):
        if polling.stop.is_set():
            break
        try:
            stored += visit_folder(visit)
            done.append(visit)
        except Trouble as trouble:
            if not refused(trouble) or visit.entry.name == account.folder:
                raise
            log.warning("poll.folder", account=account.id, folder=visit.entry.name, why=trouble.what)
            visit.remember(trouble=trouble.what)
    return stored + import_old(done, partial(within_a_day, old=True))


def choose(client: Client, account: Account, polling: Polling) -> list[Visit]:
    """The folders to read, each with its row. Raises Trouble where there is no folder of the account's name."""
    entries = list_entries(client)
    name = account.folder
    if name.casefold() != "inbox" and all(entry.name != name for entry in entries):
        names = ", ".join(clean_text(entry.name)[:200] for entry in entries[:30])
        what = f"There is no folder {clean_text(name)}; the server has: {names}."
        raise Trouble("folder", what, "Set Folder to one of these.", lasting=True)
    listed = listed_of(entries, gmail=client.gmail, folder=name)
    rows = polling.ledger.write(lambda session: folders.note_folders(session, account.id, listed))
    found = chosen(entries, gmail=client.gmail, folder=name, said=folders.said_of(rows.values()))
    return [Visit(client, account, polling, entry, rows[entry.name]) for entry in found]


def known_of(row: Cursor) -> Known:
    """What is stored of a folder, as the plan takes it."""
    position = Position(row.uidvalidity, row.last_uid)
    read = bool(row.uidvalidity or row.last_uid)
    again = row.floor_uid in (FROM_NOW, AGAIN)
    return Known(position, row.highestmodseq, row.messages, row.changes, row.checked_at, read, again)


def visit_folder(visit: Visit) -> int:
    """What its plan says; returns how many mails were stored. Raises Trouble, LeaseLost."""
    now, known = visit.polling.clock(), known_of(visit.row)
    bell = visit.entry.role in BELLS
    if not plan(known, status(visit.client, visit.entry.name), now, bell=bell).visit:
        return 0
    folder = examine(visit.client, visit.entry.name)
    planned = plan(known, folder, now, bell=bell)
    if not planned.visit:
        return 0
    log.info("poll.visit", account=visit.account.id, folder=visit.entry.name, why=planned.why)
    position = begin(visit, folder, planned)
    uids = fetchable(visit, folder, position)
    stored = store_batches(Store(visit.account, visit.polling), within_a_day(visit, folder, uids))
    if visit.polling.stop.is_set():
        return stored
    compared = compare(visit, folder, planned, known, len(uids))
    finish(visit, folder, planned, all_seen=compared == "all")
    return stored


def begin(visit: Visit, folder: Folder, planned: Plan) -> Position:
    """Where this pass starts; a folder that is read for the first time, or was numbered anew, has it stored."""
    if planned.remap:
        return number_anew(visit, folder)
    position = Position(visit.row.uidvalidity, visit.row.last_uid)
    if position.uidvalidity == folder.uidvalidity and visit.row.floor_uid not in (FROM_NOW, AGAIN):
        return position
    position = first_position(visit.client, folder)
    last = position.last_uid
    if visit.row.floor_uid == FROM_NOW:
        visit.remember(uidvalidity=folder.uidvalidity, last_uid=last, floor_uid=last)
    else:
        visit.remember(uidvalidity=folder.uidvalidity, last_uid=last, floor_uid=0, import_until=last)
        want_import(visit)
    return position


def want_import(visit: Visit) -> None:
    """What lies in a folder that is read for the first time, or again, is fetched behind new mail, unless that is
    paused.
    """
    visit.polling.ledger.write(lambda session: imports.want(session, visit.account, visit.polling.clock()))


def fetchable(visit: Visit, folder: Folder, position: Position) -> list[int]:
    """The UIDs after a position that are neither stored nor left out on purpose."""
    uids = list_new(visit.client, folder, position)
    if not uids:
        return []
    with visit.polling.ledger.database.session() as session:
        known = folders.known_uids(session, visit.spot(folder.uidvalidity), position.last_uid)
    return [uid for uid in uids if uid not in known]


def within_a_day(visit: Visit, folder: Folder, uids: list[int], *, old: bool = False) -> Iterator[Batch]:
    """Batches of mail, as far as the provider lets us in a day. Raises Trouble where that is used up.

    Mail that was there before (`old`) ends earlier and leaves a fifth for what is new.
    """
    source = Source(visit.account, folder, visit.entry.role, careful=visit.account.failures >= PATIENCE, old=old)
    most = octets_a_day(visit.account.host) * (4 if old else 5) // 5 if uids else 0
    if not most:
        yield from fetch_uids(visit.client, source, uids)
        return
    since = visit.polling.clock() - timedelta(days=1)
    with visit.polling.ledger.database.session() as session:
        used = folders.octets_since(session, visit.account.id, since)
    if used >= most:
        raise DayUsedUp(visit.account.host, most)
    for batch in fetch_uids(visit.client, source, uids):
        used += sum(len(mail.raw) for mail in batch.mails)
        yield batch
        if used >= most:
            raise DayUsedUp(visit.account.host, most)


def number_anew(visit: Visit, folder: Folder) -> Position:
    """Find stored mail under its new UIDs; what is not found, and is wanted, is fetched. Raises Trouble."""
    old, ledger = visit.spot(visit.row.uidvalidity), visit.polling.ledger
    uids = list_new(visit.client, folder, Position(folder.uidvalidity))
    places = fetch_places(visit.client, uids)
    with ledger.database.session() as session:
        stored = [Place(view.uid, view.fingerprint, view.size) for view in all_views(session, old) if not view.gone]
    found, now = remap(stored, places), visit.polling.clock()
    since = wanted_since(visit.account)
    dated = {place.uid: place.at for place in places}
    left = [(uid, Reason.OLDER) for uid in found.unknown if since and (at := dated[uid]) and at < since]
    fetched = set(found.unknown) - {uid for uid, _ in left}
    again = visit.row.floor_uid == AGAIN
    last = min(fetched) - 1 if fetched and not again else max(uids, default=0)
    log.info("poll.renumbered", account=visit.account.id, folder=folder.name, found=len(found.moved), new=len(fetched))

    def op(session: Session) -> None:
        accounts.hold(session, visit.account, now + accounts.LEASE)
        folders.renumber(session, old, folder.uidvalidity, found.moved, now)
        folders.leave_out(session, visit.spot(folder.uidvalidity), left, now)
        values = {"uidvalidity": folder.uidvalidity, "last_uid": last, "changes": visit.row.changes + 1}
        # These were of the old numbers; what is left out has its row.
        values |= {"floor_uid": 0, "import_until": last if again else 0}
        folders.set_cursor(session, visit.account.id, folder.name, **values, highestmodseq=0, checked_at=now)

    ledger.write(op)
    if again:
        want_import(visit)
    return Position(folder.uidvalidity, last)


def all_views(session: Session, spot: Spot) -> Iterator[Present]:
    """Every stored mail of a folder as it was numbered."""
    after = 0
    while views := folders.views_at(session, spot, after, VIEWS_AT_ONCE):
        yield from views
        after = views[-1].uid


def finish(visit: Visit, folder: Folder, planned: Plan, *, all_seen: bool) -> None:
    """What the server said when the pass began is seen now."""
    values: dict[str, Any] = {"highestmodseq": folder.highestmodseq, "messages": folder.messages, "trouble": ""}
    if all_seen or visit.row.checked_at is None:
        values["checked_at"] = visit.polling.clock()
    if not planned.remap:
        values["changes"] = 0
    visit.remember(**values)
