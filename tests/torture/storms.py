"""A dead site with a long queue beside a live one (T12), and one mail to 10,000 recipients (T15)."""

import asyncio
import os
import random
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import text

from gatepost.gateway.pace import MOST
from tests.fakes.dns import Zone, dns_server
from tests.rig.process import free_port
from tests.torture.backends import store
from tests.torture.load import LINE
from tests.torture.product import SENDER_DOMAIN, Gatepost, installed
from tests.torture.run import Run, Verdict
from tests.torture.sink import Sink as CountingSink
from tests.torture.sink import sinking
from tests.torture.strict_sink import Sink, strict_sink
from tests.torture.submitter import Submitter, submitter
from tests.torture.verdict import stored

SENDER = f"shop@{SENDER_DOMAIN}"
AT_ONCE = 1000
RATE = 20.0
"""Mails a second to the live site."""
LATE = 2.0
"""Seconds from 250 to delivered that 99 of 100 may take at the most."""
SHARE = 0.05
FAN_OUT_SECONDS = 60.0
AT_A_TIME = 20
"""Deliveries in flight over a relay: so many may be sent twice after a kill."""
ZONE: Zone = {
    "calm.test": {"MX": ["10 mx.calm.test."]},
    "mx.calm.test": {"A": ["127.0.0.2"]},
    "storm.test": {"MX": ["10 mx.storm.test."]},
    "mx.storm.test": {"A": ["127.0.0.3"]},
}


@dataclass(slots=True)
class Storm:
    """How the bad site behaves: a connection is refused with 421, or its recipients with 451, or nothing is said."""

    dice: random.Random
    over: bool = False
    moods: Counter[str] = field(default_factory=Counter)

    def answer(self, verb: bytes, line: bytes) -> bytes | None:
        """The reply to a verb; None is the usual one, empty is silence."""
        if self.over:
            return None
        if verb == b"CONNECT":
            mood = self.dice.choice(("421", "451", "silence"))
            self.moods[mood] += 1
            return {"421": b"421 4.7.0 too many\r\n", "451": None, "silence": b""}[mood]
        return b"451 4.7.1 try later\r\n" if verb == b"RCPT" else None


async def queue_up(client: Submitter, domain: str, count: int, content: bytes) -> list[str]:
    """Submit to this many recipients, split where the server says 452 4.5.3; the ids of the messages."""
    left = [f"r{number}@{domain}" for number in range(count)]
    found: list[str] = []
    while left:
        client.writer.write(f"MAIL FROM:<{SENDER}>\r\n".encode())
        client.writer.write("".join(f"RCPT TO:<{recipient}>\r\n" for recipient in left).encode())
        replies = [await client.answer() for _ in range(len(left) + 1)]
        assert replies[0].startswith("250"), replies[0]
        assert {reply[:9] for reply in replies[1:]} <= {"250 2.1.5", "452 4.5.3"}, set(replies)
        left = [recipient for recipient, reply in zip(left, replies[1:], strict=True) if reply.startswith("452")]
        assert (await client.say("DATA")).startswith("354")
        client.writer.write(content + b".\r\n")
        reply = await client.answer()
        assert reply.startswith("250"), reply
        found.append(reply.split()[-1])
    return found


