"""The one door for everything that goes out: may this identity send as this address; stamp, sign, store, say yes."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlmodel import Session

from gatepost.address import AddressError, parse_address
from gatepost.blobs import Blobs, Content
from gatepost.database import Database
from gatepost.envelope import Asked, Envelope
from gatepost.gateway.dsn_parameters import orcpt_of
from gatepost.gateway.senders import check_sender, one_from
from gatepost.gateway.signing import Signer, SigningError, make_signer, sign
from gatepost.gateway.stamp import read_header, stamped, with_clear_from
from gatepost.ids import new_id
from gatepost.ledger import Ledger
from gatepost.model import Credential, Message
from gatepost.reply import Refused
from gatepost.seal import Keys
from gatepost.settings import Settings
from gatepost.store.channels import channel_by_address
from gatepost.store.conversations import add_participants, create_conversation, know_ids, touch
from gatepost.store.deliveries import announce_suppressed, put_deliveries
from gatepost.store.domains import domain_by_name, private_key
from gatepost.store.events import add_event
from gatepost.store.messages import keep_key, key_used, put_message
from gatepost.tokens import mint_message_id

SIGNER_KEPT = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Gate:
    """What accepting needs; `wake` tells the outbox that there is something new."""

    settings: Settings
    database: Database
    ledger: Ledger
    keys: Keys
    blobs: Blobs
    wake: Callable[[], None] = lambda: None
    signers: dict[str, tuple[datetime, Signer | None]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Submission:
    """What somebody wants to send; `senders` are the addresses and domains that he may use as From."""

    envelope: Envelope
    senders: tuple[str, ...]
    trigger: str
    credential: Credential | None = None
    conversation_id: str | None = None
    channel_id: str | None = None
    user_id: str | None = None
    row_id: str = ""
    snippet: str = ""
    key: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A mail that may go out, ready to be stored."""

    message: Message
    content: Content
    recipients: tuple[str, ...]
    references: tuple[str, ...]
    submission: Submission


def accept(gate: Gate, submission: Submission, now: datetime) -> Future[str]:
    """Take responsibility for a mail: the future has its id once it is durably stored.

    Raises Refused at once for what may not go out; the future may raise it too (idempotency key).
    """
    prepared = prepare(gate, submission, now)
    future = gate.ledger.submit(lambda session: put(session, prepared, now))
    future.add_done_callback(lambda done: gate.wake())
    return future


def prepare(gate: Gate, submission: Submission, now: datetime) -> Prepared:
    """Check, stamp and sign. Raises Refused."""
    envelope = submission.envelope
    header = read_header(envelope.content)
    mailbox = one_from(header.senders)
    sender = check_sender(mailbox, envelope.mail_from, submission.senders)
    header = with_clear_from(header, mailbox)
    recipients = check_recipients(envelope.recipients)
    row_id = submission.row_id or new_id("msg")
    minted = mint_message_id(gate.keys, row_id, gate.settings.domain)
    protocol = "ESMTPSA" if envelope.tls else "ESMTPA" if submission.trigger == "smtp" else "HTTP"
    content = stamped(header, row_id=row_id, minted_id=minted, host=gate.settings.host, protocol=protocol, now=now)
    signer = signer_for(gate, sender.domain, now)
    if signer:
        try:
            content = sign(content, signer, now)
        except SigningError as error:
            raise Refused(550, "5.6.0", str(error)) from None
    message = Message(
        id=row_id,
        direction="out",
        digest=row_id,
        message_id=header.message_id or minted,
        subject=header.subject,
        from_name=mailbox.name,
        from_address=sender.key,
        recipients_shown=header.shown,
        snippet=submission.snippet,
        at=now,
        size=len(content),
        envelope_from=envelope.mail_from,
        conversation_id=submission.conversation_id,
        channel_id=submission.channel_id,
        credential_id=submission.credential.id if submission.credential else None,
        user_id=submission.user_id,
        trigger=submission.trigger,
        dsn={name: value for name, value in (("ret", envelope.ret), ("envid", envelope.envid)) if value},
        auth={"signed": f"DKIM rsa-sha256, d={signer.domain}, s={signer.selector}" if signer else ""},
    )
    return Prepared(message, gate.blobs.keep(content), recipients, header.references, submission)


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


