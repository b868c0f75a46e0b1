"""T7, T8: a disk without room, without inodes, and one that fails to sync."""

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from tests.torture.contract import may_trace
from tests.torture.load import Load, loading
from tests.torture.product import Gatepost, installed
from tests.torture.run import Run, Skipped, Verdict
from tests.torture.verdict import drained, judge, stored

MEGABYTES, INODES = 160, 400
AGAIN_SECONDS = 5.0
NOTICED_SECONDS = 1.3
SMALLEST = 4096
ON_THE_WAY, ON_THE_WAY_CROWDED = 0.1, 1.0
"""Seconds that the 250 of an earlier commit may take to its client; the short form runs on crowded machines."""


def disk_full(run: Run) -> Verdict:
    """T8: the disk is filled and freed, 50 times, its inodes too: only 452, reads work, nothing is lost."""
    need_tmpfs(run)
    verdict = Verdict()
    options = f"size={MEGABYTES}m,nr_inodes={INODES}"
    with (
        small_disk(run.folder / "disk", options) as disk,
        installed(disk / "product", route="sandbox", disk_free=6 << 20) as product,
    ):
        product.log = run.folder / "output"
        asyncio.run(cycles(run, verdict, product, disk))
    return verdict


async def cycles(run: Run, verdict: Verdict, product: Gatepost, disk: Path) -> None:
    """With the check before each mail first, then without it, so that the disk fills up in the middle of them."""
    product.start()
    load = Load(product.ports["submission"], clients=4, rate=40, size=1000, big_every=20, seconds_refused=0.5)
    times: list[float] = []
    async with loading(load):
        await acked_more(load)
        for number in range(run.pick(2, 30)):
            fill = (fill_octets, fill_inodes)[number % 2]
            times.append(await cycle(run, verdict, product, load, disk, fill, checked=True))
        load.paused = True
        await asyncio.to_thread(product.stop)
        product.environ = {**product.environ, "GATEPOST_DISK_FREE": "0", "GATEPOST_DISK_FREE_INODES": "0"}
        await asyncio.to_thread(product.start)
        load.paused = False
        await acked_more(load)
        for _ in range(run.pick(1, 20)):
            times.append(await cycle(run, verdict, product, load, disk, fill_octets, checked=False))
    await drained(product)
    verdict.note(cycles=len(times))
    verdict.check("seconds_until_mail_is_taken_again", max(times), AGAIN_SECONDS)
    verdict.check("slowest_reply_ms", max(load.slowest.values(), default=0), AGAIN_SECONDS * 1000)
    verdict.hold(load.replies["452 4.3.1"] > 0, f"no 452 was said; the replies were {dict(load.replies)}")
    verdict.note(replies=str(dict(load.replies)))
    product.stop()
    judge(verdict, product, load, None)


async def cycle(
    run: Run,
    verdict: Verdict,
    product: Gatepost,
    load: Load,
    disk: Path,
    fill: Callable[[Path], None],
    *,
    checked: bool,
) -> float:
    """Fill, hold, look, free; how many seconds later mail was taken again."""
    filler = disk / "filler"
    filler.mkdir()
    await asyncio.to_thread(fill, filler)
    await asyncio.sleep(NOTICED_SECONDS)
    taken = len(load.acked)
    deadline = time.monotonic() + run.pick(1, 8)
    while time.monotonic() < deadline:
        await asyncio.to_thread(reads_work, verdict, product)
        await asyncio.sleep(0.5)
    if checked:
        verdict.check("taken_while_full", len(load.acked) - taken, 0)
    await asyncio.to_thread(shutil.rmtree, filler)
    return await acked_more(load)


def reads_work(verdict: Verdict, product: Gatepost) -> None:
    """Pages answer while the disk is full, and monitors are told."""
    web = f"http://127.0.0.1:{product.ports['web']}"
    for path in ("/healthz", "/login", "/metrics"):
        answer = httpx2.get(f"{web}{path}", timeout=AGAIN_SECONDS)
        verdict.hold(answer.status_code == 200, f"{path} answers {answer.status_code} while the disk is full")


