"""Fetches what was in a mailbox before it was connected, behind the live mail, in portions that can be paused."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from gatepost.connectors.cursor import Folder
from gatepost.connectors.fetch import Batch
from gatepost.connectors.first import in_turn, wanted, wanted_since
from gatepost.connectors.imap import examine
from gatepost.connectors.storing import Store, store_batches
from gatepost.connectors.trouble import DayUsedUp
from gatepost.connectors.visit import Visit
from gatepost.store import folders, imports
from gatepost.words import ImportState

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
    for todo in todos:
        paced = Paced(todo, left, until)
        try:
            mails = import_folder(paced, batches)
            stored += mails
        except DayUsedUp as trouble:
            log.info("import.waits", account=first.account.id, why=trouble.what)
            break
        if not paced.whole:
            note(first, max(1, left - mails))
            break
        left -= len(todo.uids)
        note(first, left)
    log.info("import.slice", account=first.account.id, mails=stored, left=left)
    return stored


def import_folder(paced: "Paced", batches: Batches) -> int:
    """Fetch and store a folder's old mails; the cursor stays where it is. Raises Trouble, LeaseLost."""
    visit = paced.todo.visit
    folder = examine(visit.client, visit.entry.name)
    found = paced.through(batches(visit, folder, paced.todo.uids))
    return store_batches(Store(visit.account, visit.polling, move=False), found)


@dataclass(slots=True)
class Paced:
    """A folder's import under way: how many mails are left of all folders, and whether it went through to its end."""

    todo: Todo
    left: int
    until: datetime
    whole: bool = False

    def through(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """The batches, as long as it goes on; what was done is noted now and then."""
        passed, noted = 0, 0
        if not self.goes_on():
            return
        for batch in batches:
            yield batch
            passed += len(batch.mails) + len(batch.left_out)
            if passed - noted >= PORTION:
                noted = passed
                note(self.todo.visit, max(1, self.left - passed))
                if not self.goes_on():
                    return
        self.whole = not self.todo.visit.polling.stop.is_set()

    def goes_on(self) -> bool:
        """Whether there is time, nobody paused it, and we do not stop."""
        visit = self.todo.visit
        out_of_time = visit.polling.stop.is_set() or visit.polling.clock() >= self.until
        return not out_of_time and state_of(visit) == ImportState.RUNNING


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
