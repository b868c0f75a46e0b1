"""The one door for everything that goes out: may this identity send as this address; stamp, sign, store, say yes."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from typing import TypeVar

from sqlmodel import Session

from gatepost.address import Address, AddressError, parse_address
from gatepost.blobs import Blobs
from gatepost.database import Database
from gatepost.disk import Disk
from gatepost.domain_key import KeyState
from gatepost.gateway.account_login import AccountLogin
from gatepost.gateway.again import identity
from gatepost.gateway.budget import Budget
from gatepost.gateway.large import body_digest, split_source
from gatepost.gateway.put import Prepared, Submission, lean, put
from gatepost.gateway.senders import check_sender, one_from
from gatepost.gateway.signing import Signer, SigningError, make_signer, sign_all, signed_words
from gatepost.gateway.stamp import read_header, stamped, with_clear_from
from gatepost.gateway.standing import Standing, address_standing
from gatepost.gateway.stream_mark import with_mark
from gatepost.gateway.unwritten import Unwritten
from gatepost.ids import new_id
from gatepost.ledger import Ledger
from gatepost.reply import Refused
from gatepost.seal import Keys
from gatepost.settings import Settings
from gatepost.store.domains import domain_keys, nearest_domain, private_key
from gatepost.store.outgoing import NewMessage
from gatepost.tokens import mint_message_id

KNOWN_FOR = timedelta(seconds=5)
MOST_KNOWN = 10_000

T = TypeVar("T")


class NotRemembered(Exception):
    """Something has to be looked up in the database, which the caller does not want to wait for."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What accepting needs; `wake` tells the outbox that there is something new.

    Without `looks_up` only what is remembered of senders is used; what is not raises NotRemembered. `budget` is the
    memory for large mails that are read whole; `account_login` gets what connected mailboxes log in with,
    `unwritten` are the outbox's deliveries whose result is not stored yet.
    """

    settings: Settings
    database: Database
    ledger: Ledger
    keys: Keys
    blobs: Blobs
    wake: Callable[[], None] = lambda: None
    signers: dict[str, tuple[datetime, tuple[Signer, ...]]] = field(default_factory=dict)
    standings: dict[str, tuple[datetime, Standing]] = field(default_factory=dict)
    looks_up: bool = True
    budget: Budget = field(default_factory=Budget)
    account_login: AccountLogin | None = None
    unwritten: Unwritten = field(default_factory=Unwritten)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session to look something up that is remembered afterwards. Raises NotRemembered."""
        if not self.looks_up:
            raise NotRemembered
        with self.database.session() as session:
            yield session


def accept(gate: Gate, submission: Submission, now: datetime) -> Future[str]:
    """Take responsibility for a mail: the future has its id once it is durably stored.

    Raises Refused at once for what may not go out; the future may raise it too (idempotency key).
    """
    with gate.budget.hold(submission.envelope.size):
        prepared = prepare(gate, submission, now)
    return keep(gate, prepared, now)


def keep(gate: Gate, prepared: Prepared, now: datetime) -> Future[str]:
    """Store what was prepared, and tell the outbox: the future is that of `accept`."""
    future = gate.ledger.submit(lambda session: put(session, prepared, now))
    future.add_done_callback(lambda done: gate.wake())
    return future


