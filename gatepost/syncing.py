"""Mail fetched from connected mailboxes, on its way into the one door: authenticated and read first, then stored."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256

from sqlmodel import Session

from gatepost.blobs import Content
from gatepost.child import JobFailed
from gatepost.connectors.fetch import Fetched
from gatepost.connectors.heal import verify_duty
from gatepost.connectors.keeping import dead_duty, keep_duty
from gatepost.connectors.poll import poll_duty
from gatepost.connectors.polling import Aside, Polling
from gatepost.connectors.remap import fingerprint, known_by
from gatepost.gateway.authenticate import dkim_only
from gatepost.gateway.results import trusted_results
from gatepost.mailbox_access import access_of, imap_login
from gatepost.model import View
from gatepost.parts import Parts, clock
from gatepost.resolver import Resolver
from gatepost.rounds import begin
from gatepost.store.arrivals import settle
from gatepost.store.folders import add_views
from gatepost.store.rows import made
from gatepost.threading.intake import Arriving, Desk, Item, receive_all, store_arrival
from gatepost.threading.reading import CHILDREN, TRIES, Reading, read_hashed, read_safely
from gatepost.watching import start_watching
from gatepost.words import Outcome

POLLERS = 4
PROVEN = timedelta(days=14)
FEW = 20
"""So many mails are read in this process; more go to a child, so many at once:"""
MANY = 50


@dataclass(frozen=True, slots=True)
class Prepared:
    """A fetched mail with everything that must not be done inside a transaction: verdict, content on disk, reading."""

    arriving: Arriving
    content: Content
    reading: Reading
    fingerprint: str


def prepare_mails(mails: Sequence[Fetched], desk: Desk, resolver: Resolver) -> list[Prepared | Aside]:
    """Read, verify DKIM ourselves, make the octets durable."""
    readings = read_many([mail.raw for mail in mails])
    return [
        Aside(f"{read}, several times") if isinstance(read, JobFailed) else prepare_mail(mail, *read, desk, resolver)
        for mail, read in zip(mails, readings, strict=True)
    ]


def read_many(raws: Sequence[bytes]) -> list[tuple[Reading, str] | JobFailed]:
    """What each mail says, or why it cannot be read; many go to a child together, mail by mail where that fails."""
    if len(raws) <= FEW:
        return [read_one(raw) for raw in raws]
    return [reading for at in range(0, len(raws), MANY) for reading in read_together(raws[at : at + MANY])]


def read_together(raws: Sequence[bytes]) -> list[tuple[Reading, str] | JobFailed]:
    try:
        return list(CHILDREN.call(read_hashed, *raws))
    except JobFailed:
        return [read_one(raw) for raw in raws]


def read_one(raw: bytes) -> tuple[Reading, str] | JobFailed:
    try:
        return read_safely(raw, None, TRIES), sha256(raw).hexdigest()
    except JobFailed as failure:
        return failure


def prepare_mail(mail: Fetched, reading: Reading, octets: str, desk: Desk, resolver: Resolver) -> Prepared:
    """One mail with its verdict and its durable octets."""
    arriving, now = arriving_of(mail, octets), clock()
    if is_worth_proof(mail, now):
        trusted = trusted_results(reading.mail.headers, mail.account.authserv_id or "")
        verdict = dkim_only(mail.raw, resolver=resolver, now=now, trusted=trusted)
        arriving = replace(arriving, auth=verdict.summary, strength=verdict.strength)
    known = known_by(reading.mail.headers, mail.meta.gm_msgid)
    return Prepared(arriving, desk.blobs.keep(mail.raw), reading, known)


def is_worth_proof(mail: Fetched, now: datetime) -> bool:
    """Whether it is looked who signed a mail: not where the mailbox sent it itself, nor months later.

    The keys of old signatures are mostly gone from the DNS, so that nothing would be proven; mail that was there before
    the mailbox was connected causes nothing by itself, and joins as unproven, as imported files do.
    """
    return not mail.sent and not (mail.old and mail.internal_date and now - mail.internal_date > PROVEN)


def arriving_of(mail: Fetched, octets: str) -> Arriving:
    """A fetched mail as intake takes it; its place in the folder and its octets are its receipt.

    The octets are part of it because a restored server may give the same place to another mail.
    """
    return Arriving(
        raw=mail.raw,
        inlet="import" if mail.old else "imap",
        account_id=mail.account.id,
        channel_id=mail.account.channel_id,
        internal_date=mail.internal_date,
        provider_thread=mail.meta.gm_thread,
        sent=mail.sent,
        receipt=f"imap:{mail.account.id}:{mail.uidvalidity}:{mail.uid}:{octets}:{mail.folder}",
    )


def store_mails(session: Session, pairs: Sequence[tuple[Fetched, Prepared]], desk: Desk) -> None:
    """Arrivals, outcomes and views in the transaction that moves the cursor."""
    now = clock()
    items = [Item(desk, one.reading, now, arriving=one.arriving, content=one.content) for _, one in pairs]
    received = receive_all(session, items)
    add_views(
        session,
        [view_of(mail, each.arrival_id, one.fingerprint) for (mail, one), each in zip(pairs, received, strict=True)],
    )


def put_aside(session: Session, mail: Fetched, why: str, desk: Desk) -> None:
    """Keep a mail that could not be received, visible with its reason."""
    arrival = store_arrival(
        session, arriving_of(mail, sha256(mail.raw).hexdigest()), desk.blobs.keep(mail.raw), clock()
    )
    if arrival.outcome == Outcome.PENDING:
        settle(session, arrival.id, Outcome.QUARANTINED, why, None)
    add_views(session, [view_of(mail, arrival.id, fingerprint(mail.raw, mail.meta.gm_msgid))])


def view_of(mail: Fetched, arrival_id: str, known: str) -> View:
    """Where a mail lies, and what recognises it there."""
    return made(
        View,
        account_id=mail.account.id,
        folder=mail.folder,
        uidvalidity=mail.uidvalidity,
        uid=mail.uid,
        arrival_id=arrival_id,
        flags=mail.meta.flags,
        size=mail.meta.size or len(mail.raw),
        fingerprint=known,
        gm_msgid=mail.meta.gm_msgid,
        labels=list(mail.meta.labels),
    )


def start_polling(parts: Parts, desk: Desk, resolver: Resolver) -> Callable[[], None]:
    """Poll connected mailboxes in threads; call what is returned to stop them."""
    stop = threading.Event()
    access = access_of(parts)
    polling = Polling(
        ledger=parts.ledger,
        prepare=lambda mails: prepare_mails(mails, desk, resolver),
        receive=lambda session, pairs: store_mails(session, pairs, desk),
        quarantine=lambda session, mail, why: put_aside(session, mail, why, desk),
        login=partial(imap_login, access),
        clock=clock,
        message_size=parts.settings.message_size,
        poll_seconds=parts.settings.poll_seconds,
        private_hosts=parts.settings.private_hosts,
        stop=stop,
        bell=parts.bell,
        refused=access.refused,
    )
    threads = [begin(poll_duty(polling, f"poll-{n}"), stop, parts.bell.wait) for n in range(POLLERS)]
    threads += [begin(duty, stop) for duty in (keep_duty(polling), dead_duty(polling), verify_duty(polling))]
    threads += start_watching(polling, parts.settings.idle_mailboxes)

    def end() -> None:
        stop.set()
        parts.bell.ring(POLLERS)
        for thread in threads:
            thread.join(timeout=10)

    return end
