"""T17: memory and descriptors of all processes of the product, while mail of all kinds passes and thousands idle."""

import asyncio
import statistics
import threading
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from gatepost.parts import clock, open_parts
from gatepost.store.credentials import SCOPES, create_credential
from tests.torture.bench import relaying
from tests.torture.kill import joined, together
from tests.torture.load import Load
from tests.torture.memory import PASSWORD, READER, create_reader, hold_open, patiently
from tests.torture.product import SENDER_DOMAIN, Gatepost, status_kb
from tests.torture.run import Run, Verdict
from tests.torture.sink import Sink
from tests.torture.verdict import drained, judge

SLOPE_MOST = 1.0
"""MB a minute, after the warm-up."""
FILES_MOST = 10
"""How many more descriptors there may be at the end: the clients of the load come and go."""
SUBMITTED, ARRIVING, EVERY = 15.0, 3.0, 1.0
"""Mails a second, mails a second by MX, and seconds between what is asked of API and pages."""
LARGE_EVERY = 10
WARM_UP = 180
"""Seconds: so long the caches of the connections to the database fill."""
LEAK = (
    "import threading, time; kept = []; "
    "grow = lambda: [kept.append(b'x' * (1 << 20)) or time.sleep(0.25) for _ in iter(int, 1)]; "
    "threading.Thread(target=grow, daemon=True).start()"
)
"""For the control: a product that loses 1 MB four times a second."""
LEAKED = 240.0
"""MB a minute that it loses."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What all processes have together at one time, in seconds: MB of resident memory, descriptors; and how many."""

    at: float
    rss: float
    files: int
    processes: int


def soak(run: Run) -> Verdict:
    """T17: 10 minutes of mixed load and 2,000 idle connections: memory grows by less than 1 MB a minute."""
    return asyncio.run(soak_both(run))


async def soak_both(run: Run) -> Verdict:
    verdict, sink = Verdict(), Sink()
    most = run.pick(200, 2000)
    room: dict[str, Any] = {"connections": most + 100, "connections_per_ip": most + 100}
    patient: dict[str, Any] = {"command_seconds": 36_000, "session_seconds": 36_000}
    async with relaying(run, sink, **room, **patient) as product:
        create_reader(product)
        leaking = await control(run, product)
        verdict.note(control_slope_mb_per_min=round(leaking, 1))
        verdict.hold(leaking > LEAKED / 2, "a product that leaks was not found out: the test sees nothing")
        await soak_one(run, product, sink, verdict, most)
    return verdict


async def control(run: Run, product: Gatepost) -> float:
    """The slope of a product that leaks and has nothing to do."""
    product.prelude = LEAK
    product.start()
    await asyncio.sleep(run.pick(3, 15))
    samples = await sampled(product, run.pick(4, 15), 0.2)
    product.stop()
    product.prelude = ""
    return slope(samples)


async def soak_one(run: Run, product: Gatepost, sink: Sink, verdict: Verdict, most: int) -> None:
    """Load and idle connections for the run's time after the warm-up; then what was seen."""
    seconds, over = run.seconds(10, 10), threading.Event()
    key = api_key(product)
    product.start()
    loads = [
        Load(product.ports["submission"], clients=5, rate=SUBMITTED, big_every=50),
        Load(product.ports["mx"], clients=3, rate=ARRIVING, by_mx=True),
    ]
    idle = await hold_open(product.ports["mx"], most)
    using = asyncio.create_task(asyncio.to_thread(use, product, key, over))
    try:
        async with together(loads):
            await asyncio.sleep(run.pick(2, WARM_UP))
            samples = await sampled(product, seconds, min(2.0, seconds / 50))
    finally:
        over.set()
    answers = await using
    verdict.note(idle=len(idle), requests=answers.total())
    verdict.hold(all(not client.reader.at_eof() for client in idle), "idle connections were closed")
    wrong = {status: count for status, count in answers.items() if status not in (200, 202)}
    verdict.hold(not wrong, f"API and pages answered {wrong}")
    await drained(product)
    judge(verdict, product, joined(loads), sink)
    verdict.check("dup", sink.doubled, 0)
    judge_samples(verdict, samples, slopes=not run.short)
    for client in idle:
        client.writer.transport.abort()


