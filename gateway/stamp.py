"""What is written into an outgoing mail before it is signed: missing fields, trace, and no Bcc (RFC 6409 section 8)."""

import re
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import format_datetime

from gatepost.address import Mailbox, format_mailbox, parse_mailboxes
from gatepost.gateway.canonical import Field, NotMail, split_mail, values, with_crlf
from gatepost.mail_words import decode_words
from gatepost.message_ids import extract_ids
from gatepost.reply import Refused, clean_text

QUOTED = re.compile(r'"(?:[^"\\]|\\.){0,500}"|=\?[A-Za-z0-9._*-]{1,40}\?[bBqQ]\?[A-Za-z0-9+/=!*_-]{0,200}\?=')
DROPPED = (b"bcc", b"resent-bcc", b"return-path")
ONCE = (b"message-id", b"date")
MOST_HOPS = 50
MOST_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Header:
    """The fields of an outgoing mail that decide and are shown; `shown` are its To and Cc."""

    fields: list[Field]
    body: bytes
    senders: list[str]
    message_id: str
    has_date: bool
    subject: str
    shown: list[dict[str, str]]
    references: tuple[str, ...]


def read_header(content: bytes) -> Header:
    """Read a submitted mail's header block. Raises Refused for what is no mail, or went round in a loop."""
    try:
        fields, body = split_mail(with_crlf(content))
    except NotMail as error:
        raise Refused(550, "5.6.0", f"This is not a mail: {error}") from None
    if len(values(fields, b"received")) > MOST_HOPS:
        raise Refused(554, "5.4.6", f"The mail has passed more than {MOST_HOPS} servers: it goes round in a loop")
    ids = extract_ids(text_of(fields, b"message-id"))
    return Header(
        fields=fields,
        body=body,
        senders=[decoded(value) for value in values(fields, b"from")],
        message_id=ids[0] if ids else "",
        has_date=bool(values(fields, b"date")),
        subject=clean_text(decode_words(text_of(fields, b"subject")))[:500],
        shown=shown_recipients(fields),
        references=extract_ids(text_of(fields, b"references") + " " + text_of(fields, b"in-reply-to")),
    )


def with_clear_from(header: Header, sender: Mailbox) -> Header:
    """The header with its one From written anew where another reader might find somebody else in it than `sender`."""
    if not sender.address or not any(is_unclear(value) for value in header.senders):
        return header
    written = f" {format_mailbox(sender.name, str(sender.address))}\r\n".encode()
    return replace(header, fields=[(n, written if n.lower() == b"from" else value) for n, value in header.fields])


def is_unclear(value: str) -> bool:
    """Whether a From has more, outside quoted strings and encoded words, than words and one address."""
    bare = QUOTED.sub("", value)
    brackets = bare.count("<")
    if brackets > 1 or (not brackets and len(value.split()) > 1):
        return True
    return bare.count("@") != 1 or any(c in bare for c in '"\\(),:;[]')


def decoded(value: bytes) -> str:
    return value.decode("utf-8", "replace").replace("\r\n", "").strip()


def text_of(fields: list[Field], name: bytes) -> str:
    """The first field of this name as text, empty when it is missing."""
    return decoded(next(iter(values(fields, name)), b""))


def shown_recipients(fields: list[Field]) -> list[dict[str, str]]:
    """To and Cc as rows keep them: field, address key, name; at most 200."""
    found = []
    for field in ("to", "cc"):
        for value in values(fields, field.encode()):
            found += [shown(field, box) for box in parse_mailboxes(decoded(value)) if box.address]
    return found[:MOST_SHOWN]


def shown(field: str, box: Mailbox) -> dict[str, str]:
    return {"field": field, "address": box.address.key if box.address else "", "name": box.name}


def stamped(header: Header, *, row_id: str, minted_id: str, host: str, protocol: str, now: datetime) -> bytes:
    """The mail as it is signed: with Received, one Date and one Message-ID, without Bcc."""
    lines = [f"Received: by {host} with {protocol} id {row_id};\r\n\t{format_datetime(now)}\r\n".encode()]
    seen: set[bytes] = set()
    for name, value in header.fields:
        lower = name.lower()
        if lower not in DROPPED and not (lower in ONCE and lower in seen):  # the first counts, as for threading
            lines.append(name + b":" + value)
        seen.add(lower)
    if not header.has_date:
        lines.append(f"Date: {format_datetime(now)}\r\n".encode())
    if not header.message_id:
        lines.append(f"Message-ID: <{minted_id}>\r\n".encode())
    return b"".join(lines) + b"\r\n" + header.body
