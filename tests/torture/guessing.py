"""Guessing passwords by AUTH: few tries are even looked at, and neither answer nor time tells a name that exists."""

import asyncio
import base64
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress

from gatepost.parts import clock, open_parts
from gatepost.store.credentials import create_credential
from tests.gateway.dialogue import trusting
from tests.rig.process import free_port
from tests.torture.backends import store
from tests.torture.product import SENDER_DOMAIN, Gatepost, installed
from tests.torture.run import Run, Verdict
from tests.torture.submitter import Lost, Submitter

LOOKED_AT = 20
APART = 0.001
"""Seconds between the medians."""
PER_SESSION = 15


def plain(username: str) -> str:
    """AUTH PLAIN with a secret that is wrong."""
    return (
        "AUTH PLAIN " + base64.b64encode(f"\0{username}\0wrong-but-as-long-as-a-real-secret-is-0000".encode()).decode()
    )


async def tries(port: int, source: str, usernames: Sequence[str]) -> list[tuple[str, float]]:
    """Log in as each of these over one connection; the answers, and the seconds to each."""
    found = []
    streams = await asyncio.open_connection("127.0.0.1", port, ssl=trusting(), local_addr=(source, 0))
    client = Submitter(*streams)
    with suppress(Lost):
        await client.answer()
        await client.say("EHLO guess.example")
        for username in usernames:
            began = time.perf_counter()
            reply = await client.say(plain(username))
            found.append((reply, time.perf_counter() - began))
    client.writer.transport.abort()
    return found


async def guess(port: int, source: str, usernames: Iterator[str], count: int) -> Counter[str]:
    """So many tries from one address; the answers by code."""
    answers: Counter[str] = Counter()
    while answers.total() < count:
        names = [next(usernames) for _ in range(min(PER_SESSION, count - answers.total()))]
        answers.update(reply[:3] for reply, _ in await tries(port, source, names))
    return answers


def same(username: str) -> Iterator[str]:
    """One name for ever."""
    while True:
        yield username


def names(prefix: str) -> Iterator[str]:
    """Ever new names."""
    number = 0
    while True:
        number += 1
        yield f"{prefix}{number}"


async def compared(port: int, known: str, networks: int) -> tuple[list[float], list[float], set[str]]:
    """Seconds for a name that is there and for one that is not, from many networks, and the different answers."""
    there: list[float] = []
    nowhere: list[float] = []
    answers: set[str] = set()
    for number in range(networks):
        order = [known, "0" * len(known)] if number % 2 else ["0" * len(known), known]
        found = await tries(port, f"127.40.{number % 250}.{1 + number // 250}", [*order, *order])
        for (reply, seconds), username in zip(found[2:], order, strict=True):  # the first of each only warms up
            (there if username == known else nowhere).append(seconds)
            answers.add(reply)
    return there, nowhere, answers


def login(product: Gatepost) -> str:
    """The user name of a credential with a secret."""
    with open_parts(product.settings) as parts:
        return parts.ledger.write(
            lambda s: create_credential(s, parts.keys, kind="smtp", name="Shop", senders=[SENDER_DOMAIN], now=clock())
        )[0].username


async def all_of_it(run: Run, verdict: Verdict, port: int, username: str) -> None:
    """Each kind of guessing, and the comparison."""
    count = run.pick(40, 5000)
    one = await guess(port, "127.31.0.1", same(username), count)
    many = await guess(port, "127.32.0.1", names("sprayed"), count)
    verdict.note(tries=one.total() + many.total())
    verdict.check("looked_at_one_name", one["535"], LOOKED_AT)
    verdict.check("looked_at_many_names", many["535"], LOOKED_AT)
    verdict.hold(set(one) | set(many) == {"535", "454"}, f"answers: {dict(one)}, {dict(many)}")
    there, nowhere, answers = await compared(port, username, run.pick(8, 500))
    verdict.hold(len(answers) == 1, f"different answers: {sorted(answers)}")
    apart = abs(statistics.median(there) - statistics.median(nowhere))
    verdict.note(compared=len(there) + len(nowhere), median_ms=round(1000 * statistics.median(there), 3))
    if run.short:
        verdict.note(apart_ms=round(1000 * apart, 3))
    else:
        verdict.check("apart_ms", round(1000 * apart, 3), 1000 * APART)


def guessing(run: Run) -> Verdict:
    """10,000 guesses by AUTH: 20 at most are looked at, and names that exist get the same answer in the same time."""
    verdict, port = Verdict(), free_port()
    with store(run) as url, installed(run.folder / "product", url, submissions=f"127.0.0.1:{port}") as product:
        username = login(product)
        product.start()
        asyncio.run(all_of_it(run, verdict, port, username))
    return verdict
