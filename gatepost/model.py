"""The rows. Types carry the shape; only `gatepost.store`, `ledger` and the migrations touch them with SQL.

Times are UTC. `why` columns hold the ordered reasons of a decision as JSON, as people are shown them.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Dialect, Index, LargeBinary, UniqueConstraint
from sqlalchemy.types import DateTime, TypeDecorator
from sqlmodel import Field, SQLModel

from gatepost.words import DeliveryState, Kind, Outcome, Strength


class UTCDateTime(TypeDecorator[datetime]):
    """A time in UTC; SQLite keeps no zone, so it is taken off and put back at this border."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without zone is never stored")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Why = list[dict[str, Any]]


class User(SQLModel, table=True):
    """An agent or an admin."""

    id: str = Field(primary_key=True)
    email: str = Field(unique=True)
    name: str
    role: str
    password_hash: str | None = None
    must_change_password: bool = False
    disabled_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    created_at: datetime = Field(sa_type=UTCDateTime)


class LoginSession(SQLModel, table=True):
    """A browser session; the cookie holds the token, the row its SHA-256."""

    token_hash: str = Field(primary_key=True)
    user_id: str = Field(foreign_key="user.id", index=True)
    created_at: datetime = Field(sa_type=UTCDateTime)
    seen_at: datetime = Field(sa_type=UTCDateTime)
    expires_at: datetime = Field(sa_type=UTCDateTime)
    agent: str = ""
    ip: str = ""


class Invite(SQLModel, table=True):
    """An invitation or a password reset: one mechanism, 256 bit, hashed, single use, 72 h."""

    token_hash: str = Field(primary_key=True)
    user_id: str = Field(foreign_key="user.id", index=True)
    purpose: str
    created_at: datetime = Field(sa_type=UTCDateTime)
    expires_at: datetime = Field(sa_type=UTCDateTime)
    used_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class LoginFailure(SQLModel, table=True):
    """A refused login, by web or SMTP AUTH, for the throttle."""

    id: int | None = Field(default=None, primary_key=True)
    account: str = Field(index=True)
    net: str = Field(index=True)
    at: datetime = Field(sa_type=UTCDateTime, index=True)


class Channel(SQLModel, table=True):
    """An address of ours that people write to; pages call it a mailbox."""

    id: str = Field(primary_key=True)
    name: str
    address: str = Field(unique=True)
    sender_name: str = ""
    footer: str = ""
    state: str = "active"
    visible: bool = True
    by_mx: bool = True
    created_at: datetime = Field(sa_type=UTCDateTime)


class ChannelAlias(SQLModel, table=True):
    """A further address of a channel."""

    __tablename__ = "channel_alias"
    address: str = Field(primary_key=True)
    channel_id: str = Field(foreign_key="channel.id", index=True)


class Membership(SQLModel, table=True):
    """A user works in a channel."""

    user_id: str = Field(foreign_key="user.id", primary_key=True)
    channel_id: str = Field(foreign_key="channel.id", primary_key=True)


class Account(SQLModel, table=True):
    """A login at a provider that is polled into a channel; its secret is sealed."""

    id: str = Field(primary_key=True)
    channel_id: str = Field(foreign_key="channel.id", index=True)
    host: str
    port: int
    security: str
    username: str
    secret_sealed: bytes = Field(sa_type=LargeBinary)
    folder: str = "INBOX"
    authserv_id: str | None = None
    state: str = "connecting"
    state_since: datetime = Field(sa_type=UTCDateTime)
    state_why: str = ""
    last_sync_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    next_poll_at: datetime = Field(sa_type=UTCDateTime)
    failures: int = 0
    lease_until: datetime | None = Field(default=None, sa_type=UTCDateTime)
    lease_fence: int = 0
    created_at: datetime = Field(sa_type=UTCDateTime)


