"""T1-T4 and the headline: SIGKILL in DATA, after the 250, between dot and 250, while relaying, every 2 seconds."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from tests.torture.bench import PLACES, Killer, free_leases, relaying
from tests.torture.load import Load, loading
from tests.torture.product import Gatepost
from tests.torture.run import Run, Verdict
from tests.torture.sink import Sink
from tests.torture.verdict import drained, judge

Hooks = Callable[[Killer, Load], None]
START_MOST = 2.0


def kill_in_data(run: Run) -> Verdict:
    """T1: SIGKILL while a mail's content is coming in, 100 rounds: nothing lost, nothing stored without its dot."""

    def hooks(killer: Killer, load: Load) -> None:
        load.slow_body = 0.01
        load.on_half = lambda tag: killer.strike_within(0.01) if killer.dice.random() < 0.2 else None

    return asyncio.run(rounds(run, hooks, 100))


def kill_after_250(run: Run) -> Verdict:
    """T2: SIGKILL within 5 ms after a 250, 200 rounds: nothing lost."""

    def hooks(killer: Killer, load: Load) -> None:
        load.on_ack = lambda tag: killer.strike_within(0.005) if killer.dice.random() < 0.1 else None

    return asyncio.run(rounds(run, hooks, 200))


def kill_before_250(run: Run) -> Verdict:
    """T3: SIGKILL within 20 ms after the dot, 100 rounds: a client's second try makes no second mail."""

    def hooks(killer: Killer, load: Load) -> None:
        load.on_dot = lambda tag: killer.strike_within(0.02) if killer.dice.random() < 0.1 else None

    return asyncio.run(rounds(run, hooks, 100, by_mx=True))


async def rounds(run: Run, hooks: Hooks, kills: int, by_mx: bool = False) -> Verdict:
    """Load until the server was killed so often when the hooks choose; `by_mx`: some of it comes by MX."""
    sink, verdict = Sink(), Verdict()
    async with relaying(run, sink) as product:
        product.start()
        killer = Killer(product, run.dice)
        loads = [Load(product.ports["submission"], clients=10, rate=250)]
        if by_mx:
            loads.append(Load(product.ports["mx"], clients=5, rate=50, by_mx=True))
        for load in loads:
            hooks(killer, load)
        async with together(loads):
            for _ in run.times(1, kills):
                await killer.round()
                await asyncio.sleep(0.1)
        await settle(run, product, verdict)
        verdict.note(kills=killer.kills)
        judge(verdict, product, joined(loads), sink)
        starts(run, verdict, killer, product)
    return verdict


def kill_in_relay(run: Run) -> Verdict:
    """T4: SIGKILL every 2 s while the next server delays its 250: nothing lost, doubles at most those in flight."""
    return asyncio.run(storm(run, delay=0.2, kills=run.pick(1, 30) if not run.minutes else 0))


def kill_storm(run: Run) -> Verdict:
    """The headline: SIGKILL every 2 s for 5 minutes at full load: nothing lost, doubles at most those in flight."""
    return asyncio.run(storm(run, delay=0.0, kills=0))


async def storm(run: Run, *, delay: float, kills: int) -> Verdict:
    """Full load and a kill 2 s after each start, for so many kills or for the run's minutes."""
    dice = run.dice
    sink = Sink(delay=lambda: dice.uniform(0, delay)) if delay else Sink()
    verdict, at_sink = Verdict(), 0
    async with relaying(run, sink) as product:
        product.start()
        killer = Killer(product, dice)
        load = Load(product.ports["submission"])
        began = time.monotonic()
        until = began + run.seconds(3, 5)
        async with loading(load):
            while killer.kills < kills if kills else time.monotonic() < until:
                await asyncio.sleep(dice.uniform(0.5, 1) if run.short else 2)
                at_sink += sink.in_flight
                killer.armed = True
                killer.strike()
                await killer.again()
            took = time.monotonic() - began
            acked = len(load.acked)
        drain = await settle(run, product, verdict)
        verdict.note(kills=killer.kills, seconds=took, acked_per_s=acked / took)
        verdict.note(acked_per_s_while_up=acked / max(took - sum(killer.starts), 0.1), drained_in_s=drain)
        judge(verdict, product, load, sink)
        verdict.check("dup", sink.doubled, PLACES * killer.kills)
        verdict.note(in_flight_at_kills=at_sink, arrived=len(sink.arrivals))
        starts(run, verdict, killer, product)
    return verdict


async def settle(run: Run, product: Gatepost, verdict: Verdict) -> float:
    """Every mail gets its final state; on PostgreSQL when dead processes' leases end, which the short form hastens."""
    if run.short and run.backend == "postgres":
        await asyncio.to_thread(free_leases, product)
    return await drained(product, 60 if run.short else 300)


def starts(run: Run, verdict: Verdict, killer: Killer, product: Gatepost) -> None:
    """How long starting took, held to its limit in the full form only; and no file of a cut mail is left."""
    verdict.note(slowest_start_s=killer.slowest_start)
    if not run.short:
        verdict.check("median_start_s", sorted(killer.starts)[len(killer.starts) // 2], START_MOST)
    verdict.check("orphans", len(loose(product.settings.path(product.settings.var))), 0)


def loose(var: Path) -> list[Path]:
    """Temporary files of contents that never became a mail."""
    return [path for path in (var / "blobs").rglob(".new-*") if path.is_file()]


@asynccontextmanager
async def together(loads: list[Load]) -> AsyncIterator[None]:
    """One or two loads at once."""
    async with loading(loads[0]):
        if len(loads) == 1:
            yield
            return
        async with loading(loads[1]):
            yield


def joined(loads: list[Load]) -> Load:
    """The sets of several loads as one."""
    whole = Load(0)
    for load in loads:
        whole.acked |= load.acked
        whole.unknown |= load.unknown
        whole.dotted |= load.dotted
        whole.begun |= load.begun
        whole.refused |= load.refused
        whole.replies += load.replies
        whole.made += load.made
        whole.tried_again += load.tried_again
    return whole
