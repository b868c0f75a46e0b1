"""`gatepost serve`: every duty in one process, one event loop and a few threads, stopped in order."""

import asyncio
import signal
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace

import structlog
import uvicorn
from sqlmodel import Session

from gatepost.certificate import certificate_files, server_context
from gatepost.envelope import Envelope
from gatepost.gateway.accept import Gate, Submission, accept
from gatepost.gateway.dsn import telling
from gatepost.gateway.inbound import Inbound, known_recipient, receive_mail, sweep
from gatepost.gateway.limits import Connections, Throttle
from gatepost.gateway.mx import start_mx
from gatepost.gateway.outbox import Outbox, Route
from gatepost.gateway.send_pool import Pool
from gatepost.gateway.submission import start_submission
from gatepost.gateway.ways import direct_route, relay_route, sandbox_route
from gatepost.gateway.webhooks import caller_of, calling_webhooks
from gatepost.model import Credential
from gatepost.parts import Parts, clock
from gatepost.resolver import Resolver, dns_resolver
from gatepost.store.accounts import release_all
from gatepost.store.credentials import check_credential, mark_used, network_credential
from gatepost.store.deliveries import end_leases
from gatepost.store.transcripts import prune_transcripts
from gatepost.syncing import start_polling
from gatepost.threading.intake import Desk
from gatepost.website import make_app

log = structlog.get_logger("serve")
SWEEP_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the listeners really listen, `host:port`; empty for one that is off."""

    submission: str
    submissions: str
    mx: str
    web: str


def listening(server: asyncio.Server | None) -> str:
    """The `host:port` of a server; empty without one."""
    if server is None:
        return ""
    host, port = server.sockets[0].getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@asynccontextmanager
async def serving(parts: Parts) -> AsyncIterator[Ports]:
    """Every duty of a process runs while this context is open."""
    settings = parts.settings
    tls = server_context(*certificate_files(settings, clock()))
    async with AsyncExitStack() as stack:
        mx_address: list[str] = []
        gate = Gate(settings, parts.database, parts.ledger, parts.keys, parts.blobs)
        desk = Desk(settings, parts.keys, parts.blobs)
        inbound = Inbound(desk, parts.database, parts.ledger, dns_resolver(settings.dns_servers or None), clock)
        outbox = Outbox(gate, await stack.enter_async_context(route_of(gate, mx_address, inbound.resolver)), clock)
        gate = replace(gate, wake=outbox.wake)
        connections = Connections()
        submission, submissions = await start_submissions(stack, gate, tls, connections)
        mx = await start_inbound(stack, inbound, tls, connections)
        mx_address.append(listening(mx))
        web = await stack.enter_async_context(web_server(parts, gate))
        if (
            parts.database.sqlite
        ):  # not before all ports are ours: a second start must not free what the first one holds
            await parts.ledger.commit(end_all_leases)
        await stack.enter_async_context(running(outbox.run()))
        await stack.enter_async_context(running(sweep_now_and_then(inbound)))
        await stack.enter_async_context(telling(gate, clock))
        await stack.enter_async_context(calling_webhooks(caller_of(gate), clock))
        stack.callback(start_polling(parts, desk, inbound.resolver))
        yield Ports(listening(submission), listening(submissions), listening(mx), web)


def end_all_leases(session: Session) -> None:
    """On SQLite there is one process: what an earlier one held is free."""
    end_leases(session, clock())
    release_all(session)


@asynccontextmanager
async def route_of(gate: Gate, mx_address: list[str], resolver: Resolver) -> AsyncIterator[Route]:
    """The way out that the settings choose."""

    def own() -> str:
        return mx_address[0] if mx_address else ""

    if gate.settings.route == "sandbox":
        yield sandbox_route(gate, own, clock)
        return
    pool = Pool()
    try:
        yield (
            direct_route(gate, pool, resolver, own, clock)
            if gate.settings.route == "direct"
            else relay_route(gate, pool)
        )
    finally:
        await pool.close()


async def start_submissions(
    stack: AsyncExitStack, gate: Gate, tls: ssl.SSLContext, connections: Connections
) -> tuple[asyncio.Server | None, asyncio.Server | None]:
    """The two submission listeners, which count logins together, and connections with the MX too."""
    throttle = Throttle()
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
            authenticate=lambda user, secret, ip: log_in(gate, user, secret),
            network_credential=lambda ip: asyncio.to_thread(find_network_credential, gate, ip),
            accept=lambda envelope, credential: submit(gate, envelope, credential),
            connections=connections,
            throttle=throttle,
        )
        stack.push_async_callback(close_server, server)
        servers.append(server)
    return servers[0], servers[1]


async def start_inbound(
    stack: AsyncExitStack, inbound: Inbound, tls: ssl.SSLContext, connections: Connections
) -> asyncio.Server | None:
    """The MX listener, unless it is off."""
    settings = inbound.desk.settings
    if not settings.mx:
        return None
    server = await start_mx(
        settings,
        settings.mx,
        tls=tls,
        known_recipient=lambda recipient: known_recipient(inbound, recipient),
        receive=lambda envelope: receive_mail(inbound, envelope),
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


def find_network_credential(gate: Gate, ip: str) -> Credential | None:
    """The credential bound to a client's network."""
    with gate.database.session() as session:
        return network_credential(session, ip)


async def submit(gate: Gate, envelope: Envelope, credential: Credential) -> str:
    """Accept what a system submitted by SMTP."""
    submission = Submission(envelope, tuple(credential.senders), "smtp", credential=credential)
    future = await asyncio.to_thread(accept, gate, submission, clock())
    return await asyncio.shield(asyncio.wrap_future(future))


async def sweep_now_and_then(inbound: Inbound) -> None:
    """Stored mail that was not read, for a crash or a fault, is read again."""
    while True:
        try:
            await sweep(inbound)
            await inbound.ledger.commit(lambda session: prune_transcripts(session, clock()))
        except Exception:
            log.exception("looking for unread arrivals failed")
        await asyncio.sleep(SWEEP_SECONDS)


@asynccontextmanager
async def running(work: Awaitable[None]) -> AsyncIterator[None]:
    """A task for as long as the context is open."""
    task = asyncio.ensure_future(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


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


def serve(parts: Parts, ready: Callable[[Ports], None]) -> None:
    """Serve until SIGINT or SIGTERM; `ready` is told the ports."""
    import uvloop

    uvloop.run(serve_until_signal(parts, ready))


async def serve_until_signal(parts: Parts, ready: Callable[[Ports], None]) -> None:
    """Serve; a second signal ends at once."""
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stopping.set)
    async with serving(parts) as ports:
        ready(ports)
        await stopping.wait()
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(name)
        log.info("stopping", threads=threading.active_count())
