"""Storing what goes out, many mails in one transaction: message, octets, a delivery for each recipient, the event."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlmodel import Session

from gatepost.blobs import Content
from gatepost.envelope import Asked, Envelope
from gatepost.gateway.again import sent_before
from gatepost.gateway.dsn_parameters import orcpt_of
from gatepost.model import Credential
from gatepost.reply import Refused
from gatepost.store.channels import channel_by_address
from gatepost.store.conversations import add_participants, create_conversation, know_ids, touch
from gatepost.store.deliveries import Claim
from gatepost.store.events import add_events, event_values
from gatepost.store.messages import keep_key, key_used
from gatepost.store.outgoing import (
    NewDelivery,
    NewMessage,
    Recipients,
    announce_suppressed,
    put_outgoing,
    put_recipients,
)
from gatepost.store.unsubscribes import stop_those_who_left


@dataclass(frozen=True, slots=True)
class Submitter:
    """What storing needs of a credential, by the names that its row has."""

    id: str
    name: str
    conversations: str
    held: bool
    tag: str
    stream: str


@dataclass(frozen=True, slots=True)
class Submission:
    """What somebody wants to send; `senders` are the addresses and domains that he may use as From."""

    envelope: Envelope
    senders: tuple[str, ...]
    trigger: str
    credential: Credential | Submitter | None = None
    conversation_id: str | None = None
    channel_id: str | None = None
    user_id: str | None = None
    row_id: str = ""
    snippet: str = ""
    key: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A mail that may go out, ready to be stored; `held` says why it waits for a person, whoever sent it."""

    message: NewMessage
    content: Content
    recipients: tuple[str, ...]
    references: tuple[str, ...]
    submission: Submission
    held: str = ""


@dataclass(frozen=True, slots=True)
class Put:
    """A mail to be stored; with `lease_until` it is stored as being sent, by who puts it."""

    prepared: Prepared
    now: datetime
    lease_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored mail's id, and the deliveries that its sender may begin with: none without a lease."""

    message_id: str
    claims: tuple[Claim, ...] = ()


def lean(submission: Submission) -> Submission:
    """Without what storing it does not need: the octets as they came, and a row that knows its session."""
    row = submission.credential
    by = Submitter(row.id, row.name, row.conversations, row.held, row.tag, row.stream) if row else None
    return replace(
        submission, envelope=replace(submission.envelope, content=b"", spool=None), credential=by, senders=()
    )


def put(session: Session, prepared: Prepared, now: datetime) -> str:
    """Store one mail in the caller's transaction; the message's id.

    Raises Refused when the caller's idempotency key was used for something else.
    """
    return put_all(session, [Put(prepared, now)])[0].message_id


def put_all(session: Session, items: Sequence[Put]) -> list[Stored]:
    """Store mails in the caller's transaction, in a handful of statements. Raises as `put`, for all of them."""
    known = sent_before(session, [item.prepared.message.digest for item in items], items[0].now)
    earlier = []
    for item in items:
        message = item.prepared.message
        earlier.append(known.get(message.digest) or used_before(session, item.prepared, item.now))
        known.setdefault(message.digest, earlier[-1] or message.id)
    fresh = [item for item, used in zip(items, earlier, strict=True) if not used]
    put_outgoing(session, [(item.prepared.message, item.prepared.content) for item in fresh])
    rows = put_recipients(session, [recipients_of(item) for item in fresh])
    for item in fresh:
        into_conversation(session, item.prepared, item.now)
    add_events(session, [told(item) for item in fresh])
    for item in fresh:
        if stream := stream_of(item):
            stop_those_who_left(session, stream, item.prepared.message.id, item.now)
    for item, deliveries in zip(fresh, rows, strict=True):
        announce_suppressed(session, deliveries, item.now)
    stored = iter(stored_as(item, deliveries) for item, deliveries in zip(fresh, rows, strict=True))
    return [Stored(used) if used else next(stored) for used in earlier]


def stored_as(item: Put, deliveries: Sequence[NewDelivery]) -> Stored:
    return Stored(item.prepared.message.id, tuple(row.claim for row in deliveries if row.claim))


def used_before(session: Session, prepared: Prepared, now: datetime) -> str:
    """The id of the message that this caller's idempotency key made before, or empty. Raises Refused."""
    submission = prepared.submission
    if not submission.key or not submission.credential:
        return ""
    used = key_used(session, submission.credential.id, submission.key[0])
    if used and used.request_hash != submission.key[1]:
        raise Refused(550, "5.5.4", "This Idempotency-Key was used for another request; use a new one")
    if used:
        return used.message_id
    keep_key(session, submission.credential.id, *submission.key, prepared.message.id, now)
    return ""


def recipients_of(item: Put) -> Recipients:
    """Whom a mail goes to, as the store wants it."""
    prepared = item.prepared
    held = prepared.held or why_held(prepared.submission.credential)
    asked = asked_of(prepared.submission.envelope)
    lease = None if stream_of(item) else item.lease_until
    return Recipients(prepared.message.id, prepared.recipients, item.now, held, asked, lease)


def stream_of(item: Put) -> str:
    """The stream whose recipients may have left it (RFC 8058); empty for other mail."""
    credential = item.prepared.submission.credential
    return credential.stream if credential else ""


def into_conversation(session: Session, prepared: Prepared, now: datetime) -> None:
    """Into the conversation that it answers, or a new one where its credential always makes one."""
    submission = prepared.submission
    if submission.conversation_id:
        join_conversation(session, submission.conversation_id, prepared, now)
    elif submission.credential and submission.credential.conversations == "always":
        open_conversation(session, prepared, now)


def told(item: Put) -> dict[str, object]:
    """The event of a new mail."""
    prepared, submission = item.prepared, item.prepared.submission
    credential = submission.credential
    held = prepared.held or why_held(credential)
    return event_values(
        "message.queued",
        now=item.now,
        message_id=prepared.message.id,
        conversation_id=submission.conversation_id,
        channel_id=submission.channel_id,
        user_id=submission.user_id,
        data={
            "recipients": len(prepared.recipients),
            "trigger": submission.trigger,
            **({"tag": credential.tag} if credential and credential.tag else {}),
            **({"held": held} if held else {}),
            **prepared.message.auth,
        },
    )


def asked_of(envelope: Envelope) -> Mapping[str, Asked]:
    """What each recipient's command asked; with RET or ENVID each has an ORCPT, which may be added (RFC 3461 5.2.1)."""
    if not envelope.ret and not envelope.envid:
        return envelope.asked
    given = {recipient: envelope.asked.get(recipient, Asked()) for recipient in envelope.recipients}
    return {recipient: Asked(asked.notify, asked.orcpt or orcpt_of(recipient)) for recipient, asked in given.items()}


def why_held(credential: Credential | Submitter | None) -> str:
    """Why mail of this credential is accepted and not sent; empty when it is sent."""
    if credential is None or not credential.held:
        return ""
    return f"Held: mail of the credential {credential.name} is sent only when a person releases it"


def join_conversation(session: Session, conversation_id: str, prepared: Prepared, now: datetime) -> None:
    """An answer of ours belongs to a conversation: its id leads there, and whom it went to take part, save us."""
    message = prepared.message
    know_ids(session, conversation_id, message.id, message.message_id, prepared.references)
    others = [shown for shown in message.recipients_shown if channel_by_address(session, shown["address"]) is None]
    add_participants(session, conversation_id, [(shown["address"], shown["name"], "participant") for shown in others])
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
