"""Fetches what was in a mailbox before it was connected, behind the live mail, in portions that can be paused."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog

from gatepost.connectors.cursor import Folder
from gatepost.connectors.fetch import Batch
from gatepost.connectors.first import in_turn, wanted, wanted_since
from gatepost.connectors.imap import examine
from gatepost.connectors.storing import Store, store_batches
from gatepost.connectors.visit import Visit
from gatepost.store import folders, imports
from gatepost.store.imports import ImportState

SLICE = timedelta(seconds=60)
"""So long old mail is fetched before new mail is looked for again."""

PORTION = 1_000
"""So many mails at a time are counted as done; in between it is seen whether somebody paused."""

Batches = Callable[[Visit, Folder, list[int]], Iterator[Batch]]

log = structlog.get_logger("gatepost.import")


@dataclass(frozen=True, slots=True)
class Todo:
    """A folder's old mails that are wanted and not here yet, in the order in which they come."""

    visit: Visit
    uids: list[int]


def import_old(visits: Sequence[Visit], batches: Batches) -> int:
    """Import for a while; how many mails were stored. Nothing where none runs. Raises Trouble, LeaseLost."""
    if not visits or state_of(visits[0]) != ImportState.RUNNING:
        return 0
    first = visits[0]
    until = first.polling.clock() + SLICE
    todos = [todo for visit in visits if (todo := todo_of(visit)).uids]
    left = sum(len(todo.uids) for todo in todos)
    note(first, 0, left)
    stored = 0
    for todo in todos:
        folder = examine(todo.visit.client, todo.visit.entry.name)
        for start in range(0, len(todo.uids), PORTION):
            if first.polling.stop.is_set() or first.polling.clock() >= until or state_of(first) != ImportState.RUNNING:
                return stored
            portion = todo.uids[start : start + PORTION]
            store = Store(first.account, first.polling, move=False)
            done = store_batches(store, batches(todo.visit, folder, portion))
            stored, left = stored + done, left - len(portion)
            note(first, done, left)
    log.info("import.slice", account=first.account.id, mails=stored, left=left)
    return stored


def todo_of(visit: Visit) -> Todo:
    """What is left of a folder: up to where its live mail begins, since the time chosen, and not stored."""
    with visit.polling.ledger.database.session() as session:
        row = imports.cursor_of(session, visit.account.id, visit.entry.name)
        account = imports.account_of(session, visit.account.id)
    if row is None or account is None or not row.import_until:
        return Todo(visit, [])
    folder = examine(visit.client, visit.entry.name)
    if folder.uidvalidity != row.uidvalidity:
        return Todo(visit, [])
    uids = wanted(visit.client, folder, row.import_until, wanted_since(account))
    with visit.polling.ledger.database.session() as session:
        known = folders.known_uids(session, visit.spot(folder.uidvalidity), 0)
    return Todo(visit, in_turn([uid for uid in uids if uid not in known]))


def state_of(visit: Visit) -> str:
    """Whether the import runs now."""
    with visit.polling.ledger.database.session() as session:
        account = imports.account_of(session, visit.account.id)
        return account.import_state if account else ""


def note(visit: Visit, done: int, left: int) -> None:
    """Write how far it is; with nothing left the import is done."""
    now = visit.polling.clock()
    visit.polling.ledger.write(lambda session: imports.note_progress(session, visit.account, done, left, now))
