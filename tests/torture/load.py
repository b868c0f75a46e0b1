"""The load driver: SMTP clients that send tagged mails, send again what was not taken, and note what became of each.

As a true client does, they send the same octets again after a lost connection or a temporary refusal.
"""

import asyncio
import time
import uuid
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from tests.torture.product import MAILBOX, SENDER_DOMAIN

LINE = b"A line of the body of a mail that is only here to weigh something, as bodies do, for the test.\r\n"
PATIENCE = 30.0
BIG = 200_000
"""Octets of a mail that is stored as a file."""


@dataclass(slots=True)
class Mail:
    """One mail: its octets stay the same however often it is sent."""

    tag: str
    recipient: str
    content: bytes
    tries: int = 0


@dataclass(slots=True)
class Load:
    """What the clients did. `acked` are the tags with a 250, `unknown` those whose connection was lost after the dot.

    `half` had no dot in any try; `refused` had a reply that was no 250, by tag. `on_half`, `on_dot` and `on_ack` are
    called with the tag: when half of a body is sent, when the dot is, and when its 250 is read.
    """

    port: int
    clients: int = 20
    size: int = 2000
    big_every: int = 0
    by_mx: bool = False
    per_connection: int = 20
    again: bool = True
    rate: float = 0.0
    seconds_refused: float = 0.2
    recipient: Callable[[int], str] | None = None
    on_half: Callable[[str], None] = lambda tag: None
    on_dot: Callable[[str], None] = lambda tag: None
    on_ack: Callable[[str], None] = lambda tag: None
    slow_body: float = 0.0
    acked: dict[str, float] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)
    dotted: set[str] = field(default_factory=set)
    begun: set[str] = field(default_factory=set)
    refused: dict[str, str] = field(default_factory=dict)
    replies: Counter[str] = field(default_factory=Counter)
    slowest: Counter[str] = field(default_factory=Counter)
    waiting: deque[Mail] = field(default_factory=deque)
    busy: int = 0
    made: int = 0
    stopping: bool = False
    paused: bool = False
    next_at: float = 0.0
    tried_again: int = 0

    @property
    def half(self) -> set[str]:
        """Tags whose final dot was never sent."""
        return self.begun - self.dotted

    @property
    def wrong(self) -> set[str]:
        """Tags that were only ever refused: they must not be stored."""
        return set(self.refused) - self.unknown - set(self.acked)

    def next_mail(self) -> Mail | None:
        """A mail to send again, or a new one."""
        if self.waiting:
            self.tried_again += 1
            return self.waiting.popleft()
        if self.stopping or self.paused:
            return None
        self.made += 1
        tag = uuid.uuid4().hex
        who = self.recipient(self.made) if self.recipient else MAILBOX if self.by_mx else f"r{self.made}@sink.test"
        big = self.big_every and self.made % self.big_every == 0
        return Mail(tag, who, mail_bytes(tag, who, BIG if big else self.size))


def mail_bytes(tag: str, recipient: str, size: int) -> bytes:
    """A mail with a tag, stuffed for the wire."""
    head = (
        f"From: Shop <shop@{SENDER_DOMAIN}>\r\nTo: {recipient}\r\nSubject: Order {tag[:8]}\r\n"
        f"Date: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{tag}@{SENDER_DOMAIN}>\r\nX-Tag: {tag}\r\n\r\n"
    ).encode()
    return head + LINE * max((size - len(head)) // len(LINE), 1)


@asynccontextmanager
async def loading(load: Load) -> AsyncIterator[Load]:
    """The clients run while the block does; then each mail that was begun is sent until it has its 250."""
    tasks = [asyncio.create_task(client(load)) for _ in range(load.clients)]
    try:
        yield load
        load.stopping = True
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def client(load: Load) -> None:
    """Connect, send, and connect again, until there is nothing more to send."""
    while not (load.stopping and not load.waiting and not load.busy):
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", load.port)
        except OSError:
            await asyncio.sleep(0.05)
            continue
        try:
            await session(load, reader, writer)
        except (OSError, EOFError):
            await asyncio.sleep(0.02)
        finally:
            writer.transport.abort()


async def session(load: Load, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Mails over one connection. Raises OSError and EOFError when it is lost."""
    await expect(reader, load)
    writer.write(b"EHLO client.torture.test\r\n")
    await expect(reader, load)
    for _ in range(load.per_connection):
        await turn(load)
        mail = load.next_mail()
        if mail is None:
            await asyncio.sleep(0.02)
            if load.stopping:
                return
            continue
        load.busy += 1
        taken = False
        try:
            taken = await send(load, mail, reader, writer)
        finally:
            load.busy -= 1
            mail.tries += 1
            if not taken and load.again:
                load.waiting.append(mail)
        if not taken:
            await asyncio.sleep(load.seconds_refused)
            writer.write(b"RSET\r\n")
            await expect(reader, load)
    writer.write(b"QUIT\r\n")


async def turn(load: Load) -> None:
    """Wait for one's turn where a rate is set."""
    if load.rate:
        now = time.monotonic()
        load.next_at = max(load.next_at, now - 1) + 1 / load.rate
        await asyncio.sleep(max(load.next_at - now, 0))


async def send(load: Load, mail: Mail, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """One transaction; whether it ended with 250."""
    sender = f"shop@{SENDER_DOMAIN}"
    load.begun.add(mail.tag)
    for command in (f"MAIL FROM:<{sender}>", f"RCPT TO:<{mail.recipient}>", "DATA"):
        writer.write(command.encode() + b"\r\n")
        reply = await expect(reader, load)
        if reply[0] not in "23":
            load.refused[mail.tag] = reply
            return False
    middle = len(mail.content) // 2
    writer.write(mail.content[:middle])
    load.on_half(mail.tag)
    if load.slow_body:
        await writer.drain()
        await asyncio.sleep(load.slow_body)
    if writer.transport.is_closing() or reader.at_eof():
        raise EOFError
    writer.write(mail.content[middle:] + b".\r\n")
    load.dotted.add(mail.tag)
    load.on_dot(mail.tag)
    try:
        reply = await expect(reader, load)
    except (OSError, EOFError):
        load.unknown.add(mail.tag)
        raise
    if reply.startswith("250"):
        load.acked[mail.tag] = time.monotonic()
        load.on_ack(mail.tag)
        return True
    load.refused[mail.tag] = reply
    return False


async def expect(reader: asyncio.StreamReader, load: Load) -> str:
    """One reply, its last line; counted by code. Raises OSError and EOFError."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(PATIENCE):
            while (line := await reader.readline())[3:4] == b"-":
                pass
    except TimeoutError:
        raise EOFError from None
    if not line.endswith(b"\n"):
        raise EOFError
    reply = line.decode("latin-1").rstrip("\r\n")
    load.replies[reply.split(" ", 2)[0] + " " + reply[4:9] if reply[0] in "45" else reply[:3]] += 1
    took = int((time.monotonic() - began) * 1000)
    load.slowest[reply[:3]] = max(load.slowest[reply[:3]], took)
    return reply
