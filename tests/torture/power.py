"""T5: power cuts. The installation lies on a loop device; a copy of the image under load is what a cut leaves."""

import asyncio
import contextlib
import filecmp
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from gatepost.blobs import Blobs
from gatepost.database import open_database
from gatepost.parts import clock
from gatepost.store.fsck import fsck
from tests.torture.backends import Cluster, prepare
from tests.torture.disk import unmount
from tests.torture.load import Load, loading
from tests.torture.product import Gatepost, installed
from tests.torture.run import Run, Skipped, Verdict
from tests.torture.verdict import Stored, stored

IMAGE_MB = {"sqlite": 256, "postgres": 512}
FORGETFUL = "import gatepost.database as d; d.FULL = 1; d.PRAGMAS = (*d.PRAGMAS, 'synchronous=NORMAL')"
SECONDS_BETWEEN = (0.2, 1.2)


@dataclass(frozen=True, slots=True)
class Found:
    """What one cut left: acknowledged mails that are missing, and what is broken."""

    missing: int
    broken: tuple[str, ...]
    acked: int


def power_cut(run: Run) -> Verdict:
    """T5: 50 power cuts under load: nothing with its 250 is missing, nothing corrupt; without sync it fails."""
    need_loop()
    verdict = Verdict()
    cuts = asyncio.run(cut_often(run, 2, 50, careless=False))
    verdict.note(cuts=len(cuts), acked_at_last_cut=cuts[-1].acked)
    verdict.hold(all(cut.acked for cut in cuts), "there was a cut before any mail was taken")
    verdict.check("acked_and_missing", sum(cut.missing for cut in cuts), 0)
    verdict.check("cuts_with_damage", sum(bool(cut.broken) for cut in cuts), 0)
    for cut in cuts:
        for sentence in cut.broken:
            verdict.hold(False, sentence)
    control = asyncio.run(cut_often(run, 6, 6, careless=True))
    verdict.note(control_missing=sum(cut.missing for cut in control), control_cuts=len(control))
    verdict.hold(any(cut.missing for cut in control), "the same test without sync lost nothing: it proves nothing")
    return verdict


def need_loop() -> None:
    """Raises Skipped where images cannot be mounted."""
    if os.geteuid():
        raise Skipped("needs root, to mount an image on a loop device")
    if absent := [name for name in ("mkfs.ext4", "mount", "umount") if not shutil.which(name)]:
        raise Skipped(f"needs {', '.join(absent)}")
    if subprocess.run(["losetup", "-f"], capture_output=True).returncode:
        raise Skipped("this kernel gives no loop devices")


async def cut_often(run: Run, short: int, full: int, *, careless: bool) -> list[Found]:
    """So many cuts of one installation under load; `careless` makes its database forget to sync, until one shows."""
    disk, found = Path("/dev/shm" if Path("/dev/shm").is_dir() else run.folder), []
    image = disk / f"{run.folder.name}.img"
    try:
        with (
            formatted(image, IMAGE_MB[run.backend]),
            mounted(image, run.folder / "disk") as place,
            ExitStack() as stack,
        ):
            cluster, product = set_up(run, place, stack, careless)
            load = Load(product.ports["submission"], clients=10, size=3000, big_every=0 if careless else 25)
            async with loading(load):
                await first_taken(load)
                for _ in run.times(short, full):
                    await asyncio.sleep(run.dice.uniform(*SECONDS_BETWEEN))
                    acked = copy_now(image, load, processes(product, cluster))
                    found.append(await asyncio.to_thread(look, run, image, acked, product))
                    if careless and found[-1].missing:
                        break
                load.again = False
            product.kill()
    finally:
        image.unlink(missing_ok=True)
    return found


