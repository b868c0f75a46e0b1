"""What stands behind the MX listener: which recipients are ours, and authenticate, store, read, place, then say yes."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog
from sqlmodel import Session

from gatepost.address import Address, AddressError, parse_address
from gatepost.blobs import Blobs, Content, ContentFile
from gatepost.child import JobFailed
from gatepost.database import Database
from gatepost.envelope import Envelope
from gatepost.gateway.authenticate import DmarcResult, Verdict, authenticate
from gatepost.gateway.budget import Budget, for_reading
from gatepost.gateway.patience import in_time
from gatepost.gateway.spf import NOT_CHECKED
from gatepost.ledger import Ledger
from gatepost.model import Arrival
from gatepost.reply import TROUBLE, Reply
from gatepost.resolver import Resolver
from gatepost.store.arrivals import count_try, pending_arrivals, settle
from gatepost.store.channels import channel_by_address
from gatepost.store.messages import open_raw
from gatepost.threading.intake import Arriving, Desk, Item, receive_all, store_arrival
from gatepost.threading.reading import Reading, read_apart, read_safely
from gatepost.tokens import read_agent_address, read_reply_address, read_return_path, read_unsubscribe_address
from gatepost.words import Outcome, Strength

log = structlog.get_logger("inbound")
VERIFIERS = 32
READERS = 4


def verifiers() -> ThreadPoolExecutor:
    """Threads of their own for questions to foreign name servers: slow ones keep nobody else waiting."""
    return ThreadPoolExecutor(VERIFIERS, "verify")


def readers() -> ThreadPoolExecutor:
    """Threads that wait for the reading of mail: what takes long there keeps no verification waiting."""
    return ThreadPoolExecutor(READERS, "read")


Read = Callable[[bytes, str | None], Reading]


@dataclass(frozen=True, slots=True)
class Inbound:
    """What receiving by MX needs; `read_again` reads what was not read at first, `read` may have died of it."""

    desk: Desk
    database: Database
    ledger: Ledger
    resolver: Resolver
    clock: Callable[[], datetime]
    verifiers: ThreadPoolExecutor = field(default_factory=verifiers)
    budget: Budget = field(default_factory=Budget)
    readers: ThreadPoolExecutor = field(default_factory=readers)
    read: Read = read_safely
    read_again: Read = read_apart


async def known_recipient(inbound: Inbound, recipient: str) -> bool:
    """Whether a recipient is a channel that takes mail by MX, a reply, unsubscribe or return path address of ours."""
    return await asyncio.to_thread(is_known, inbound, recipient)


def is_known(inbound: Inbound, recipient: str) -> bool:
    try:
        address = parse_address(recipient)
    except AddressError:
        return False
    settings, keys = inbound.desk.settings, inbound.desk.keys
    if address.domain == settings.bounces:
        return read_return_path(keys, address.local) is not None
    if address.domain == settings.replies:
        readers = (read_reply_address, read_agent_address, read_unsubscribe_address)
        return any(read(keys, address.local) for read in readers)
    with inbound.database.session() as session:
        return takes_mail(session, address) or takes_mail(session, address.base)


def takes_mail(session: Session, address: Address) -> bool:
    channel = channel_by_address(session, address.key)
    return channel is not None and channel.by_mx


async def receive_mail(inbound: Inbound, envelope: Envelope) -> Reply:
    """Take responsibility for a mail: `250` after the commit; trouble of ours is temporary, the raw mail is kept."""
    verdict = await asyncio.get_running_loop().run_in_executor(inbound.verifiers, verify, inbound, envelope)
    async with inbound.budget.share(envelope.size):
        content = await asyncio.to_thread(keep, inbound.desk.blobs, envelope)
    now = inbound.clock()
    stored = inbound.ledger.commit(lambda session: store_all(session, envelope, content, verdict, now))
    arrivals = await in_time(stored, envelope.size)
    if is_refused(verdict):
        domain = verdict.dmarc.domain
        return Reply(550, "5.7.26", f"The policy of {domain} asks to refuse this mail: it did not prove itself")
    try:
        source = inbound.desk.blobs.open(content.blob) if content.blob else envelope.content
        await in_time(place_all(inbound, arrivals, source, now, inbound.read), envelope.size)
    except TimeoutError:  # it is stored and ours; the sweeper reads it when the database, or the machine, has time
        log.warning("reading an inbound mail took too long; it is read later")
    except JobFailed as error:  # by the mail itself, and a child alone died of it: sending it again would not help
        log.warning("an inbound mail could not be read; it is kept and tried again", why=str(error))
        await count_tries(inbound, arrivals, error)
    except Exception as error:
        log.exception("reading an inbound mail failed; its raw content is kept and tried again")
        await count_tries(inbound, arrivals, error)
        return TROUBLE
    return Reply(250, "2.0.0", f"received as {arrivals[0].id}")


def keep(blobs: Blobs, envelope: Envelope) -> Content:
    """Make the octets durable: those of a large mail are in a file already."""
    return blobs.take(envelope.spool) if envelope.spool else blobs.keep(envelope.content)


def verify(inbound: Inbound, envelope: Envelope) -> Verdict:
    """The verdict; where a fault of ours prevents one, the mail counts as failing: kept, for a person's look."""
    try:
        return authenticate(
            envelope.source,
            ip=envelope.remote_ip,
            helo=envelope.helo,
            mail_from=envelope.mail_from,
            resolver=inbound.resolver,
            now=inbound.clock(),
            authserv_id=inbound.desk.settings.host,
        )
    except Exception:
        log.exception("authenticating an inbound mail failed; it waits for a person's look")
        dmarc = DmarcResult("temperror", "", "none", "Who sent this could not be checked, by a fault of ours.")
        return Verdict(NOT_CHECKED, (), dmarc, Strength.FAILING, None, "")


