"""Rows of sending through connected mailboxes: copies in Sent, ids that servers gave, what is written back."""

from datetime import datetime

from sqlalchemy import BigInteger, Index
from sqlmodel import Field, SQLModel

from gatepost.model_base import UTCDateTime


class SentCopy(SQLModel, table=True):
    """The copy of a mail that went out over an account, in its Sent folder.

    `state` is `due` (to be looked for at `next_at`), `found`, `appended` (by us), `left` (the provider's affair, or
    switched off) or `failed`. `sure`: the mail was accepted; where that is not known it is only looked for.
    """

    __tablename__ = "sent_copy"
    __table_args__ = (Index("ix_sent_copy_due", "state", "next_at"),)
    message_id: str = Field(foreign_key="message.id", primary_key=True)
    account_id: str = Field(foreign_key="account.id", primary_key=True)
    state: str = "due"
    sure: bool = True
    folder: str = ""
    uid: int = Field(default=0, sa_type=BigInteger)
    header_id: str = ""
    why: str = ""
    tries: int = 0
    next_at: datetime = Field(sa_type=UTCDateTime)
    at: datetime = Field(sa_type=UTCDateTime)


class OtherId(SQLModel, table=True):
    """A Message-ID that a server gave to a mail of ours instead of its own; `source` says how we know."""

    __tablename__ = "other_id"
    header_id: str = Field(primary_key=True)
    message_id: str = Field(foreign_key="message.id", primary_key=True, index=True)
    source: str = ""
    at: datetime = Field(sa_type=UTCDateTime)


class WriteBack(SQLModel, table=True):
    """Something done here that is to be done to a mail at its provider too.

    `act` is `read`, `unread`, `archive`, `inbox`, `back`, `spam` or `trash`; `state` is `due`, `done`, `failed`, or
    `replaced` by a later one.
    """

    __tablename__ = "write_back"
    __table_args__ = (Index("ix_write_back_due", "state", "next_at"),)
    id: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="account.id")
    arrival_id: str = Field(foreign_key="arrival.id", index=True)
    act: str
    state: str = "due"
    why: str = ""
    tries: int = 0
    next_at: datetime = Field(sa_type=UTCDateTime)
    at: datetime = Field(sa_type=UTCDateTime)
