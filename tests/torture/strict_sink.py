"""A receiving server that trusts nobody: it counts mails, connections, and every CR, LF or command out of place."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

END = b"\r\n.\r\n"
EHLO = b"250-sink.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE 100000000\r\n"
ANSWERS = {
    b"EHLO": EHLO,
    b"HELO": b"250 sink.test\r\n",
    b"MAIL": b"250 2.1.0 ok\r\n",
    b"RCPT": b"250 2.1.5 ok\r\n",
    b"DATA": b"354 go ahead\r\n",
    b"RSET": b"250 2.0.0 ok\r\n",
    b"NOOP": b"250 2.0.0 ok\r\n",
    b"QUIT": b"221 2.0.0 bye\r\n",
}
TAKEN = b"250 2.0.0 taken\r\n"


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail as it came: addresses without brackets, the content unstuffed (or its length), and the monotonic time."""

    mail_from: str
    recipients: tuple[str, ...]
    content: bytes
    at: float


@dataclass(slots=True)
class Sink:
    """What came. `stray` counts lines and contents with a CR or LF of its own, `unknown` what is no command.

    `answer` may give another reply to a verb (or `DOT`) and its line: None is the usual one, empty is silence.
    `wait` gives the seconds before the dot's reply.
    """

    host: str = "127.0.0.1"
    port: int = 0
    mails: list[Mail] = field(default_factory=list)
    answer: Callable[[bytes, bytes], bytes | None] = lambda verb, line: None
    wait: Callable[[], float] = lambda: 0.0
    stray: int = 0
    unknown: list[bytes] = field(default_factory=list)
    connections: int = 0
    open: int = 0
    most_open: int = 0

    @property
    def host_port(self) -> str:
        """`host:port`."""
        return f"{self.host}:{self.port}"


@asynccontextmanager
async def strict_sink(sink: Sink | None = None) -> AsyncIterator[Sink]:
    """A sink in the running loop."""
    sink = sink or Sink()
    server = await asyncio.get_running_loop().create_server(lambda: Session(sink), sink.host, sink.port, backlog=512)
    sink.port = server.sockets[0].getsockname()[1]
    try:
        yield sink
    finally:
        server.close()


class Session(asyncio.Protocol):
    """One connection."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.buffer = bytearray()
        self.in_data = False
        self.mail_from = ""
        self.recipients: list[str] = []
        self.wire: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        assert isinstance(transport, asyncio.Transport)
        self.wire = transport
        self.sink.connections += 1
        self.sink.open += 1
        self.sink.most_open = max(self.sink.most_open, self.sink.open)
        greeting = self.reply(b"CONNECT", b"", b"220 sink.test ESMTP\r\n")
        self.say(greeting)
        if greeting.startswith(b"4"):
            self.wire.close()

    def connection_lost(self, error: Exception | None) -> None:
        """Count it."""
        self.sink.open -= 1

    def data_received(self, data: bytes) -> None:
        """Take lines and contents."""
        self.buffer += data
        while not self.wire.is_closing():
            end = self.content_end() if self.in_data else self.buffer.find(b"\r\n")
            if end < 0:
                return
            raw = bytes(self.buffer[:end])
            if self.in_data:
                del self.buffer[: end + 3]
                self.content(raw)
            else:
                del self.buffer[: end + 2]
                self.command(raw)

    def content_end(self) -> int:
        """Where the final dot stands, -1 where it is not there."""
        if self.buffer.startswith(b".\r\n"):
            return 0
        found = self.buffer.find(END)
        return found + 2 if found >= 0 else -1

    def command(self, line: bytes) -> None:
        """One command line."""
        verb = line[:4].upper()
        if any(octet in line for octet in b"\r\n\0"):
            self.sink.stray += 1
        if verb not in ANSWERS:
            self.sink.unknown.append(line[:200])
        reply = self.reply(verb, line, ANSWERS.get(verb, b"500 5.5.1 what\r\n"))
        address = line.partition(b"<")[2].partition(b">")[0].decode("utf-8", "replace")
        if verb == b"MAIL" and reply.startswith(b"2"):
            self.mail_from, self.recipients = address, []
        elif verb == b"RCPT" and reply.startswith(b"2"):
            self.recipients.append(address)
        self.in_data = verb == b"DATA" and reply.startswith(b"354")
        self.say(reply)
        if verb == b"QUIT" or reply.startswith(b"421"):
            self.wire.close()

    def content(self, raw: bytes) -> None:
        """A whole mail, and its reply."""
        self.in_data = False
        if raw.count(b"\r\n") != raw.count(b"\r") or raw.count(b"\r\n") != raw.count(b"\n") or b"\0" in raw:
            self.sink.stray += 1
        content = (raw[1:] if raw.startswith(b".") else raw).replace(b"\r\n.", b"\r\n")
        mail = Mail(self.mail_from, tuple(self.recipients), content, time.monotonic())
        reply = self.reply(b"DOT", content, TAKEN)
        if reply.startswith(b"2"):
            self.sink.mails.append(mail)
        if seconds := self.sink.wait():
            asyncio.get_running_loop().call_later(seconds, self.say, reply)
        else:
            self.say(reply)

    def reply(self, verb: bytes, line: bytes, usual: bytes) -> bytes:
        """The sink's own reply, or the usual one."""
        own = self.sink.answer(verb, line)
        return usual if own is None else own

    def say(self, reply: bytes) -> None:
        """Answer, unless the client has gone."""
        if reply and not self.wire.is_closing():
            self.wire.write(reply)