def is_refused(verdict: Verdict) -> bool:
    """Whether the owner of the sender's domain asks that the mail be refused (RFC 9989)."""
    return verdict.dmarc.result == "fail" and verdict.dmarc.policy == "reject"


def store_all(session: Session, envelope: Envelope, content: Content, verdict: Verdict, now: datetime) -> list[Arrival]:
    """One arrival per recipient, over the same octets; those of an earlier arrival may be deleted with it.

    What is refused ends here, kept with its outcome all the same; it has receipts of its own, for the same octets may
    come again from where they are not refused.
    """
    stored: list[Arrival] = []
    for recipient in envelope.recipients:
        arriving = Arriving(
            raw=envelope.content,
            inlet="mx",
            recipient=recipient,
            envelope_from=envelope.mail_from,
            remote_ip=envelope.remote_ip,
            helo=envelope.helo,
            digest=content.blob or "",
            auth=verdict.summary,
            strength=verdict.strength,
        )
        if is_refused(verdict):
            arriving = replace(arriving, receipt=f"refused:{arriving.key}")
        shared = next((one.raw_id for one in stored if one.received_at == now), "")
        arrival = store_arrival(session, arriving, content, now, shared)
        if is_refused(verdict):
            why = f"Refused, as the policy of {verdict.dmarc.domain} asks: {verdict.dmarc.why}"
            settle(session, arrival.id, Outcome.REFUSED, why, None)
        stored.append(arrival)
    return stored


async def place_all(
    inbound: Inbound, arrivals: list[Arrival], source: bytes | ContentFile, now: datetime, read: Read
) -> None:
    """Read once, place each in a transaction of its own; a large mail waits until there is memory for it."""
    if all(arrival.outcome != Outcome.PENDING for arrival in arrivals):
        return
    loop = asyncio.get_running_loop()
    async with inbound.budget.share(for_reading(len(source))):
        reading = await loop.run_in_executor(inbound.readers, read_source, source, arrivals[0].envelope_from, read)
        for arrival in arrivals:
            await inbound.ledger.gather(receive_all, Item(inbound.desk, reading, now, arrival))


def read_source(source: bytes | ContentFile, envelope_from: str, read: Read) -> Reading:
    return read(source if isinstance(source, bytes) else source.read(), envelope_from)


async def count_tries(inbound: Inbound, arrivals: list[Arrival], error: Exception) -> None:
    why = str(error) if isinstance(error, JobFailed) else f"Reading it failed: {type(error).__name__}"

    def op(session: Session) -> None:
        for arrival in arrivals:
            count_try(session, arrival.id, why)

    await inbound.ledger.commit(op)


async def sweep(inbound: Inbound) -> int:
    """Read once more what was stored but not read; how many ended. After three tries a mail is quarantined."""
    now = inbound.clock()
    ended = 0
    for arrival in await asyncio.to_thread(find_pending, inbound, now):
        try:
            source = await asyncio.to_thread(load, inbound, arrival.raw_id)
            await place_all(inbound, [arrival], source, now, inbound.read_again)
            ended += 1
        except Exception as error:
            log.exception("reading a stored mail failed again", arrival=arrival.id)
            await count_tries(inbound, [arrival], error)
    return ended


def find_pending(inbound: Inbound, now: datetime) -> list[Arrival]:
    with inbound.database.session() as session:
        return list(pending_arrivals(session, now))


def load(inbound: Inbound, raw_id: str) -> bytes | ContentFile:
    with inbound.database.session() as session:
        return open_raw(session, raw_id, inbound.desk.blobs)