class Cursor(SQLModel, table=True):
    """How far a folder of an account has been read: every UID up to `last_uid` is in Gatepost."""

    account_id: str = Field(foreign_key="account.id", primary_key=True)
    folder: str = Field(primary_key=True)
    uidvalidity: int = Field(sa_type=BigInteger)
    last_uid: int = Field(default=0, sa_type=BigInteger)


class View(SQLModel, table=True):
    """One place where a message lies; the same message may have several."""

    account_id: str = Field(foreign_key="account.id", primary_key=True)
    folder: str = Field(primary_key=True)
    uidvalidity: int = Field(primary_key=True, sa_type=BigInteger)
    uid: int = Field(primary_key=True, sa_type=BigInteger)
    arrival_id: str = Field(foreign_key="arrival.id", index=True)


class Credential(SQLModel, table=True):
    """What a system submits with; the secret is 256 bit random and kept as a keyed SHA-256."""

    id: str = Field(primary_key=True)
    kind: str
    name: str
    username: str = Field(unique=True)
    secret_hash: str
    scopes: list[str] = Field(default_factory=list, sa_type=JSON)
    senders: list[str] = Field(default_factory=list, sa_type=JSON)
    networks: list[str] = Field(default_factory=list, sa_type=JSON)
    conversations: str = "answer"
    held: bool = False
    tag: str = ""
    disabled_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    last_used_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    created_at: datetime = Field(sa_type=UTCDateTime)


class Domain(SQLModel, table=True):
    """A domain we sign for: its DKIM selector and key (RFC 6376)."""

    id: str = Field(primary_key=True)
    name: str = Field(unique=True)
    selector: str
    private_sealed: bytes = Field(sa_type=LargeBinary)
    public_record: str
    created_at: datetime = Field(sa_type=UTCDateTime)


class Contact(SQLModel, table=True):
    """Somebody who writes to us or whom we write to."""

    id: str = Field(primary_key=True)
    address: str = Field(unique=True)
    name: str = ""
    created_at: datetime = Field(sa_type=UTCDateTime)


class Conversation(SQLModel, table=True):
    """Mail that belongs together, with a running number for people.

    `origin_id` is the relayed message it answers, shown first; `claims_id` the conversation it claims to belong to.
    """

    id: str = Field(primary_key=True)
    number: int = Field(unique=True)
    subject: str
    snippet: str = ""
    channel_id: str | None = Field(default=None, foreign_key="channel.id", index=True)
    credential_id: str | None = Field(default=None, foreign_key="credential.id")
    requester: str = Field(index=True)
    state: str = Field(default="open", index=True)
    assignee_id: str | None = Field(default=None, foreign_key="user.id", index=True)
    origin_id: str | None = Field(default=None, index=True)
    claims_id: str | None = None
    tags: list[str] = Field(default_factory=list, sa_type=JSON)
    messages: int = 0
    failed: int = Field(default=0, index=True)
    created_at: datetime = Field(sa_type=UTCDateTime)
    updated_at: datetime = Field(sa_type=UTCDateTime, index=True)


class Participant(SQLModel, table=True):
    """An address that takes part in a conversation."""

    conversation_id: str = Field(foreign_key="conversation.id", primary_key=True)
    address: str = Field(primary_key=True, index=True)
    name: str = ""
    role: str = "participant"


class Seen(SQLModel, table=True):
    """Up to when a user has read a conversation."""

    user_id: str = Field(foreign_key="user.id", primary_key=True)
    conversation_id: str = Field(foreign_key="conversation.id", primary_key=True)
    at: datetime = Field(sa_type=UTCDateTime)


class KnownId(SQLModel, table=True):
    """A Message-ID that was seen or only referenced (a ghost: no `message_pk`) and the conversation it leads to."""

    __tablename__ = "known_id"
    message_id: str = Field(primary_key=True)
    conversation_id: str = Field(foreign_key="conversation.id", primary_key=True)
    message_pk: str | None = None


