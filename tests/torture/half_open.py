"""Links between two network namespaces that go down without a word (T14): in EHLO, in the content, after the dot.

Needs root. Both ends are in this process: sockets of the other end are made by a thread inside the other namespace.
"""

import asyncio
import ctypes
import os
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from gatepost.envelope import Envelope
from gatepost.gateway.accept import Gate, accept
from gatepost.gateway.outbox import Outbox, Outgoing, Route
from gatepost.gateway.put import Submission
from gatepost.gateway.route import Hop
from gatepost.gateway.send import Sent, transact
from gatepost.gateway.send_connection import Timeouts
from gatepost.parts import Parts, clock, open_parts
from gatepost.serve import serving
from tests.torture.backends import store
from tests.torture.faults import quiet
from tests.torture.load import mail_bytes
from tests.torture.product import MAILBOX, SENDER_DOMAIN, Gatepost, install
from tests.torture.run import Run, Skipped, Verdict
from tests.torture.storms import states_at
from tests.torture.strict_sink import Session, Sink
from tests.torture.submitter import Lost, Submitter
from tests.torture.verdict import stored

HERE, THERE = "10.213.77.1", "10.213.77.2"
NEW_NETWORK = 0x40000000
PATIENCE = 2
"""Seconds that the listener waits for a command here, and the client for an answer."""
DEADLINE = PATIENCE + 5 + 3
"""With the five seconds for the last reply, and a busy machine."""
TIMES = Timeouts(connect=PATIENCE, command=PATIENCE, data=PATIENCE, block=PATIENCE, dot=PATIENCE, until_dot=4)
STEPS = ("EHLO", "DATA", "DOT")


@dataclass(slots=True)
class Link:
    """A pair of interfaces, one of them in a namespace of its own; `inside` makes sockets there."""

    name: str
    inside: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "namespace"))

    def set(self, state: str) -> None:
        """Up or down; nobody is told."""
        ip("-n", self.name, "link", "set", "far", state)

    def socket(self) -> socket.socket:
        """A TCP socket of the other end."""
        return self.inside.submit(socket.socket).result()


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


def enter(name: str) -> None:
    """Move this thread into a namespace."""
    with Path(f"/run/netns/{name}").open("rb") as file:
        if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), NEW_NETWORK):
            raise OSError(ctypes.get_errno(), "setns")


@contextmanager
def linked() -> Iterator[Link]:
    """The pair. Raises Skipped where that cannot be had."""
    if os.geteuid():
        raise Skipped("network namespaces need root")
    if not shutil.which("ip"):
        raise Skipped("the command `ip` is not there: apt-get install iproute2")
    name = f"gatepost{os.getpid()}"
    near = f"gp{os.getpid()}"
    try:
        ip("netns", "add", name)
    except subprocess.CalledProcessError as error:
        raise Skipped(f"no network namespace can be made here: {error.stderr.decode().strip()}") from None
    link = Link(name)
    try:
        ip("link", "add", near, "type", "veth", "peer", "name", "far", "netns", name)
        ip("addr", "add", f"{HERE}/30", "dev", near)
        ip("link", "set", near, "up")
        ip("-n", name, "addr", "add", f"{THERE}/30", "dev", "far")
        link.set("up")
        link.inside.submit(enter, name).result()
        yield link
    finally:
        link.inside.shutdown()
        with suppress(subprocess.CalledProcessError):
            ip("netns", "del", name)


@asynccontextmanager
async def from_there(link: Link, port: str) -> AsyncIterator[Submitter]:
    """A client at the other end that has read the greeting."""
    loop, sock = asyncio.get_running_loop(), link.socket()
    sock.setblocking(False)
    host, _, number = port.rpartition(":")
    async with asyncio.timeout(10):
        await loop.sock_connect(sock, (host, int(number)))
    client = Submitter(*await asyncio.open_connection(sock=sock))
    try:
        await client.answer()
        yield client
    finally:
        client.writer.transport.abort()


