"""Rows of connecting mailboxes at providers."""

from datetime import date, datetime

from sqlalchemy import JSON, LargeBinary
from sqlmodel import Field, SQLModel

from gatepost.model_base import UTCDateTime


class OAuthClient(SQLModel, table=True):
    """What Gatepost is registered as at a provider; one for each.

    `tenant` is Microsoft's directory where the registration is for one alone. `audience` is who may connect: `internal`
    (one organisation), `external`, or `testing` (Google ends its tokens after seven days).
    """

    __tablename__ = "oauth_client"
    provider: str = Field(primary_key=True)
    client_id: str
    secret_sealed: bytes = Field(sa_type=LargeBinary)
    tenant: str = ""
    audience: str = "internal"
    secret_expires_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    created_at: datetime = Field(sa_type=UTCDateTime)
    updated_at: datetime = Field(sa_type=UTCDateTime)


class Completeness(SQLModel, table=True):
    """What a folder held on a day (of arrival at its server), as the last comparison found it.

    `on_server` is the sum of what is `stored` here, `skipped` on purpose (`reasons`: how many for which reason),
    `waiting` for the next look, and `missing`. A folder that is not read has one row, for the day 1970-01-01.
    """

    account_id: str = Field(foreign_key="account.id", primary_key=True)
    folder: str = Field(primary_key=True)
    day: date = Field(primary_key=True)
    on_server: int = 0
    stored: int = 0
    skipped: int = 0
    waiting: int = 0
    missing: int = 0
    reasons: dict[str, int] = Field(default_factory=dict, sa_type=JSON)
    uids: list[int] = Field(default_factory=list, sa_type=JSON)


class Verification(SQLModel, table=True):
    """The last comparison of an account with its server: when, the sums, why it could not be made, when it is next.

    `refetched` counts what was missing and has been fetched again since it was found.
    """

    account_id: str = Field(foreign_key="account.id", primary_key=True)
    next_at: datetime = Field(sa_type=UTCDateTime, index=True)
    checked_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    on_server: int = 0
    stored: int = 0
    skipped: int = 0
    waiting: int = 0
    missing: int = 0
    refetched: int = 0
    tries: int = 0
    trouble: str = ""


class ExpiryTold(SQLModel, table=True):
    """Something that ends, and how many days before its end people were last told so."""

    __tablename__ = "expiry_told"
    key: str = Field(primary_key=True)
    ends_at: datetime = Field(sa_type=UTCDateTime)
    days: int


class Idler(SQLModel, table=True):
    """A process that watches mailboxes, alive until `until`, which it moves on; nobody takes its mailboxes before."""

    holder: str = Field(primary_key=True)
    until: datetime = Field(sa_type=UTCDateTime)
    process: int = 0


class Idling(SQLModel, table=True):
    """A mailbox that `holder` watches, and how that goes: `idle`, `asking`, or `waiting` with its reason."""

    account_id: str = Field(foreign_key="account.id", primary_key=True)
    holder: str = Field(index=True)
    word: str
    why: str = ""
    since: datetime = Field(sa_type=UTCDateTime)
