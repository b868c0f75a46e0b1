"""1,300 slow or silent attackers beside honest clients (T13)."""

import asyncio
import socket
import statistics
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import uvloop

from tests.rig.process import free_port
from tests.torture.backends import store
from tests.torture.load import mail_bytes
from tests.torture.product import MAILBOX, SENDER_DOMAIN, Gatepost, installed
from tests.torture.run import Run, Verdict
from tests.torture.storms import LATE, percentile
from tests.torture.submitter import Lost, submitter

SLACK = 8.0
"""Seconds beyond its deadline that an attacker may stay: five for its last reply, the rest for a busy machine."""
TLS_SECONDS = 60.0
ANSWERING = 15.0
"""Seconds that 1,100 commands of each of a hundred clients may take: the deadline counts from the last of them."""
GROWTH = 100.0
"""MB."""
HONEST = 5
"""Honest clients, each with a new connection for each mail."""
PAUSE = 0.5


@dataclass(slots=True)
class Siege:
    """Who attacks what, and how long each connection of theirs lasted."""

    mx: int
    submission: int
    submissions: int
    lasted: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in ATTACKS})
    open: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    over: bool = False


@dataclass(slots=True)
class Honest:
    """What honest clients saw: seconds from connecting to the 250, and answers that were none."""

    waits: list[float] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def drip(streams: Streams) -> None:
    """An octet a second until the connection ends."""
    reader, writer = streams
    ended = asyncio.ensure_future(reader.read())
    try:
        while not ended.done():
            writer.write(b"E")
            await asyncio.wait([ended], timeout=1)
    finally:
        ended.cancel()
        await asyncio.gather(ended, return_exceptions=True)


async def slow_command(streams: Streams) -> None:
    """A command that never ends."""
    await streams[0].readline()
    await drip(streams)


async def slow_content(streams: Streams) -> None:
    """A mail that never ends."""
    reader, writer = streams
    await reader.readline()
    lines = ("EHLO slow.example", "MAIL FROM:<a@slow.example>", f"RCPT TO:<{MAILBOX}>", "DATA")
    for line in lines:
        writer.write(f"{line}\r\n".encode())
        while (await reader.readline())[3:4] == b"-":
            pass
    await drip(streams)


async def slow_handshake(streams: Streams) -> None:
    """Never a whole ClientHello."""
    reader, writer = streams
    writer.write(bytes.fromhex("16030102000100"))
    await reader.read()


async def never_reads(streams: Streams) -> None:
    """Asks much at once, and takes no answer."""
    reader, writer = streams
    await reader.readline()
    writer.write(b"EHLO slow.example\r\n")
    while (await reader.readline())[3:4] == b"-":
        pass
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    writer.write(f"MAIL FROM:<shop@{SENDER_DOMAIN}>\r\n".encode())
    writer.write(b"".join(b"RCPT TO:<r%d@slow.example>\r\n" % number for number in range(1100)))
    while not writer.transport.is_closing():
        await asyncio.sleep(1)
        writer.write(b"R")


ATTACKS: dict[str, Callable[[Streams], Awaitable[None]]] = {
    "command": slow_command,
    "content": slow_content,
    "handshake": slow_handshake,
    "unread": never_reads,
}
SHARES = {"command": 500, "content": 500, "handshake": 200, "unread": 100}


