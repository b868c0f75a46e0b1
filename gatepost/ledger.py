"""The one writer of a process: it runs many callers' operations in one transaction and commits them together.

A commit with full sync costs the same for one operation as for fifty (group commit); a caller is answered after it.
"""

import asyncio
import queue
import select
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import structlog
from sqlmodel import Session

from gatepost.database import AWAY, Database, SyncFailed, is_deadlock, is_sync_failure
from gatepost.disk import Disk, any_disk

if TYPE_CHECKING:
    from gatepost.ledger_apart import Apart

T = TypeVar("T")
Item = TypeVar("Item")
Op = Callable[[Session], T]
Many = Callable[[Session, Sequence[Item]], Sequence[T]]
"""An operation on several items at once; its results are in their order."""
BATCH = 200
PAUSE, PAUSE_EACH = 0.015, 0.0015
"""Seconds between the beginnings of two batches, at most and for each item of the earlier one.

A batch has its price, whatever its size: the more callers there are, the longer the next one waits for more of them.
"""


log = structlog.get_logger("ledger")


class LedgerClosed(Exception):
    """Nothing more is written: the process ends."""


@dataclass(slots=True, eq=False)
class Job:
    """What is to be done, for whom: `many` with one `item` of those that are done together, or `op` alone."""

    op: Callable[[Session], Any] | None
    future: Future[Any] | asyncio.Future[Any]
    many: Many[Any, Any] | None = None
    item: Any = None

    def taken_up(self) -> bool:
        """Whether it is still wanted; a coroutine that gave up does not count, a future that was cancelled does."""
        return isinstance(self.future, asyncio.Future) or self.future.set_running_or_notify_cancel()


class Ledger:
    """Operations may run twice (after an error the batch is rolled back, then one by one): touch only the session.

    After a failed sync nothing is written any more (`Disk.failed`): the next sync may succeed with the octets lost.
    """

    def __init__(self, database: Database, disk: Disk | None = None) -> None:
        self.database = database
        self.disk = disk or any_disk()
        self.jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self.closing = False
        self.apart: Apart | None = None
        self.lock = threading.Lock()
        self.thread = threading.Thread(target=self.run, name="ledger", daemon=True)

    def start(self) -> "Ledger":
        """Begin to write."""
        self.thread.start()
        return self

    def close(self) -> None:
        """Write what waits, then end."""
        with self.lock:
            if self.closing:
                return
            self.closing = True
            self.jobs.put(None)
        self.thread.join()

    def submit(self, op: Op[T]) -> Future[T]:
        """Hand over an operation; the future has its result after the commit, or its exception."""
        future: Future[T] = Future()
        self.put(Job(op, future))
        return future

    def write(self, op: Op[T]) -> T:
        """Run an operation and wait for its commit, from a thread."""
        return self.submit(op).result()

    async def commit(self, op: Op[T]) -> T:
        """Run an operation and wait for its commit, from a coroutine; a cancelled caller does not stop it."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.put(Job(op, future))
        return await future

    async def gather(self, many: Many[Item, T], item: Item) -> T:
        """As `commit`, for what many callers do at the same time: `many` gets the items of all who wait together.

        Where there is a writer apart that knows `many`, it does it.
        """
        if self.apart and self.apart.takes(many):
            if self.disk.failed:
                raise SyncFailed(self.disk.failed)
            found: T = await self.apart.gather(many, item)
            return found
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.put(Job(None, future, many, item))
        return await future

    def put(self, job: Job) -> None:
        with self.lock:
            if self.closing:
                raise LedgerClosed
            self.jobs.put(job)

    def run(self) -> None:
        ending, began, written = False, 0.0, 0
        while not ending:
            batch: list[Job] = []
            first = self.jobs.get()
            wait_for_more(began, written)
            began = time.monotonic()
            while first is not None:
                if first.taken_up():  # from here on nobody can cancel it
                    batch.append(first)
                if len(batch) >= BATCH or self.jobs.empty():
                    break
                first = self.jobs.get()
            ending, written = first is None, len(batch)
            if batch:
                self.run_safely(batch)

    def run_safely(self, batch: list[Job]) -> None:
        """A fault of ours ends those who wait, and never the thread: nothing would be written any more."""
        try:
            self.run_batch(batch)
        except Exception as error:
            log.exception("a batch failed by a fault of ours", jobs=len(batch))
            settle([(job, None, error) for job in batch if not job.future.done()])

    def run_batch(self, batch: list[Job]) -> None:
        """All in one transaction; after an error each alone, so that one bad operation fails by itself."""
        try:
            results = self.run_together(batch)
        except Exception as error:
            if is_sync_failure(error):
                self.disk.fail(error)
            if self.disk.failed:
                error = SyncFailed(self.disk.failed)
            away = isinstance(error, (*AWAY, SyncFailed))  # alone they would each wait for a database that is away
            if (away and not is_deadlock(error)) or len(batch) == 1:
                settle([(job, None, error) for job in batch])
                return
            for job in batch:
                self.run_batch([job])
            return
        settle([(job, results[job], None) for job in batch])

    def run_together(self, batch: list[Job]) -> dict[Job, Any]:
        if self.disk.failed:
            raise SyncFailed(self.disk.failed)
        results: dict[Job, Any] = {}
        with (
            self.database.engine.connect().execution_options(immediate=True) as connection,
            connection.begin() as transaction,
        ):
            with Session(connection, expire_on_commit=False, autoflush=True) as session:
                for many, jobs in groups(batch):
                    results.update(zip(jobs, many(session, [job.item for job in jobs]), strict=True))
                    session.flush()
                for job in batch:
                    if job.op:
                        results[job] = job.op(session)
                        session.flush()
                session.expunge_all()
            transaction.commit()
        return results


def wait_for_more(began: float, written: int) -> None:
    """Sleep out the pause after a batch of so many items that began then."""
    pause = min(PAUSE, PAUSE_EACH * written) if written > 1 else 0.0
    left = began + pause - time.monotonic()
    if left > 0:
        select.select((), (), (), left)  # time.sleep raises OSError where the clock is not the machine's (libfaketime)


def groups(batch: Sequence[Job]) -> list[tuple[Many[Any, Any], list[Job]]]:
    """The jobs that are done together, by what is done."""
    found: defaultdict[Many[Any, Any], list[Job]] = defaultdict(list)
    for job in batch:
        if job.many:
            found[job.many].append(job)
    return list(found.items())


def settle(ended: Sequence[tuple[Job, Any, Exception | None]]) -> None:
    """Tell who waits: threads directly, the coroutines of a loop all in one call, for waking a loop costs."""
    loops: defaultdict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any, Exception | None]]]
    loops = defaultdict(list)
    for job, result, error in ended:
        if isinstance(job.future, asyncio.Future):
            loops[job.future.get_loop()].append((job.future, result, error))
        elif error:
            job.future.set_exception(error)
        else:
            job.future.set_result(result)
    for loop, told in loops.items():
        with suppress(RuntimeError):  # the loop has ended, and with it who waited
            loop.call_soon_threadsafe(tell, told)


def tell(told: Sequence[tuple[asyncio.Future[Any], Any, Exception | None]]) -> None:
    """Set the results of a loop's futures, in its thread."""
    for future, result, error in told:
        if future.done():
            continue
        if error:
            future.set_exception(error)
        else:
            future.set_result(result)
