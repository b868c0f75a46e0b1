"""`gatepost serve`: every duty in one process, one event loop and a few threads, stopped in order."""

import asyncio
import os
import signal
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import structlog
import uvicorn
from sqlmodel import Session

from gatepost.certificate import certificate_files, server_context
from gatepost.disk import Disk
from gatepost.envelope import Envelope
from gatepost.gateway.accept import Gate
from gatepost.gateway.accept_now import accept_now
from gatepost.gateway.budget import Budget
from gatepost.gateway.domain_watch import watching_domains
from gatepost.gateway.dsn import telling
from gatepost.gateway.inbound import Inbound, known_recipient, receive_mail, sweep
from gatepost.gateway.limits import Connections, Throttle
from gatepost.gateway.mx import start_mx
from gatepost.gateway.outbox import Outbox, Route
from gatepost.gateway.put import Submission
from gatepost.gateway.routes import way_out
from gatepost.gateway.submission import start_submission
from gatepost.gateway.webhooks import caller_of, calling_webhooks
from gatepost.model import Credential
from gatepost.parts import Parts, clock
from gatepost.resolver import Resolver, dns_resolver
from gatepost.store.accounts import release_all
from gatepost.store.credentials import check_credential, mark_used, network_credential
from gatepost.store.deliveries import end_leases
from gatepost.store.late import bring_back
from gatepost.store.transcripts import prune_transcripts
from gatepost.syncing import start_polling
from gatepost.threading.intake import Desk
from gatepost.website import make_app

log = structlog.get_logger("serve")
SWEEP_SECONDS = 30
TAKING_SECONDS = 10
ANSWER_SECONDS = 0.2
BROKEN_SECONDS = 30.0
NETWORK_KNOWN_FOR = 5.0
NETWORKS_KNOWN = 1000
THREADS = 32

T = TypeVar("T")


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
async def serving(parts: Parts, broken: asyncio.Event | None = None) -> AsyncIterator[Ports]:
    """Every duty of a process runs while this context is open; `broken` is set when one ends by itself."""
    settings = parts.settings
    tls = server_context(*certificate_files(settings, clock()))
    async with AsyncExitStack() as stack:
        mx_address: list[str] = []
        stack.enter_context(alarmed(parts.blobs.disk, broken))
        await asyncio.to_thread(parts.blobs.clear_spool)
        budget = Budget(settings.large_mail_memory)
        gate = Gate(settings, parts.database, parts.ledger, parts.keys, parts.blobs, budget=budget)
        desk = Desk(settings, parts.keys, parts.blobs)
        resolver = dns_resolver(settings.dns_servers or None)
        inbound = Inbound(desk, parts.database, parts.ledger, resolver, clock, budget=budget)
        outbox = Outbox(gate, await stack.enter_async_context(route_of(gate, mx_address, inbound.resolver)), clock)
        gate = replace(gate, wake=outbox.wake)
        stack.callback(inbound.verifiers.shutdown, wait=False, cancel_futures=True)
        connections, handing = Connections(), Handing()
        stack.push_async_callback(handing.end)  # after the listeners are closed, which are entered later
        submission, submissions = await start_submissions(stack, outbox, tls, connections, handing)
        mx = await start_inbound(stack, inbound, tls, connections, handing)
        mx_address.append(listening(mx))
        web = await stack.enter_async_context(web_server(parts, gate))
        if parts.database.sqlite:  # not before all ports are ours: who has them holds these leases
            await parts.ledger.commit(end_all_leases)
        await stack.enter_async_context(running("outbox", outbox.run(), broken))
        await stack.enter_async_context(running("sweeper", sweep_now_and_then(inbound), broken))
        await stack.enter_async_context(telling(gate, clock))
        await stack.enter_async_context(watching_domains(gate, inbound.resolver, clock))
        await stack.enter_async_context(calling_webhooks(caller_of(gate), clock))
        stack.callback(start_polling(parts, desk, inbound.resolver))
        yield Ports(listening(submission), listening(submissions), listening(mx), web)


