"""Large mails are checked and written by threads, so that neither they nor a slow disk hold up the event loop."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

import structlog

from gatepost.blobs import ContentFile
from gatepost.gateway.spooling import Writing, trouble_of
from gatepost.reply import TROUBLE, Reply

log = structlog.get_logger()
AHEAD = 512 * 1024
"""Octets that may wait for the disk before the client is made to wait."""
SYNCED_EVERY = 4 * 1024 * 1024
"""Pages of many mails that pile up unwritten would hold up everybody's commit."""
WRITERS = 2


def writers() -> ThreadPoolExecutor:
    """Threads for the spools of a listener: a slow disk is in nobody else's way."""
    return ThreadPoolExecutor(WRITERS, "spool")


class SpoolingBehind:
    """Takes octets as Spooling does, which one thread of `threads` at a time does with them, in order.

    All methods but `work` and what it calls are the loop's and never wait. `begin` makes what writes, `sync` has its
    file on disk; `crowded` is called while too much waits, `caught_up` when nothing does any more. `fault` is known
    some time after the octets that it is about.
    """

    def __init__(
        self,
        begin: Callable[[], Writing],
        sync: Callable[[Path], None],
        threads: Executor,
        crowded: Callable[[], None],
        caught_up: Callable[[], None],
    ) -> None:
        self.begin = begin
        self.sync = sync
        self.threads = threads
        self.crowded = crowded
        self.caught_up = caught_up
        self.loop = asyncio.get_running_loop()
        self.lock = threading.Lock()
        self.queue: deque[bytes] = deque()
        self.waiting = 0
        self.synced = 0
        self.spooling: Writing | None = None
        self.fault: Reply | None = None
        self.file: ContentFile | None = None
        self.whole = False
        self.dropped = False
        self.idle = asyncio.Event()
        self.idle.set()

    def feed(self, octets: bytes) -> None:
        """Take octets as they come from the client."""
        if self.fault:
            return
        with self.lock:
            self.queue.append(octets)
            self.waiting += len(octets)
        if self.waiting > AHEAD:
            self.crowded()
        self.go_on()

    async def written(self) -> None:
        """Wait until all that was fed is in the file, or has a fault: nothing more is to come."""
        self.whole = True
        self.go_on()
        await self.idle.wait()

    def end(self) -> ContentFile | None:
        """The content, after `written`; None where there is a fault."""
        if self.file is None and self.fault is None:
            self.fault = TROUBLE
        return None if self.fault else self.file

    def drop(self) -> None:
        """Have it closed soon, and removed unless it has been kept."""
        self.dropped = True
        with self.lock:
            self.queue.clear()
            self.waiting = 0
        self.go_on()

    def go_on(self) -> None:
        """Have a thread work, unless one does: that one is asked again when it has ended."""
        if self.idle.is_set():
            self.idle.clear()
            self.threads.submit(self.work)

    def work(self) -> None:
        """In a thread: do what there is to do."""
        try:
            self.write()
        except OSError as error:
            self.fault = trouble_of(error)
        except Exception:
            log.exception("spooling a mail failed")
            self.fault = TROUBLE
        if self.dropped:
            self.close()
        try:
            self.loop.call_soon_threadsafe(self.rest)
        except RuntimeError:  # the loop has ended meanwhile
            self.close()

    def write(self) -> None:
        """Write what waits, and end where nothing more comes. Raises OSError."""
        while self.fault is None and (octets := self.next()):
            self.spooling = self.spooling or self.begin()
            self.spooling.feed(octets)
            self.fault = self.spooling.fault
            if self.spooling.spool.size - self.synced >= SYNCED_EVERY:
                self.synced = self.spooling.spool.size
                self.sync(self.spooling.spool.path)
            with self.lock:
                self.waiting = max(self.waiting - len(octets), 0)
        if self.whole and self.spooling and not (self.queue or self.file or self.fault or self.dropped):
            self.file, self.fault = self.spooling.end(), self.spooling.fault

    def next(self) -> bytes:
        """The octets that have waited longest; none when nothing does."""
        with self.lock:
            return self.queue.popleft() if self.queue else b""

    def close(self) -> None:
        """Let go of the file, once."""
        spooling, self.spooling = self.spooling, None
        if spooling:
            spooling.drop()

    def more(self) -> bool:
        """Whether there is something to do that came while a thread was ending."""
        if self.dropped or self.fault:
            return self.dropped and self.spooling is not None
        return bool(self.queue) or (self.whole and self.spooling is not None and self.file is None)

    def rest(self) -> None:
        """In the loop again."""
        if self.more():
            self.threads.submit(self.work)
            return
        self.idle.set()
        self.caught_up()
