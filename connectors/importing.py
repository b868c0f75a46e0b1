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
from gatepost.connectors.trouble import DayUsedUp
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
    """Import for a while; how many mails were stored. Nothing where none runs. Raises Trouble, LeaseLost.

    Where the provider lets no more be fetched today it goes on later, and new mail comes in as before.
    """
    if not visits or state_of(visits[0]) != ImportState.RUNNING:
        return 0
    first = visits[0]
    until = first.polling.clock() + SLICE
    todos = [todo for visit in visits if (todo := todo_of(visit)).uids]
    left = sum(len(todo.uids) for todo in todos)
    note(first, left)
    stored = 0
    for todo, portion in portions(todos):
        if first.polling.stop.is_set() or first.polling.clock() >= until or state_of(first) != ImportState.RUNNING:
            break
        try:
            stored += import_portion(todo, portion, batches)
        except DayUsedUp as trouble:
            log.info("import.waits", account=first.account.id, why=trouble.what)
            break
        if first.polling.stop.is_set():
            break  # perhaps not all of it was fetched; the next pass counts anew
        left -= len(portion)
        note(first, left)
    log.info("import.slice", account=first.account.id, mails=stored, left=left)
    return stored


def portions(todos: Sequence[Todo]) -> Iterator[tuple[Todo, list[int]]]:
    """All that is to do, folder by folder, in portions."""
    for todo in todos:
        for start in range(0, len(todo.uids), PORTION):
            yield todo, todo.uids[start : start + PORTION]


def import_portion(todo: Todo, uids: list[int], batches: Batches) -> int:
    """Fetch and store some mails of a folder; the cursor stays where it is. Raises Trouble, LeaseLost."""
    visit = todo.visit
    folder = examine(visit.client, visit.entry.name)
    return store_batches(Store(visit.account, visit.polling, move=False), batches(visit, folder, uids))


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


def note(visit: Visit, left: int) -> None:
    """Write how many are left; with none the import is done."""
    now = visit.polling.clock()
    visit.polling.ledger.write(lambda session: imports.note_progress(session, visit.account, left, now))
