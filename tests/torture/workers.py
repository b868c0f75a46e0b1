"""T22: two processes on one PostgreSQL, one of them stopped past its leases: the fence keeps its late results out."""

import asyncio
import signal
import time
from dataclasses import replace

from tests.rig.process import free_port
from tests.torture.bench import PLACES, free_leases, relaying
from tests.torture.load import Load, loading
from tests.torture.product import Gatepost
from tests.torture.run import Run, Verdict
from tests.torture.sink import Sink
from tests.torture.verdict import drained, judge

UNDER_WAY_SECONDS = 60
LATE = "a result came after its lease had been lost"


def two_workers(run: Run) -> Verdict:
    """T22: one of two processes is stopped past its leases: a mail goes out twice at most, late results are void."""
    return asyncio.run(two(run))


async def two(run: Run) -> Verdict:
    verdict, sink = Verdict(), Sink(delay=lambda: 0.5)
    async with relaying(run, sink) as first:
        first.start()
        load = Load(first.ports["submission"], clients=10, rate=100)
        async with loading(load):
            sink.hold = asyncio.Event()
            async with asyncio.timeout(UNDER_WAY_SECONDS):
                while sink.in_flight < 3 or len(load.acked) < 60:
                    await asyncio.sleep(0.01)
            load.paused = True
            await asyncio.sleep(0.5)
            first.signal(signal.SIGSTOP)
            stopped_with = sink.in_flight
            await asyncio.sleep(1)
            if run.short:
                await asyncio.to_thread(free_leases, first)
            sink.hold.set()
            sink.hold = None
            second = another(first)
            try:
                second.start()
                began = time.monotonic()
                took_over = await drained(second, 60 if run.short else 600)
                verdict.note(in_flight_when_stopped=stopped_with, taken_over_in_s=took_over)
                first.signal(signal.SIGCONT)
                load.paused = False
                await asyncio.sleep(run.pick(1, 3))
                load.stopping = True
                await asyncio.sleep(1)
                await drained(second, 60)
            finally:
                second.stop()
            verdict.note(seconds=time.monotonic() - began)
        judge(verdict, first, load, sink)
    verdict.check("dup", sink.doubled, PLACES)
    counts: dict[tuple[str, str], int] = {}
    for one in sink.arrivals:
        counts[one.tag, one.recipient] = counts.get((one.tag, one.recipient), 0) + 1
    verdict.check("most_copies", max(counts.values()), 2)
    late = first.log.read_text(errors="replace").count(LATE) if first.log.exists() else 0
    verdict.note(late_results_refused=late)
    return verdict


def another(first: Gatepost) -> Gatepost:
    """A second process of the same installation, on other ports."""
    ports = {name: free_port() for name in first.ports}
    config = (first.folder / "gatepost.toml").read_text()
    for name, port in first.ports.items():
        config = config.replace(f"127.0.0.1:{port}", f"127.0.0.1:{ports[name]}")
    (first.folder / "second.toml").write_text(config)
    return replace(first, ports=ports, config="second.toml", process=None, log=first.folder / "second-output")
