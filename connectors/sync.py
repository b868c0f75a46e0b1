"""What a pass over a folder has to do, decided from what the server says and what is stored; values only.

By MODSEQ where the server has it (CONDSTORE, QRESYNC: RFC 7162), else by counting and by looking at flags in windows:
Exchange, Outlook.com and Yahoo have neither.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from gatepost.connectors.cursor import Folder, Position, start_at

Compare = Literal["no", "changed", "newest", "all"]
NEWEST = 500
LOOK_AT_ALL = timedelta(hours=1)
MOST_CHANGES = 5
CALM = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Known:
    """What is stored of a folder when a pass begins; `read` is False where it was never read, `again` True where it was
    left alone for a while.
    """

    position: Position
    highestmodseq: int = 0
    messages: int = 0
    changes: int = 0
    checked_at: datetime | None = None
    read: bool = True
    again: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do in a folder: open it at all, number its places anew, how to find what changed, and why."""

    visit: bool
    remap: bool
    compare: Compare
    why: str


def plan(known: Known, folder: Folder, now: datetime, *, bell: bool = False) -> Plan:
    """The plan for a folder by its STATUS. `bell`: it is the one that people look at, so its newest flags count now."""
    if not known.read:
        return Plan(True, False, "no", "first reading of this folder")
    position, why = start_at(known.position, folder)
    if position != known.position:
        return renumbered(known, why, now)
    if known.again:
        return Plan(True, False, "all", "it is read from now on")
    if folder.highestmodseq and folder.highestmodseq == known.highestmodseq and folder.messages == known.messages:
        return Plan(False, False, "no", "nothing changed since")
    if folder.highestmodseq and known.highestmodseq:
        return Plan(True, False, "changed", f"changed since MODSEQ {known.highestmodseq}")
    if known.checked_at is None or now - known.checked_at >= LOOK_AT_ALL:
        return Plan(True, False, "all", "all flags are looked at once an hour")
    if bell:
        return Plan(True, False, "newest", why)
    if folder.uidnext == known.position.last_uid + 1 and folder.messages == known.messages:
        return Plan(False, False, "no", "nothing changed since")
    return Plan(True, False, "newest", why)


def renumbered(known: Known, why: str, now: datetime) -> Plan:
    """For a folder whose UIDs mean something else now. One that changes all the time is left alone between."""
    if known.position.last_uid == 0:
        return Plan(True, False, "no", why)
    if known.changes >= MOST_CHANGES and known.checked_at and now - known.checked_at < CALM:
        return Plan(False, False, "no", f"{why}; it has changed {known.changes} times in a row and is left for an hour")
    return Plan(True, True, "all", why)


def counts_differ(known: Known, folder: Folder, new: int) -> bool:
    """Whether messages must have vanished: there are not as many as there were, with the new ones."""
    return known.messages + new != folder.messages
