"""Rows of what people are doing to connect a mailbox: logins under way, links for colleagues, admins' approvals."""

from datetime import datetime

from sqlalchemy import LargeBinary
from sqlmodel import Field, SQLModel

from gatepost.model_base import UTCDateTime


class ConnectAttempt(SQLModel, table=True):
    """A login at a provider under way, for ten minutes; the state that comes back is kept as a hash, the flow sealed.

    Only the browser that began it may finish it (`browser`, a hash). `result` is empty while nothing came back, then
    `connected` or the consent doctor's key. `shared` is a mailbox that another person logs in to.
    """

    __tablename__ = "connect_attempt"
    state_hash: str = Field(primary_key=True)
    provider: str
    channel_id: str = Field(foreign_key="channel.id", index=True)
    address: str
    flow_sealed: bytes = Field(sa_type=LargeBinary)
    browser: str
    user_id: str | None = Field(default=None, foreign_key="user.id")
    link_hash: str = ""
    shared: bool = False
    result: str = ""
    created_at: datetime = Field(sa_type=UTCDateTime)
    expires_at: datetime = Field(sa_type=UTCDateTime)
    used_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class ConnectLink(SQLModel, table=True):
    """A link that lets its holder connect one mailbox, without a login of ours: hashed, once, for 72 hours."""

    __tablename__ = "connect_link"
    token_hash: str = Field(primary_key=True)
    channel_id: str = Field(foreign_key="channel.id", index=True)
    address: str
    user_id: str | None = Field(default=None, foreign_key="user.id")
    created_at: datetime = Field(sa_type=UTCDateTime)
    expires_at: datetime = Field(sa_type=UTCDateTime)
    used_at: datetime | None = Field(default=None, sa_type=UTCDateTime)


class AdminApproval(SQLModel, table=True):
    """An organisation's administrator was asked to approve us, for 14 days; who comes back can set `approved_at` alone.

    With `app_only` nobody logs in afterwards. `by_link` is a colleague without a login of ours, told at `address`.
    """

    __tablename__ = "admin_approval"
    id: str = Field(primary_key=True)
    channel_id: str = Field(foreign_key="channel.id", index=True)
    provider: str
    address: str
    tenant: str
    app_only: bool = False
    by_link: bool = False
    user_id: str | None = Field(default=None, foreign_key="user.id")
    created_at: datetime = Field(sa_type=UTCDateTime)
    expires_at: datetime = Field(sa_type=UTCDateTime)
    approved_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    finished_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
