"""T9 and T10: PostgreSQL killed, stopped, frozen and failed over while mail comes in."""

import asyncio
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field

from tests.rig.process import free_port
from tests.torture.backends import Cluster, cluster, prepare
from tests.torture.bench import free_leases, relaying
from tests.torture.load import Load, loading
from tests.torture.product import Gatepost, installed
from tests.torture.run import Run, Verdict
from tests.torture.sink import Sink
from tests.torture.verdict import drained, judge

REPLY_MOST_MS = 5000
BACK_MOST = 5.0
SETTLED = 0.7


@dataclass(slots=True)
class Watch:
    """What the pages answered, and how soon mail was taken again after each fault."""

    product: Gatepost
    load: Load
    statuses: dict[int, int] = field(default_factory=dict)
    back: list[float] = field(default_factory=list)
    away: bool = False
    while_away: list[int] = field(default_factory=list)

    async def pages(self) -> None:
        """Ask the page for monitors again and again."""
        while True:
            status = await asyncio.to_thread(status_of, f"http://127.0.0.1:{self.product.ports['web']}/readyz")
            self.statuses[status] = self.statuses.get(status, 0) + 1
            if self.away:
                self.while_away.append(status)
            await asyncio.sleep(0.2)

    async def again(self) -> None:
        """Wait for the first 250 from now on."""
        began, before = time.monotonic(), len(self.load.acked)
        while len(self.load.acked) == before and time.monotonic() < began + 60:
            await asyncio.sleep(0.01)
        self.back.append(time.monotonic() - began)


def status_of(url: str) -> int:
    """The status of a page; 0 where none came in 5 s."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def database_down(run: Run) -> Verdict:
    """T9: PostgreSQL killed, stopped and frozen, 20 times: 451 in 5 s, never 5xx, back in 5 s, nothing lost."""
    return asyncio.run(down(run))


async def down(run: Run) -> Verdict:
    verdict, sink = Verdict(), Sink()
    with cluster(run.folder / "postgres") as store:
        async with relaying(run, sink, store.url) as product:
            product.start()
            load = Load(product.ports["submission"], clients=10, rate=80)
            watch = Watch(product, load)
            async with loading(load):
                asking = asyncio.create_task(watch.pages())
                await asyncio.sleep(1)
                todo = faults(run, store)
                for turn in run.times(len(todo), len(todo)):
                    fault = todo[turn]
                    await fault(watch)
                    await watch.again()
                    await asyncio.sleep(SETTLED)
                asking.cancel()
            if run.short:
                await asyncio.to_thread(free_leases, product)
            await drained(product, 60 if run.short else 300)
            figures(verdict, watch, load)
            judge(verdict, product, load, sink)
    return verdict


def figures(verdict: Verdict, watch: Watch, load: Load) -> None:
    """The replies and times of T9."""
    temporary = sum(count for code, count in load.replies.items() if code.startswith("4"))
    verdict.note(rounds=len(watch.back), replies_4xx=temporary)
    others = [code for code in load.replies if code[0] == "4" and not code.startswith(("451 4.3.0", "421"))]
    verdict.hold(not others, f"replies other than 451 4.3.0: {others}")
    verdict.check("slowest_451_ms", load.slowest["451"], REPLY_MOST_MS)
    verdict.check("slowest_250_ms", load.slowest["250"], REPLY_MOST_MS)
    verdict.check("slowest_first_250_s", max(watch.back), BACK_MOST)
    verdict.note(readyz_200=watch.statuses.get(200, 0), readyz_503=watch.statuses.get(503, 0))
    strange = {status: count for status, count in watch.statuses.items() if status not in (200, 503)}
    verdict.hold(not strange, f"the health page answered {strange} (0: nothing within 5 s)")


def faults(run: Run, store: Cluster) -> Sequence[Callable[[Watch], Awaitable[None]]]:
    """What is done to the database, in turn."""

    async def kill_backend(watch: Watch) -> None:
        """PostgreSQL restarts all its processes when one is killed."""
        pids = await asyncio.to_thread(store.backends)
        with suppress(ProcessLookupError):
            os.kill(run.dice.choice(pids), signal.SIGKILL)
        await asyncio.sleep(0.2)

    async def stop(watch: Watch) -> None:
        await asyncio.to_thread(store.stop)
        watch.away = True
        await asyncio.sleep(1 if run.short else 30)
        watch.away = False
        await asyncio.to_thread(store.start)

    async def freeze(watch: Watch) -> None:
        store.freeze()
        watch.away = True
        await asyncio.sleep(6 if run.short else 20)
        watch.away = False
        store.freeze(signal.SIGCONT)

    if run.short:
        return (kill_backend, stop, freeze)
    return (*[kill_backend] * 7, stop, freeze) * 2 + (kill_backend, freeze)


def failover(run: Run) -> Verdict:
    """T10: a synchronous standby takes over from a primary killed under load: nothing with its 250 is lost."""
    return asyncio.run(fail_over(run))


async def fail_over(run: Run) -> Verdict:
    verdict = Verdict()
    for _ in run.times(1, 5):
        with ExitStack() as stack:
            primary, standby = pair(run, stack, verdict.figures)
            product = stack.enter_context(installed(run.folder / free_name("product"), primary.url, route="sandbox"))
            product.start()
            load = Load(product.ports["submission"], clients=10, rate=200)
            async with loading(load):
                await asyncio.sleep(2 if run.short else 5)
                primary.stop(signal.SIGKILL)
                began = time.monotonic()
                await asyncio.to_thread(product.kill)
                standby.run("pg_ctl", "promote", "-D", str(standby.data), "-w")
                repoint(product, primary, standby)
                await asyncio.to_thread(product.start)
                verdict.note(moved_in_s=time.monotonic() - began)
                await asyncio.sleep(1)
            judge(verdict, product, load, None)
    return verdict


def pair(run: Run, stack: ExitStack, figures: dict[str, float | int | str]) -> tuple[Cluster, Cluster]:
    """A primary and its standby, whose confirmation each commit waits for."""
    primary = prepare(run.folder / free_name("primary"), ("synchronous_standby_names=standby", "synchronous_commit=on"))
    standby = prepare(run.folder / free_name("standby"))
    primary.create()
    primary.options = ()
    primary.start()
    if standby.user is not None:
        os.chown(standby.folder, standby.user, standby.user)
    where = f"host={primary.folder} user=gatepost application_name=standby"
    standby.run("pg_basebackup", "-D", str(standby.data), "-d", where, "-R", "-X", "stream")
    standby.start()
    stack.callback(standby.stop)
    stack.callback(primary.stop)
    primary.sql("ALTER SYSTEM SET synchronous_standby_names = 'standby'")
    primary.sql("SELECT pg_reload_conf()")
    return primary, standby


def free_name(what: str) -> str:
    """A folder's name that no earlier round has."""
    return f"{what}-{free_port()}"


def repoint(product: Gatepost, primary: Cluster, standby: Cluster) -> None:
    """The installation uses the other server from its next start on."""
    config = product.folder / "gatepost.toml"
    config.write_text(config.read_text().replace(primary.url, standby.url))
    product.settings = product.settings.model_copy(update={"database": standby.url})