def prepare(gate: Gate, submission: Submission, now: datetime) -> Prepared:
    """Check, stamp and sign. Raises Refused."""
    refuse_without_room(gate.blobs.disk)
    envelope = submission.envelope
    head, body = split_source(envelope.source)
    header = read_header(head)
    mailbox = one_from(header.senders)
    sender = check_sender(mailbox, envelope.mail_from, submission.senders)
    held = why_unverified(gate, sender, now)
    header = with_clear_from(header, mailbox)
    recipients = check_recipients(envelope.recipients)
    row_id = submission.row_id or new_id("msg")
    minted = "" if header.message_id else mint_message_id(gate.keys, row_id, gate.settings.domain)
    protocol = "ESMTPSA" if envelope.tls else "ESMTPA" if submission.trigger == "smtp" else "HTTP"
    content = stamped(header, row_id=row_id, minted_id=minted, host=gate.settings.host, protocol=protocol, now=now)
    signers = signers_for(gate, sender.domain, now)
    if submission.credential and submission.credential.stream:  # each recipient's own link is signed with it
        content, signers = with_mark(content), ()
    try:
        content = sign_all(content, signers, now, body_digest(body) if body and signers else b"")
    except SigningError as error:
        raise Refused(550, "5.6.0", str(error)) from None
    stored = gate.blobs.put(chain([content], body())) if body else gate.blobs.keep(content)
    message = NewMessage(
        id=row_id,
        digest=identity_of(submission, header.message_id) or row_id,
        message_id=header.message_id or minted,
        subject=header.subject,
        from_name=mailbox.name,
        from_address=sender.key,
        recipients_shown=header.shown,
        snippet=submission.snippet,
        at=now,
        size=stored.size,
        envelope_from=envelope.mail_from,
        conversation_id=submission.conversation_id,
        channel_id=submission.channel_id,
        credential_id=submission.credential.id if submission.credential else None,
        user_id=submission.user_id,
        trigger=submission.trigger,
        dsn={name: value for name, value in (("ret", envelope.ret), ("envid", envelope.envid)) if value},
        auth={"signed": signed_words(signers)},
    )
    return Prepared(message, stored, recipients, header.references, lean(submission), held)


def identity_of(submission: Submission, message_id: str) -> str:
    """What a client's tries of one mail have in common; empty where a mail without an id of its own may come anew."""
    if submission.trigger != "smtp" or not submission.credential or not message_id:
        return ""
    return identity(submission.credential.id, submission.envelope)


def refuse_without_room(disk: Disk) -> None:
    """Raises Refused where no mail can be taken now."""
    if refusal := disk.refusal():
        raise Refused(refusal.code or 452, refusal.status or "4.3.1", refusal.text)


def check_recipients(recipients: tuple[str, ...]) -> tuple[str, ...]:
    """Wire forms of the recipients, each mailbox once. Raises Refused."""
    found: dict[str, str] = {}
    for recipient in recipients:
        try:
            address = parse_address(recipient)
        except AddressError as error:
            raise Refused(501, "5.1.3", str(error)) from None
        found.setdefault(address.key, str(address))
    if not found:
        raise Refused(554, "5.5.1", "The mail has no recipients")
    return tuple(found.values())


def why_unverified(gate: Gate, sender: Address, now: datetime) -> str:
    """Why mail of an unverified sender is held; empty for a verified one. Raises Refused where it is not taken."""
    found = standing_of(gate, sender, now)
    if found.usable:
        return ""
    if gate.settings.unverified_senders == "hold":
        return f"Held: {found.why}; {found.fix}"
    raise Refused(550, "5.7.1", f"Not sent: {found.why}; {found.fix}")


def standing_of(gate: Gate, sender: Address, now: datetime) -> Standing:
    """Whether an address may stand in From; that it may is remembered for 5 s."""
    if known := recall(gate.standings, sender.key, now):
        return known
    with gate.reading() as session:
        found = address_standing(session, gate.settings, sender)
    if found.usable:
        remember(gate.standings, sender.key, now, found)
    return found


def signers_for(gate: Gate, domain: str, now: datetime) -> tuple[Signer, ...]:
    """The signers of a From domain, none when we hold no key for it or a parent; remembered for 5 s."""
    known = recall(gate.signers, domain, now)
    if known is not None:
        return known
    with gate.reading() as session:
        row = nearest_domain(session, domain)
        keys = domain_keys(session, row.id, KeyState.SIGNING) if row else []
    signers = tuple(make_signer(row.name, key.selector, private_key(gate.keys, key)) for key in keys if row)
    remember(gate.signers, domain, now, signers)
    return signers


def recall(known: Mapping[str, tuple[datetime, T]], name: str, now: datetime) -> T | None:
    """What was found less than 5 s ago."""
    found = known.get(name)
    return found[1] if found and timedelta() <= now - found[0] < KNOWN_FOR else None


def remember(known: dict[str, tuple[datetime, T]], name: str, now: datetime, value: T) -> None:
    """Keep what was found; not without end."""
    if len(known) > MOST_KNOWN:
        known.clear()
    known[name] = (now, value)
