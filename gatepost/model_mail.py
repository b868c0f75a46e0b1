"""Rows of mail: conversations, messages, arrivals and one delivery per recipient."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, LargeBinary, UniqueConstraint, literal_column
from sqlmodel import Field, SQLModel

from gatepost.model_base import UTCDateTime, Why
from gatepost.words import DeliveryState, Kind, Outcome, Strength

NAMED = literal_column("blob").is_not(None)


class Contact(SQLModel, table=True):
    """An address that writes to us or that we write to; `same_as` is the contact whose further address it is."""

    id: str = Field(primary_key=True)
    address: str = Field(unique=True)
    name: str = ""
    same_as: str | None = Field(default=None, index=True)
    created_at: datetime = Field(sa_type=UTCDateTime)


class Conversation(SQLModel, table=True):
    """Mail that belongs together, with a running number for people.

    `origin_id` is the relayed message it answers, shown first; `claims_id` the conversation it claims to belong to,
    `merged_into` the one that a person merged it into. One in state `deleted` was `deleted_from` another state by a
    person, as `spam` or not, and can be restored; of one that is `purged` only what the truth needs is left.
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
    merged_into: str | None = Field(default=None, index=True)
    tags: list[str] = Field(default_factory=list, sa_type=JSON)
    messages: int = 0
    failed: int = Field(default=0, index=True)
    snoozed_until: datetime | None = Field(default=None, sa_type=UTCDateTime, index=True)
    deleted_at: datetime | None = Field(default=None, sa_type=UTCDateTime, index=True)
    deleted_by: str = ""
    deleted_from: str = ""
    spam: bool = False
    purged_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
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

    `dsn` holds RET and ENVID of the submission (RFC 3461), where they were given. What it said is gone since
    `purged_at`; the row stays, so that the same mail does not come back.
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
    purged_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class Raw(SQLModel, table=True):
    """A mail's octets: here up to 128 KB, larger ones as a content-addressed file.

    Since `purged_at` they are deleted; a `blob` that is still named then is to be removed.
    """

    __table_args__ = (Index("ix_raw_blob", "blob", sqlite_where=NAMED, postgresql_where=NAMED),)
    id: str = Field(primary_key=True)
    data: bytes | None = Field(default=None, sa_type=LargeBinary)
    blob: str | None = None
    size: int
    purged_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class Arrival(SQLModel, table=True):
    """An inbound mail as it came, with its envelope; stored before it is read, and ends in exactly one outcome.

    `internal_date` and `provider_thread` are what the server of a fetched mailbox says of it; `sent`: it was fetched
    from the folder of what the mailbox sent itself.
    """

    __table_args__ = (Index("ix_arrival_provider_thread", "account_id", "provider_thread"),)
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
    internal_date: datetime | None = Field(default=None, sa_type=UTCDateTime)
    provider_thread: str = ""
    outcome: str = Field(default=Outcome.PENDING, index=True)
    outcome_why: str = ""
    tries: int = 0
    decided: str = ""
    sent: bool = False
    message_id: str | None = Field(default=None, foreign_key="message.id", index=True)


class View(SQLModel, table=True):
    """One place where a message lies; the same message may have several.

    `flags` are the server's, sorted, with spaces between; `size` (octets) is the server's too, and with `fingerprint`
    (of some header fields) recognises the mail after its folder was numbered anew. At Gmail it has an id and `labels`.
    It has been gone from there since `gone_at`; the message stays.
    """

    account_id: str = Field(foreign_key="account.id", primary_key=True)
    folder: str = Field(primary_key=True)
    uidvalidity: int = Field(primary_key=True, sa_type=BigInteger)
    uid: int = Field(primary_key=True, sa_type=BigInteger)
    arrival_id: str = Field(foreign_key="arrival.id", index=True)
    flags: str = ""
    size: int = Field(default=0, sa_type=BigInteger)
    fingerprint: str = ""
    gm_msgid: str = ""
    labels: list[str] = Field(default_factory=list, sa_type=JSON)
    gone_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class LeftOut(SQLModel, table=True):
    """A mail on a server that was not fetched, on purpose, and why."""

    __tablename__ = "left_out"
    account_id: str = Field(foreign_key="account.id", primary_key=True)
    folder: str = Field(primary_key=True)
    uidvalidity: int = Field(primary_key=True, sa_type=BigInteger)
    uid: int = Field(primary_key=True, sa_type=BigInteger)
    why: str
    at: datetime = Field(sa_type=UTCDateTime)


class Delivery(SQLModel, table=True):
    """One message to one recipient: where it stands, and the last answer.

    `notify` and `orcpt` are those of its RCPT command (RFC 3461); `notified_at` is when its delay was told; `via` is
    the route that a person chose for it.
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
    via: str = ""
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


class Transcript(SQLModel, table=True):
    """What was said in one attempt, secrets masked; kept 30 days."""

    event_id: str = Field(foreign_key="delivery_event.id", primary_key=True)
    text: str
    at: datetime = Field(sa_type=UTCDateTime, index=True)


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
