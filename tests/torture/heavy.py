"""What the memory scenarios are made of: a sink that only counts, a dialogue, large mails in pieces, a prober."""

import asyncio
import hashlib
import select
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import TracebackType

from tests.torture.product import ROOT

LIMIT = 25 * 1024 * 1024
PIECE = 64 * 1024
BODY_LINE = b"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5eg==\r\n"
END = b"\r\n.\r\n"
NOOPS = 80
"""Idle commands in one session; a listener ends it after 100."""


def large_mail(sender: str, recipient: str, name: str, size: int) -> Iterator[bytes]:
    """A mail of exactly so many octets, a page of text and one large attachment, in pieces."""
    head = (
        f"From: Somebody <{sender}>\r\nTo: {recipient}\r\nSubject: Large {name}\r\nMessage-ID: <{name}@large.test>\r\n"
        "Date: Sun, 22 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\n"
        "Content-Type: multipart/mixed; boundary=part\r\n\r\n--part\r\nContent-Type: text/html\r\n\r\n<p>See below.</p>"
        "\r\n--part\r\nContent-Type: application/pdf; name=plan.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    ).encode()
    tail = b"\r\n--part--\r\n"
    block = BODY_LINE * (PIECE // len(BODY_LINE))
    left = size - len(head) - len(tail)
    yield head
    while left > len(block):
        yield block
        left -= len(block)
    lines = left // len(BODY_LINE)
    yield BODY_LINE * lines
    rest = left - lines * len(BODY_LINE)
    yield b"Q" * rest + tail


@dataclass(slots=True)
class Dialogue:
    """A client, asynchronous."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def connect(cls, port: int) -> "Dialogue":
        """Connected, the greeting read."""
        client = cls(*await asyncio.open_connection("127.0.0.1", port))
        await client.reply()
        return client

    @classmethod
    @asynccontextmanager
    async def open(cls, port: int) -> AsyncIterator["Dialogue"]:
        """A connection that has said EHLO, aborted at the end."""
        client = await cls.connect(port)
        try:
            await client.say("EHLO large.torture.test")
            yield client
        finally:
            client.writer.transport.abort()

    async def say(self, line: str, seconds: float = 60) -> str:
        """A command and the last line of its reply."""
        self.writer.write(line.encode() + b"\r\n")
        return await self.reply(seconds)

    async def reply(self, seconds: float = 60) -> str:
        """The last line of a reply."""
        async with asyncio.timeout(seconds):
            while (line := await self.reader.readline())[3:4] == b"-":
                pass
        return line.decode().strip()

    async def begin(self, sender: str, recipient: str, options: str = "") -> None:
        """MAIL, RCPT and DATA. Raises ConnectionError where one is refused."""
        for line in (f"MAIL FROM:<{sender}>{options}", f"RCPT TO:<{recipient}>", "DATA"):
            said = await self.say(line)
            if said[:1] not in ("2", "3"):
                raise ConnectionError(f"{line}: {said}")


@dataclass(slots=True)
class CountingSink:
    """Takes mails and keeps no octet; `whole` are the recipients whose mail had the body that was sent."""

    port: int = 0
    whole: set[str] = field(default_factory=set)
    broken: list[str] = field(default_factory=list)

    async def until(self, count: int, seconds: float) -> None:
        """Wait until so many have come."""
        deadline = time.monotonic() + seconds
        while len(self.whole) + len(self.broken) < count and time.monotonic() < deadline:
            await asyncio.sleep(0.05)


class Counter(asyncio.Protocol):
    """One connection to the sink."""

    def __init__(self, sink: CountingSink) -> None:
        self.sink = sink
        self.rest = b""
        self.in_data = False
        self.size = 0
        self.recipient = ""
        self.digest = hashlib.sha256()
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(b"220 sink.test ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        """Commands line by line, content as it comes."""
        self.rest += data
        while self.rest:
            if self.in_data:
                end = self.rest.find(END)
                if end < 0:
                    self.take(self.rest[:-4])
                    self.rest = self.rest[-4:]
                    return
                self.take(self.rest[: end + 2])
                self.rest = self.rest[end + 5 :]
                self.dot()
                continue
            line, found, self.rest = self.rest.partition(b"\r\n")
            if not found:
                self.rest = line
                return
            self.command(line.decode())

    def take(self, octets: bytes) -> None:
        """Content: its size counts, and what follows our own header fields is hashed."""
        if not self.size:
            octets = octets[octets.find(b"From: Somebody") :]
        self.size += len(octets)
        self.digest.update(octets)

    def dot(self) -> None:
        """A whole mail."""
        name = self.recipient.partition("@")[0].removeprefix("r")
        wanted = hashlib.sha256()
        for piece in large_mail("shop@torture.test", self.recipient, name, LIMIT):
            wanted.update(piece)
        if self.digest.digest() == wanted.digest():
            self.sink.whole.add(self.recipient)
        else:
            self.sink.broken.append(self.recipient)
        self.in_data, self.size, self.digest = False, 0, hashlib.sha256()
        self.say("250 2.0.0 taken")

    def command(self, line: str) -> None:
        """Yes to everything."""
        verb = line[:4].upper()
        if verb == "EHLO":
            self.say("250-sink.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 100000000")
        elif verb == "DATA":
            self.in_data = True
            self.say("354 go on")
        else:
            if verb == "RCPT":
                self.recipient = line[line.find("<") + 1 : line.find(">")]
            self.say("250 2.0.0 ok")

    def say(self, text: str) -> None:
        """A reply."""
        if self.transport:
            self.transport.write(text.encode() + b"\r\n")


@asynccontextmanager
async def counting(sink: CountingSink) -> AsyncIterator[CountingSink]:
    """The sink listens on loopback for as long as the block runs."""
    server = await asyncio.get_running_loop().create_server(lambda: Counter(sink), "127.0.0.1", 0, backlog=128)
    sink.port = server.sockets[0].getsockname()[1]
    try:
        yield sink
    finally:
        server.close()


class Prober:
    """A process that says NOOP all the time: how long a reply takes tells how long the server's loop stands still."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.waits: list[float] = []

    @property
    def longest(self) -> float:
        """Milliseconds of the slowest reply."""
        return round(max(self.waits, default=0), 1)

    @property
    def median(self) -> float:
        """Milliseconds."""
        return round(statistics.median(self.waits), 2) if self.waits else 0.0

    def __enter__(self) -> "Prober":
        command = [sys.executable, "-m", "tests.torture.heavy", str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, cwd=ROOT, text=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        said, _ = self.process.communicate("stop\n", timeout=30)
        self.waits = [float(wait) for wait in said.split()]


def probe(port: int) -> None:
    """Session after session, until something comes in; the milliseconds of each reply."""
    while True:
        with socket.create_connection(("127.0.0.1", port), timeout=30) as sock:
            sock.recv(1000)
            for _ in range(NOOPS):
                began = time.monotonic()
                sock.sendall(b"NOOP\r\n")
                sock.recv(1000)
                print(f"{1000 * (time.monotonic() - began):.2f}", flush=True)
                if select.select([sys.stdin], [], [], 0.01)[0]:
                    return


if __name__ == "__main__":
    probe(int(sys.argv[1]))
