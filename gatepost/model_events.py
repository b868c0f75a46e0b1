"""Rows of history, of what is remembered about the outside, and of those who want to hear."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, LargeBinary
from sqlmodel import Field, SQLModel

from gatepost.model_base import UTCDateTime


class Event(SQLModel, table=True):
    """History, audit and the source of live updates, in one append-only table; `seq` is a consumer's position."""

    seq: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(sa_type=UTCDateTime)
    kind: str
    conversation_id: str | None = Field(default=None, index=True)
    message_id: str | None = Field(default=None, index=True)
    delivery_id: str | None = Field(default=None, index=True)
    channel_id: str | None = None
    user_id: str | None = None
    data: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)


class Idempotency(SQLModel, table=True):
    """A caller's key for one send, kept 24 h, in the transaction of the message it made."""

    credential_id: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    request_hash: str
    message_id: str
    at: datetime = Field(sa_type=UTCDateTime, index=True)


class Suppression(SQLModel, table=True):
    """An address (key) that is not written to until `expires_at`, and the proof why."""

    address: str = Field(primary_key=True)
    reason: str
    evidence: str = ""
    source: str
    delivery_id: str | None = Field(default=None, foreign_key="delivery.id")
    at: datetime = Field(sa_type=UTCDateTime)
    expires_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class Unsubscribe(SQLModel, table=True):
    """A recipient (address key) who left a stream by himself; nothing else is kept from him."""

    stream: str = Field(primary_key=True)
    address: str = Field(primary_key=True)
    how: str
    delivery_id: str | None = Field(default=None, foreign_key="delivery.id")
    at: datetime = Field(sa_type=UTCDateTime)


class Route(SQLModel, table=True):
    """A way out beside that of the settings: where it leads (`config`), its sealed secret, and what is sent over it."""

    id: str = Field(primary_key=True)
    name: str = Field(unique=True)
    kind: str
    config: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    secret_sealed: bytes | None = Field(default=None, sa_type=LargeBinary)
    account_id: str | None = Field(default=None, foreign_key="account.id")
    rules: list[str] = Field(default_factory=list, sa_type=JSON)
    created_at: datetime = Field(sa_type=UTCDateTime)
    updated_at: datetime = Field(sa_type=UTCDateTime)


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
    """One event for one webhook: tried until it is answered with 2xx, at most two days.

    Calls of one `thread` (a conversation, or else a message) go out one after the other.
    """

    __tablename__ = "webhook_call"
    __table_args__ = (
        Index("ix_webhook_call_due", "state", "next_attempt_at"),
        Index("ix_webhook_call_thread", "webhook_id", "thread", "seq"),
    )
    id: str = Field(primary_key=True)
    webhook_id: str = Field(foreign_key="webhook.id")
    seq: int
    kind: str
    thread: str = ""
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


class Counter(SQLModel, table=True):
    """A running number, such as the one of conversations."""

    name: str = Field(primary_key=True)
    value: int