def letter(subject: str, size: int = 500) -> bytes:
    """A mail of about this size."""
    head = f"From: {SENDER}\r\nTo: everybody@remote.test\r\nSubject: {subject}\r\n\r\n".encode()
    return head + LINE * max(size // len(LINE), 1)


async def trickle(port: int, seconds: float, acked: dict[str, float]) -> None:
    """Mails to the live site at a steady rate; when each had its 250."""
    async with submitter(f"127.0.0.1:{port}", "127.0.2.1") as client:
        began = time.monotonic()
        for number in range(int(seconds * RATE)):
            await asyncio.sleep(max(0.0, began + number / RATE - time.monotonic()))
            recipient = f"n{number}@calm.test"
            reply = await client.submit(SENDER, [recipient], letter(recipient) + b".\r\n")
            assert reply.startswith("250"), reply
            acked[recipient] = time.monotonic()


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of them is not above."""
    return sorted(values)[min(int(len(values) * share), len(values) - 1)] if values else float("inf")


def fullest_second(product: Gatepost) -> float:
    """Of the retries due in one minute, the share that falls into its fullest second; only full minutes count."""
    query = text("SELECT next_attempt_at FROM delivery WHERE state = 'delayed' AND recipient LIKE '%@storm.test'")
    with product.database() as database, database.engine.connect() as connection:
        due = [str(found)[:19] for (found,) in connection.execute(query)]
    minutes = Counter(moment[:16] for moment in due)
    return max(
        (count / minutes[moment[:16]] for moment, count in Counter(due).items() if minutes[moment[:16]] >= 500),
        default=0.0,
    )


def states_at(product: Gatepost, domain: str) -> Counter[str]:
    """Deliveries of a domain by state."""
    query = text("SELECT state, count(*) FROM delivery WHERE recipient LIKE :at GROUP BY state")
    with product.database() as database, database.engine.connect() as connection:
        return Counter({row[0]: row[1] for row in connection.execute(query, {"at": f"%@{domain}"})})


def storm(run: Run) -> Verdict:
    """20,000 mails wait for a site that answers 421, 451 or nothing: mail to another site is not delayed (T12)."""
    verdict, port = Verdict(), free_port()
    queued, seconds = run.pick(600, 20_000), run.seconds(3, 5)
    with dns_server(ZONE) as dns:
        settings = {"route": "direct", "direct_port": port, "dns_servers": [dns.address]}
        with store(run) as url, installed(run.folder / "product", url, **settings) as product:
            product.start()
            asyncio.run(weather(run, verdict, product, port, queued, seconds))
    return verdict


async def weather(run: Run, verdict: Verdict, product: Gatepost, port: int, queued: int, seconds: float) -> None:
    """The storm, what goes out beside it, and how it drains afterwards."""
    bad, acked = Storm(run.dice), dict[str, float]()
    async with (
        strict_sink(Sink("127.0.0.2", port)) as calm,
        strict_sink(Sink("127.0.0.3", port, answer=bad.answer)) as stormy,
    ):
        async with submitter(f"127.0.0.1:{product.ports['submission']}") as client:
            await queue_up(client, "storm.test", queued, letter("storm"))
        used, began = cpu_seconds(product.pid), time.monotonic()
        await trickle(product.ports["submission"], seconds, acked)
        await asyncio.sleep(LATE + 0.5)
        share = (cpu_seconds(product.pid) - used) / (time.monotonic() - began)
        arrived = {mail.recipients[0]: mail.at for mail in calm.mails}
        waits = [arrived[who] - at for who, at in acked.items() if who in arrived]
        verdict.note(queued=queued, beside=len(acked), p50=round(statistics.median(waits), 3) if waits else 0)
        verdict.check("p99_seconds", round(percentile(waits, 0.99), 3), LATE)
        verdict.check("late", sum(who not in arrived for who in acked), 0)
        verdict.check("most_connections", stormy.most_open, MOST)
        verdict.note(connections=stormy.connections, **{f"met_{mood}": n for mood, n in bad.moods.items()})
        if not run.short:
            verdict.check("cpu_share", round(share, 2), 0.5)
            verdict.check("fullest_second", round(await asyncio.to_thread(fullest_second, product), 3), SHARE)
            await drain(verdict, product, bad, stormy, queued)


async def drain(verdict: Verdict, product: Gatepost, bad: Storm, stormy: Sink, queued: int) -> None:
    """The bad site is well again; a person asks for all to be tried now."""
    bad.over, began = True, time.monotonic()
    while len(stormy.mails) < queued and time.monotonic() - began < 900:
        done = await asyncio.create_subprocess_exec(
            *product.command("queue", "retry", "--domain", "storm.test", "--state", "delayed", "--yes"),
            env=product.surroundings(),
            cwd=product.folder,
            stdout=asyncio.subprocess.DEVNULL,
        )
        await done.wait()
        for _ in range(120):
            if len(stormy.mails) >= queued:
                break
            await asyncio.sleep(0.5)
    verdict.note(drained_in=round(time.monotonic() - began, 1))
    await asyncio.sleep(1)
    verdict.check("left", queued - states_at(product, "storm.test")["delivered"], 0)
    verdict.check("twice", len(stormy.mails) - len({mail.recipients[0] for mail in stormy.mails}), 0)


def fan_out(run: Run) -> Verdict:
    """One mail of 100 KB to 10,000 recipients, split by 452 4.5.3 at 1,000: stored once each, all out in 60 s (T15)."""
    verdict = Verdict()
    with store(run) as url:
        asyncio.run(fan_out_once(run, verdict, url, kills=False))
    return verdict


def fan_out_killed(run: Run) -> Verdict:
    """The same with kill -9 in the middle: nobody is left out, twice at most who was in flight (T15)."""
    verdict = Verdict()
    with store(run) as url:
        asyncio.run(fan_out_once(run, verdict, url, kills=True))
    return verdict


async def fan_out_once(run: Run, verdict: Verdict, url: str, *, kills: bool) -> None:
    """One mail to so many, and the figures."""
    sink, port, count = CountingSink(), free_port(), run.pick(1100, 10_000)
    relay = {"route": "relay", "relay": f"smtp://127.0.0.1:{port}", "relay_tls": "none"}
    with installed(run.folder / "product", url, deliveries_at_once=AT_A_TIME, **relay) as product:
        await asyncio.to_thread(product.start)
        async with sinking(sink, port):
            began = time.monotonic()
            async with submitter(f"127.0.0.1:{product.ports['submission']}") as client:
                ids = await queue_up(client, "fan.test", count, letter("fan", 100_000))
            verdict.note(accepted_in=round(time.monotonic() - began, 2))
            if kills:
                await arrivals(sink, count // 3, 60)
                await asyncio.to_thread(product.kill)
                verdict.note(out_at_the_kill=len(sink.arrivals))
                await asyncio.to_thread(product.start)
            await arrivals(sink, count, 180)
            await settled(product, count)
            seconds = time.monotonic() - began
            verdict.note(cpu_seconds=round(cpu_seconds(product.pid), 1))
        judge_fan_out(verdict, product, sink, ids, count, kills)
        if run.short or (kills and run.backend == "postgres"):  # there a dead process's leases have to run out
            verdict.note(seconds=round(seconds, 1))
        else:
            verdict.check("seconds", round(seconds, 1), FAN_OUT_SECONDS)


def judge_fan_out(
    verdict: Verdict, product: Gatepost, sink: CountingSink, ids: list[str], count: int, kills: bool
) -> None:
    """Nobody was left out, and the body is there once for each transaction."""
    reached = {arrival.recipient for arrival in sink.arrivals}
    verdict.note(recipients=count, transactions=len(ids))
    verdict.check("lost", count - len(reached), 0)
    verdict.check("twice", len(sink.arrivals) - len(reached), AT_A_TIME if kills else 0)
    with product.database() as database, database.engine.connect() as connection:
        bodies = connection.execute(text("SELECT count(*) FROM raw")).scalar() or 0
    verdict.check("bodies", bodies, len(ids))
    final = stored(product).states
    verdict.hold(final["delivered"] == count, f"not all delivered: {dict(final)}")
    for finding in product.fsck():
        verdict.hold(False, f"fsck: {finding}")


async def arrivals(sink: CountingSink, count: int, seconds: float) -> None:
    """Wait until so many recipients were reached, for so long at the most."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while len(sink.arrivals) < count or len({one.recipient for one in sink.arrivals}) < count:
                await asyncio.sleep(0.05)


async def settled(product: Gatepost, count: int) -> None:
    """Wait until that is recorded, too."""
    for _ in range(600):
        if (await asyncio.to_thread(stored, product)).states["delivered"] >= count:
            return
        await asyncio.sleep(0.1)