class Message(SQLModel, table=True):
    """One mail, in or out, or an agent's note; `raw_id` names its octets, `outcome` is that of an inbound one.

    `dsn` holds RET and ENVID of the submission (RFC 3461), where they were given.
    """

    __table_args__ = (
        UniqueConstraint("direction", "digest"),
        Index("ix_message_conversation", "conversation_id", "at"),
    )
    id: str = Field(primary_key=True)
    direction: str
    digest: str
    kind: str = Kind.MESSAGE
    message_id: str = Field(index=True)
    raw_id: str = ""
    subject: str = ""
    from_name: str = ""
    from_address: str = ""
    recipients_shown: list[dict[str, str]] = Field(default_factory=list, sa_type=JSON)
    snippet: str = ""
    at: datetime = Field(sa_type=UTCDateTime, index=True)
    sent_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    size: int
    envelope_from: str = ""
    conversation_id: str | None = Field(default=None, foreign_key="conversation.id")
    channel_id: str | None = Field(default=None, foreign_key="channel.id")
    credential_id: str | None = Field(default=None, foreign_key="credential.id", index=True)
    user_id: str | None = Field(default=None, foreign_key="user.id")
    trigger: str = ""
    outcome: str = ""
    strength: str = Strength.NONE
    verified: bool = True
    auth: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    why: Why = Field(default_factory=list, sa_type=JSON)
    attachments: int = 0
    dsn: dict[str, str] = Field(default_factory=dict, sa_type=JSON)


class Raw(SQLModel, table=True):
    """A mail's octets: here up to 128 KB, larger ones as a content-addressed file."""

    id: str = Field(primary_key=True)
    data: bytes | None = Field(default=None, sa_type=LargeBinary)
    blob: str | None = None
    size: int


class Arrival(SQLModel, table=True):
    """An inbound mail as it came, with its envelope; stored before it is read, and ends in exactly one outcome."""

    id: str = Field(primary_key=True)
    receipt: str = Field(unique=True)
    inlet: str
    envelope_from: str = ""
    recipient: str = ""
    remote_ip: str = ""
    helo: str = ""
    account_id: str | None = Field(default=None, foreign_key="account.id")
    channel_id: str | None = Field(default=None, foreign_key="channel.id")
    auth: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    strength: str = Strength.NONE
    raw_id: str = Field(foreign_key="raw.id")
    received_at: datetime = Field(sa_type=UTCDateTime, index=True)
    outcome: str = Field(default=Outcome.PENDING, index=True)
    outcome_why: str = ""
    tries: int = 0
    message_id: str | None = Field(default=None, foreign_key="message.id", index=True)


class Delivery(SQLModel, table=True):
    """One message to one recipient: where it stands, and the last answer.

    `notify` and `orcpt` are those of its RCPT command (RFC 3461); `notified_at` is when its delay was told.
    """

    __table_args__ = (UniqueConstraint("message_id", "recipient"), Index("ix_delivery_due", "state", "next_attempt_at"))
    id: str = Field(primary_key=True)
    message_id: str = Field(foreign_key="message.id")
    recipient: str = Field(index=True)
    state: str = DeliveryState.QUEUED
    attempts: int = 0
    next_attempt_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    lease_until: datetime | None = Field(default=None, sa_type=UTCDateTime)
    fence: int = 0
    code: int | None = None
    status: str | None = None
    text: str = ""
    remote_host: str = ""
    route: str = ""
    reported: bool = False
    notify: str = ""
    orcpt: str = ""
    notified_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    created_at: datetime = Field(sa_type=UTCDateTime)
    updated_at: datetime = Field(sa_type=UTCDateTime)


