"""`gatepost import`: mail from files through the one door; every file ends in an outcome, a second run adds none."""

import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from gatepost.cli.frame import DONE, FAILED, FINDINGS, BadInput, opened, print_object, say, warn
from gatepost.cli.import_batch import NOT_STORED, SKIPPED, THERE, Batch, Ended, Importer, importing
from gatepost.cli.mailbox import known_channel
from gatepost.cli.sources import Source, find_files, read_sources
from gatepost.reply import clean_text
from gatepost.settings import Settings
from gatepost.words import Outcome

BATCH = 100
BATCH_OCTETS = 16 * 1024 * 1024
AHEAD = 3
"""So many batches are read while an earlier one is stored."""
TOLD_EVERY = 5.0
"""Seconds between lines of progress where there is no terminal."""
PROBLEMS = (SKIPPED, NOT_STORED, Outcome.QUARANTINED)


class Progress(Protocol):
    """Hears how far an import is: octets of the files, mails ended."""

    def __call__(self, octets: int, mails: int) -> None: ...


@dataclass(slots=True)
class Run:
    """An import under way: what ended, and how many octets of files were read."""

    importer: Importer
    tell: Callable[[Ended], None]
    advance: Progress
    ended: Counter[str] = field(default_factory=Counter)
    octets: int = 0

    def end(self, ended: Iterable[Ended]) -> None:
        """Count and tell."""
        for one in ended:
            self.ended[one.outcome] += 1
            self.tell(one)
        self.advance(self.octets, self.ended.total())


def import_paths(settings: Settings, paths: Sequence[Path], mailbox: str, as_json: bool, dry: bool = False) -> int:
    """Import them into a mailbox; 0, or 3 when some were skipped or quarantined, or 1 when some could not be stored.

    A `dry` run only says what would be stored. Raises BadInput before anything is stored.
    """
    for path in paths:
        if not path.exists():
            raise BadInput(f"PATH {path}: there is no such file or folder")
    began = time.monotonic()
    with opened(settings) as parts:
        with parts.database.session() as session:
            channel = known_channel(session, "--mailbox", mailbox)
        files = find_files(paths)
        with importing(parts, channel, dry=dry) as importer, progress(files, as_json) as advance:
            run = Run(importer, teller(as_json), advance)
            import_files(run, files)
    if not as_json:
        tell_sum(run.ended, time.monotonic() - began, dry)
    if run.ended[NOT_STORED]:
        return FAILED
    return FINDINGS if run.ended[SKIPPED] or run.ended[Outcome.QUARANTINED] else DONE


def import_files(run: Run, files: Iterable[Path]) -> None:
    """Batch after batch, each one commit; what is under way when somebody interrupts is finished and told."""
    under_way: deque[Batch] = deque()
    try:
        for sources in batches(run, files):
            under_way.append(run.importer.begin(sources, under_way))
            if len(under_way) > AHEAD:
                run.end(run.importer.end(under_way.popleft()))
    finally:
        while under_way:
            run.end(run.importer.end(under_way.popleft()))


def batches(run: Run, files: Iterable[Path]) -> Iterator[list[Source]]:
    """The mails of files, not too many at once; what is none is told."""
    limit = run.importer.parts.settings.message_size
    batch: list[Source] = []
    octets = 0
    for path in files:
        for source in read_sources(path, limit):
            if source.problem:
                run.end([Ended(source.name, SKIPPED, source.problem)])
                continue
            batch.append(source)
            octets += len(source.raw)
            run.octets += len(source.raw)
            if len(batch) >= BATCH or octets >= BATCH_OCTETS:
                yield batch
                batch, octets = [], 0
    if batch:
        yield batch


def teller(as_json: bool) -> Callable[[Ended], None]:
    """How one outcome is told: each of them, on a terminal only those that somebody has to look at."""
    if as_json:
        return print_json
    return print_problem if sys.stdout.isatty() else print_text


def print_json(ended: Ended) -> None:
    print_object(
        {
            "file": ended.file,
            "outcome": str(ended.outcome),
            "why": ended.why,
            "message": ended.message_id,
            "conversation": ended.conversation_id,
        }
    )


def print_text(ended: Ended) -> None:
    say(clean_text(f"{ended.outcome:13} {ended.file}: {ended.why}"))


def print_problem(ended: Ended) -> None:
    if ended.outcome in PROBLEMS:
        print_text(ended)


def tell_sum(ended: Counter[str], seconds: float, dry: bool) -> None:
    """How many there were of each, as a sentence and a table."""
    total = ended.total()
    if not total:
        warn("There was nothing to import.")
        return
    parts = ", ".join(f"{number} {outcome}" for outcome, number in ended.most_common())
    warn(f"{total} files and mails: {parts}")
    for outcome, number in ended.most_common():
        warn(f"  {outcome:14}{number:>10,}")
    warn(f"  in {seconds:.1f} s, {total / max(seconds, 0.001):,.0f} per second")
    if ended[THERE] and not dry:
        warn("What was already there was left as it is; a run that was interrupted goes on by starting it again.")
    if dry:
        warn("This was a dry run: nothing was stored.")


@contextmanager
def progress(files: Sequence[Path], as_json: bool) -> Iterator[Progress]:
    """A bar with rate and remaining time on standard error where that is a terminal, else now and then a line."""
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    total = sum(path.stat().st_size for path in files if path.is_file())
    began = time.monotonic()
    if not console.is_terminal:
        yield quiet if as_json else lines(total, began)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Bar(*columns, console=console, transient=True, redirect_stdout=sys.stdout.isatty()) as bar:
        task = bar.add_task("Importing", total=max(total, 1))

        def advance(octets: int, mails: int) -> None:
            rate = mails / max(time.monotonic() - began, 0.001)
            bar.update(task, completed=octets, description=f"Importing: {mails:,} mails, {rate:,.0f}/s")

        yield advance


def quiet(octets: int, mails: int) -> None:
    """Nothing: each mail is told on standard output."""


def lines(total: int, began: float) -> Progress:
    """A line every five seconds: how many, how fast, how long it will take."""
    told = began

    def advance(octets: int, mails: int) -> None:
        nonlocal told
        now = time.monotonic()
        if now - told >= TOLD_EVERY:
            told = now
            left = (total - octets) / max(octets, 1) * (now - began)
            warn(f"{mails:,} mails, {mails / (now - began):,.0f} per second, about {max(left, 0):,.0f} s left")

    return advance
