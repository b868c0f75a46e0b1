"""What goes on beside everything else: tasks of a loop, and duties that look in threads for something to do.

A duty looks when something was committed, by whichever process, or when the time has come for what it knows of.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from gatepost.database import Database
from gatepost.ledger import Ledger, LedgerClosed

END_SECONDS = 10.0
TROUBLE_SECONDS = 30.0
LONGEST = timedelta(seconds=30)
"""Nothing is left unlooked at for longer, whatever clocks do."""

When = datetime | bool | None
"""What a round tells: True where there is more to do at once; else when there will be (a time that has passed: in the
next round); else nothing, until something is committed."""

log = structlog.get_logger("gatepost.rounds")


@asynccontextmanager
async def alongside(
    work: Coroutine[object, object, None], ended: Callable[[asyncio.Task[None]], object] | None = None
) -> AsyncIterator[None]:
    """The work is under way while this context is open, and is cancelled and waited for at its end."""
    task = asyncio.create_task(work)
    if ended:
        task.add_done_callback(ended)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class Looks:
    """Whether a look at the database is worth it: `worth` is asked before, `looked` told after, if nothing is to do."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.seen: object = None
        self.asked: object = None
        self.due: datetime | None = None

    def worth(self, now: datetime) -> bool:
        """Whether something was committed since the last look, or its time has come."""
        self.asked = self.database.version()
        return self.asked != self.seen or (self.due is not None and now >= self.due)

    def looked(self, now: datetime, due: datetime | None) -> None:
        """All was seen that was there when `worth` was asked; the next thing is due at a time, or not known."""
        self.seen, self.due = self.asked, min(due or now + LONGEST, now + LONGEST)


@dataclass(frozen=True, slots=True)
class Duty:
    """`work(now)` is one round, in a thread; there are `seconds` between two, unless the first leaves more to do."""

    name: str
    work: Callable[[datetime], When]
    seconds: float
    ledger: Ledger
    clock: Callable[[], datetime]


def go_round(duty: Duty, stop: threading.Event, wait: Callable[[float], object]) -> None:
    """Round after round until `stop` is set or the ledger is closed; trouble is waited out, longer each time."""
    looks, failed = Looks(duty.ledger.database), 0
    while not (stop.is_set() or duty.ledger.closing):
        pause = duty.seconds
        try:
            if look(duty, looks):
                continue
            failed = 0
        except LedgerClosed:
            return
        except Exception:
            log.exception("a round failed; the next one tries again", duty=duty.name)
            pause = max(pause, min(pause * 2.0 ** min(failed, 10), TROUBLE_SECONDS))
            failed += 1
        wait(pause)


def look(duty: Duty, looks: Looks) -> bool:
    """One round, if it is worth it; whether there is more to do at once."""
    now = duty.clock()
    if not looks.worth(now):
        return False
    found = duty.work(now)
    if found is True:
        return True
    looks.looked(now, found or None)
    return False


def begin(duty: Duty, stop: threading.Event, wait: Callable[[float], object] | None = None) -> threading.Thread:
    """Go round in the thread that is returned."""
    thread = threading.Thread(target=go_round, args=(duty, stop, wait or stop.wait), name=duty.name, daemon=True)
    thread.start()
    return thread


@asynccontextmanager
async def rounds(duty: Duty) -> AsyncIterator[None]:
    """Go round while this context is open; a round that is under way at its end has ten seconds more."""
    stop = threading.Event()
    thread = begin(duty, stop)
    try:
        yield
    finally:
        stop.set()
        await asyncio.to_thread(thread.join, END_SECONDS)


def earliest(*times: datetime | None) -> datetime | None:
    """The first of these times; None where there is none."""
    return min((time for time in times if time), default=None)


def is_past(time: datetime | None, now: datetime) -> bool:
    """Whether there is a time, and it has come."""
    return time is not None and time <= now