class DeliveryEvent(SQLModel, table=True):
    """What happened to a delivery, append-only: one per attempt, report or act."""

    __tablename__ = "delivery_event"
    id: str = Field(primary_key=True)
    delivery_id: str = Field(foreign_key="delivery.id", index=True)
    at: datetime = Field(sa_type=UTCDateTime)
    state: str
    source: str
    attempt: int = 0
    code: int | None = None
    status: str | None = None
    text: str = ""
    remote_host: str = ""
    next_attempt_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class Event(SQLModel, table=True):
    """History, audit and the source of live updates, in one append-only table; `seq` is a consumer's position."""

    seq: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(sa_type=UTCDateTime)
    kind: str
    conversation_id: str | None = Field(default=None, index=True)
    message_id: str | None = Field(default=None, index=True)
    delivery_id: str | None = None
    channel_id: str | None = None
    user_id: str | None = None
    data: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)


class Idempotency(SQLModel, table=True):
    """A caller's key for one send, kept 24 h, in the transaction of the message it made."""

    credential_id: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    request_hash: str
    message_id: str
    at: datetime = Field(sa_type=UTCDateTime)


class SandboxMail(SQLModel, table=True):
    """A mail that the sandbox kept instead of sending it, and what it answered."""

    __tablename__ = "sandbox_mail"
    id: str = Field(primary_key=True)
    delivery_id: str = Field(foreign_key="delivery.id", index=True)
    message_id: str = Field(foreign_key="message.id", index=True)
    mail_from: str
    recipient: str
    at: datetime = Field(sa_type=UTCDateTime, index=True)
    code: int | None = None
    status: str | None = None
    text: str = ""


class Suppression(SQLModel, table=True):
    """An address (key) that is not written to until `expires_at`, and the proof why."""

    address: str = Field(primary_key=True)
    reason: str
    evidence: str = ""
    source: str
    delivery_id: str | None = Field(default=None, foreign_key="delivery.id")
    at: datetime = Field(sa_type=UTCDateTime)
    expires_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class Destination(SQLModel, table=True):
    """What we remember of a recipient domain: the TLS level once seen, its MTA-STS policy, and what is required."""

    domain: str = Field(primary_key=True)
    tls_level: str = "none"
    tls_seen_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    require_tls: bool = False
    sts_id: str = ""
    sts_policy: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    sts_expires_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class Webhook(SQLModel, table=True):
    """Where a system wants to hear of events; `position` is the last event it was given a call for."""

    id: str = Field(primary_key=True)
    url: str
    secret_sealed: bytes = Field(sa_type=LargeBinary)
    old_secret_sealed: bytes | None = Field(default=None, sa_type=LargeBinary)
    kinds: list[str] = Field(default_factory=list, sa_type=JSON)
    credential_id: str | None = Field(default=None, foreign_key="credential.id")
    position: int = 0
    failures: int = 0
    disabled_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    disabled_why: str = ""
    created_at: datetime = Field(sa_type=UTCDateTime)


class WebhookCall(SQLModel, table=True):
    """One event for one webhook: tried until it is answered with 2xx, at most two days."""

    __tablename__ = "webhook_call"
    __table_args__ = (Index("ix_webhook_call_due", "state", "next_attempt_at"),)
    id: str = Field(primary_key=True)
    webhook_id: str = Field(foreign_key="webhook.id", index=True)
    seq: int
    kind: str
    payload: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    state: str = "queued"
    attempts: int = 0
    next_attempt_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    lease_until: datetime | None = Field(default=None, sa_type=UTCDateTime)
    fence: int = 0
    code: int | None = None
    answer: str = ""
    created_at: datetime = Field(sa_type=UTCDateTime)
    updated_at: datetime = Field(sa_type=UTCDateTime)


class Transcript(SQLModel, table=True):
    """What was said in one attempt, secrets masked; kept 30 days."""

    event_id: str = Field(foreign_key="delivery_event.id", primary_key=True)
    text: str
    at: datetime = Field(sa_type=UTCDateTime, index=True)


class Counter(SQLModel, table=True):
    """A running number, such as the one of conversations."""

    name: str = Field(primary_key=True)
    value: int
