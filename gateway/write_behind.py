"""A spool that threads write, so that a slow disk never holds up the event loop."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor

from gatepost.blobs import Blobs, ContentFile, Spool

AHEAD = 512 * 1024
"""Octets that may wait for the disk before the client is made to wait."""
SYNCED_EVERY = 4 * 1024 * 1024
"""Pages of many mails that pile up unwritten would hold up everybody's commit."""
WRITERS = 4


def writers() -> ThreadPoolExecutor:
    """Threads for the spools of a listener: a slow disk is in nobody else's way."""
    return ThreadPoolExecutor(WRITERS, "spool")


class WriteBehind:
    """Takes octets as a Spool does; one thread of `threads` at a time writes them, in order.

    All methods but `work` are the loop's and never wait. `crowded` is called while too much waits for the disk,
    `caught_up` when nothing does any more. What goes wrong in a thread is raised by the next `write`, or by `finish`.
    """

    def __init__(
        self, blobs: Blobs, threads: Executor, crowded: Callable[[], None], caught_up: Callable[[], None]
    ) -> None:
        self.blobs = blobs
        self.threads = threads
        self.crowded = crowded
        self.caught_up = caught_up
        self.loop = asyncio.get_running_loop()
        self.lock = threading.Lock()
        self.queue: deque[bytes] = deque()
        self.size = 0
        self.waiting = 0
        self.synced = 0
        self.spool: Spool | None = None
        self.error: OSError | None = None
        self.dropped = False
        self.idle = asyncio.Event()
        self.idle.set()

    def write(self, octets: bytes) -> None:
        """Append octets. Raises the OSError that earlier ones met."""
        if self.error:
            raise self.error
        self.size += len(octets)
        with self.lock:
            self.queue.append(octets)
            self.waiting += len(octets)
        if self.waiting > AHEAD:
            self.crowded()
        self.go_on()

    async def written(self) -> None:
        """Wait until all is in the file, or that has failed."""
        await self.idle.wait()

    def finish(self) -> ContentFile:
        """What was written, after `written`. Raises OSError."""
        if self.error:
            raise self.error
        if self.spool is None or self.waiting:
            raise OSError("the spool is not written yet")
        return self.spool.finish()

    def drop(self) -> None:
        """Have it closed soon, and removed unless it has been kept."""
        self.dropped = True
        with self.lock:
            self.queue.clear()
            self.waiting = 0
        self.go_on()

    def go_on(self) -> None:
        """Have a thread work, unless one does."""
        if self.idle.is_set():
            self.idle.clear()
            self.threads.submit(self.work)

    def work(self) -> None:
        """In a thread: write what waits; close what is to be dropped."""
        try:
            while self.error is None and (octets := self.next()):
                self.put(octets)
                with self.lock:
                    self.waiting = max(self.waiting - len(octets), 0)
        except OSError as error:
            self.error = error
        except Exception as error:
            self.error = OSError(f"writing to the spool failed: {error}")
        if self.dropped:
            self.close()
        try:
            self.loop.call_soon_threadsafe(self.rest)
        except RuntimeError:  # the loop has ended meanwhile
            self.close()

    def next(self) -> bytes:
        """The octets that have waited longest; none when nothing does."""
        with self.lock:
            return self.queue.popleft() if self.queue else b""

    def put(self, octets: bytes) -> None:
        """Write, and have it on disk now and then. Raises OSError."""
        self.spool = self.spool or self.blobs.spool()
        self.spool.write(octets)
        if self.spool.size - self.synced >= SYNCED_EVERY:
            self.synced = self.spool.size
            self.blobs.sync(self.spool.path)

    def close(self) -> None:
        """Let go of the file, once."""
        spool, self.spool = self.spool, None
        if spool:
            spool.drop()

    def rest(self) -> None:
        """In the loop again, where more may have come meanwhile."""
        if (self.queue and not self.error) or (self.dropped and self.spool):
            self.threads.submit(self.work)
            return
        self.idle.set()
        self.caught_up()
