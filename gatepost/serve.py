"""`gatepost serve`: the duties of a process, all of them or some, on one event loop, stopped in order."""

import asyncio
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial

import structlog
from sqlmodel import Session

from gatepost.certificate import certificate_files, server_context
from gatepost.disk import Disk
from gatepost.doors import Handing, listening, start_inbound, start_submissions, web_server
from gatepost.filing import filing_copies
from gatepost.gateway.accept import Gate
from gatepost.gateway.account_notices import telling_owners
from gatepost.gateway.budget import Budget
from gatepost.gateway.desk import following
from gatepost.gateway.domain_watch import watching_domains
from gatepost.gateway.dsn import telling
from gatepost.gateway.inbound import Inbound, sweep
from gatepost.gateway.limits import Connections
from gatepost.gateway.outbox import Outbox
from gatepost.gateway.put import put_all
from gatepost.gateway.routes import way_out
from gatepost.gateway.webhooks import caller_of, calling_webhooks
from gatepost.ledger_apart import Apart
from gatepost.mailbox_access import access_of, smtp_login
from gatepost.memory import give_back_large_memory
from gatepost.parts import Parts, clock
from gatepost.purging import purging
from gatepost.resolver import dns_resolver
from gatepost.rounds import alongside
from gatepost.store.accounts import release_all
from gatepost.store.deliveries import end_leases
from gatepost.store.idling import free_all
from gatepost.store.late import bring_back
from gatepost.store.records import record_replies
from gatepost.store.transcripts import prune_transcripts
from gatepost.syncing import start_polling
from gatepost.threading.intake import Desk

log = structlog.get_logger("serve")
SWEEP_SECONDS = 30
BROKEN_SECONDS = 30.0
THREADS = 32


class Role(StrEnum):
    """One duty of a process. Several processes share them out, or have the same ones, on PostgreSQL."""

    GATEWAY = "gateway"
    WEB = "web"
    SYNC = "sync"
    DELIVER = "deliver"
    NOTIFY = "notify"


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the listeners really listen, `host:port`; empty for one that is off."""

    submission: str
    submissions: str
    mx: str
    web: str


@asynccontextmanager
async def serving(
    parts: Parts, broken: asyncio.Event | None = None, roles: Collection[Role] = tuple(Role)
) -> AsyncIterator[Ports]:
    """The duties of a process run while this context is open; `broken` is set when one ends by itself."""
    settings = parts.settings
    async with AsyncExitStack() as stack:
        mx_address: list[str] = []
        stack.enter_context(alarmed(parts.blobs.disk, broken))
        await asyncio.to_thread(parts.blobs.clear_spool)
        budget = Budget(settings.large_mail_memory)
        login = smtp_login(access_of(parts))
        gate = Gate(settings, parts.database, parts.ledger, parts.keys, parts.blobs, budget=budget, account_login=login)
        desk = Desk(settings, parts.keys, parts.blobs)
        resolver = dns_resolver(settings.dns_servers or None)
        inbound = Inbound(desk, parts.database, parts.ledger, resolver, clock, budget=budget)
        going = way_out(gate, resolver, lambda: mx_address[0] if mx_address else "", clock)
        outbox = Outbox(gate, await stack.enter_async_context(going), clock)
        gate = replace(gate, wake=outbox.wake)
        for threads in (inbound.verifiers, inbound.readers):
            stack.callback(threads.shutdown, wait=False, cancel_futures=True)
        ports = await open_doors(stack, parts, gate, outbox, inbound, roles)
        mx_address.append(ports.mx)
        if parts.database.sqlite:  # not before all ports are ours: who has them holds these leases
            await parts.ledger.commit(end_all_leases)
        if Role.DELIVER in roles:
            await stack.enter_async_context(alongside(outbox.run(), partial(ended, "outbox", broken)))
        if Role.GATEWAY in roles:
            sweeping = alongside(sweep_now_and_then(inbound), partial(ended, "sweeper", broken))
            await stack.enter_async_context(sweeping)
            await stack.enter_async_context(purging(parts))
        if Role.NOTIFY in roles:
            await stack.enter_async_context(telling(gate, clock))
            await stack.enter_async_context(following(gate, clock))
            await stack.enter_async_context(watching_domains(gate, inbound.resolver, clock))
            await stack.enter_async_context(telling_owners(gate, clock))
            await stack.enter_async_context(calling_webhooks(caller_of(gate), clock))
        if Role.SYNC in roles:
            stack.push_async_callback(asyncio.to_thread, start_polling(parts, desk, inbound.resolver))
            await stack.enter_async_context(filing_copies(parts))
        yield ports


async def open_doors(
    stack: AsyncExitStack, parts: Parts, gate: Gate, outbox: Outbox, inbound: Inbound, roles: Collection[Role]
) -> Ports:
    """The listeners of these roles, until the stack is left: where they are."""
    submission = submissions = mx = None
    if Role.GATEWAY in roles:
        tls = server_context(*certificate_files(parts.settings, clock()))
        connections, handing = Connections(), Handing()
        stack.push_async_callback(handing.end)  # after the listeners are closed, which are entered later
        submission, submissions = await start_submissions(stack, outbox, tls, connections, handing)
        mx = await start_inbound(stack, inbound, tls, connections, handing)
    web = await stack.enter_async_context(web_server(parts, gate)) if Role.WEB in roles else ""
    return Ports(listening(submission), listening(submissions), listening(mx), web)


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
    free_all(session, clock())


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


def ended(name: str, broken: asyncio.Event | None, task: asyncio.Task[None]) -> None:
    """A duty that ended by itself is told to the log and by `broken`."""
    if task.cancelled():
        return
    log.critical("a duty ended by itself, serving stops", duty=name, exc_info=task.exception())
    if broken:
        broken.set()


class DutyEnded(Exception):
    """Serving stopped because a duty had ended by itself; the log says why."""


def serve(parts: Parts, ready: Callable[[Ports], None], roles: Collection[Role] = tuple(Role)) -> None:
    """Serve until SIGINT or SIGTERM; `ready` is told the ports. Raises DutyEnded."""
    import uvloop

    give_back_large_memory()
    uvloop.run(serve_until_signal(parts, ready, roles))


async def write_apart(parts: Parts, roles: Collection[Role]) -> None:
    """Let a process of its own write what is written most, where this one takes or sends mail."""
    if parts.settings.writer_process and {Role.GATEWAY, Role.DELIVER} & set(roles):
        url = parts.database.engine.url.render_as_string(hide_password=False)
        await Apart(parts.ledger, url, (put_all, record_replies)).run()


async def serve_until_signal(parts: Parts, ready: Callable[[Ports], None], roles: Collection[Role]) -> None:
    """Serve; a second signal ends at once."""
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(THREADS, "work"))
    stopping, broken = asyncio.Event(), asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stopping.set)
    async with serving(parts, broken, roles) as ports:
        ready(ports)  # which may give up root, so the writing process is not started before
        writing = asyncio.create_task(write_apart(parts, roles))
        waits = [asyncio.create_task(event.wait()) for event in (stopping, broken)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(name)
        log.info("stopping", threads=threading.active_count())
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
    if parts.blobs.disk.failed:
        raise DutyEnded(f"the disk failed to sync ({parts.blobs.disk.failed}): look at it before starting again")
    if broken.is_set():
        raise DutyEnded("a duty ended by itself, so serving stopped; the log says why. Start it again")
