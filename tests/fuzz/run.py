"""Mutated mails through everything that reads or shows them: how many raised, were slow, or took memory."""

import resource
import time
import traceback
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path

from gatepost.cli.parse import describe
from gatepost.html_clean import clean
from gatepost.mail import headers_of, part_content
from gatepost.threading.reading import read
from tests.fuzz.mutate import mutated
from tests.fuzz.seeds import seeds

SECONDS = 2.0
MEGABYTES = 256
BATCH = 2000
FAULTS = 20


@dataclass(slots=True)
class Found:
    """What a run found; `slowest` in seconds of processor time, `memory` the most of a process in MB."""

    mails: int = 0
    raised: int = 0
    slow: int = 0
    slowest: float = 0.0
    slowest_mail: int = -1
    memory: int = 0
    faults: list[str] = field(default_factory=list)

    def add(self, other: "Found") -> None:
        """What another run found, too."""
        self.mails += other.mails
        self.raised += other.raised
        self.slow += other.slow
        if other.slowest > self.slowest:
            self.slowest, self.slowest_mail = other.slowest, other.slowest_mail
        self.memory = max(self.memory, other.memory)
        self.faults = (self.faults + other.faults)[:FAULTS]

    @property
    def good(self) -> bool:
        """Whether nothing went over a limit."""
        return not self.raised and not self.slow and self.memory <= MEGABYTES

    def __str__(self) -> str:
        return (
            f"{self.mails:,} mails: {self.raised} uncaught, {self.slow} over {SECONDS:g} s, "
            f"slowest {self.slowest * 1000:.0f} ms (number {self.slowest_mail}), "
            f"most memory of a process {self.memory} MB"
        )


def read_all(raw: bytes) -> None:
    """Everything that is done with a mail that came: read, described, its parts, its headers, its HTML cleaned."""
    mail = read(raw, "ana@x.example").mail
    describe(raw)
    headers_of(raw)
    for attachment in mail.attachments[:3]:
        part_content(mail, attachment.index)
    if mail.html:
        clean(mail.html, remote_images=True)


def run(first: int, count: int, folder: Path | None = None) -> Found:
    """The mails of these numbers, in this process."""
    known = seeds(folder)
    found = Found()
    for number in range(first, first + count):
        raw = mutated(number, known)
        before = time.process_time()
        try:
            read_all(raw)
        except Exception:
            found.raised += 1
            if len(found.faults) < FAULTS:
                found.faults.append(f"number {number}: {traceback.format_exc(limit=-3)}")
        used = time.process_time() - before
        found.mails += 1
        found.slow += used > SECONDS
        if used > found.slowest:
            found.slowest, found.slowest_mail = used, number
    found.memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return found


def run_many(count: int, processes: int, folder: Path | None, first: int = 0) -> Found:
    """Batches in several processes; told after each tenth."""
    found = Found()
    starts = range(first, first + count, BATCH)
    sizes = [min(BATCH, first + count - start) for start in starts]
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        for number, part in enumerate(pool.map(run, starts, sizes, repeat(folder)), 1):
            found.add(part)
            if number % max(1, len(sizes) // 10) == 0:
                print(found, flush=True)
    return found
