"""Rows of who we may send as: domains with their DKIM keys and what the DNS said, and confirmed addresses."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, LargeBinary, UniqueConstraint
from sqlmodel import Field, SQLModel

from gatepost.model_base import UTCDateTime


class Domain(SQLModel, table=True):
    """A domain of ours; `verified_at` is when the DNS first proved it, `report` the last check of its records.

    `broken_at` is set while a record that was right is not any more.
    """

    id: str = Field(primary_key=True)
    name: str = Field(unique=True)
    created_at: datetime = Field(sa_type=UTCDateTime)
    verified_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    checked_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    broken_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    report: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)


class DomainKey(SQLModel, table=True):
    """A DKIM key of a domain (RFC 6376); `state` is a word of `domain_key.KeyState`, `steps` the evidence for it.

    `stopped_at` is when it signed last; the private half is erased when the key is retired.
    """

    __tablename__ = "domain_key"
    __table_args__ = (UniqueConstraint("domain_id", "selector"),)
    id: str = Field(primary_key=True)
    domain_id: str = Field(foreign_key="domain.id")
    selector: str
    algorithm: str
    private_sealed: bytes = Field(sa_type=LargeBinary)
    public_record: str
    state: str
    steps: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    stopped_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    created_at: datetime = Field(sa_type=UTCDateTime)


class Sender(SQLModel, table=True):
    """An address that may stand in From once it is confirmed; `how` says by what. `asked` are times of our mails.

    The link's token is kept as SHA-256. A bare domain stands here only where an admin had listed it before there was
    any confirmation.
    """

    id: str = Field(primary_key=True)
    address: str = Field(unique=True)
    token_hash: str = Field(default="", index=True)
    expires_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    asked: list[str] = Field(default_factory=list, sa_type=JSON)
    message_id: str | None = None
    confirmed_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    how: str = ""
    created_at: datetime = Field(sa_type=UTCDateTime)
