"""`gatepost import`: mail from files through the one door; every file ends in an outcome, a second run adds none."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from sqlmodel import Session

from gatepost.blobs import Content
from gatepost.child import JobFailed
from gatepost.cli.frame import DONE, FAILED, FINDINGS, BadInput, code_of, opened, print_object, say, warn
from gatepost.cli.mailbox import known_channel
from gatepost.cli.sources import Source, find_files, read_sources
from gatepost.model import Channel
from gatepost.parts import Parts, clock
from gatepost.reply import clean_text
from gatepost.settings import Settings
from gatepost.store.arrivals import arrival_by_receipt, settle
from gatepost.threading.intake import Arriving, Desk, receive, store_arrival
from gatepost.threading.reading import TRIES, Reading, read_safely
from gatepost.words import Outcome

BATCH = 50
BATCH_OCTETS = 16 * 1024 * 1024
SKIPPED, THERE, NOT_STORED = "skipped", "already there", "failed"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A mail of a batch, read and its octets durable."""

    source: Source
    arriving: Arriving
    content: Content
    reading: Reading


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of one file or mail."""

    file: str
    outcome: str
    why: str
    message_id: str | None = None
    conversation_id: str | None = None


@dataclass(slots=True)
class Run:
    """An import under way."""

    parts: Parts
    channel: Channel
    tell: Callable[[Ended], None]
    ended: Counter[str] = field(default_factory=Counter)

    def end(self, ended: Ended) -> None:
        """Count and tell."""
        self.ended[ended.outcome] += 1
        self.tell(ended)


def import_paths(settings: Settings, paths: Sequence[Path], mailbox: str, as_json: bool) -> int:
    """Import them into a mailbox; 0, or 3 when some were skipped or quarantined, or 1 when some could not be stored.

    Raises BadInput before anything is stored.
    """
    for path in paths:
        if not path.exists():
            raise BadInput(f"PATH {path}: there is no such file or folder")
    with opened(settings) as parts:
        with parts.database.session() as session:
            channel = known_channel(session, "--mailbox", mailbox)
        run = Run(parts, channel, print_json if as_json else print_text)
        with progress(find_files(paths)) as files:
            import_files(run, files)
    if not as_json:
        tell_sum(run.ended)
    if run.ended[NOT_STORED]:
        return FAILED
    return FINDINGS if run.ended[SKIPPED] or run.ended[Outcome.QUARANTINED] else DONE


def import_files(run: Run, files: Iterator[Path]) -> None:
    """Batch after batch, each one commit."""
    limit = run.parts.settings.message_size
    batch: list[Source] = []
    for path in files:
        for source in read_sources(path, limit):
            if source.problem:
                run.end(Ended(source.name, SKIPPED, source.problem))
                continue
            batch.append(source)
            if len(batch) >= BATCH or sum(len(one.raw) for one in batch) >= BATCH_OCTETS:
                import_batch(run, batch)
                batch = []
    import_batch(run, batch)


def import_batch(run: Run, batch: Sequence[Source]) -> None:
    """Read mails and hand them to the ledger, which commits them together."""
    desk = Desk(run.parts.settings, run.parts.keys, run.parts.blobs)
    waiting = [ready for source in batch if (ready := get_ready(run, source))]
    storing = [run.parts.ledger.submit(partial(store_one, desk=desk, one=one)) for one in waiting]
    for one, future in zip(waiting, storing, strict=True):
        run.end(outcome_of(run, one, future))


def get_ready(run: Run, source: Source) -> Waiting | None:
    """What must not be done inside a transaction; None for a mail that is there already or cannot be read."""
    channel = run.channel
    arriving = Arriving(raw=source.raw, inlet="import", recipient=channel.address, channel_id=channel.id)
    with run.parts.database.session() as session:
        earlier = arrival_by_receipt(session, arriving.key)
    if earlier:
        run.end(there(source, earlier.outcome_why, earlier.message_id))
        return None
    content = run.parts.blobs.keep(source.raw)
    try:
        return Waiting(source, arriving, content, read_safely(source.raw, None, TRIES))
    except JobFailed as error:
        why = f"{error}, {TRIES} times"
    run.parts.ledger.write(lambda session: put_aside(session, arriving, content, why))
    run.end(Ended(source.name, Outcome.QUARANTINED, why))
    return None


def there(source: Source, why: str, message_id: str | None) -> Ended:
    return Ended(source.name, THERE, f"It was imported before: {why}", message_id)


def store_one(session: Session, *, desk: Desk, one: Waiting) -> Ended:
    """Arrival and outcome in one transaction."""
    earlier = arrival_by_receipt(session, one.arriving.key)
    if earlier:
        return there(one.source, earlier.outcome_why, earlier.message_id)
    now = clock()
    arrival = store_arrival(session, one.arriving, one.content, now)
    received = receive(session, desk, arrival, one.reading, now)
    return Ended(one.source.name, received.outcome, received.why, received.message_id, received.conversation_id)


def outcome_of(run: Run, one: Waiting, future: Future[Ended]) -> Ended:
    """How storing ended; a mail that cannot be placed by a fault of ours is kept, quarantined with the reason.

    Raises trouble that is not the mail's, such as a full disk.
    """
    try:
        return future.result()
    except Exception as error:
        if code_of(error) is not None:
            raise
        why = f"It could not be placed by a fault of Gatepost ({type(error).__name__}); its raw content is kept"
    try:
        run.parts.ledger.write(lambda session: put_aside(session, one.arriving, one.content, why))
    except Exception as error:
        if code_of(error) is not None:
            raise
        return Ended(
            one.source.name, NOT_STORED, f"It could not be stored ({type(error).__name__}); please report this"
        )
    return Ended(one.source.name, Outcome.QUARANTINED, why)


def put_aside(session: Session, arriving: Arriving, content: Content, why: str) -> None:
    arrival = store_arrival(session, arriving, content, clock())
    settle(session, arrival.id, Outcome.QUARANTINED, why, None)


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


def tell_sum(ended: Counter[str]) -> None:
    """How many there were of each."""
    parts = ", ".join(f"{number} {outcome}" for outcome, number in ended.most_common())
    warn(f"{sum(ended.values())} files and mails: {parts}" if parts else "There was nothing to import.")


@contextmanager
def progress(files: Sequence[Any]) -> Iterator[Iterator[Any]]:
    """The files, with a bar on standard error where that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield iter(files)
        return
    columns = ("Importing", BarColumn(), MofNCompleteColumn(), "files", TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, redirect_stdout=sys.stdout.isatty()) as bar:
        yield iter(bar.track(files))
