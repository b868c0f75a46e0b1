"""The one writer of a process: it runs many callers' operations in one transaction and commits them together.

A commit with full sync costs the same for one operation as for fifty (group commit); a caller is answered after it.
"""

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlmodel import Session

from gatepost.database import AWAY, Database

T = TypeVar("T")
Op = Callable[[Session], T]
BATCH = 200


class LedgerClosed(Exception):
    """Nothing more is written: the process ends."""


@dataclass(slots=True)
class Job:
    """An operation and who waits for it."""

    op: Callable[[Session], Any]
    future: Future[Any]


class Ledger:
    """Operations may run twice (after an error the batch is rolled back, then one by one): touch only the session."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self.closing = False
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
        with self.lock:
            if self.closing:
                raise LedgerClosed
            self.jobs.put(Job(op, future))
        return future

    def write(self, op: Op[T]) -> T:
        """Run an operation and wait for its commit, from a thread."""
        return self.submit(op).result()

    async def commit(self, op: Op[T]) -> T:
        """Run an operation and wait for its commit, from a coroutine; a cancelled caller does not stop it."""
        return await asyncio.shield(asyncio.wrap_future(self.submit(op)))

    def run(self) -> None:
        ending = False
        while not ending:
            first = self.jobs.get()
            batch: list[Job] = []
            while first is not None:
                if first.future.set_running_or_notify_cancel():  # from here on nobody can cancel it
                    batch.append(first)
                if len(batch) >= BATCH or self.jobs.empty():
                    break
                first = self.jobs.get()
            ending = first is None
            if batch:
                self.run_batch(batch)

    def run_batch(self, batch: list[Job]) -> None:
        """All in one transaction; after an error each alone, so that one bad operation fails by itself."""
        try:
            results = self.run_together(batch)
        except Exception as error:
            if len(batch) == 1 or isinstance(error, AWAY):  # alone they would each wait for a database that is away
                for job in batch:
                    job.future.set_exception(error)
                return
            for job in batch:
                self.run_batch([job])
            return
        for job, result in zip(batch, results, strict=True):
            job.future.set_result(result)

    def run_together(self, batch: list[Job]) -> list[Any]:
        results = []
        with (
            self.database.engine.connect().execution_options(immediate=True) as connection,
            connection.begin() as transaction,
        ):
            with Session(connection, expire_on_commit=False, autoflush=True) as session:
                for job in batch:
                    results.append(job.op(session))
                    session.flush()
                session.expunge_all()
            transaction.commit()
        return results
