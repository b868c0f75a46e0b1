"""What the API takes, as pydantic models; `/openapi.json` is made from them.

A validator's ValueError is the sentence that the caller reads beside the pointer to the field.
"""

import binascii
import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    TypeAdapter,
    WithJsonSchema,
    model_validator,
)

from gatepost.address import Address, AddressError, parse_address, parse_mailboxes
from gatepost.compose import ID_LIMIT, SUBJECT_LIMIT
from gatepost.mail_params import TYPE
from gatepost.message_ids import extract_ids
from gatepost.words import DeliveryState

NUMBER_DIGITS = 9
HEADER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,60}")
HEADERS_ALLOWED = frozenset(("auto-submitted", "comments", "feedback-id", "importance", "keywords", "organization"))
HEADERS_ALLOWED |= {"precedence", "priority", "sensitivity", "list-unsubscribe-post"}
HEADERS_ALLOWED |= {f"list-{name}" for name in ("archive", "help", "id", "owner", "post", "subscribe", "unsubscribe")}
HEADERS_OURS = ("x-gatepost", "x-original-to", "x-spam", "x-envelope")
VALUE_LIMIT = 900


class Taken(BaseModel):
    """What a caller sends: nothing that we do not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def one_line(text: str) -> str:
    """Text for a header field."""
    if any(char in text for char in "\r\n\0"):
        raise ValueError("This must be one line, without line breaks or NUL")
    return text


def checked_address(text: str) -> str:
    """An address, strictly (RFC 5321 section 4.1.2)."""
    try:
        return str(parse_address(text.strip()))
    except AddressError as error:
        raise ValueError(str(error)) from None


def checked_id(text: str) -> str:
    """A Message-ID, with or without brackets, as one without."""
    bare = text.strip().removeprefix("<").removesuffix(">")
    if not bare.isascii() or len(bare) > ID_LIMIT or extract_ids(f"<{bare}>") != (bare,):
        raise ValueError("This is not a Message-ID, such as <20261122.1@shop.example>")
    return bare


def from_base64(value: Any) -> Any:
    """The octets of base64 text, which may have line breaks."""
    if not isinstance(value, str):
        return value
    try:
        return binascii.a2b_base64("".join(value.split()), strict_mode=True)
    except ValueError:  # binascii.Error is one
        raise ValueError("This is not base64") from None


def media_type(text: str) -> str:
    if not TYPE.fullmatch(text.lower()):
        raise ValueError("This is not a media type, such as application/pdf")
    return text.lower()


def spelled_out(value: Any) -> Any:
    """`ana@x.example` and `Ana <ana@x.example>` as an object."""
    if not isinstance(value, str):
        return value
    found = parse_mailboxes(value) if len(value) < 1000 and value.rstrip().endswith(">") else ()
    if len(found) == 1 and found[0].address:
        return {"name": found[0].name, "address": str(found[0].address)}
    return {"address": value}


def allowed_name(name: str) -> str:
    """The name of a header field that callers may set; everything that decides or traces is ours."""
    lower = name.lower()
    if not HEADER_NAME.fullmatch(name):
        raise ValueError("This is not the name of a header field")
    if lower.startswith(HEADERS_OURS) or not (lower.startswith("x-") or lower in HEADERS_ALLOWED):
        raise ValueError("This header field cannot be set here; use one that begins with X-, or a List- field")
    return name


def read_id(prefix: str, text: str) -> str:
    """An id in a path; empty, which nothing has, when it is none."""
    return text if re.fullmatch(prefix + "_[0-9a-f]{32}", text) else ""


def read_number(text: str) -> int | None:
    """A conversation's number in a path; None for what is none, such as an id."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= NUMBER_DIGITS else None


OneLine = Annotated[str, AfterValidator(one_line)]
AddressText = Annotated[str, Field(max_length=320), AfterValidator(checked_address)]
MessageId = Annotated[str, Field(max_length=998), AfterValidator(checked_id)]
HeaderName = Annotated[str, AfterValidator(allowed_name)]
Octets = Annotated[bytes, BeforeValidator(from_base64), WithJsonSchema({"type": "string", "contentEncoding": "base64"})]


