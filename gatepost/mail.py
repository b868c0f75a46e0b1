"""A mail (RFC 5322) read as a total function of its octets: never raises, linear, capped; what is wrong is listed."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from gatepost.address import Mailbox, parse_mailboxes
from gatepost.mail_body import Attachment, read_bodies
from gatepost.mail_date import read_date
from gatepost.mail_header import Header, Headers, read_header
from gatepost.mail_mime import Part, read_parts
from gatepost.mail_words import clean_name, decode_words
from gatepost.message_ids import extract_ids

__all__ = ["Attachment", "Mail", "Mailbox", "Part", "digest", "parse", "parse_head", "part_content"]

SUBJECT_LIMIT = 2000
CHUNK = 1024 * 1024
ONLY_ONCE = ("from", "sender", "reply-to", "to", "cc", "subject", "date", "message-id", "in-reply-to", "references")
TRACE = frozenset(
    (
        "received",
        "return-path",
        "delivered-to",
        "x-original-to",
        "envelope-to",
        "delivery-date",
        "authentication-results",
        "received-spf",
        "x-received",
        "x-envelope-from",
        "x-envelope-to",
        "x-delivered-to",
        "status",
        "x-status",
        "x-keywords",
        "x-uid",
        "lines",
        "content-length",
        "dkim-filter",
        "x-virus-scanned",
        "x-antivirus",
        "x-antivirus-status",
        "x-google-smtp-source",
        "x-gm-message-state",
        "x-forefront-antispam-report",
        "x-microsoft-antispam",
        "x-mozilla-status",
        "x-mozilla-status2",
        "x-mozilla-keys",
    )
)
TRACE_PREFIXES = ("arc-", "x-spam", "x-rspamd-", "x-ms-exchange-", "x-microsoft-antispam-", "x-imap")


@dataclass(frozen=True, slots=True)
class Mail:
    """What a mail says; ids are without brackets, `date` is in UTC, `text` what a person would read of the body."""

    size: int
    headers: Headers
    message_id: str | None
    from_: tuple[Mailbox, ...]
    sender: tuple[Mailbox, ...]
    reply_to: tuple[Mailbox, ...]
    to: tuple[Mailbox, ...]
    cc: tuple[Mailbox, ...]
    subject: str
    date: datetime | None
    in_reply_to: tuple[str, ...]
    references: tuple[str, ...]
    content_type: str
    text: str
    html: str | None
    parts: tuple[Part, ...]
    attachments: tuple[Attachment, ...]
    defects: tuple[str, ...]

    def header(self, name: str) -> str | None:
        """The first value of a header field, unfolded, its encoded words still encoded; None if there is none."""
        wanted, length = name.lower(), len(name)
        for field, value in self.headers:
            if len(field) == length and field.lower() == wanted:  # most need no lower case
                return value
        return None

    def all(self, name: str) -> tuple[str, ...]:
        """All values of a header field in order."""
        wanted, length = name.lower(), len(name)
        return tuple(value for field, value in self.headers if len(field) == length and field.lower() == wanted)


def parse(raw: bytes) -> Mail:
    """Read a mail: any octets give a Mail. Repeated From, To and Cc fields are all read, of others the first counts."""
    raw = with_line_feeds(raw)
    header = read_header(raw)
    parts, mime_defects = read_parts(raw, header)
    text, html, attachments, body_defects = read_bodies(parts)
    values = _by_name(header.fields)
    date = read_date(_one(values, "date"))
    ids = extract_ids(_one(values, "message-id"))
    return Mail(
        size=len(raw),
        headers=header.fields,
        message_id=ids[0] if ids else None,
        from_=tuple(mailbox for value in values.get("from", ())[:10] for mailbox in parse_mailboxes(value)),
        sender=parse_mailboxes(_one(values, "sender")),
        reply_to=parse_mailboxes(_one(values, "reply-to")),
        to=_mailboxes(values, "to"),
        cc=_mailboxes(values, "cc"),
        subject=clean_name(decode_words(_one(values, "subject")), SUBJECT_LIMIT),
        date=date,
        in_reply_to=extract_ids(" ".join(values.get("in-reply-to", ())[:10])),
        references=extract_ids(" ".join(values.get("references", ())[:10])),
        content_type=parts[0].content_type,
        text=text,
        html=html,
        parts=parts,
        attachments=attachments,
        defects=(*header.defects, *_field_defects(values, date), *mime_defects, *body_defects),
    )


def parse_head(raw: bytes) -> Mail:
    """As `parse`, of the header block alone: what that costs is bounded by its cap of 256 KB."""
    raw = with_line_feeds(raw)
    return parse(raw[: read_header(raw).body])


def with_line_feeds(raw: bytes) -> bytes:
    """The mail, its lines ended by LF where they ended with CR alone, as in the last century; offsets hold."""
    return raw.replace(b"\r", b"\n") if b"\r" in raw and b"\n" not in raw else raw


def headers_of(raw: bytes) -> Headers:
    """The header fields of a mail as `parse` reads them, without reading more."""
    return read_header(with_line_feeds(raw)).fields


def _by_name(fields: Headers) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for name, value in fields:
        values.setdefault(name.lower(), []).append(value)
    return values


def _one(values: dict[str, list[str]], name: str) -> str:
    found = values.get(name)
    return found[0] if found else ""


def _mailboxes(values: dict[str, list[str]], name: str) -> tuple[Mailbox, ...]:
    """To and Cc are often repeated against the rule: all of them count."""
    return tuple(mailbox for value in values.get(name, ())[:10] for mailbox in parse_mailboxes(value))


def _field_defects(values: dict[str, list[str]], date: datetime | None) -> Iterator[str]:
    for name in ONLY_ONCE:
        if len(values.get(name, ())) > 1:
            yield f"several {name} fields"
    if "from" not in values:
        yield "no from field"
    if "date" in values and date is None:
        yield "malformed date"


def part_content(mail: Mail, index: int) -> tuple[Attachment, bytes] | None:
    """The attachment that is the part of this index, and its decoded octets; None where there is none."""
    for attachment in mail.attachments:
        if attachment.index == index:
            return attachment, mail.parts[index].content
    return None


def digest(raw: bytes, mail: Mail | None = None) -> str:
    """The identity of a mail, whatever way it came: SHA-256 in hex of its fields (Message-ID included) and its body.

    Trace and filter fields, which each way adds, are left out; line ends and final blank lines make no difference.
    `mail` is what `parse` made of it, where that was done.
    """
    read = mail is not None and mail.parts[0].raw is raw  # else its line ends were changed
    header = Header(mail.headers, mail.parts[0].start) if mail and read else read_header(raw)
    state = hashlib.sha256()
    for name, value in header.fields:
        lower = name.lower()
        if lower not in TRACE and not lower.startswith(TRACE_PREFIXES):
            state.update(f"{lower}:{' '.join(value.split())}\n".encode("utf-8", "replace"))
    state.update(b"\n")
    for chunk in _normal_lines(raw, header.body):
        state.update(chunk)
    return state.hexdigest()


def _normal_lines(raw: bytes, start: int) -> Iterator[bytes]:
    end = len(raw.rstrip(b"\r\n"))
    while start < end:
        stop = min(start + CHUNK, end)
        if stop < end and raw[stop - 1] == 13:
            stop += 1
        yield raw[start:stop].replace(b"\r\n", b"\n")
        start = stop