def small_socket(source: str) -> socket.socket:
    """A socket that soon has no room for what it does not read."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    sock.setblocking(False)
    sock.bind((source, 0))
    return sock


async def attacker(siege: Siege, name: str, source: str) -> None:
    """One attacker: connects again whenever it was cut."""
    port = {"handshake": siege.submissions, "unread": siege.submission}.get(name, siege.mx)
    while not siege.over:
        began = time.monotonic()
        siege.open[name] += 1
        writer = None
        try:
            sock = small_socket(source)
            async with asyncio.timeout(60):
                await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
            reader, writer = await asyncio.open_connection(sock=sock)
            await ATTACKS[name]((reader, writer))
        except (OSError, ValueError):  # a time-out is an OSError, too
            pass
        finally:
            siege.open[name] -= 1
            if writer:
                writer.transport.abort()
        if not siege.over:
            siege.lasted[name].append(time.monotonic() - began)
        await asyncio.sleep(PAUSE)


async def honest_client(siege: Siege, honest: Honest, number: int, submission: int) -> None:
    """Mails by turns to both listeners, a new connection for each."""
    count = 0
    while not siege.over:
        count += 1
        tag, began = f"h{number}-{count}", time.monotonic()
        port, sender, recipient = (
            (submission, f"shop@{SENDER_DOMAIN}", f"{tag}@sandbox.example")
            if count % 2
            else (siege.mx, f"{tag}@honest.example", MAILBOX)
        )
        try:
            async with submitter(f"127.0.0.1:{port}", f"127.9.{number}.1") as client:
                reply = await client.submit(sender, [recipient], mail_bytes(tag, recipient, 2000) + b".\r\n")
        except (Lost, OSError, TimeoutError) as error:
            reply = repr(error)
        if reply.startswith("250"):
            honest.waits.append(time.monotonic() - began)
        else:
            honest.refused.append(reply)
        await asyncio.sleep(max(0.0, PAUSE - (time.monotonic() - began)))


async def too_many_from_one(siege: Siege) -> list[str]:
    """The greetings of eleven connections from one address."""
    streams = [await asyncio.open_connection("127.0.0.1", siege.mx, local_addr=("127.8.0.1", 0)) for _ in range(11)]
    greetings = [(await reader.readline()).decode() for reader, _ in streams]
    for _, writer in streams:
        writer.transport.abort()
    return greetings


def attackers(siege: Siege, count: int) -> list[asyncio.Task[None]]:
    """So many attackers in all, ten from each address."""
    whole = sum(SHARES.values())
    kinds = [name for name, share in SHARES.items() for _ in range(max(share * count // whole, 1))]
    sources = [f"127.10.{number // 10}.1" for number in range(len(kinds))]
    return [asyncio.create_task(attacker(siege, *pair)) for pair in zip(kinds, sources, strict=True)]


async def honest_for(siege: Siege, product: Gatepost, seconds: float) -> Honest:
    """What honest clients see for so long."""
    seen = Honest()
    siege.over = False
    port = product.ports["submission"]
    tasks = [asyncio.create_task(honest_client(siege, seen, number, port)) for number in range(HONEST)]
    await asyncio.sleep(seconds)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return seen


async def besiege(run: Run, verdict: Verdict, product: Gatepost, siege: Siege, patience: float) -> None:
    """First honest clients alone, then with attackers."""
    count, seconds = run.pick(65, 1300), run.seconds(4, 3)
    alone = await honest_for(siege, product, min(seconds / 3, 30))
    memory = product.rss()
    tasks = attackers(siege, count)
    await asyncio.sleep(1 if run.short else 5)
    verdict.note(attackers=sum(siege.open.values()))
    beside = await honest_for(siege, product, seconds)
    grown = product.rss() - memory
    greetings = await too_many_from_one(siege)
    siege.over = True
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    rate = len(beside.waits) / seconds / (len(alone.waits) / min(seconds / 3, 30))
    verdict.note(p50=round(statistics.median(beside.waits), 3), mails=len(beside.waits), throughput=round(rate, 2))
    verdict.check("p99_seconds", round(percentile(beside.waits, 0.99), 2), LATE)
    verdict.check("honest_refused", len(beside.refused), 0)
    verdict.check("grown_mb", round(grown, 1), GROWTH)
    verdict.hold(run.short or rate >= 0.9, "the throughput of honest clients must not sink below 90 %")
    verdict.hold(greetings[-1].startswith("421"), f"the eleventh connection of one address got {greetings[-1]!r}")
    for name, times in siege.lasted.items():
        deadline = {"handshake": TLS_SECONDS, "unread": patience + ANSWERING}.get(name, patience)
        verdict.note(**{f"cut_{name}": len(times)})
        if times:
            verdict.check(f"longest_{name}", round(max(times), 1), deadline + SLACK)
        patient = run.short and name in ("handshake", "unread")  # these outlast the short form
        verdict.hold(bool(times) or patient, f"no attacker of the kind {name} was cut")
    for reply in beside.refused[:3]:
        verdict.hold(False, reply)


def slow_loris(run: Run) -> Verdict:
    """T13: 1,300 attackers that are slow or silent: honest mail takes 2 s at most, each attacker is cut in time."""
    verdict, submissions, patience = Verdict(), free_port(), run.pick(2, 30)
    settings = {
        "submissions": f"127.0.0.1:{submissions}",
        "connections": 2000,
        "connections_per_ip": 10,
        "command_seconds": patience,
    }
    with store(run) as url, installed(run.folder / "product", url, **settings) as product:
        product.start()
        siege = Siege(product.ports["mx"], product.ports["submission"], submissions)
        uvloop.run(besiege(run, verdict, product, siege, patience))
    return verdict