def signer_for(gate: Gate, domain: str, now: datetime) -> Signer | None:
    """The signer of a From domain, or None when we hold no key for it or a parent; remembered for 5 s."""
    known = gate.signers.get(domain)
    if known and timedelta() <= now - known[0] < SIGNER_KEPT:
        return known[1]
    signer = None
    with gate.database.session() as session:
        labels = domain.split(".")
        parents = (".".join(labels[at:]) for at in range(max(len(labels) - 1, 1)))
        row = next((found for name in parents if (found := domain_by_name(session, name))), None)
    if row:
        signer = make_signer(row.name, row.selector, private_key(gate.keys, row))
    gate.signers[domain] = (now, signer)
    return signer


def put(session: Session, prepared: Prepared, now: datetime) -> str:
    """Store message, content, one delivery per recipient and the event in the caller's transaction; the message's id.

    Raises Refused when the caller's idempotency key was used for something else.
    """
    submission, message = prepared.submission, prepared.message
    if submission.key and submission.credential:
        used = key_used(session, submission.credential.id, submission.key[0])
        if used and used.request_hash != submission.key[1]:
            raise Refused(550, "5.5.4", "This Idempotency-Key was used for another request; use a new one")
        if used:
            return used.message_id
        keep_key(session, submission.credential.id, *submission.key, message.id, now)
    put_message(session, message, prepared.content)
    credential = submission.credential
    asked, held = asked_of(submission.envelope), why_held(credential)
    deliveries = put_deliveries(session, message.id, prepared.recipients, now, held, asked)
    if submission.conversation_id:
        join_conversation(session, submission.conversation_id, prepared, now)
    elif submission.credential and submission.credential.conversations == "always":
        open_conversation(session, prepared, now)
    add_event(
        session,
        "message.queued",
        now=now,
        message_id=message.id,
        conversation_id=submission.conversation_id,
        channel_id=submission.channel_id,
        user_id=submission.user_id,
        data={
            "recipients": len(prepared.recipients),
            "trigger": submission.trigger,
            **({"tag": credential.tag} if credential and credential.tag else {}),
            **({"held": held} if held else {}),
            **message.auth,
        },
    )
    announce_suppressed(session, deliveries, now)
    return message.id


def asked_of(envelope: Envelope) -> Mapping[str, Asked]:
    """What each recipient's command asked; with RET or ENVID each has an ORCPT, which may be added (RFC 3461 5.2.1)."""
    if not envelope.ret and not envelope.envid:
        return envelope.asked
    given = {recipient: envelope.asked.get(recipient, Asked()) for recipient in envelope.recipients}
    return {recipient: Asked(asked.notify, asked.orcpt or orcpt_of(recipient)) for recipient, asked in given.items()}


def why_held(credential: Credential | None) -> str:
    """Why mail of this credential is accepted and not sent; empty when it is sent."""
    if credential is None or not credential.held:
        return ""
    return f"Held: mail of the credential {credential.name} is sent only when a person releases it"


def join_conversation(session: Session, conversation_id: str, prepared: Prepared, now: datetime) -> None:
    """An answer of ours belongs to a conversation: its id leads there and its visible recipients take part."""
    message = prepared.message
    know_ids(session, conversation_id, message.id, message.message_id, prepared.references)
    people = [(shown["address"], shown["name"], "participant") for shown in message.recipients_shown]
    add_participants(session, conversation_id, people)
    touch(session, conversation_id, message.snippet, now, reopen=False)


def open_conversation(session: Session, prepared: Prepared, now: datetime) -> None:
    """A relayed mail of a credential that always makes conversations: one for those who can see each other."""
    message = prepared.message
    channel = channel_by_address(session, message.from_address)
    first = message.recipients_shown[0]["address"] if message.recipients_shown else prepared.recipients[0].lower()
    conversation = create_conversation(
        session,
        subject=message.subject,
        requester=first,
        channel_id=channel.id if channel else None,
        credential_id=message.credential_id,
        origin_id=message.id,
        now=now,
    )
    named = {shown["address"]: shown["name"] for shown in message.recipients_shown}
    people = [(address, name, "participant") for address, name in named.items()]
    add_participants(session, conversation.id, [(first, named.get(first, ""), "requester"), *people])
    know_ids(session, conversation.id, message.id, message.message_id, ())
    touch(session, conversation.id, message.snippet, now, reopen=False)
