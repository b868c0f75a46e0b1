"""A recording SMTP sink in the running loop: which tag arrived for whom, with delays and faults by choice."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

TAG = b"x-tag:"
OK, ACCEPTED = "250 2.0.0 ok", "250 2.0.0 taken"


@dataclass(frozen=True, slots=True)
class Arrival:
    """A mail that got its final dot; `at` is the monotonic time of the dot."""

    tag: str
    recipient: str
    at: float


@dataclass(slots=True)
class Sink:
    """What arrived, and how to behave, which may be changed while it runs.

    `delay`: seconds before the reply to the dot; `reply`: the reply to the dot for a recipient, empty to cut the
    connection instead (that mail counts as arrived: the remote end has it); `rcpt`: the reply to RCPT; `hold`: an event
    that the dot's reply waits for.
    """

    delay: Callable[[], float] = lambda: 0.0
    reply: Callable[[str], str] = lambda recipient: ACCEPTED
    rcpt: Callable[[str], str] = lambda recipient: OK
    hold: asyncio.Event | None = None
    arrivals: list[Arrival] = field(default_factory=list)
    connections: int = 0
    open_now: int = 0
    most_open: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    tried: list[tuple[str, float]] = field(default_factory=list)
    in_flight: int = 0
    port: int = 0
    server: asyncio.Server | None = None

    @property
    def doubled(self) -> int:
        """Arrivals beyond the first of a tag at a recipient."""
        return len(self.arrivals) - len({(one.tag, one.recipient) for one in self.arrivals})

    @property
    def tags(self) -> set[str]:
        """The tags that arrived."""
        return {one.tag for one in self.arrivals}


class Talk(asyncio.Protocol):
    """One connection: lines in, replies out; built for little work per mail."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.rest = b""
        self.content: list[bytes] | None = None
        self.recipients: list[str] = []
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        sink = self.sink
        sink.connections += 1
        sink.open_now += 1
        sink.most_open = max(sink.most_open, sink.open_now)
        transport.write(b"220 sink.test ESMTP\r\n")

    def connection_lost(self, exc: Exception | None) -> None:
        self.sink.open_now -= 1
        self.transport = None

    def data_received(self, data: bytes) -> None:
        self.rest += data
        while self.transport:
            if self.content is not None:
                end = self.rest.find(b"\r\n.\r\n")
                if end < 0:
                    return
                content, self.rest, self.content = self.rest[:end], self.rest[end + 5 :], None
                self.dot(content)
                continue
            line, found, self.rest = self.rest.partition(b"\r\n")
            if not found:
                self.rest = line
                return
            self.command(line.decode("utf-8", "replace"))

    def say(self, text: str) -> None:
        if self.transport:
            self.transport.write(text.encode() + b"\r\n")

    def command(self, line: str) -> None:
        verb = line[:4].upper()
        if verb == "EHLO":
            self.say("250-sink.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE 1000000000")
        elif verb == "MAIL":
            self.recipients = []
            self.say(OK)
        elif verb == "RCPT":
            recipient = line[line.find("<") + 1 : line.find(">")]
            self.sink.tried.append((recipient, time.monotonic()))
            answer = self.sink.rcpt(recipient)
            if answer.startswith("2"):
                self.recipients.append(recipient)
            else:
                self.sink.refused[answer[:3]] += 1
            self.say(answer)
        elif verb == "DATA":
            self.content = []
            self.say("354 go on")
        elif verb == "QUIT":
            self.say("221 bye")
            if self.transport:
                self.transport.close()
        else:
            self.say(OK)

    def dot(self, content: bytes) -> None:
        """The final dot came: the mail counts as arrived when the reply says so, or when there is none."""
        tag, sink, at = tag_of(content), self.sink, time.monotonic()
        answer = sink.reply(self.recipients[0] if self.recipients else "")
        if not answer or answer.startswith("2"):
            sink.arrivals += [Arrival(tag, recipient, at) for recipient in self.recipients]
        else:
            sink.refused[answer[:3]] += 1
        wait = sink.delay()
        if not answer and self.transport:
            self.transport.abort()
        elif sink.hold or wait:
            sink.in_flight += 1
            asyncio.get_running_loop().create_task(self.answer_later(answer, wait))
        else:
            self.say(answer)

    async def answer_later(self, answer: str, wait: float) -> None:
        try:
            await asyncio.sleep(wait)
            if self.sink.hold:
                await self.sink.hold.wait()
            self.say(answer)
        finally:
            self.sink.in_flight -= 1


def tag_of(content: bytes) -> str:
    """The X-Tag of a mail; empty without one."""
    head = content[: content.find(b"\r\n\r\n")].lower()
    at = head.find(TAG)
    return content[at + len(TAG) :].split(b"\r\n", 1)[0].strip().decode("ascii", "replace") if at >= 0 else ""


@asynccontextmanager
async def sinking(sink: Sink, port: int = 0) -> AsyncIterator[Sink]:
    """The sink listens on loopback for as long as the block runs."""
    loop = asyncio.get_running_loop()
    sink.server = await loop.create_server(lambda: Talk(sink), "127.0.0.1", port, backlog=512)
    sink.port = sink.server.sockets[0].getsockname()[1]
    try:
        yield sink
    finally:
        sink.server.close()