def api_key(product: Gatepost) -> str:
    """A key for the API."""
    with open_parts(product.settings) as parts:
        about = {"kind": "api", "name": "soak", "senders": [SENDER_DOMAIN], "scopes": SCOPES, "now": clock()}
        return parts.ledger.write(lambda session: create_credential(session, parts.keys, **about))[1]  # type: ignore[arg-type]


def use(product: Gatepost, key: str, over: threading.Event) -> Counter[int]:
    """In a thread: send by the API, every tenth mail with a file of 1 MB, and look at pages; the answers by status."""
    found: Counter[int] = Counter()
    auth = {"Authorization": f"Bearer {key}"}
    mail: dict[str, Any] = {"from": f"api@{SENDER_DOMAIN}", "subject": "Soak", "text": "Hello."}
    file = {"name": "plan.pdf", "content": b64encode(bytes(1 << 20)).decode()}
    web = f"http://127.0.0.1:{product.ports['web']}"
    with httpx2.Client(base_url=web, headers={"sec-fetch-site": "same-origin"}, timeout=60) as client:
        patiently(client, "POST", "/login", data={"email": READER, "password": PASSWORD})
        number = 0
        while not over.wait(EVERY):
            number += 1
            sent = mail | {"to": [f"api{number}@sink.test"]}
            if number % LARGE_EVERY == 0:
                sent["attachments"] = [file]
            found[client.post("/v1/messages", json=sent, headers=auth).status_code] += 1
            found[client.get("/v1/messages", headers=auth).status_code] += 1
            found[client.get(("/inbox", "/messages", "/readyz")[number % 3]).status_code] += 1
    return found


async def sampled(product: Gatepost, seconds: float, every: float) -> list[Sample]:
    """Samples for so long."""
    found, began = list[Sample](), time.monotonic()
    while (at := time.monotonic() - began) < seconds or len(found) < 2:
        found.append(sample(product.pid, at))
        await asyncio.sleep(every)
    return found


def sample(pid: int, at: float) -> Sample:
    """What a process and all that it started have now."""
    family = [pid, *descendants(pid)]
    rss = files = 0
    for one in family:
        with suppress(OSError):  # it has ended meanwhile
            rss += status_kb(one, "VmRSS")
            files += len(list(Path(f"/proc/{one}/fd").iterdir()))
    return Sample(at, rss / 1024, files, len(family))


def descendants(pid: int) -> list[int]:
    """The processes that this one started, and those that they started."""
    parents: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
    found, last = list[int](), {pid}
    while last := {child for child, parent in parents.items() if parent in last}:
        found += last
    return found


def judge_samples(verdict: Verdict, samples: Sequence[Sample], *, slopes: bool = True) -> None:
    """Memory and descriptors are flat; in seconds a slope says nothing, so then it is only told."""
    grows = round(slope(samples), 2)
    verdict.note(samples=len(samples), processes=max(each.processes for each in samples))
    verdict.note(rss_mb_first=round(samples[0].rss), rss_mb_last=round(samples[-1].rss))
    verdict.note(descriptors=samples[-1].files)
    if slopes:
        verdict.check("rss_slope_mb_per_min", grows, SLOPE_MOST)
    else:
        verdict.note(rss_slope_mb_per_min=grows)
    verdict.check("more_descriptors", drift(samples), FILES_MOST)


def slope(samples: Sequence[Sample]) -> float:
    """MB a minute, by least squares."""
    return statistics.linear_regression([each.at / 60 for each in samples], [each.rss for each in samples]).slope


def drift(samples: Sequence[Sample]) -> float:
    """How many more descriptors there are in the last quarter than in the first, by their medians."""
    quarter = max(len(samples) // 4, 1)
    first, last = samples[:quarter], samples[-quarter:]
    return statistics.median(each.files for each in last) - statistics.median(each.files for each in first)
