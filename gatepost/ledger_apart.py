"""The ledger's second writer, a process of its own for what is written most: it leaves the serving process its time.

Both ends of a socket pair are here. What crosses it are lists of `(number, function, item)` one way and of
`(number, result, trouble)` the other, pickled, each after its length. Nobody else has the socket.
"""

import asyncio
import errno
import gc
import io
import json
import pickle
import select
import signal
import socket
import struct
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future
from dataclasses import fields, is_dataclass
from functools import cache
from operator import attrgetter
from typing import Any

import structlog
from sqlalchemy.exc import OperationalError

from gatepost.database import AWAY, SyncFailed, is_full, is_sync_failure, open_database
from gatepost.ledger import Job, Ledger, tell, wait_for_more
from gatepost.reply import Refused

LENGTH = struct.Struct("!I")
READ = 1 << 20
AGAIN_SECONDS = 1.0
END_SECONDS = 10.0
START = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[1]); "
    "from gatepost.ledger_apart import write; write(int(sys.argv[2]))"
)

log = structlog.get_logger("ledger")


class Apart(asyncio.Protocol):
    """The serving process's end: one writer, started again when it ends by itself. Everything is the loop's."""

    def __init__(self, ledger: Ledger, url: str, functions: Collection[Callable[..., Any]]) -> None:
        self.ledger = ledger
        self.url = url
        self.functions = frozenset(functions)
        self.waiting: dict[int, asyncio.Future[Any]] = {}
        self.unsent: list[tuple[int, Callable[..., Any], Any]] = []
        self.received = bytearray()
        self.count = 0
        self.ready = False
        self.gone = asyncio.Event()
        self.transport: asyncio.Transport | None = None
        self.process: subprocess.Popen[bytes] | None = None

    async def run(self) -> None:
        """Keep a writer until cancelled; while there is none, the ledger writes by itself."""
        self.ledger.apart = self
        try:
            while True:
                await self.start()
                await self.gone.wait()
                log.error("the writing process ended by itself; another one is started")
                await self.end()
                await asyncio.sleep(AGAIN_SECONDS)
        finally:
            self.ledger.apart = None
            await self.end()

    async def start(self) -> None:
        """Start a writer; it says when it is ready."""
        ours, theirs = socket.socketpair()
        with theirs:
            self.process = await asyncio.to_thread(launched, theirs.fileno())
        self.gone.clear()
        self.received.clear()
        ours.setblocking(False)
        self.transport, _ = await asyncio.get_running_loop().create_connection(lambda: self, sock=ours)
        self.transport.write(packed((self.url, tuple(self.functions))))

    async def end(self) -> None:
        """Let it write what it has, at most 10 s."""
        self.ready = False
        if self.waiting:
            await asyncio.wait(set(self.waiting.values()), timeout=END_SECONDS)
        if self.transport:
            self.transport.close()
        if self.process:
            await asyncio.to_thread(ended, self.process)

    def takes(self, many: Callable[..., Any]) -> bool:
        """Whether it can be given this to do now."""
        return self.ready and many in self.functions

    def gather(self, many: Callable[..., Any], item: Any) -> asyncio.Future[Any]:
        """The result of an item, after its commit."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        if not self.unsent:
            loop.call_soon(self.send)
        self.count += 1
        self.waiting[self.count] = future
        self.unsent.append((self.count, many, item))
        return future

    def send(self) -> None:
        """Hand over what has come together in this turn of the loop."""
        unsent, self.unsent = self.unsent, []
        if self.transport and not self.transport.is_closing():
            self.transport.write(packed(unsent))
        else:
            self.tell([(number, None, ("away", "the writing process has ended")) for number, _, _ in unsent])

    def data_received(self, data: bytes) -> None:
        """Results, or that the writer is ready."""
        self.received += data
        for told in unpacked(self.received):
            if told == "ready":
                self.ready = True
            else:
                self.tell(told)

    def tell(self, told: list[tuple[int, Any, tuple[str, ...] | None]]) -> None:
        """Give the results to who waits for them; a failed sync is the ledger's matter too."""
        ready = []
        for number, result, trouble in told:
            error = read_trouble(trouble) if trouble else None
            if isinstance(error, SyncFailed):
                self.ledger.disk.fail(error)
            ready.append((self.waiting.pop(number), result, error))
        tell(ready)

    def connection_lost(self, error: Exception | None) -> None:
        """Whether what was under way is committed nobody knows: as with any database that goes away."""
        self.ready = False
        self.tell([(number, None, ("away", "the writing process has ended")) for number in list(self.waiting)])
        self.gone.set()