async def hand_in(client: Submitter, tag: str, stop: str = "", cut: Callable[[], None] = lambda: None) -> str:
    """One mail to the MX; at `stop` the link is cut instead of waiting for the answer. The last reply."""
    lines = ["EHLO far.example", f"MAIL FROM:<{tag}@far.example>", f"RCPT TO:<{MAILBOX}>", "DATA"]
    content, reply = mail_bytes(tag, MAILBOX, 20_000), ""
    for line in lines:
        if stop == "EHLO" == line[:4]:
            client.writer.write(b"EHLO far.exam")
            await asyncio.sleep(0.1)
            cut()
            return ""
        reply = await client.say(line)
    client.writer.write(content[: len(content) // 2])
    await asyncio.sleep(0.1)
    if stop == "DATA":
        cut()
        return reply
    client.writer.write(content[len(content) // 2 :])
    await asyncio.sleep(0.05)
    client.writer.write(b".\r\n")
    if stop == "DOT":
        await asyncio.sleep(0.001)
        cut()
        return reply
    return await client.answer()


async def until(condition: Callable[[], bool], seconds: float) -> float:
    """How long that took; infinite where it did not come true."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if condition():
            return time.monotonic() - began
        await asyncio.sleep(0.05)
    return float("inf")


async def intake(verdict: Verdict, product: Gatepost, link: Link, parts: Parts, steps: Sequence[str]) -> None:
    """The link goes down while a mail comes in: the session ends by itself, and the mail comes once later on."""
    async with serving(parts) as ports:
        await asyncio.sleep(0.5)
        base = len(asyncio.all_tasks())
        for step in steps:
            async with from_there(link, ports.mx) as client:
                await hand_in(client, f"in-{step}", step, lambda: link.set("down"))
                seconds = await until(lambda: len(asyncio.all_tasks()) <= base, DEADLINE)
            verdict.check(f"intake_{step}_freed_in", round(seconds, 1), DEADLINE)
            link.set("up")
            async with from_there(link, ports.mx) as client:
                with suppress(Lost):
                    reply = await hand_in(client, f"in-{step}")
                verdict.hold(reply.startswith("250"), f"intake, {step}: once more: {reply}")
        seconds = await until(lambda: len(asyncio.all_tasks()) <= base, DEADLINE)
        verdict.check("intake_tasks_left", max(len(asyncio.all_tasks()) - base, 0), 0)
    messages = stored(product).messages
    verdict.hold({f"in-{step}" for step in steps} <= set(messages), f"stored are only {sorted(messages)}")
    verdict.check("intake_twice", sum(count - 1 for count in messages.values()), 0)


@dataclass(slots=True)
class Far:
    """The server at the other end, which cuts the link at a step, once."""

    link: Link
    at: str = ""

    def answer(self, verb: bytes, line: bytes) -> bytes | None:
        """Nothing at the step, and nothing is heard any more."""
        if verb.decode() != self.at:
            return None
        self.at = ""
        self.link.set("down")
        return b""


@asynccontextmanager
async def sink_there(link: Link, sink: Sink) -> AsyncIterator[None]:
    """A sink at the other end."""
    sock = link.socket()
    sock.bind((THERE, sink.port))
    server = await asyncio.get_running_loop().create_server(lambda: Session(sink), sock=sock)
    sink.port = server.sockets[0].getsockname()[1]
    try:
        yield
    finally:
        server.close()


@asynccontextmanager
async def relaying(gate: Gate, port: int) -> AsyncIterator[None]:
    """An outbox that is not as patient as usual."""
    hop = Hop(THERE, port, starttls="none")

    async def attempt(outgoing: Outgoing) -> Sent:
        return await transact(hop, outgoing.mail_from, outgoing.recipient, outgoing.content, timeouts=TIMES)

    task = asyncio.create_task(Outbox(gate, Route("relay", attempt), clock).run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def queue(gate: Gate, recipient: str) -> None:
    """A mail of a system."""
    sender, content = f"shop@{SENDER_DOMAIN}", mail_bytes(recipient, recipient, 20_000)
    submission = Submission(Envelope(sender, (recipient,), content), (SENDER_DOMAIN,), "smtp")
    await asyncio.wrap_future(accept(gate, submission, clock()))


def retry(product: Gatepost, domain: str) -> None:
    """A person asks for it to be tried now."""
    command = product.command("queue", "retry", "--domain", domain, "--state", "delayed", "--yes")
    subprocess.run(command, env=product.surroundings(), cwd=product.folder, check=True, capture_output=True)


async def relay(verdict: Verdict, product: Gatepost, link: Link, parts: Parts, steps: Sequence[str]) -> None:
    """The link goes down while a mail goes out: the attempt ends by itself; the next one, over the link, delivers."""
    gate = Gate(parts.settings, parts.database, parts.ledger, parts.keys, parts.blobs)
    far = Far(link)
    sink = Sink(THERE, answer=far.answer)
    async with sink_there(link, sink), relaying(gate, sink.port):
        await asyncio.sleep(0.5)
        base = len(asyncio.all_tasks())
        for step in steps:
            domain, far.at = f"{step.lower()}.test", step
            ends = {"uncertain" if step == "DOT" else "delayed"}
            await queue(gate, f"r@{domain}")
            seconds = await until(lambda d=domain, e=ends: set(states_at(product, d)) == e, DEADLINE)  # type: ignore[misc]
            verdict.check(f"relay_{step}_freed_in", round(seconds, 1), DEADLINE)
            await until(lambda: len(asyncio.all_tasks()) <= base, 3)
            verdict.check(f"relay_{step}_tasks_left", max(len(asyncio.all_tasks()) - base, 0), 0)
            link.set("up")
            if step != "DOT":  # what may have been taken is not sent again by itself
                await asyncio.to_thread(retry, product, domain)
                seconds = await until(lambda d=domain: set(states_at(product, d)) == {"delivered"}, 20)  # type: ignore[misc]
                verdict.check(f"relay_{step}_delivered_in", round(seconds, 1), 20)
        reached = sorted(mail.recipients[0] for mail in sink.mails)
        expected = sorted(f"r@{step.lower()}.test" for step in steps if step != "DOT")
        verdict.hold(reached == expected, f"arrived: {reached}")


async def both(run: Run, verdict: Verdict, product: Gatepost, link: Link) -> None:
    """Mail in, then mail out."""
    with open_parts(product.settings) as parts:
        await intake(verdict, product, link, parts, STEPS[2:] if run.short else STEPS)
        await relay(verdict, product, link, parts, STEPS[1:2] if run.short else STEPS)


def half_open(run: Run) -> Verdict:
    """T14: a link goes down in EHLO, DATA and after the dot: all is freed in time, then the mail comes through once."""
    verdict = Verdict()
    with linked() as link, store(run) as url, quiet():
        settings = {"mx": f"{HERE}:0", "command_seconds": PATIENCE, "web": ""}
        product = install(run.folder / "product", url, **settings)
        asyncio.run(both(run, verdict, product, link))
    return verdict