class Person(Taken):
    """A mailbox: an address and a name to show with it."""

    address: AddressText
    name: Annotated[OneLine, Field(max_length=200)] = ""

    @property
    def parsed(self) -> Address:
        """The address as a value."""
        return parse_address(self.address)


Mailbox = Annotated[
    Person,
    BeforeValidator(spelled_out),
    WithJsonSchema({"anyOf": [{"type": "string", "examples": ["Ana <ana@x.example>"]}, Person.model_json_schema()]}),
]
People = Annotated[list[Mailbox], Field(max_length=5000)]


class AttachmentIn(Taken):
    """A file; a `message/...` or `multipart/...` type is sent as application/octet-stream."""

    name: Annotated[OneLine, Field(min_length=1, max_length=255)]
    content_type: Annotated[str, AfterValidator(media_type)] = "application/octet-stream"
    content: Octets


class SendMessage(Taken):
    """A mail in parts; at least one of `text` and `html`, and at least one recipient."""

    from_: Mailbox = Field(alias="from")
    to: People = []
    cc: People = []
    bcc: People = []
    subject: Annotated[OneLine, Field(max_length=SUBJECT_LIMIT)] = ""
    text: str | None = None
    html: str | None = None
    reply_to: Annotated[list[Mailbox], Field(max_length=10)] = []
    in_reply_to: MessageId | None = None
    references: Annotated[list[MessageId], Field(max_length=100)] = []
    headers: Annotated[
        dict[HeaderName, Annotated[OneLine, Field(max_length=VALUE_LIMIT)]],
        Field(max_length=50, description="Fields whose name begins with `X-`, or a documented one."),
    ] = {}
    attachments: Annotated[list[AttachmentIn], Field(max_length=100)] = []

    @property
    def recipients(self) -> list[str]:
        """The envelope's recipients."""
        return [person.address for person in (*self.to, *self.cc, *self.bcc)]


class SendRaw(Taken):
    """A whole mail (RFC 5322) in base64, and its envelope: `from` is the reverse-path, `to` the recipients."""

    raw: Octets
    from_: AddressText | Literal[""] = Field(default="", alias="from")
    to: Annotated[list[AddressText], Field(min_length=1, max_length=5000)]


def form_of(value: Any) -> str:
    """Which of the two forms a body has."""
    return "raw" if isinstance(value, dict) and "raw" in value else "mail"


FORMS = ("raw", "mail")
Send = Annotated[
    Annotated[SendRaw, Tag("raw")] | Annotated[SendMessage, Tag("mail")],
    Discriminator(form_of),
]
SEND: TypeAdapter[SendRaw | SendMessage] = TypeAdapter(Send)


class ReplyIn(Taken):
    """An answer; without `to` and `cc` it goes to whom an agent would be proposed."""

    text: Annotated[str, Field(min_length=1, max_length=1_000_000)]
    to: Annotated[list[AddressText], Field(min_length=1, max_length=100)] | None = None
    cc: Annotated[list[AddressText], Field(max_length=100)] | None = None

    @model_validator(mode="after")
    def fits(self) -> "ReplyIn":
        """Cc alone would leave open who is answered."""
        if self.cc and self.to is None:
            raise ValueError("Name `to` as well when you name `cc`")
        return self


class EnvelopeQuery(Taken):
    """The envelope of a mail sent as `message/rfc822`: `from` is the reverse-path, `to` may be repeated."""

    from_: AddressText | Literal[""] = Field(default="", alias="from")
    to: Annotated[list[AddressText], Field(min_length=1, max_length=5000)]


class NoQuery(Taken):
    """A path without a query."""


class Paging(Taken):
    """One page of a list; `after` is `next` of the page before."""

    limit: Annotated[int, Field(ge=1, le=100)] = 20
    after: Annotated[str, Field(max_length=64, pattern=r"^[a-z]{3}_[0-9a-z]{1,40}$")] | None = None


class MessageQuery(Paging):
    """Which messages: those that have a delivery in this state."""

    state: DeliveryState | None = None


class ConversationQuery(Paging):
    """Which conversations: in this state, with this tag; with `failed` those with a recipient that was not reached.

    Deleted ones are only listed where the state asks for them.
    """

    state: Literal["open", "closed", "deleted"] | None = None
    failed: bool | None = None
    tag: Annotated[str, Field(min_length=1, max_length=100)] | None = None
