"""The listeners of a process: submission, MX, and the pages with the API."""

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any, TypeVar

import uvicorn

from gatepost.certificate import certificate_files
from gatepost.envelope import Envelope
from gatepost.gateway.accept import Gate
from gatepost.gateway.accept_now import accept_now
from gatepost.gateway.inbound import Inbound, known_recipient, receive_mail
from gatepost.gateway.limits import Connections, Throttle
from gatepost.gateway.mx import start_mx
from gatepost.gateway.outbox import Outbox
from gatepost.gateway.patience import in_time
from gatepost.gateway.put import Submission
from gatepost.gateway.submission import start_submission
from gatepost.model import Credential
from gatepost.parts import Parts, clock
from gatepost.store.credentials import check_credential, mark_used, network_credential
from gatepost.website import make_app

TAKING_SECONDS = 10
ANSWER_SECONDS = 0.2
NETWORK_KNOWN_FOR = 5.0
NETWORKS_KNOWN = 1000

T = TypeVar("T")


def listening(server: asyncio.Server | None) -> str:
    """The `host:port` of a server; empty without one."""
    if server is None:
        return ""
    host, port = server.sockets[0].getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class Handing:
    """The mails that are being taken: a stop waits for them, so that nobody sends again what was stored."""

    def __init__(self) -> None:
        self.under_way: set[asyncio.Task[Any]] = set()

    def take(self, work: Coroutine[object, object, T]) -> asyncio.Future[T]:
        """Run one to its end, whatever becomes of who waits for it."""
        task = asyncio.create_task(work)
        self.under_way.add(task)
        task.add_done_callback(self.under_way.discard)
        return asyncio.shield(task)

    async def end(self) -> None:
        """Wait until what is under way has ended, and its answers are out."""
        if self.under_way:
            await asyncio.wait(self.under_way, timeout=TAKING_SECONDS)
            await asyncio.sleep(ANSWER_SECONDS)


async def start_submissions(
    stack: AsyncExitStack, outbox: Outbox, tls: ssl.SSLContext, connections: Connections, handing: Handing
) -> tuple[asyncio.Server | None, asyncio.Server | None]:
    """The two submission listeners, which count logins together, and connections with the MX too."""
    throttle, gate, networks = Throttle(), outbox.gate, NetworkCredentials(outbox.gate)
    servers: list[asyncio.Server | None] = []
    for address, implicit in ((gate.settings.submission, False), (gate.settings.submissions, True)):
        if not address:
            servers.append(None)
            continue
        server = await start_submission(
            gate.settings,
            address,
            implicit_tls=implicit,
            tls=tls,
            authenticate=lambda user, secret, ip: in_time(log_in(gate, user, secret)),
            network_credential=networks.find,
            accept=lambda envelope, credential: handing.take(submit(outbox, envelope, credential)),
            blobs=gate.blobs,
            connections=connections,
            throttle=throttle,
        )
        stack.push_async_callback(close_server, server)
        servers.append(server)
    return servers[0], servers[1]


async def start_inbound(
    stack: AsyncExitStack, inbound: Inbound, tls: ssl.SSLContext, connections: Connections, handing: Handing
) -> asyncio.Server | None:
    """The MX listener, unless it is off."""
    settings = inbound.desk.settings
    if not settings.mx:
        return None
    server = await start_mx(
        settings,
        settings.mx,
        tls=tls,
        known_recipient=lambda recipient: in_time(known_recipient(inbound, recipient)),
        receive=lambda envelope: handing.take(receive_mail(inbound, envelope)),
        blobs=inbound.desk.blobs,
        connections=connections,
    )
    stack.push_async_callback(close_server, server)
    return server


async def close_server(server: asyncio.Server) -> None:
    server.close()


async def log_in(gate: Gate, username: str, secret: str) -> Credential | None:
    """The credential of an SMTP login."""

    def find() -> Credential | None:
        with gate.database.session() as session:
            return check_credential(session, gate.keys, username, secret)

    found = await asyncio.to_thread(find)
    if found:
        await gate.ledger.commit(lambda session: mark_used(session, found, clock()))
    return found


class NetworkCredentials:
    """The credentials that are bound to clients' networks, remembered for 5 s."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.known: dict[str, tuple[float, Credential | None]] = {}

    async def find(self, ip: str) -> Credential | None:
        """That of a client's address."""
        now = time.monotonic()
        if ip not in self.known or now - self.known[ip][0] > NETWORK_KNOWN_FOR:
            if len(self.known) >= NETWORKS_KNOWN:
                self.known.clear()
            self.known[ip] = (now, await in_time(asyncio.to_thread(self.look_up, ip)))
        return self.known[ip][1]

    def look_up(self, ip: str) -> Credential | None:
        with self.gate.database.session() as session:
            return network_credential(session, ip)


async def submit(outbox: Outbox, envelope: Envelope, credential: Credential) -> str:
    """Accept what a system submitted by SMTP."""
    return await accept_now(
        outbox, Submission(envelope, tuple(credential.senders), "smtp", credential=credential), clock()
    )


@asynccontextmanager
async def web_server(parts: Parts, gate: Gate) -> AsyncIterator[str]:
    """The pages and the API; the `host:port` they are at."""
    settings = parts.settings
    if not settings.web:
        yield ""
        return
    host, _, port = settings.web.rpartition(":")
    address = (host.strip("[]"), int(port))
    sock = socket.create_server(address, family=socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
    certificate, key = certificate_files(settings, clock()) if settings.web_tls else (None, None)
    config = uvicorn.Config(
        make_app(parts, gate),
        host=address[0],
        port=address[1],
        ssl_certfile=certificate,
        ssl_keyfile=key,
        log_config=None,
        access_log=False,
        proxy_headers=bool(settings.web_proxies),
        forwarded_allow_ips=settings.web_proxies,
        server_header=False,
        timeout_graceful_shutdown=2,
    )
    server = Embedded(config)
    task = asyncio.create_task(server.serve(sockets=[sock]))
    try:
        await server.until_started(task)
        yield listening(server.servers[0])
    finally:
        server.should_exit = True
        await asyncio.gather(task, return_exceptions=True)


class Embedded(uvicorn.Server):
    """uvicorn inside our loop: signals are ours."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """None are captured."""
        yield

    async def until_started(self, task: asyncio.Task[None]) -> None:
        """Wait until it listens. Raises OSError when it cannot."""
        while not self.started:
            if task.done():
                await task
                raise OSError(f"the web listener could not start at {self.config.host}:{self.config.port}")
            await asyncio.sleep(0.01)
