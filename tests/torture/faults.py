"""A fault at every SQL statement and at every await (G6): no permanent refusal, nobody left hanging, nothing lost."""

import asyncio
import base64
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, MutableMapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import structlog
from sqlalchemy import event
from sqlalchemy.exc import IntegrityError, OperationalError

from gatepost.parts import Parts, clock, open_parts
from gatepost.serve import Ports, serving
from gatepost.store.credentials import create_credential
from tests.gateway.dialogue import trusting
from tests.rig.process import free_port
from tests.torture.backends import store
from tests.torture.load import mail_bytes
from tests.torture.product import MAILBOX, SENDER_DOMAIN, Gatepost, install
from tests.torture.run import Run, Verdict
from tests.torture.strict_sink import Sink, strict_sink
from tests.torture.submitter import Lost, Submitter
from tests.torture.verdict import stored

SECRET = "hunter2"
LONGEST = 8.0
"""Seconds that a client waits for a reply before it counts as hung."""
TARGETS = ("Connection._run", "receive_mail", "submit", "Outbox.deliver", "log_in")
FINAL = ("failed", "expired", "bounced")


def away() -> Exception:
    """The database is locked or gone."""
    return OperationalError("injected", {}, Exception(SECRET))


def broken_rule() -> Exception:
    """A constraint that no one expected."""
    return IntegrityError("injected", {}, Exception(SECRET))


KINDS: dict[str, Callable[[], Exception]] = {
    "away": away,
    "rule": broken_rule,
    "bug": lambda: RuntimeError(SECRET),
    "memory": lambda: MemoryError(SECRET),
    "time": lambda: TimeoutError(SECRET),
    "lost": lambda: ConnectionResetError(SECRET),
}


@dataclass(slots=True)
class Plan:
    """When the next fault strikes: after so many steps, once; -1 is never. `met` counts steps, `struck` faults."""

    left: int = -1
    kind: Callable[[], Exception] = away
    met: int = 0
    struck: int = 0

    def arm(self, steps: int, kind: Callable[[], Exception]) -> None:
        """Strike at this step from now, counted from 1."""
        self.left, self.kind = steps, kind

    def due(self) -> bool:
        """Whether this step is the one."""
        self.met += 1
        if self.left > 0:
            self.left -= 1
            if self.left == 0:
                self.left = -1
                self.struck += 1
                return True
        return False

    def step(self, *_arguments: object) -> None:
        """A step of the engine. Raises the fault."""
        if self.due():
            raise self.kind()


class Faulty(Coroutine[Any, Any, Any]):
    """A coroutine whose awaits may raise the plan's fault."""

    def __init__(self, inner: Coroutine[Any, Any, Any], plan: Plan) -> None:
        self.inner = inner
        self.plan = plan
        self.begun = False

    def send(self, value: Any) -> Any:
        """Go on, or be struck; the first step is no await."""
        if self.begun and self.plan.due():
            return self.inner.throw(self.plan.kind())
        self.begun = True
        return self.inner.send(value)

    def throw(self, *error: Any) -> Any:
        """As the inner one."""
        return self.inner.throw(*error)

    def close(self) -> None:
        """As the inner one."""
        self.inner.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        return self.inner.__await__()


@dataclass(slots=True)
class Seen:
    """What the clients saw."""

    replies: Counter[str] = field(default_factory=Counter)
    acked: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)
    hung: list[str] = field(default_factory=list)
    lost: int = 0


@dataclass(frozen=True, slots=True)
class World:
    """The product in this process, and who talks to it."""

    ports: Ports
    login: str
    plan: Plan
    seen: Seen


async def reply_of(client: Submitter, world: World, said: str = "") -> str:
    """The next reply, judged; `said` is what it answers. Raises Lost."""
    try:
        async with asyncio.timeout(LONGEST):
            reply = await client.answer()
    except TimeoutError:
        world.seen.hung.append(f"no reply to {said}")
        raise Lost from None
    world.seen.replies[reply[:3]] += 1
    if reply.startswith("5") or SECRET in reply:
        world.seen.wrong.append(reply)
    return reply


