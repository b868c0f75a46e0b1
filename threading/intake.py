"""The one door for everything that comes in: stored raw first, then read, placed, and ended in exactly one outcome."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from gatepost.blobs import Blobs, Content
from gatepost.ids import new_id
from gatepost.mail import Mail
from gatepost.model import Arrival, Message
from gatepost.seal import Keys
from gatepost.settings import Settings
from gatepost.store.arrivals import arrival_by_receipt, forget_receipt, put_arrival, received_among, settle
from gatepost.store.foresight import foresee_ids
from gatepost.store.messages import foresee_digests, get_message, give_up_digest, message_by_digest, put_raw
from gatepost.store.rows import made
from gatepost.store.together import together
from gatepost.threading.agent_mail import take_agent_mail
from gatepost.threading.candidates import aim_of
from gatepost.threading.joining import channel_of, join, time_of
from gatepost.threading.kept_away import kept_away, outcome_of, proves_more, take_away
from gatepost.threading.leaving import take_leaving
from gatepost.threading.own_copy import own_copy, written_there
from gatepost.threading.reading import Reading
from gatepost.threading.reported import apply_report
from gatepost.threading.showing import PROVEN, view_in
from gatepost.threading.written_elsewhere import take_written
from gatepost.words import Outcome, Strength

MOST_THREAD_ID = 200
RECEIPT_KEPT = timedelta(hours=48)


@dataclass(frozen=True, slots=True)
class Desk:
    """What receiving needs besides the session."""

    settings: Settings
    keys: Keys
    blobs: Blobs


@dataclass(frozen=True, slots=True)
class Arriving:
    """An inbound mail with its envelope, as an inlet (`mx`, `imap`, `import`) hands it over.

    `channel_id` is set where the inlet knows the channel; `receipt` where it has an identity of its own, else the same
    octets from the same sender to the same recipient are one receipt; `digest` is the SHA-256 of the octets where
    it is known: they may be in a file and not in `raw`. `auth` and `strength` are what was verified. Of a fetched mail,
    `internal_date` is when its server got it (RFC 9051 section 2.3.3), `provider_thread` its provider's thread id;
    `sent`: it lay in the folder of what the mailbox sent itself.
    """

    raw: bytes
    inlet: str
    recipient: str = ""
    envelope_from: str = ""
    remote_ip: str = ""
    helo: str = ""
    account_id: str | None = None
    channel_id: str | None = None
    receipt: str = ""
    digest: str = ""
    auth: dict[str, Any] = field(default_factory=dict)
    strength: Strength = Strength.NONE
    internal_date: datetime | None = None
    provider_thread: str = ""
    sent: bool = False

    @property
    def key(self) -> str:
        """The receipt under which it is received once."""
        if self.receipt:
            return self.receipt
        known = hashlib.sha256()
        for part in (self.inlet, self.envelope_from, self.recipient):
            known.update(part.encode() + b"\0")
        return f"{self.inlet}:{known.hexdigest()[:16]}:{self.digest or hashlib.sha256(self.raw).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Received:
    """How receiving ended: the outcome, why, and where the mail is; `receive_all` says as what it arrived."""

    outcome: Outcome
    why: str
    message_id: str | None = None
    conversation_id: str | None = None
    arrival_id: str = ""


def store_arrival(session: Session, arriving: Arriving, content: Content, now: datetime, raw_id: str = "") -> Arrival:
    """Store the octets with their envelope before anything is done with them; the earlier arrival when there is one.

    The same octets again within 48 h are a client that tries again; later they are another mail that reads the same. So
    is what its author sends after somebody who had got it, too.
    `raw_id` names octets already stored, where one mail came for several recipients.
    """
    earlier = arrival_by_receipt(session, arriving.key)
    recent = earlier is not None and now - earlier.received_at < RECEIPT_KEPT
    if earlier and (arriving.receipt or (recent and not is_better(arriving.strength, earlier))):
        return earlier
    if earlier:
        forget_receipt(session, earlier.id)
    arrival = made(
        Arrival,
        id=new_id("arr"),
        receipt=arriving.key,
        inlet=arriving.inlet,
        envelope_from=arriving.envelope_from,
        recipient=arriving.recipient,
        remote_ip=arriving.remote_ip,
        helo=arriving.helo,
        account_id=arriving.account_id,
        channel_id=arriving.channel_id,
        auth=arriving.auth,
        strength=arriving.strength,
        raw_id=raw_id or new_id("arr"),
        received_at=now,
        internal_date=arriving.internal_date,
        provider_thread=arriving.provider_thread[:MOST_THREAD_ID],
        sent=arriving.sent,
    )
    if not raw_id:
        put_raw(session, arrival.raw_id, content)
    put_arrival(session, arrival)
    return arrival


def is_better(strength: Strength, earlier: Arrival) -> bool:
    """Whether a mail proves who wrote it where the same octets did not before."""
    if earlier.strength == Strength.FAILING:
        return strength != Strength.FAILING
    return strength in PROVEN and earlier.strength not in PROVEN


@dataclass(frozen=True, slots=True)
class Item:
    """A mail to be received with others: its arrival where it is stored, else how it came and its durable octets."""

    desk: Desk
    reading: Reading
    now: datetime
    arrival: Arrival | None = None
    arriving: Arriving | None = None
    content: Content | None = None


def receive_all(session: Session, items: Sequence[Item]) -> list[Received]:
    """As `receive` for each in order, in the caller's transaction; what they ask and leave is put together."""
    with together(session):
        received_among(session, [item.arriving.key for item in items if item.arriving])
        foresee_digests(session, [item.reading.digest for item in items])
        foresee_ids(session, [key for item in items for key in ids_of(item.reading.mail)])
        return [receive_item(session, item) for item in items]


