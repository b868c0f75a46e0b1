"""Our own mails as octets: CRLF, 7-bit safe, injection-safe; `mail.parse` reads back what is composed here."""

import binascii
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from email.utils import format_datetime
from urllib.parse import quote

from gatepost.address import format_mailbox, parse_mailboxes
from gatepost.mail_params import TYPE, clean_file_name
from gatepost.mail_words import clean_name, encode_words
from gatepost.message_ids import extract_ids

REFERENCES_LIMIT = 20
ID_LIMIT = 250
LINE = 76
BODY_LINE = 990
PIECE = 57 * 1024
"""Octets of a file that are encoded at a time: whole lines of base64."""
SUBJECT_LIMIT = 500
VALUE_LIMIT = 4000
NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,60}")
NEW_LINE = re.compile(r"\r\n|\r|\n")
ADDRESS_FIELDS = frozenset(("reply-to", "sender"))
OWN_FIELDS = frozenset(("from", "to", "cc", "bcc", "subject", "date", "message-id", "in-reply-to", "references"))

Named = tuple[str, str]
"""A display name, which may be empty, and an address."""

File = tuple[str, str, bytes]
"""A file name, a media type, and the content."""


def compose(
    *,
    from_: Named,
    to: Sequence[Named],
    cc: Sequence[Named] = (),
    subject: str,
    text: str,
    html: str | None = None,
    message_id: str,
    date: datetime,
    in_reply_to: Sequence[str] = (),
    references: Sequence[str] = (),
    extra_headers: Mapping[str, str] | None = None,
    attachments: Sequence[File] = (),
) -> bytes:
    """A whole mail (RFC 5322) with CRLF line ends; ids are without brackets, References keeps the first and the newest.

    Raises AddressError for a bad address, ValueError for a field name that is malformed or ours to write. Only a local
    part outside ASCII makes it need SMTPUTF8.
    """
    fields = [
        ("From", format_mailbox(*from_)),
        ("To", ", ".join(format_mailbox(*mailbox) for mailbox in to) or "undisclosed-recipients:;"),
        ("Cc", ", ".join(format_mailbox(*mailbox) for mailbox in cc)),
        ("Subject", unstructured(subject, SUBJECT_LIMIT)),
        ("Date", format_datetime(date)),
        ("Message-ID", _ids([message_id])),
        ("In-Reply-To", _ids(in_reply_to)),
        ("References", _ids(_capped(references))),
        *_extra(extra_headers or {}),
        ("MIME-Version", "1.0"),
    ]
    seed = f"{message_id} {text} {html}".encode("utf-8", "replace")
    entity = [_text_entity("plain", text)]
    if html is not None:
        entity = _multipart("alternative", [entity, [_text_entity("html", html)]], seed + b"a")
    if attachments:
        entity = _multipart("mixed", [entity, *(_file_entity(file) for file in attachments)], seed + b"m")
    head = [fold(name, value) for name, value in fields if value or name == "Subject"]
    return b"".join([*head, *entity])


def fold(name: str, value: str) -> bytes:
    """A header field as octets, folded at blanks (RFC 5322 section 2.2.3), 76 characters a line where it can."""
    lines: list[str] = []
    line = f"{name}:"
    for word in value.split():
        if len(line) + 1 + len(word) > LINE and line.strip() != f"{name}:":
            lines.append(line)
            line = ""
        line += f" {word}"
    return "\r\n".join([*lines, line if value else f"{name}: "]).encode("utf-8", "replace") + b"\r\n"


def unstructured(text: str, limit: int = VALUE_LIMIT) -> str:
    """Free text for a header field: one line, cleaned, encoded words where it is not plain ASCII (RFC 2047)."""
    shown = clean_name(text, limit)
    plain = shown.isascii() and "=?" not in shown and all(len(word) < BODY_LINE - LINE for word in shown.split())
    return shown if plain else encode_words(shown)


def _extra(headers: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in headers.items():
        if not NAME.fullmatch(name) or name.lower() in OWN_FIELDS or name.lower().startswith(("content-", "mime-")):
            raise ValueError(f"{clean_name(name, 80)!r} cannot be set as an extra header field")
        if name.lower() in ADDRESS_FIELDS:
            found = [box for box in parse_mailboxes(value) if box.address]
            yield name, ", ".join(format_mailbox(box.name, str(box.address)) for box in found)
        else:
            yield name, unstructured(value)


def _ids(ids: Sequence[str]) -> str:
    """Ids in brackets; those that a header line cannot hold are left out."""
    kept = (cleaned for given in ids for cleaned in extract_ids(f"<{given.strip('<> ')}>"))
    return " ".join(f"<{given}>" for given in kept if given.isascii() and len(given) <= ID_LIMIT)


def _capped(references: Sequence[str]) -> Sequence[str]:
    if len(references) <= REFERENCES_LIMIT:
        return references
    return [references[0], *references[-(REFERENCES_LIMIT - 1) :]]


def _text_entity(kind: str, text: str) -> bytes:
    body = NEW_LINE.sub("\r\n", text).encode("utf-8", "replace")
    body += b"" if body.endswith(b"\r\n") else b"\r\n"  # b2a_qp takes the kind of line end from the first one
    charset, encoding = "utf-8", "quoted-printable"
    if body.isascii() and b"\0" not in body and all(len(line) < BODY_LINE for line in body.split(b"\r\n")):
        charset, encoding = "us-ascii", "7bit"
    else:
        body = binascii.b2a_qp(body, istext=True)
    head = f"Content-Type: text/{kind}; charset={charset}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    return head.encode() + body


def _file_entity(file: File) -> list[bytes]:
    written, media_type, content = file
    name = clean_file_name(written) or "file"
    if not TYPE.fullmatch(media_type) or media_type.startswith(("message/", "multipart/")):
        media_type = "application/octet-stream"
    ascii_name = name.encode("ascii", "replace").decode().replace("?", "_").replace('"', "_")
    parameter = f'filename="{ascii_name}"'
    if not name.isascii():
        parameter += f";\r\n filename*=utf-8''{quote(name)}"
    head = (
        f"Content-Type: {media_type}\r\nContent-Transfer-Encoding: base64\r\n"
        f"Content-Disposition: attachment;\r\n {parameter}\r\n\r\n"
    )
    pieces = [_base64_lines(content[at : at + PIECE]) for at in range(0, len(content), PIECE)]
    return [head.encode(), *(pieces or [b"\r\n"])]


def _base64_lines(octets: bytes) -> bytes:
    lines = [binascii.b2a_base64(octets[at : at + 57], newline=False) for at in range(0, len(octets), 57)]
    return b"\r\n".join([*lines, b""])


def _multipart(kind: str, entities: Sequence[list[bytes]], seed: bytes) -> list[bytes]:
    """A multipart whose boundary nobody can foresee in the text: it is a hash that includes the text.

    It comes in pieces, which are joined once: a large file is copied no oftener than it must be.
    """
    boundary = "=_" + hashlib.sha256(seed).hexdigest()[:32]
    head = f'Content-Type: multipart/{kind};\r\n boundary="{boundary}"\r\n\r\n'.encode()
    marker = f"--{boundary}\r\n".encode()
    inside = [piece for entity in entities for piece in (marker, *entity, b"\r\n")]
    return [head, *inside, f"--{boundary}--\r\n".encode()]
