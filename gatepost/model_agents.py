"""Rows of agents who work by mail, and of what we send by ourselves: copies, their answers, acknowledgements."""

from datetime import datetime

from sqlalchemy import JSON
from sqlmodel import Field, SQLModel

from gatepost.model_base import UTCDateTime


class Follower(SQLModel, table=True):
    """Whether a user follows a conversation, where he said so himself; else his setting for assigned ones counts."""

    user_id: str = Field(foreign_key="user.id", primary_key=True)
    conversation_id: str = Field(foreign_key="conversation.id", primary_key=True)
    following: bool = True
    at: datetime = Field(sa_type=UTCDateTime)


class AgentAddress(SQLModel, table=True):
    """An address (key) from which an agent may work by mail, once its owner has opened the link in our mail."""

    __tablename__ = "agent_address"
    address: str = Field(primary_key=True)
    user_id: str = Field(foreign_key="user.id", index=True)
    token_hash: str = Field(default="", index=True)
    expires_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    asked: list[str] = Field(default_factory=list, sa_type=JSON)
    confirmed_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    created_at: datetime = Field(sa_type=UTCDateTime)


class AgentCopy(SQLModel, table=True):
    """The mail that told an agent of a message: what its two reply addresses are bound to.

    `people` are those who were named on top as readers of a public answer; empty where only a note can be answered.
    """

    __tablename__ = "agent_copy"
    message_id: str = Field(foreign_key="message.id", primary_key=True)
    conversation_id: str = Field(foreign_key="conversation.id", index=True)
    user_id: str = Field(foreign_key="user.id", index=True)
    answers_id: str = Field(index=True)
    people: list[dict[str, str]] = Field(default_factory=list, sa_type=JSON)
    expires_at: datetime = Field(sa_type=UTCDateTime)


class AgentMail(SQLModel, table=True):
    """What came to an agent's reply address: for which copy and role, and when it was acted upon and how."""

    __tablename__ = "agent_mail"
    message_id: str = Field(foreign_key="message.id", primary_key=True)
    copy_id: str = Field(index=True)
    role: str
    full: bool = False
    released_by: str | None = Field(default=None, foreign_key="user.id")
    acted_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
    result: str = ""


class Acknowledgement(SQLModel, table=True):
    """What a channel answers by itself to a mail that it got; nothing unless switched on."""

    channel_id: str = Field(foreign_key="channel.id", primary_key=True)
    on: bool = False
    text: str = ""


class AutomaticMail(SQLModel, table=True):
    """A mail that we sent by ourselves to an address (key), for what bounds them."""

    __tablename__ = "automatic_mail"
    message_id: str = Field(foreign_key="message.id", primary_key=True)
    address: str = Field(index=True)
    conversation_id: str | None = Field(default=None, foreign_key="conversation.id", index=True)
    kind: str
    at: datetime = Field(sa_type=UTCDateTime, index=True)


class Breaker(SQLModel, table=True):
    """A correspondent who gets no automatic mail until a time: by which rule, and the mails that went round."""

    address: str = Field(primary_key=True)
    rule: str
    cycle: list[str] = Field(default_factory=list, sa_type=JSON)
    at: datetime = Field(sa_type=UTCDateTime)
    until: datetime = Field(sa_type=UTCDateTime)
