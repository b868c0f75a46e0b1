"""T6: the sync contract, by strace: between a mail's last octet coming in and its 250 there is a sync of the log."""

import asyncio
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.torture.backends import cluster
from tests.torture.load import Load, loading
from tests.torture.product import installed
from tests.torture.run import Run, Skipped, Verdict

CALLS = "trace=fsync,fdatasync,read,recvfrom,recvmsg,write,writev,sendto,sendmsg"
LINE = re.compile(r"(\d+) +(\d+\.\d+) (.*)")
CALL = re.compile(r"(\w+)\((\d+)<(.*?)>[,)]")
TOOK = re.compile(r"<(\d+\.\d+)>$")
RESUMED = re.compile(r"<\.\.\. (\w+) resumed>")


@dataclass(frozen=True, slots=True)
class Event:
    """A finished system call: from when to when (s), its name, what its descriptor is, and the line."""

    began: float
    ended: float
    name: str
    target: str
    line: str


def sync_contract(run: Run) -> Verdict:
    """T6: system calls under load: a sync of the write-ahead log lies between each mail's dot and its 250."""
    if not shutil.which("strace"):
        raise Skipped("strace is not installed: apt-get install strace")
    if not may_trace():
        raise Skipped("this kernel does not let us trace processes (ptrace)")
    verdict = Verdict()
    log = "-wal>" if run.backend == "sqlite" else "/pg_wal/"
    traces = asyncio.run(traced(run, run.pick(60, 1000)))
    events = sorted((event for trace in traces for event in read_trace(trace)), key=lambda event: event.began)
    syncs = [event for event in events if event.name in ("fsync", "fdatasync") and log in f"{event.target}>"]
    answered, without = held_to(events, syncs)
    verdict.note(answers_250=answered, syncs=len(syncs))
    verdict.hold(answered > 0 and bool(syncs), "the trace has no answers or no syncs: the test sees nothing")
    verdict.check("answers_without_sync", without, 0)
    return verdict


def may_trace() -> bool:
    return not subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True).returncode


async def traced(run: Run, mails: int) -> list[Path]:
    """Send mails to a traced installation; the traces of it and of its database."""
    with ExitStack() as stack:
        url, paths = "", [run.folder / "gatepost.trace"]
        if run.backend == "postgres":
            running = stack.enter_context(cluster(run.folder / "postgres"))
            url = running.url
        product = stack.enter_context(installed(run.folder / "product", url, route="sandbox"))
        product.wrapper = strace(paths[0])
        product.start()
        if run.backend == "postgres":
            paths.append(run.folder / "postgres.trace")
            assert running.process is not None
            watch = subprocess.Popen([*strace(paths[1]), "-p", str(running.process.pid), *pids(running.children())])
            stack.callback(watch.wait)
            stack.callback(watch.send_signal, signal.SIGINT)
            time.sleep(1)
        load = Load(product.ports["submission"], clients=8)
        async with loading(load):
            deadline = time.monotonic() + 60
            while len(load.acked) < mails and time.monotonic() < deadline:
                await asyncio.sleep(0.05)
        product.kill()
    return paths


def strace(path: Path) -> list[str]:
    return ["strace", "-f", "-qq", "-ttt", "-T", "-yy", "-s", "24", "-e", CALLS, "-e", "signal=none", "-o", str(path)]


def pids(children: list[int]) -> Iterator[str]:
    for pid in children:
        yield from ("-p", str(pid))


def read_trace(path: Path) -> Iterator[Event]:
    """The calls of a trace; those that another thread's line cut in two are joined."""
    begun: dict[str, tuple[float, str]] = {}
    for raw in path.read_text(errors="replace").splitlines():
        if not (found := LINE.match(raw)):
            continue
        pid, at, line = found[1], float(found[2]), found[3]
        if line.endswith("<unfinished ...>"):
            begun[pid] = (at, line)
            continue
        if RESUMED.match(line) and pid in begun:
            at, first = begun.pop(pid)
            line = first.removesuffix("<unfinished ...>") + line
        call, took = CALL.match(line), TOOK.search(line)
        if call and took:
            yield Event(at, at + float(took[1]), call[1], call[3], line)


def held_to(events: list[Event], syncs: list[Event]) -> tuple[int, int]:
    """How many 250 to a dot were said, and how many of them without a whole sync since that client last spoke."""
    heard: dict[str, float] = {}
    answered = without = 0
    for event in events:
        if not event.target.startswith("TCP"):
            continue
        if event.name in ("read", "recvfrom", "recvmsg"):
            if " = -1 " not in event.line and " = 0 <" not in event.line:
                heard[event.target] = event.ended
        elif "250 2.0.0 queued" in event.line or "250 2.0.0 rece" in event.line:
            answered += 1
            since = heard.get(event.target, 0.0)
            without += not any(since <= sync.began and sync.ended <= event.began for sync in syncs)
    return answered, without
