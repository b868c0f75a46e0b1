"""A real SMTP server on a free loopback port whose failures are data: replies, delays, cut connections, TLS, logins.

async with smtp_server(Script(replies={"RCPT": ["550 5.1.1 no such user"]})) as server:
    ... server.port, server.mails, server.commands
"""

import asyncio
import base64
import ssl
import threading
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

LIMIT = 1 << 20


@dataclass(frozen=True, slots=True)
class Script:
    """What the server does.

    `replies`: per verb (CONNECT, EHLO, HELO, STARTTLS, AUTH, MAIL, RCPT, DATA, DOT, RSET, QUIT) the answers in turn,
    the last one repeats; `|` separates the lines of one answer, raw bytes go out as they are, "" says nothing.
    `delays`: seconds before the answer per verb. `cut`: the connection is cut instead of the answer to that verb, BODY:
    in the midst of the content; `cut_after`: right after the answer. `times`: how many cuts there are in all. `early`:
    an answer before the content has ended. `implicit`: TLS from the first byte; `tls` without it: STARTTLS is offered.
    """

    replies: Mapping[str, Sequence[str | bytes]] = field(default_factory=dict)
    delays: Mapping[str, float] = field(default_factory=dict)
    cut: Sequence[str] = ()
    cut_after: Sequence[str] = ()
    times: int = 1_000_000
    early: str = ""
    extensions: Sequence[str] = ("PIPELINING", "8BITMIME", "SIZE 1000000000", "SMTPUTF8", "ENHANCEDSTATUSCODES")
    tls: ssl.SSLContext | None = None
    implicit: bool = False
    logins: Mapping[str, str] = field(default_factory=dict)
    auth: str = "PLAIN LOGIN"


@dataclass(frozen=True, slots=True)
class Received:
    """A mail that got to its final dot: the command lines' arguments, and the content without stuffing."""

    mail_from: str
    recipients: tuple[str, ...]
    content: bytes
    tls: bool
    user: str


@dataclass(slots=True)
class FakeServer:
    """The running server and what it saw."""

    port: int = 0
    mails: list[Received] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    connections: int = 0
    cuts: int = 0
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def host_port(self) -> str:
        """`127.0.0.1:port`."""
        return f"127.0.0.1:{self.port}"


class Cut(Exception):
    """The connection ends here."""


@asynccontextmanager
async def smtp_server(
    script: Script | None = None, address: tuple[str, int] = ("127.0.0.1", 0)
) -> AsyncIterator[FakeServer]:
    """A server in the running loop, ended with the block."""
    script = script or Script()
    seen = FakeServer()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        seen.connections += 1
        session = Session(script, seen, reader, writer)
        try:
            await session.run()
        except (Cut, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            writer.transport.abort()
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            writer.close()
            tasks.discard(task)

    implicit = script.tls if script.implicit else None
    server = await asyncio.start_server(serve, *address, ssl=implicit, limit=LIMIT)
    seen.port = server.sockets[0].getsockname()[1]
    try:
        yield seen
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)


@contextmanager
def smtp_server_thread(script: Script | None = None) -> Iterator[FakeServer]:
    """The same for synchronous tests: the server runs in a loop of its own in a thread."""
    started = threading.Event()
    box: dict[str, Any] = {}

    async def main() -> None:
        async with smtp_server(script) as server:
            box["server"], box["loop"], box["stop"] = server, asyncio.get_running_loop(), asyncio.Event()
            started.set()
            await box["stop"].wait()

    thread = threading.Thread(target=lambda: asyncio.run(main()), daemon=True)
    thread.start()
    assert started.wait(10)
    try:
        server: FakeServer = box["server"]
        yield server
    finally:
        box["loop"].call_soon_threadsafe(box["stop"].set)
        thread.join(10)


