"""SMTP smuggling from intake to relay: what one client sends is one mail at a strict server, without a stray CR or LF.

49 terminators at every split, and random bodies, go to a running Gatepost that relays to a sink (reliability.md, G13).
"""

import asyncio
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.rig.process import free_port
from tests.torture.backends import store
from tests.torture.product import SENDER_DOMAIN, Gatepost, installed
from tests.torture.run import Run, Verdict
from tests.torture.strict_sink import Mail, Sink, strict_sink
from tests.torture.submitter import Submitter, submitter

SENDER = f"shop@{SENDER_DOMAIN}"
BREAKS = (b"", b"\r", b"\n", b"\r\n", b"\r\r\n", b"\n\r", b"\0")
PIECES = (
    *(b"\r", b"\n", b"\r\n", b"\r\n", b"\0", b".", b"..", b"\r\n.", b"\n.\n", b"\r.\r", b"\n.\r\n", b"\r\n.\n"),
    *(b"\r\n.\r", b"\r.\r\n", b"a", b"hello ", b"\t", b"\xff\xfe", "ü".encode(), b"x" * 60, b"DATA\r\n", b"QUIT\r\n"),
    b"MAIL FROM:<smuggled@evil.example>\r\nRCPT TO:<victim@evil.example>\r\nDATA\r\nSubject: smuggled\r\n\r\nx",
)
LINE_END = re.compile(rb"\r\n|\r|\n")
CLIENTS = 8
ROUND = 2000


@dataclass(frozen=True, slots=True)
class Case:
    """One submission: its tag, the body as sent without its end, and where to cut it."""

    tag: str
    body: bytes
    cuts: tuple[int, ...] = ()


@dataclass(slots=True)
class Count:
    """What is counted over all cases."""

    sent: int = 0
    refused: int = 0
    split: int = 0
    changed: int = 0
    stray: int = 0
    examples: list[str] = field(default_factory=list)


def stuffed(body: bytes) -> bytes:
    """The body as a client stuffs it that knows only CRLF as line end, so it can never say CRLF.CRLF before its end."""
    body = b"." + body if body.startswith(b".") else body
    return body.replace(b"\r\n.", b"\r\n..")


def expected(body: bytes) -> bytes:
    """The body as it may arrive: it ends with CRLF as it was sent, every line end is CRLF, NUL is gone."""
    sent = body if not body or body.endswith(b"\r\n") else body + b"\r\n"
    return LINE_END.sub(b"\r\n", sent.replace(b"\0", b""))


def terminators(every: int) -> Iterator[Case]:
    """49 ways to write `x . y` before a command, each cut at every n-th octet."""
    for first in BREAKS:
        for second in BREAKS:
            body = b"a" + first + b"." + second + b"MAIL FROM:<smuggled@evil.example>\r\nb\r\n"
            for cut in range(1, len(body) + 60, every):
                yield Case(f"t{first.hex() or 0}-{second.hex() or 0}-{cut}", body, (cut,))


def random_bodies(count: int, seed: int) -> Iterator[Case]:
    """Bodies of line ends, dots and commands."""
    chance = random.Random(seed)
    for number in range(count):
        body = b"".join(chance.choices(PIECES, k=chance.randint(1, 12)))
        yield Case(f"r{seed}-{number}", body, (chance.randint(1, 80),) if chance.random() < 0.1 else ())


def header(tag: str) -> bytes:
    """The header of a case's mail."""
    return f"From: {SENDER}\r\nTo: {tag}@remote.example\r\nSubject: {tag}\r\n\r\n".encode()


async def send_all(client: Submitter, cases: Iterator[Case], sent: dict[str, Case], count: Count) -> None:
    """Submit cases until there are none left; `sent` has those that were taken."""
    for case in cases:
        octets = header(case.tag) + stuffed(case.body)
        octets += b".\r\n" if octets.endswith(b"\r\n") else b"\r\n.\r\n"
        cuts = tuple(cut for cut in case.cuts if cut < len(octets))
        reply = await client.submit(SENDER, [f"{case.tag}@remote.example"], octets, *cuts)
        count.sent += 1
        if reply.startswith("250"):
            sent[case.tag] = case
        else:
            count.refused += 1
            count.examples.append(f"{case.tag}: {reply}")


def judge(mails: list[Mail], sent: dict[str, Case], count: Count) -> None:
    """Each mail that was taken arrived once, for its own recipient only, and with its own body."""
    seen: set[str] = set()
    for mail in mails:
        tag = mail.recipients[0].partition("@")[0] if len(mail.recipients) == 1 else ""
        case = sent.get(tag)
        if case is None or tag in seen:
            count.split += 1
            count.examples.append(f"a mail that nobody sent: {mail.recipients} {mail.content[:200]!r}")
            continue
        seen.add(tag)
        if mail.content.partition(b"\r\n\r\n")[2] != expected(case.body):
            count.changed += 1
            count.examples.append(f"{tag}: {case.body!r} came as {mail.content!r}")
    missing = sent.keys() - seen
    count.split += len(missing)
    count.examples += [f"{tag} never arrived" for tag in sorted(missing)[:3]]


async def run_round(sink: Sink, port: str, cases: list[Case], count: Count) -> None:
    """One batch: submit, wait until the sink has all, judge, forget."""
    sent: dict[str, Case] = {}
    queue = iter(cases)
    before = count.sent
    async with asyncio.timeout(120 + len(cases) / 20), asyncio.TaskGroup() as group:
        for number in range(CLIENTS):
            group.create_task(one_client(port, f"127.0.1.{number + 1}", queue, sent, count))
    assert count.sent - before == len(cases)
    try:
        async with asyncio.timeout(60 + len(cases) / 20):
            while len(sink.mails) < len(sent):
                await asyncio.sleep(0.02)
    except TimeoutError:
        pass
    await asyncio.sleep(0.1)
    judge(sink.mails, sent, count)
    count.stray += sink.stray + len(sink.unknown)
    count.examples += [f"not a command: {line!r}" for line in sink.unknown[:3]]
    sink.stray = 0
    sink.unknown.clear()
    sink.mails.clear()


async def one_client(port: str, source: str, cases: Iterator[Case], sent: dict[str, Case], count: Count) -> None:
    async with submitter(port, source) as client:
        await send_all(client, cases, sent, count)


def relaying_to(port: int) -> dict[str, object]:
    """The settings of a product that relays to a port in the clear."""
    return {"route": "relay", "relay": f"smtp://127.0.0.1:{port}", "relay_tls": "none"}


def smuggling(run: Run) -> Verdict:
    """49 terminators at splits, and random bodies; the full form takes every split, and 100,000 bodies."""
    verdict, count, port = Verdict(), Count(), free_port()
    cases = [*terminators(run.pick(17, 1)), *random_bodies(run.pick(300, 100_000), run.seed)]

    async def scenario(product: Gatepost) -> None:
        async with strict_sink(Sink(port=port)) as sink:
            for start in range(0, len(cases), ROUND):
                await run_round(sink, f"127.0.0.1:{product.ports['submission']}", cases[start : start + ROUND], count)

    with store(run) as url, installed(run.folder / "product", url, **relaying_to(port)) as product:
        product.start()
        asyncio.run(scenario(product))
    verdict.note(submitted=count.sent)
    for name in ("split", "stray", "changed", "refused"):
        verdict.check(name, getattr(count, name), 0)
    for example in count.examples[:5]:
        verdict.hold(False, example)
    verdict.hold(count.sent == len(cases), f"{len(cases)} were to be submitted")
    return verdict