async def acked_more(load: Load, seconds: float = 30) -> float:
    """Seconds until the next mail is taken."""
    began, before = time.monotonic(), len(load.acked)
    while len(load.acked) == before and time.monotonic() - began < seconds:
        await asyncio.sleep(0.02)
    return time.monotonic() - began


def fill_octets(folder: Path) -> None:
    """Take every octet that is left."""
    with (folder / "octets").open("wb", buffering=0) as file:
        size = 1 << 20
        while size >= SMALLEST:
            try:
                file.write(b"x" * size)
            except OSError:
                size //= 2


def fill_inodes(folder: Path) -> None:
    """Take every inode that is left."""
    try:
        for number in range(100_000):
            (folder / str(number)).touch()
    except OSError:
        return


def need_tmpfs(run: Run) -> None:
    if os.geteuid():
        raise Skipped("a small tmpfs needs root")
    place = run.folder / "probe"
    with small_disk(place, "size=1m"):
        pass


def unmount(place: Path) -> None:
    """Let go of a file system; one that is still in use is asked for 5 s."""
    for _ in range(50):
        if not subprocess.run(["umount", str(place)], capture_output=True).returncode:
            break
        time.sleep(0.1)


@contextmanager
def small_disk(place: Path, options: str) -> Iterator[Path]:
    """A tmpfs of this size; unmounted at the end."""
    place.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise Skipped(f"no tmpfs can be mounted here: {done.stderr.strip()}")
    try:
        yield place
    finally:
        unmount(place)


def sync_fails(run: Run) -> Verdict:
    """T7: fsync of the write-ahead log fails from some call on: no 250 after it, an alarm, and the process ends."""
    if not shutil.which("strace") or not may_trace():
        raise Skipped("strace is not installed, or may not trace here")
    if run.backend != "sqlite":
        raise Skipped("PostgreSQL itself stops at a failed sync")
    verdict = Verdict()
    with installed(run.folder / "product", route="sandbox") as product:
        asyncio.run(fail_to_sync(run, verdict, product))
    return verdict


async def fail_to_sync(run: Run, verdict: Verdict, product: Gatepost) -> None:
    """Load, and every sync of the log fails after some; what was acknowledged is there after a new start."""
    wal = Path(product.settings.path(product.settings.var)) / "gatepost.db-wal"
    trace = run.folder / "trace"
    after = run.pick(60, 500)
    inject = f"inject=fsync,fdatasync:error=EIO:when={after}+"
    wal.touch()  # strace knows files that are there
    product.wrapper = ["strace", "-f", "-qq", "-ttt", "-o", str(trace), "-P", str(wal), "-e", inject]
    product.wrapper += ["-e", "trace=fsync,fdatasync", "-e", "signal=none"]
    product.start()
    load = Load(product.ports["submission"], clients=8, size=500)
    async with loading(load):
        deadline = time.monotonic() + 90
        while product.process and product.process.poll() is None and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        ended = product.process.poll() if product.process else None
        load.stopping = True
        product.kill()
        product.wrapper = ()
        failed = first_failure(trace)
        on_the_way = ON_THE_WAY_CROWDED if run.short else ON_THE_WAY
        late = sum(1 for at in load.acked.values() if at > failed + on_the_way) if failed else -1
        verdict.note(syncs_before=after, acked_before=len(load.acked), ended_with=str(ended))
        verdict.hold(bool(failed), "no sync failed: the test saw nothing")
        verdict.check("acked_after_the_failure", late, 0)
        verdict.hold(ended == 1, f"the process should end by itself with 1, it was {ended}")
        verdict.hold("failed to sync" in product.tail(10**6), "the log does not tell of the failed sync")
        before = len(load.acked)
        product.start()
        load.stopping = False
        await acked_more(load)
        verdict.hold(len(load.acked) > before, "nothing was taken after a new start")
    await drained(product)
    product.stop()
    judge(verdict, product, load, None)
    verdict.hold(bool(stored(product).messages), "nothing is stored")


def first_failure(trace: Path) -> float:
    """When the first injected failure was, by the monotonic clock; 0 without one."""
    for line in trace.read_text(errors="replace").splitlines():
        if "INJECTED" in line:
            wall = float(line.split()[1])
            return wall - time.time() + time.monotonic()
    return 0.0
