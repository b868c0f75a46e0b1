"""What changed in a folder besides new mail: flags and labels, and mail that is not there any more."""

from collections.abc import Sequence

from sqlmodel import Session

from gatepost.connectors.cursor import Folder
from gatepost.connectors.fetch import flags_of, labels_of
from gatepost.connectors.imap import fetch_range
from gatepost.connectors.sync import NEWEST, Known, Plan, counts_differ
from gatepost.connectors.visit import Visit
from gatepost.store import accounts, folders
from gatepost.store.folders import Present

VIEWS_AT_ONCE = 2_000
Changed = dict[int, tuple[str, tuple[str, ...]]]
"""Flags and labels by UID."""


def compare(visit: Visit, folder: Folder, planned: Plan, known: Known, new: int) -> str:
    """Find changed flags and vanished mail as planned, and all of it where the counts say that mail vanished."""
    if planned.compare == "no":
        return "no"
    if planned.compare == "changed":
        by_modseq(visit, folder, known)
    if planned.compare == "all" or (not visit.client.vanished and counts_differ(known, folder, new)):
        look(visit, folder)
        return "all"
    if planned.compare == "newest":
        with visit.polling.ledger.database.session() as session:
            views = folders.views_at(session, visit.spot(folder.uidvalidity), 0, NEWEST, newest=True)
        look_at(visit, folder, views)
    return planned.compare


def by_modseq(visit: Visit, folder: Folder, known: Known) -> None:
    """Flags that changed since, and, with QRESYNC, what vanished (RFC 7162 sections 3.1.4.1 and 3.2.6)."""
    if not known.position.last_uid:
        return
    items = "(UID FLAGS X-GM-LABELS)" if visit.client.gmail else "(UID FLAGS)"
    since = f"(CHANGEDSINCE {known.highestmodseq}{' VANISHED' if visit.client.vanished else ''})"
    answer, vanished = fetch_range(
        visit.client, f"1:{known.position.last_uid}", items, since, octets=folder.messages * 100
    )
    changed = {uid: (flags_of(values), labels_of(values)) for uid, values in answer.items()}
    write_changes(visit, folder, changed, vanished)


def look(visit: Visit, folder: Folder) -> None:
    """Compare all places of a folder, window by window."""
    after = 0
    while not visit.polling.stop.is_set():
        with visit.polling.ledger.database.session() as session:
            views = folders.views_at(session, visit.spot(folder.uidvalidity), after, VIEWS_AT_ONCE)
        if not views:
            return
        look_at(visit, folder, views)
        after = views[-1].uid


def look_at(visit: Visit, folder: Folder, views: list[Present]) -> None:
    """Compare some places with the server: other flags, nothing there any more, there again."""
    if not views:
        return
    items = "(UID FLAGS X-GM-LABELS)" if visit.client.gmail else "(UID FLAGS)"
    answer, _ = fetch_range(visit.client, f"{views[0].uid}:{views[-1].uid}", items)
    changed: Changed = {}
    gone: list[int] = []
    for view in views:
        values = answer.get(view.uid)
        if values is None:
            gone += [] if view.gone else [view.uid]
            continue
        flags, labels = flags_of(values), labels_of(values)
        if view.gone or (flags, list(labels)) != (view.flags, view.labels):
            changed[view.uid] = (flags, labels)
    write_changes(visit, folder, changed, [(uid, uid) for uid in gone])


def write_changes(visit: Visit, folder: Folder, changed: Changed, gone: Sequence[tuple[int, int]]) -> None:
    """Store changes; UIDs that are not stored have no row to change."""
    if not changed and not gone:
        return
    spot, now = visit.spot(folder.uidvalidity), visit.polling.clock()

    def op(session: Session) -> None:
        accounts.hold(session, visit.account, now + accounts.LEASE)
        folders.set_gone(session, spot, gone, now)
        folders.set_flags(session, spot, changed)

    visit.polling.ledger.write(op)