@contextmanager
def alarmed(disk: Disk, broken: asyncio.Event | None) -> Iterator[None]:
    """Serving stops when the disk fails, and within 30 s whatever hangs then."""
    loop = asyncio.get_running_loop()

    def alarm() -> None:
        last = threading.Timer(BROKEN_SECONDS, os._exit, (1,))
        last.daemon = True
        last.start()
        loop.call_soon_threadsafe(broken.set if broken else lambda: None)

    disk.alarms.append(alarm)
    try:
        yield
    finally:
        disk.alarms.remove(alarm)


def end_all_leases(session: Session) -> None:
    """On SQLite there is one process: what an earlier one held is free."""
    end_leases(session, clock())
    release_all(session)


def route_of(gate: Gate, mx_address: list[str], resolver: Resolver) -> AbstractAsyncContextManager[Route]:
    """The way out: that of the settings, or one that is chosen per mail."""
    return way_out(gate, resolver, lambda: mx_address[0] if mx_address else "", clock)


class Handing:
    """The mails that are being taken: a stop waits for them, so that nobody sends again what was stored."""

    def __init__(self) -> None:
        self.under_way: set[asyncio.Task[Any]] = set()

    async def take(self, work: Coroutine[object, object, T]) -> T:
        """Run one to its end, whatever becomes of who waits for it."""
        task = asyncio.create_task(work)
        self.under_way.add(task)
        task.add_done_callback(self.under_way.discard)
        return await asyncio.shield(task)

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
            authenticate=lambda user, secret, ip: log_in(gate, user, secret),
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
        known_recipient=lambda recipient: known_recipient(inbound, recipient),
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
            self.known[ip] = (now, await asyncio.to_thread(self.look_up, ip))
        return self.known[ip][1]

    def look_up(self, ip: str) -> Credential | None:
        with self.gate.database.session() as session:
            return network_credential(session, ip)


async def submit(outbox: Outbox, envelope: Envelope, credential: Credential) -> str:
    """Accept what a system submitted by SMTP."""
    return await accept_now(
        outbox, Submission(envelope, tuple(credential.senders), "smtp", credential=credential), clock()
    )


async def sweep_now_and_then(inbound: Inbound) -> None:
    """Stored mail that was not read, for a crash or a fault, is read again; what a wrong clock delayed is due."""
    while True:
        try:
            await sweep(inbound)
            await inbound.ledger.commit(lambda session: prune_transcripts(session, clock()))
            await inbound.ledger.commit(lambda session: bring_back(session, clock()))
        except Exception:
            log.exception("looking for unread arrivals failed")
        await asyncio.sleep(SWEEP_SECONDS)


@asynccontextmanager
async def running(
    name: str, work: Coroutine[object, object, None], broken: asyncio.Event | None
) -> AsyncIterator[None]:
    """A duty for as long as the context is open; one that ends by itself is told to the log and by `broken`."""
    task = asyncio.create_task(work)
    task.add_done_callback(lambda done: ended(name, done, broken))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def ended(name: str, task: asyncio.Task[None], broken: asyncio.Event | None) -> None:
    if task.cancelled():
        return
    log.critical("a duty ended by itself, serving stops", duty=name, exc_info=task.exception())
    if broken:
        broken.set()


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


class DutyEnded(Exception):
    """Serving stopped because a duty had ended by itself; the log says why."""


def serve(parts: Parts, ready: Callable[[Ports], None]) -> None:
    """Serve until SIGINT or SIGTERM; `ready` is told the ports. Raises DutyEnded."""
    import uvloop

    uvloop.run(serve_until_signal(parts, ready))


async def serve_until_signal(parts: Parts, ready: Callable[[Ports], None]) -> None:
    """Serve; a second signal ends at once."""
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(THREADS, "work"))
    stopping, broken = asyncio.Event(), asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stopping.set)
    async with serving(parts, broken) as ports:
        ready(ports)
        waits = [asyncio.create_task(event.wait()) for event in (stopping, broken)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(name)
        log.info("stopping", threads=threading.active_count())
    if parts.blobs.disk.failed:
        raise DutyEnded(f"the disk failed to sync ({parts.blobs.disk.failed}): look at it before starting again")
    if broken.is_set():
        raise DutyEnded("a duty ended by itself, so serving stopped; the log says why. Start it again")
