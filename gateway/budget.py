"""Memory for large mails: those who work on one take a share first, and wait where all is given away.

That they wait keeps threads few too: many that hash at once would let the event loop wait for its turn.
"""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from gatepost.blobs import IN_ROW

TOTAL = 64 * 1024 * 1024


READING = 3
"""A mail that is read takes up to three times its size: the octets, a decoded body, and the text."""


def for_reading(size: int) -> int:
    """The share for reading a mail of this size whole; nothing for a small one."""
    return READING * size if size > IN_ROW else 0


DECODING = 4
"""A mail in JSON takes about three times the size of its body (octets, text, decoded files, the mail made of them).

Text that is not ASCII takes more.
"""


def for_decoding(size: int) -> int:
    """The share for decoding a JSON body of this size, and for building the mail that it describes."""
    return DECODING * size if size > IN_ROW else 0


@dataclass(slots=True)
class Waiter:
    """Somebody who wants a share."""

    octets: int
    granted: "Future[None]" = field(default_factory=Future)


class Budget:
    """Octets for coroutines and threads alike, first come, first served; small mails (up to 128 KB) need none.

    A share larger than all is given when nobody else has one. Whoever has a share must not ask for another, nor wait
    for threads that may wait for one: in an executor that coroutines with a share use, nobody calls `hold`.
    """

    def __init__(self, total: int = TOTAL) -> None:
        self.total = total
        self.taken = 0
        self.most = 0
        self.waiting: deque[Waiter] = deque()
        self.lock = threading.Lock()

    @asynccontextmanager
    async def share(self, octets: int) -> AsyncIterator[None]:
        """Have room for so many octets, in a coroutine; one that is cancelled while it waits takes nothing."""
        if octets <= IN_ROW:
            yield
            return
        waiter = self.ask(octets)
        try:
            if not waiter.granted.done():
                await asyncio.shield(asyncio.wrap_future(waiter.granted))
            yield
        finally:
            self.leave(waiter)

    @contextmanager
    def hold(self, octets: int) -> Iterator[None]:
        """Have room for so many octets, in a thread."""
        if octets <= IN_ROW:
            yield
            return
        waiter = self.ask(octets)
        try:
            waiter.granted.result()
            yield
        finally:
            self.leave(waiter)

    def ask(self, octets: int) -> Waiter:
        """Stand in line, or have a share at once."""
        waiter = Waiter(octets)
        with self.lock:
            self.waiting.append(waiter)
            self.grant()
        return waiter

    def leave(self, waiter: Waiter) -> None:
        """Give a share back, or a place in the line up."""
        with self.lock:
            if waiter.granted.cancel():
                self.waiting.remove(waiter)
            else:
                self.taken -= waiter.octets
            self.grant()

    def grant(self) -> None:
        while self.waiting and (not self.taken or self.taken + self.waiting[0].octets <= self.total):
            first = self.waiting.popleft()
            self.taken += first.octets
            self.most = max(self.most, self.taken)
            first.granted.set_result(None)
