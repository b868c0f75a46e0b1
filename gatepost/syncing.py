"""Mail fetched from connected mailboxes, on its way into the one door: authenticated and read first, then stored."""

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlmodel import Session

from gatepost.blobs import Content
from gatepost.connectors.imap import Fetched
from gatepost.connectors.poll import Polling, poll_loop
from gatepost.gateway.authenticate import dkim_only
from gatepost.gateway.results import trusted_results
from gatepost.parts import Parts, clock
from gatepost.resolver import Resolver
from gatepost.store.accounts import add_view
from gatepost.store.arrivals import settle
from gatepost.threading.intake import Arriving, Desk, receive, store_arrival
from gatepost.threading.reading import TRIES, Reading, read_safely
from gatepost.words import Outcome

POLLERS = 4


@dataclass(frozen=True, slots=True)
class Ready:
    """A fetched mail with everything that must not be done inside a transaction: verdict, content on disk, reading."""

    arriving: Arriving
    content: Content
    reading: Reading


def get_ready(mail: Fetched, desk: Desk, resolver: Resolver) -> Ready:
    """Verify DKIM ourselves, make the octets durable, read."""
    reading = read_safely(mail.raw, None, TRIES)
    trusted = trusted_results(reading.mail.headers, mail.account.authserv_id or "")
    verdict = dkim_only(mail.raw, resolver=resolver, now=clock(), trusted=trusted)
    arriving = replace(arriving_of(mail), auth=verdict.summary, strength=verdict.strength)
    return Ready(arriving, desk.blobs.keep(mail.raw), reading)


def arriving_of(mail: Fetched) -> Arriving:
    """A fetched mail as intake takes it; its place in the folder and its octets are its receipt.

    The octets are part of it because a restored server may give the same place to another mail.
    """
    octets = hashlib.sha256(mail.raw).hexdigest()
    return Arriving(
        raw=mail.raw,
        inlet="imap",
        account_id=mail.account.id,
        channel_id=mail.account.channel_id,
        internal_date=mail.internal_date,
        receipt=f"imap:{mail.account.id}:{mail.uidvalidity}:{mail.uid}:{octets}:{mail.folder}",
    )


def store_ready(session: Session, mail: Fetched, ready: Ready, desk: Desk) -> None:
    """Arrival, outcome and view in the transaction that moves the cursor."""
    now = clock()
    arrival = store_arrival(session, ready.arriving, ready.content, now)
    receive(session, desk, arrival, ready.reading, now)
    add_view_of(session, mail, arrival.id)


def put_aside(session: Session, mail: Fetched, why: str, desk: Desk) -> None:
    """Keep a mail that could not be received, visible with its reason."""
    arrival = store_arrival(session, arriving_of(mail), desk.blobs.keep(mail.raw), clock())
    if arrival.outcome == Outcome.PENDING:
        settle(session, arrival.id, Outcome.QUARANTINED, why, None)
    add_view_of(session, mail, arrival.id)


def add_view_of(session: Session, mail: Fetched, arrival_id: str) -> None:
    add_view(
        session,
        account_id=mail.account.id,
        folder=mail.folder,
        uidvalidity=mail.uidvalidity,
        uid=mail.uid,
        arrival_id=arrival_id,
    )


def start_polling(parts: Parts, desk: Desk, resolver: Resolver) -> Callable[[], None]:
    """Poll connected mailboxes in threads; call what is returned to stop them."""
    stop = threading.Event()
    polling = Polling(
        ledger=parts.ledger,
        keys=parts.keys,
        prepare=lambda mail: get_ready(mail, desk, resolver),
        receive=lambda session, mail, ready: store_ready(session, mail, ready, desk),
        quarantine=lambda session, mail, why: put_aside(session, mail, why, desk),
        clock=clock,
        message_size=parts.settings.message_size,
        poll_seconds=parts.settings.poll_seconds,
        private_hosts=parts.settings.private_hosts,
        stop=stop,
    )
    threads = [
        threading.Thread(target=poll_loop, args=(polling,), name=f"poll-{n}", daemon=True) for n in range(POLLERS)
    ]
    for thread in threads:
        thread.start()

    def end() -> None:
        stop.set()
        for thread in threads:
            thread.join(timeout=10)

    return end
