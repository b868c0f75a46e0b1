"""What the API answers, as pydantic models; `/openapi.json` is made from them."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from gatepost.words import DeliveryState, Kind


class Given(BaseModel):
    """What we answer."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Fault(Given):
    """What does not fit: a place in the body (`pointer`), a field of the query, or a header."""

    detail: str
    pointer: str | None = None
    parameter: str | None = None
    header: str | None = None


class ProblemOut(Given):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    errors: list[Fault] = []


class PersonOut(Given):
    """A mailbox."""

    address: str
    name: str


class DeliveryRef(Given):
    """One recipient of a mail that was accepted."""

    id: str
    recipient: str
    state: DeliveryState


class Accepted(Given):
    """A mail that is durably stored and on its way; `message_id` is that of its header, without brackets."""

    id: str
    message_id: str
    deliveries: list[DeliveryRef]


class ExplanationOut(Given):
    """What a server's answer means, what to do, and who can do it."""

    reason: str
    advice: str
    who: Literal["sender", "recipient", "admin", "wait"]
    retryable: bool


class DeliveryOut(DeliveryRef):
    """One recipient with the last answer of a server; `reported` when only an unproven bounce says so."""

    code: int | None
    status: str | None
    text: str
    remote_host: str
    attempts: int
    next_attempt_at: datetime | None
    updated_at: datetime
    reported: bool
    explanation: ExplanationOut | None


class FailureOut(Given):
    """Whether one, all or some recipients were not reached, and the sentence that people are shown."""

    scope: Literal["one", "all", "some"]
    sentence: str


class MessageRow(Given):
    """An outgoing mail as lists show it; `states` counts its recipients."""

    id: str
    message_id: str
    from_: PersonOut = Field(alias="from")
    to: list[PersonOut]
    cc: list[PersonOut]
    subject: str
    created_at: datetime
    size: int
    conversation_id: str | None
    states: dict[str, int]


class MessageOut(MessageRow):
    """An outgoing mail with what became of it for every recipient."""

    failure: FailureOut | None
    deliveries: list[DeliveryOut]


class MessageList(Given):
    """One page of messages, newest first; `next` is null on the last one."""

    data: list[MessageRow]
    next: str | None


class EventOut(Given):
    """What happened to a mail, or to one recipient of it; `transcript` is what was said in an attempt, for 30 days."""

    id: str
    at: datetime
    type: str
    delivery_id: str | None = None
    recipient: str | None = None
    attempt: int | None = None
    code: int | None = None
    status: str | None = None
    text: str = ""
    remote_host: str = ""
    source: str = ""
    transcript: str | None = None


class EventList(Given):
    """One page of events, oldest first."""

    data: list[EventOut]
    next: str | None


class ConversationOut(Given):
    """A conversation; `requester` is who began it, `failed` counts recipients that were not reached.

    `also_in` are further mailboxes that show it, because a mail of it went there too. Its state is open, closed,
    deleted (then `deleted_at` is set, and `spam` where that was why), or purged: what it said is gone.
    """

    id: str
    number: int
    subject: str
    snippet: str
    state: str
    requester: str
    participants: list[PersonOut]
    channel: str | None
    also_in: list[str]
    tags: list[str]
    messages: int
    failed: int
    spam: bool
    deleted_at: datetime | None
    purged_at: datetime | None
    created_at: datetime
    updated_at: datetime


class ConversationList(Given):
    """One page of conversations, newest first."""

    data: list[ConversationOut]
    next: str | None


class AttachmentOut(Given):
    """A file in a mail."""

    name: str
    content_type: str
    size: int


class ThreadMessage(Given):
    """A mail of a conversation; `text` is what is new in it, `quoted` what it repeats, `why` what put it there."""

    id: str
    direction: Literal["in", "out"]
    kind: Kind
    message_id: str
    from_: PersonOut = Field(alias="from")
    to: list[PersonOut]
    cc: list[PersonOut]
    subject: str
    at: datetime
    verified: bool
    text: str
    quoted: str
    attachments: list[AttachmentOut]
    why: list[str]
    failure: FailureOut | None
    deliveries: list[DeliveryOut]


class ThreadList(Given):
    """One page of a conversation's mails, oldest first."""

    data: list[ThreadMessage]
    next: str | None