def receive_item(session: Session, item: Item) -> Received:
    arrival = item.arrival
    if arrival is None and item.arriving and item.content:
        arrival = store_arrival(session, item.arriving, item.content, item.now)
    if arrival is None:
        raise ValueError("an item has its arrival, or what it is made of")
    return replace(receive(session, item.desk, arrival, item.reading, item.now), arrival_id=arrival.id)


def ids_of(mail: Mail) -> tuple[str, ...]:
    """Every id that a mail carries or refers to."""
    return (mail.message_id or "", *mail.references, *mail.in_reply_to)


def receive(session: Session, desk: Desk, arrival: Arrival, reading: Reading, now: datetime) -> Received:
    """Give an arrival its outcome in the caller's transaction; one that has it already keeps it."""
    if arrival.outcome != Outcome.PENDING:
        message = get_message(session, arrival.message_id) if arrival.message_id else None
        conversation_id = message.conversation_id if message else None
        return Received(Outcome(arrival.outcome), arrival.outcome_why, arrival.message_id, conversation_id)
    received = decide(session, desk, arrival, reading, now)
    settle(session, arrival.id, received.outcome, received.why, received.message_id)
    return received


def decide(session: Session, desk: Desk, arrival: Arrival, reading: Reading, now: datetime) -> Received:
    """Unreadable, the wish to leave a stream, seen before, a report, or a mail that belongs somewhere."""
    if not reading.mail.headers:
        return Received(Outcome.QUARANTINED, "This is not a mail: it has no header field; its raw content is kept")
    if left := take_leaving(session, desk.settings, desk.keys, arrival, now):
        return Received(Outcome.AUTOMATIC, left)
    if own := own_copy(session, desk.keys, arrival, reading.mail, now):
        take_away(session, arrival, own[0], now)
        return Received(Outcome.PLACED, own[1], own[0].id, own[0].conversation_id)
    same = message_by_digest(session, "in", reading.digest)
    kept = stays_away(session, desk, arrival, reading, same) if same else ""
    if same and is_another(same, arrival, reading, bool(kept), now):
        give_up_digest(session, same.id)
    elif same and kept:
        take_away(session, arrival, same, now)
        return Received(outcome_of(same), kept, same.id, same.conversation_id)
    elif same:
        return once_more(session, desk, arrival, reading, same, now)
    if written_there(arrival, reading.mail):
        written = take_written(session, desk.settings, desk.keys, arrival, reading, now)
        return Received(written.outcome, written.why, written.message_id, written.conversation_id)
    if reading.report:
        message_id, why = apply_report(
            session, desk.settings, desk.keys, arrival, reading.mail, reading.digest, reading.report, now
        )
        return Received(Outcome.REPORT, why, message_id)
    acted = take_agent_mail(
        session, desk.settings, desk.keys, arrival, reading.mail, reading.digest, reading.kind, reading.snippet, now
    )
    if acted:
        return Received(acted.outcome, acted.why, acted.message_id)
    joined = join(
        session, desk.settings, desk.keys, arrival, reading.mail, reading.digest, reading.kind, reading.snippet, now
    )
    return Received(joined.outcome, joined.why, joined.message_id, joined.conversation_id)


def stays_away(session: Session, desk: Desk, arrival: Arrival, reading: Reading, same: Message) -> str:
    """Why a mail is not shown because the `same` one was deleted here; empty where it is to be shown."""
    channel_id = channel_of(session, arrival)
    named = channel_id in aim_of(session, desk.settings, reading.mail).channels
    return kept_away(session, arrival, same, reading.digest, channel_id, named=named)


def once_more(
    session: Session, desk: Desk, arrival: Arrival, reading: Reading, same: Message, now: datetime
) -> Received:
    """A mail that is here already, and came another way: one message with one more view.

    To another mailbox of ours it came for its people: its conversation is shown there too, where the mail may do that;
    else they get one of their own that holds this mail alone.
    """
    channel_id = channel_of(session, arrival)
    found = view_in(session, same, reading.digest, arrival, channel_id, now)
    if found:
        message, why = found
        take_away(session, arrival, message, now)
        return Received(Outcome(message.outcome or Outcome.PLACED), why, message.id, message.conversation_id)
    joined = join(
        session,
        desk.settings,
        desk.keys,
        arrival,
        reading.mail,
        f"{reading.digest}:{channel_id}",
        reading.kind,
        reading.snippet,
        now,
        copy_of=same,
    )
    return Received(joined.outcome, joined.why, joined.message_id, joined.conversation_id)


def is_another(same: Message, arrival: Arrival, reading: Reading, gone: bool, now: datetime) -> bool:
    """Whether a mail that reads as one we have, or that is `gone`, is a mail of its own.

    One that failed authentication must not stand in the way of the true one. Mail without an id of its own, such as
    that of a monitoring script, may say the same every day; one that was moved in its mailbox keeps its time there.
    """
    if gone and proves_more(same, arrival):
        return True
    if not gone and same.outcome == Outcome.REVIEW and arrival.strength != Strength.FAILING:
        return True
    return not reading.mail.message_id and abs(time_of(arrival, reading.mail, now) - same.at) >= RECEIPT_KEPT