@dataclass(slots=True)
class Session:
    """One connection to the fake."""

    script: Script
    seen: FakeServer
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    mail_from: str = ""
    recipients: list[str] = field(default_factory=list)
    user: str = ""

    async def run(self) -> None:
        """Speak until QUIT or the end."""
        await self.answer("CONNECT", "220 fake.test ESMTP")
        while line := await self.reader.readline():
            command = line.decode("utf-8", "replace").rstrip("\r\n")
            self.seen.commands.append(command)
            verb, _, rest = command.partition(" ")
            verb = verb.upper()
            step = getattr(self, f"do_{verb.lower()}", None)
            if step is None:
                await self.answer(verb, "500 5.5.1 unknown command")
            else:
                await step(rest)
            if verb == "QUIT":
                return

    async def answer(self, verb: str, usual: str, accepted: Received | None = None) -> str:
        """Say what the script says for this verb, else the usual; returns the code. A 2xx keeps the accepted mail."""
        self.cut_if(verb, self.script.cut)
        if delay := self.script.delays.get(verb):
            await asyncio.sleep(delay)
        said = self.planned(verb, usual)
        raw = said if isinstance(said, bytes) else lines(said)
        self.writer.write(raw)
        if accepted and raw.startswith(b"2"):
            self.seen.mails.append(accepted)
        await self.writer.drain()
        self.cut_if(verb, self.script.cut_after)
        return raw[:3].decode("latin-1")

    def planned(self, verb: str, usual: str) -> str | bytes:
        """The next planned answer to this verb."""
        plan = self.script.replies.get(verb)
        if not plan:
            return usual
        turn = self.seen.counts.get(verb, 0)
        self.seen.counts[verb] = turn + 1
        return plan[min(turn, len(plan) - 1)]

    def cut_if(self, verb: str, cuts: Sequence[str]) -> None:
        """End the connection if the script says so."""
        if verb in cuts and self.seen.cuts < self.script.times:
            self.seen.cuts += 1
            raise Cut

    @property
    def encrypted(self) -> bool:
        """Whether TLS is on."""
        return self.writer.get_extra_info("sslcontext") is not None

    async def do_ehlo(self, rest: str) -> None:
        """EHLO."""
        offered = list(self.script.extensions)
        if self.script.tls and not self.encrypted:
            offered.append("STARTTLS")
        if self.script.logins:
            offered.append(f"AUTH {self.script.auth}")
        await self.answer("EHLO", "250 " + "|".join(["fake.test greets you", *offered]))

    async def do_helo(self, rest: str) -> None:
        """HELO."""
        await self.answer("HELO", "250 fake.test")

    async def do_starttls(self, rest: str) -> None:
        """STARTTLS."""
        said = await self.answer("STARTTLS", "220 2.0.0 go ahead")
        if said == "220" and self.script.tls:
            with suppress(ssl.SSLError):
                await self.writer.start_tls(self.script.tls)
                return
            raise Cut

    async def do_auth(self, rest: str) -> None:
        """AUTH PLAIN, XOAUTH2 and OAUTHBEARER with an initial response, or LOGIN; a token is a password here."""
        method, _, initial = rest.partition(" ")
        if method.upper() in ("XOAUTH2", "OAUTHBEARER"):
            await self.by_token(base64.b64decode(initial).decode().split("\1"))
            return
        if method.upper() == "PLAIN":
            _, user, password = base64.b64decode(initial).decode().split("\0")
        else:
            user = base64.b64decode(initial).decode()
            self.writer.write(b"334 UGFzc3dvcmQ6\r\n")
            password = base64.b64decode(await self.reader.readline()).decode()
        if self.script.logins.get(user) == password:
            self.user = user
            await self.answer("AUTH", "235 2.7.0 welcome")
        else:
            await self.answer("AUTH", "535 5.7.8 bad credentials")

    async def by_token(self, parts: list[str]) -> None:
        """Check a bearer token; a refusal begins with a challenge, as Google and Microsoft do it."""
        user = parts[0].removeprefix("user=").removeprefix("n,a=").rstrip(",")
        token = next((part.removeprefix("auth=Bearer ") for part in parts if part.startswith("auth=")), "")
        if self.script.logins.get(user) == token:
            self.user = user
            await self.answer("AUTH", "235 2.7.0 welcome")
            return
        self.writer.write(b"334 " + base64.b64encode(b'{"status":"401","schemes":"bearer"}') + b"\r\n")
        self.seen.commands.append((await self.reader.readline()).decode().strip())
        await self.answer("AUTH", "535 5.7.8 Authentication unsuccessful")

    async def do_mail(self, rest: str) -> None:
        """MAIL."""
        self.mail_from, self.recipients = "", []
        if (await self.answer("MAIL", "250 2.1.0 ok")).startswith("2"):
            self.mail_from, self.recipients = rest, []

    async def do_rcpt(self, rest: str) -> None:
        """RCPT; without MAIL, which was refused, it is refused too (RFC 2920 section 3.2)."""
        if not self.mail_from:
            self.writer.write(b"503 5.5.1 MAIL first\r\n")
            return
        if (await self.answer("RCPT", "250 2.1.5 ok")).startswith("2"):
            self.recipients.append(rest)

    async def do_data(self, rest: str) -> None:
        """DATA up to the final dot; refused without a recipient, unless the script says something of its own."""
        if not self.recipients and "DATA" not in self.script.replies:
            self.writer.write(b"554 5.5.1 no valid recipients\r\n")
            return
        if (await self.answer("DATA", "354 go ahead")) != "354":
            return
        content = await self.content()
        received = Received(self.mail_from, tuple(self.recipients), content, self.encrypted, self.user)
        await self.answer("DOT", "250 2.0.0 queued as 1", received)

    async def content(self) -> bytes:
        """The content, unstuffed; only CRLF.CRLF ends it."""
        body, size = [], 0
        while (line := await self.reader.readuntil(b"\r\n")) != b".\r\n":
            body.append(line[1:] if line.startswith(b".") else line)
            size += len(line)
            self.cut_if("BODY", self.script.cut)
            if self.script.early and size > 1000:
                self.writer.write(lines(self.script.early))
                await self.writer.drain()
                await self.drain_input()
                raise Cut
        return b"".join(body)

    async def drain_input(self) -> None:
        """Read on for a moment, so that the early answer is not overtaken by a reset."""
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                while await self.reader.read(65536):
                    pass

    async def do_rset(self, rest: str) -> None:
        """RSET."""
        await self.answer("RSET", "250 2.0.0 ok")

    async def do_quit(self, rest: str) -> None:
        """QUIT."""
        with suppress(OSError):
            await self.answer("QUIT", "221 2.0.0 bye")


def lines(said: str) -> bytes:
    """An answer on the wire: `250 one|two` becomes `250-one`, `250 two`."""
    if not said:
        return b""
    code, _, text = said.partition(" ")
    rows = text.split("|")
    return b"".join(f"{code}{' ' if i == len(rows) - 1 else '-'}{row}\r\n".encode() for i, row in enumerate(rows))