async def dialogue(world: World, port: str, lines: list[str], content: bytes) -> bool:
    """One transaction on a new connection; whether the dot got a 250."""
    host, _, number = port.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(number))
    client = Submitter(reader, writer)
    try:
        if not (await reply_of(client, world)).startswith("220"):
            return False
        for line in lines:
            writer.write(f"{line}\r\n".encode())
            if (await reply_of(client, world, line))[0] not in "23":
                return False
            if line == "STARTTLS":
                await writer.start_tls(trusting(), ssl_handshake_timeout=LONGEST)
        writer.write(content[: len(content) // 2])
        await asyncio.sleep(0.002)  # so that the listener waits in the midst of it
        writer.write(content[len(content) // 2 :] + b".\r\n")
        return (await reply_of(client, world, "the dot")).startswith("250")
    except (Lost, OSError):
        world.seen.lost += 1
        return False
    finally:
        writer.transport.abort()


async def submission(world: World, tag: str) -> bool:
    """Submit with a log-in over TLS."""
    lines = ["EHLO c.torture.test", "STARTTLS", "EHLO c.torture.test", f"AUTH PLAIN {world.login}"]
    lines += [f"MAIL FROM:<shop@{SENDER_DOMAIN}>", f"RCPT TO:<{tag}@remote.test>", "DATA"]
    return await dialogue(world, world.ports.submission, lines, mail_bytes(tag, f"{tag}@remote.test", 600))


async def arrival(world: World, tag: str) -> bool:
    """Hand in by MX."""
    lines = ["EHLO c.remote.test", f"MAIL FROM:<{tag}@remote.test>", f"RCPT TO:<{MAILBOX}>", "DATA"]
    return await dialogue(world, world.ports.mx, lines, mail_bytes(tag, MAILBOX, 600))


async def until_taken(world: World, act: Callable[[World, str], Coroutine[Any, Any, bool]], tag: str) -> None:
    """As a client does: try again after a temporary answer."""
    for _ in range(6):
        if await act(world, tag):
            world.seen.acked.add(tag)
            return
        world.plan.left = -1
    world.seen.wrong.append(f"{tag} was never taken")


def drop(logger: object, name: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Print nothing."""
    raise structlog.DropEvent


@contextmanager
def quiet() -> Generator[None]:
    """Thousands of faults are told to the log: not here."""
    structlog.configure(processors=[drop], cache_logger_on_first_use=False)
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
        structlog.reset_defaults()


@contextmanager
def faults_in_sql(parts: Parts, plan: Plan) -> Generator[None]:
    """Each statement and each commit is a step of the plan."""
    engine = parts.database.engine
    event.listen(engine, "before_cursor_execute", plan.step)
    event.listen(engine, "commit", plan.step)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", plan.step)
        event.remove(engine, "commit", plan.step)


@contextmanager
def faults_in_awaits(plan: Plan) -> Generator[None]:
    """Each step of the sessions and of the work they wait for is a step of the plan."""
    loop = asyncio.get_running_loop()

    def factory(loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> asyncio.Task[Any]:
        aimed = any(getattr(coro, "__qualname__", "").endswith(target) for target in TARGETS)
        return asyncio.Task(Faulty(coro, plan) if aimed else coro, loop=loop, **options)

    loop.set_task_factory(factory)
    try:
        yield
    finally:
        loop.set_task_factory(None)


@asynccontextmanager
async def in_this_process(product: Gatepost, plan: Plan) -> AsyncIterator[tuple[Parts, World]]:
    """The product on this loop, which must still serve at the end; faults nobody caught are not printed."""
    broken = asyncio.Event()
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
    with open_parts(product.settings) as parts:
        options: dict[str, Any] = {"kind": "smtp", "name": "login", "senders": [SENDER_DOMAIN]}
        made, secret = parts.ledger.write(lambda s: create_credential(s, parts.keys, now=clock(), **options))
        login = base64.b64encode(f"\0{made.username}\0{secret}".encode()).decode()
        async with serving(parts, broken) as ports:
            yield parts, World(ports, login, plan, Seen())
            assert not broken.is_set(), "a duty ended by itself"


async def strike(world: World, rounds: int, name: str, kinds: list[str], sink: Sink) -> None:
    """Count the steps of a clean round, then strike at each of them with each kind of fault, so many times in all."""
    plan = world.plan
    before, clean = plan.met, len(sink.mails)
    await round_of(world, f"{name}-clean")
    await until(lambda: len(sink.mails) > clean, 5)
    steps = plan.met - before + 5
    for number in range(rounds):
        plan.arm(1 + (number // len(kinds)) % steps, KINDS[kinds[number % len(kinds)]])
        at_sink = len(sink.mails)
        await round_of(world, f"{name}-{number}")
        await until(lambda: plan.left < 0 or len(sink.mails) > at_sink, 0.5)  # noqa: B023
        plan.left = -1


async def round_of(world: World, tag: str) -> None:
    """One mail out, one mail in."""
    await until_taken(world, submission, f"{tag}-out")
    await until_taken(world, arrival, f"{tag}-in")


async def until(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait for something, for so long at the most."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.005)
    return condition()


async def everywhere(run: Run, product: Gatepost, verdict: Verdict, port: int) -> Seen:
    """Faults in SQL, then faults in awaits; afterwards no task is left over."""
    in_sql, in_awaits = Plan(), Plan()
    rounds = run.pick(12, 1200)
    async with strict_sink(Sink(port=port)) as sink, in_this_process(product, in_sql) as (parts, world):
        await round_of(world, "first")
        await until(lambda: bool(sink.mails), 5)
        await asyncio.sleep(1)
        base = len(asyncio.all_tasks())
        with faults_in_sql(parts, in_sql):
            await strike(world, rounds, "sql", list(KINDS), sink)
        awaiting = World(world.ports, world.login, in_awaits, world.seen)
        with faults_in_awaits(in_awaits):
            await strike(awaiting, rounds, "await", ["bug", "memory", "time", "lost"], sink)
        await until(lambda: len(asyncio.all_tasks()) <= base, 30)
        verdict.check("tasks_left", max(len(asyncio.all_tasks()) - base, 0), 0)
        verdict.note(faults_in_sql=in_sql.struck, faults_in_awaits=in_awaits.struck)
    return world.seen


def faults(run: Run) -> Verdict:
    """A fault at every SQL statement, commit and await: no 5xx, nobody hangs, no task is left, nothing is lost (G6)."""
    verdict, port = Verdict(), free_port()
    relay = {"route": "relay", "relay": f"smtp://127.0.0.1:{port}", "relay_tls": "none"}
    with store(run) as url, quiet():
        product = install(run.folder / "product", url, **relay)
        seen = asyncio.run(everywhere(run, product, verdict, port))
        there = stored(product)
    verdict.note(acked=len(seen.acked), lost_connections=seen.lost, stored_twice=there.doubled)
    verdict.check("wrong_replies", len(seen.wrong), 0)
    verdict.check("hung", len(seen.hung), 0)
    verdict.check("lost", len(seen.acked - set(there.messages)), 0)
    verdict.check("given_up", sum(there.states[state] for state in FINAL), 0)
    for reply in sorted({*seen.wrong, *seen.hung})[:10]:
        verdict.hold(False, reply)
    for finding in product.fsck():
        verdict.hold(False, f"fsck: {finding}")
    return verdict