def packed(what: object) -> bytes:
    """Octets with their length before them."""
    octets = io.BytesIO()
    Packer(octets, pickle.HIGHEST_PROTOCOL).dump(what)
    return LENGTH.pack(octets.tell()) + octets.getvalue()


class Packer(pickle.Pickler):
    """Takes a dataclass as its values: its own way looks at each field anew both here and there, twice as dear."""

    def reducer_override(self, one: object) -> Any:
        """What to call with what, to have an object again; asked for each that is not built in."""
        kind: Any = type(one)
        values = values_of(kind)
        return (kind, values(one)) if values else NotImplemented


@cache
def values_of(kind: Any) -> Callable[[object], tuple[Any, ...]] | None:
    """What gives the values of a dataclass in the order of its fields; None for anything else."""
    names = [each.name for each in fields(kind)] if is_dataclass(kind) else []
    return attrgetter(*names) if len(names) > 1 else None


def unpacked(received: bytearray) -> Iterator[Any]:
    """What is whole in a buffer, taken out of it."""
    while len(received) >= LENGTH.size:
        end = LENGTH.size + LENGTH.unpack_from(received)[0]
        if len(received) < end:
            return
        whole = bytes(received[LENGTH.size : end])
        del received[:end]
        yield pickle.loads(whole)  # noqa: S301  the other end is our own process


def launched(number: int) -> "subprocess.Popen[bytes]":
    """A writer that has this socket."""
    return subprocess.Popen([sys.executable, "-c", START, json.dumps(sys.path), str(number)], pass_fds=[number])


def ended(process: subprocess.Popen[bytes]) -> None:
    """Wait for a process that has been told to end, and kill one that does not."""
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def trouble_of(error: BaseException) -> tuple[str, ...]:
    """What an error means, as it crosses the socket: exceptions of drivers cannot."""
    text = str(getattr(error, "orig", None) or error)
    if is_sync_failure(error):
        return "sync", text
    full = "full" if is_full(error) else ""
    if isinstance(error, AWAY):
        return "away", text, full
    if full:
        return full, text
    if isinstance(error, Refused):
        return "refused", str(error.reply.code), error.reply.status or "", error.reply.text
    return "fault", repr(error), "".join(traceback.format_exception(error))


def read_trouble(trouble: tuple[str, ...]) -> Exception:
    """The error of `trouble_of`, of the same kind."""
    kind, text = trouble[0], trouble[1]
    if kind == "sync":
        return SyncFailed(text)
    if kind == "full":
        return OSError(errno.ENOSPC, text)
    if kind == "away":
        return OperationalError("", None, OSError(errno.ENOSPC, text) if "full" in trouble[2:] else Exception(text))
    if kind == "refused":
        return Refused(int(text), trouble[2], trouble[3])
    log.error("writing failed by a fault of ours", error=text, traceback=trouble[2])
    return RuntimeError(text)


def write(number: int) -> None:
    """The writer's end: do what comes on this socket, many at a time, until it is closed."""
    gc.disable()
    for name in (signal.SIGINT, signal.SIGTERM):  # meant for the serving process, whose end is told by the socket
        signal.signal(name, signal.SIG_IGN)
    connection = socket.socket(fileno=number)
    arriving = arrivals(connection)
    url, _functions = next(arriving)[0]  # reading them has loaded their modules
    ledger = Ledger(open_database(url))
    gc.freeze()
    gc.enable()
    gc.set_threshold(100_000, 20, 100)
    connection.sendall(packed("ready"))
    for lists in arriving:
        numbered = [(number, Job(None, Future(), many, item)) for each in lists for number, many, item in each]
        ledger.run_batch([job for _, job in numbered])
        connection.sendall(packed([outcome(number, job.future) for number, job in numbered]))


def outcome(number: int, future: Any) -> tuple[int, Any, tuple[str, ...] | None]:
    error = future.exception()
    return (number, None, trouble_of(error)) if error else (number, future.result(), None)


def arrivals(connection: socket.socket) -> Iterator[list[Any]]:
    """What has come together since the last time, a pause after it; ends with the connection."""
    received, began, written = bytearray(), 0.0, 0
    while True:
        found = list(unpacked(received))
        while not found:
            data = connection.recv(READ)
            if not data:
                return
            received += data
            found = list(unpacked(received))
        wait_for_more(began, written)
        while select.select([connection], [], [], 0)[0] and (data := connection.recv(READ)):
            received += data
        began = time.monotonic()
        found += unpacked(received)
        written = sum(map(len, found))
        yield found
