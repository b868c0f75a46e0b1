"""A raw SMTP client for tests, and listeners with functions at their boundary that only note what they are given."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gatepost.certificate import make_certificate, server_context
from gatepost.envelope import Envelope
from gatepost.gateway.mx import start_mx
from gatepost.gateway.submission import start_submission
from gatepost.model import Credential
from gatepost.reply import Reply
from gatepost.settings import Settings

Run = Callable[[Coroutine[Any, Any, None]], None]
MAIL = b"From: a@example.org\r\nSubject: x\r\n\r\nHello\r\n"
BEGIN = ("EHLO c.example.org", "MAIL FROM:<a@example.org>", "RCPT TO:<help@gatepost.test>", "DATA")
WAIT = 20
STORED = Reply(250, "2.0.0", "Stored")
NOW = datetime(2026, 11, 22, tzinfo=UTC)
CREDENTIAL = Credential(id="crd_1", kind="smtp", name="Shop", username="shop", secret_hash="", created_at=NOW)


@dataclass
class Client:
    """One connection; `say` sends octets as they are, `reply` reads one reply of any number of lines."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def reply(self) -> str:
        lines = []
        while True:
            line = (await asyncio.wait_for(self.reader.readline(), WAIT)).decode("ascii")
            lines.append(line)
            if line[3:4] != "-":
                assert line == "" or line.endswith("\r\n")
                return "".join(lines).rstrip("\r\n")

    async def say(self, octets: str | bytes) -> str:
        self.send(octets)
        return await self.reply()

    def send(self, octets: str | bytes) -> None:
        raw = octets if isinstance(octets, bytes) else octets.encode()
        self.writer.write(raw if raw.endswith(b"\r\n") or isinstance(octets, bytes) else raw + b"\r\n")

    async def all(self, *commands: str) -> list[str]:
        return [await self.say(command) for command in commands]

    async def start_tls(self) -> None:
        assert (await self.say("STARTTLS")).startswith("220 2.0.0")
        await self.writer.start_tls(trusting())

    async def rest(self) -> bytes:
        """What the server still says before it closes."""
        try:
            return await asyncio.wait_for(self.reader.read(), WAIT)
        except ConnectionError:
            return b""

    def close(self) -> None:
        self.writer.transport.abort()


def trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def port_of(server: asyncio.Server) -> int:
    return int(server.sockets[0].getsockname()[1])


@asynccontextmanager
async def connected(server: asyncio.Server, tls: bool = False) -> AsyncIterator[Client]:
    """A client of the server; the greeting is not yet read."""
    context = trusting() if tls else None
    client = Client(*await asyncio.open_connection("127.0.0.1", port_of(server), ssl=context))
    try:
        yield client
    finally:
        client.close()


@dataclass
class World:
    """What the listeners are given, and what they gave."""

    settings: Settings
    got: list[Envelope] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    tries: list[tuple[str, str, str]] = field(default_factory=list)
    known: tuple[str, ...] = ("help@gatepost.test",)
    network: Credential | None = None
    reply: Reply = STORED
    trouble: Exception | None = None
    gate: asyncio.Event | None = None

    async def known_recipient(self, address: str) -> bool:
        self.asked.append(address)
        if address.startswith("crash@"):
            raise RuntimeError("db password=hunter2 down")
        return address in self.known

    async def receive(self, envelope: Envelope) -> Reply:
        if self.gate:
            await self.gate.wait()
        if self.trouble:
            raise self.trouble
        self.got.append(envelope)
        return self.reply

    async def accept(self, envelope: Envelope, credential: Credential) -> str:
        await self.receive(envelope)
        return f"msg_{len(self.got)}:{credential.id}"

    async def authenticate(self, username: str, secret: str, ip: str) -> Credential | None:
        self.tries.append((username, secret, ip))
        if username == "crash":
            raise RuntimeError("db password=hunter2 down")
        return CREDENTIAL if (username, secret) == ("shop", "s3cret") else None

    async def network_credential(self, ip: str) -> Credential | None:
        return self.network

    def tls(self) -> ssl.SSLContext:
        folder = Path(self.settings.home)
        if not (folder / "key.pem").exists():
            make_certificate("mail.gatepost.test", folder / "cert.pem", folder / "key.pem", datetime.now(UTC))
        return server_context(folder / "cert.pem", folder / "key.pem")

    @asynccontextmanager
    async def mx(self, tls: bool = False) -> AsyncIterator[asyncio.Server]:
        context = self.tls() if tls else None
        server = await start_mx(
            self.settings, self.settings.mx, tls=context, known_recipient=self.known_recipient, receive=self.receive
        )
        try:
            yield server
        finally:
            server.close()

    @asynccontextmanager
    async def submission(self, implicit: bool = False) -> AsyncIterator[asyncio.Server]:
        server = await start_submission(
            self.settings,
            self.settings.submission,
            implicit_tls=implicit,
            tls=self.tls(),
            authenticate=self.authenticate,
            network_credential=self.network_credential,
            accept=self.accept,
        )
        try:
            yield server
        finally:
            server.close()


def having(world: World, **changes: object) -> World:
    world.settings = world.settings.model_copy(update=changes)
    return world


async def in_data(client: Client) -> None:
    assert (await client.reply()).startswith("220")
    assert (await client.all(*BEGIN))[-1].startswith("354")


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)
