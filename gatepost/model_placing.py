"""Rows of placing: what people corrected, and the further mailboxes that show a conversation."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON
from sqlmodel import Field, SQLModel

from gatepost.model_base import UTCDateTime


class ConversationChannel(SQLModel, table=True):
    """A further mailbox whose people see a conversation, because a mail of it was written to that mailbox too."""

    __tablename__ = "conversation_channel"
    conversation_id: str = Field(foreign_key="conversation.id", primary_key=True)
    channel_id: str = Field(foreign_key="channel.id", primary_key=True, index=True)
    at: datetime = Field(sa_type=UTCDateTime)


class SideConversation(SQLModel, table=True):
    """A conversation with a third person, about another one (`parent_id`), which an agent began."""

    __tablename__ = "side_conversation"
    conversation_id: str = Field(foreign_key="conversation.id", primary_key=True)
    parent_id: str = Field(foreign_key="conversation.id", index=True)
    user_id: str | None = Field(default=None, foreign_key="user.id")
    at: datetime = Field(sa_type=UTCDateTime)


class Correction(SQLModel, table=True):
    """Mails that a person moved from one conversation to another (`kind` move, split or merge), and the way back.

    `before` holds the rows as they were: messages, known ids, and who was added and taken out. `policy` is set where
    mail was placed anew under it, not moved by a person's choice.
    """

    id: str = Field(primary_key=True)
    kind: str
    source_id: str = Field(foreign_key="conversation.id", index=True)
    target_id: str = Field(foreign_key="conversation.id", index=True)
    before: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    user_id: str | None = Field(default=None, foreign_key="user.id")
    actor: str = ""
    policy: str = ""
    at: datetime = Field(sa_type=UTCDateTime)
    undone_at: datetime | None = Field(default=None, sa_type=UTCDateTime)