async def first_taken(load: Load) -> None:
    """Wait for the first mail that has its 250, a minute at most: a cut before it would show nothing."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(60):
            while not load.acked:
                await asyncio.sleep(0.05)


def set_up(run: Run, place: Path, stack: ExitStack, careless: bool) -> tuple[Cluster | None, Gatepost]:
    """A running installation on the disk."""
    cluster, url = None, ""
    if run.backend == "postgres":
        cluster = prepare(place / "postgres")
        cluster.create()
        cluster.start()
        stack.callback(cluster.stop)
        url = cluster.url
    product = stack.enter_context(installed(place / "product", url, route="sandbox", writer_process=not careless))
    if careless and not cluster:
        product.prelude = FORGETFUL
    product.start()
    if careless and cluster:
        cluster.sql("ALTER SYSTEM SET synchronous_commit = off")
        cluster.sql("SELECT pg_reload_conf()")
        time.sleep(0.5)
    return cluster, product


def processes(product: Gatepost, cluster: Cluster | None) -> list[int]:
    """All that write to the disk."""
    assert product.process is not None
    server = [cluster.process.pid, *cluster.children()] if cluster and cluster.process else []
    return [product.pid, *server]


def copy_now(image: Path, load: Load, pids: Sequence[int]) -> set[str]:
    """The cut: the image as the device has it at one moment, and the tags that had their 250 before it.

    What writes is stopped meanwhile and two copies are compared, so that the copy is of one moment; what is not synced
    is in the kernel's memory and not in the image.
    """
    for pid in pids:
        send(pid, signal.SIGSTOP)
    try:
        acked = set(load.acked)
        first, second = image.with_suffix(".cut"), image.with_suffix(".again")
        for _ in range(10):
            for copy in (first, second):
                subprocess.run(["cp", "--sparse=always", str(image), str(copy)], check=True)
            if filecmp.cmp(first, second, shallow=False):
                break
        second.unlink()
        return acked
    finally:
        for pid in pids:
            send(pid, signal.SIGCONT)


def send(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def look(run: Run, image: Path, acked: set[str], product: Gatepost) -> Found:
    """Mount the copy as a machine does after a power cut, start the store, compare."""
    copy = image.with_suffix(".cut")
    try:
        with mounted(copy, run.folder / "after") as place:
            if run.backend == "sqlite":
                settings = product.settings.model_copy(update={"home": place / "product"})
                return compare(replace(product, settings=settings), place, acked)
            cluster = prepare(place / "postgres", ("synchronous_commit=on",))
            for name in ("data/postmaster.pid", ".s.PGSQL.5432", ".s.PGSQL.5432.lock"):  # a restart clears /run
                (cluster.folder / name).unlink(missing_ok=True)
            cluster.start()
            try:
                settings = product.settings.model_copy(update={"home": place / "product", "database": cluster.url})
                return compare(replace(product, settings=settings), place, acked)
            finally:
                cluster.stop()
    except (RuntimeError, subprocess.CalledProcessError) as error:
        return Found(len(acked), (f"after the cut it could not be used: {error}",), len(acked))
    finally:
        copy.unlink()


def compare(product: Gatepost, place: Path, acked: set[str]) -> Found:
    """The mails that are missing, and what `integrity_check` and fsck find."""
    there: Stored = stored(product)
    database = open_database(product.url)
    broken = []
    try:
        with database.session() as session:
            blobs = Blobs(place / "product" / "var" / "blobs")
            broken += [
                f"fsck after a cut: {finding.check} ({finding.count})" for finding in fsck(session, blobs, clock())
            ]
        if database.sqlite:
            with database.engine.connect() as connection:
                answer = connection.exec_driver_sql("PRAGMA integrity_check").scalar()
            broken += [] if answer == "ok" else [f"SQLite's integrity_check says {answer}"]
    finally:
        database.close()
    return Found(len(acked - set(there.messages)), tuple(broken), len(acked))


@contextmanager
def formatted(image: Path, megabytes: int) -> Iterator[None]:
    """A new ext4 in a file."""
    with image.open("wb") as file:
        file.truncate(megabytes << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", str(image)], check=True)
    yield


@contextmanager
def mounted(image: Path, place: Path) -> Iterator[Path]:
    """The image on a loop device; unmounted at the end."""
    place.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-o", "loop", str(image), str(place)], check=True, capture_output=True)
    try:
        place.chmod(0o755)
        yield place
    finally:
        unmount(place)
