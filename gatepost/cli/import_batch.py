"""Batches of an import: what is there already is left out, the rest is read in children and stored together."""

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from sqlmodel import Session

from gatepost.blobs import Content
from gatepost.child import JobFailed
from gatepost.cli.frame import code_of
from gatepost.cli.sources import Source
from gatepost.model import Channel
from gatepost.parts import Parts, clock
from gatepost.store.arrivals import arrival_by_receipt, received_among, settle
from gatepost.threading.intake import Arriving, Desk, Item, Received, receive_all, store_arrival
from gatepost.threading.reading import CHILDREN, TRIES, Reading, read_all, read_safely
from gatepost.words import Outcome

SKIPPED, THERE, NOT_STORED, NEW = "skipped", "already there", "failed", "new"
READERS = 2
FEW = 200
"""So many mails are read here before children are started, which takes half a second."""


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of one file or mail."""

    file: str
    outcome: str
    why: str
    message_id: str | None = None
    conversation_id: str | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A mail of a batch, its octets durable; `content` is None in a dry run."""

    source: Source
    arriving: Arriving
    content: Content | None


@dataclass(frozen=True, slots=True)
class Batch:
    """Mails that are being read: those that are new, those that were there, and those that come twice in this run."""

    fresh: list[Waiting]
    there: list[Waiting]
    reading: "Future[list[Reading | JobFailed]]"

    @property
    def keys(self) -> set[str]:
        """The receipts of what will be stored."""
        return {one.arriving.key for one in self.fresh}


@dataclass(slots=True)
class Importer:
    """What an import needs; `seen` counts the mails it was given."""

    parts: Parts
    channel: Channel
    readers: ThreadPoolExecutor
    dry: bool = False
    seen: int = 0

    def begin(self, sources: Sequence[Source], under_way: Sequence[Batch]) -> Batch:
        """Look up which are there, make the others' octets durable, and let them be read."""
        self.seen += len(sources)
        arriving = [(source, arriving_of(source, self.channel)) for source in sources]
        with self.parts.database.session() as session:
            known = received_among(session, [one.key for _, one in arriving])
        known.update(key for batch in under_way for key in batch.keys)
        fresh: list[Waiting] = []
        there: list[Waiting] = []
        for source, one in arriving:
            if one.key in known:
                there.append(Waiting(source, one, None))
                continue
            known.add(one.key)
            fresh.append(Waiting(source, one, None if self.dry else self.parts.blobs.keep(source.raw)))
        apart = self.seen > FEW
        return Batch(fresh, there, self.readers.submit(read_batch, [one.source.raw for one in fresh], apart))

    def end(self, batch: Batch) -> list[Ended]:
        """Store what was read; what became of each, those that were there already last."""
        readings = batch.reading.result()
        pairs = [(one, reading) for one, reading in zip(batch.fresh, readings, strict=True)]
        if self.dry:
            return [*(would_be(one, reading) for one, reading in pairs), *map(self.there, batch.there)]
        read = [(one, reading) for one, reading in pairs if isinstance(reading, Reading)]
        ended = [
            self.aside(one, f"{failure}, {TRIES} times") for one, failure in pairs if isinstance(failure, JobFailed)
        ]
        return [*ended, *self.store(read), *map(self.there, batch.there)]

    def store(self, read: Sequence[tuple[Waiting, Reading]]) -> list[Ended]:
        """All in one transaction; where that fails by a fault of ours, each alone. Raises trouble like a full disk."""
        if not read:
            return []
        desk, now = Desk(self.parts.settings, self.parts.keys, self.parts.blobs), clock()
        items = [Item(desk, reading, now, arriving=one.arriving, content=one.content) for one, reading in read]
        try:
            received = self.parts.ledger.write(lambda session: receive_all(session, items))
        except Exception as error:
            if code_of(error) is not None:
                raise
            if len(read) > 1:
                return [ended for pair in read for ended in self.store([pair])]
            why = f"It could not be placed by a fault of Gatepost ({type(error).__name__}); its raw content is kept"
            return [self.aside(read[0][0], why)]
        return [stored(one, each) for (one, _), each in zip(read, received, strict=True)]

    def aside(self, one: Waiting, why: str) -> Ended:
        """Keep a mail that cannot be read or placed, quarantined with the reason."""
        try:
            self.parts.ledger.write(lambda session: put_aside(session, one, why))
        except Exception as error:
            if code_of(error) is not None:
                raise
            text = f"It could not be stored ({type(error).__name__}); please report this"
            return Ended(one.source.name, NOT_STORED, text)
        return Ended(one.source.name, Outcome.QUARANTINED, why)

    def there(self, one: Waiting) -> Ended:
        """For a mail that was imported before, in this run or an earlier one."""
        with self.parts.database.session() as session:
            earlier = arrival_by_receipt(session, one.arriving.key)
        why = earlier.outcome_why if earlier else "it comes twice in this import"
        return Ended(one.source.name, THERE, f"It was imported before: {why}", earlier.message_id if earlier else None)


def arriving_of(source: Source, channel: Channel) -> Arriving:
    digest = hashlib.sha256(source.raw).hexdigest()
    return Arriving(source.raw, "import", channel.address, channel_id=channel.id, digest=digest)


def read_batch(raws: Sequence[bytes], apart: bool) -> list[Reading | JobFailed]:
    """What each says; a batch goes to a child as a whole, and mail by mail where that fails."""
    if apart and raws:
        try:
            return list(CHILDREN.call(read_all, *raws))
        except JobFailed:
            pass
    return [try_to_read(raw) for raw in raws]


def try_to_read(raw: bytes) -> Reading | JobFailed:
    try:
        return read_safely(raw, None, TRIES)
    except JobFailed as failure:
        return failure


def put_aside(session: Session, one: Waiting, why: str) -> None:
    if one.content:
        arrival = store_arrival(session, one.arriving, one.content, clock())
        settle(session, arrival.id, Outcome.QUARANTINED, why, None)


def stored(one: Waiting, received: Received) -> Ended:
    return Ended(one.source.name, received.outcome, received.why, received.message_id, received.conversation_id)


def would_be(one: Waiting, reading: Reading | JobFailed) -> Ended:
    """What a dry run says of a mail that is not there."""
    if isinstance(reading, JobFailed):
        return Ended(one.source.name, Outcome.QUARANTINED, f"It would be kept unread: {reading}")
    mail = reading.mail
    sender = next((box.address.key for box in mail.from_ if box.address), "nobody")
    when = f"of {mail.date:%Y-%m-%d}" if mail.date else "without a date"
    return Ended(
        one.source.name, NEW, f"It would be stored: {reading.kind} {when} from {sender}, “{mail.subject[:80]}”"
    )


@contextmanager
def importing(parts: Parts, channel: Channel, *, dry: bool) -> Iterator[Importer]:
    """What an import needs, with threads that read; they end with it."""
    with ThreadPoolExecutor(READERS, "read") as readers:
        try:
            yield Importer(parts, channel, readers, dry)
        finally:
            readers.shutdown(wait=False, cancel_futures=True)
