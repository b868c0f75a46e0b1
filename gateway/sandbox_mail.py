"""The mails that the sandbox's remote servers write: a delivery status notification and an out-of-office answer."""

from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from gatepost.address import parse_mailboxes
from gatepost.gateway.report_parts import block, digest, part, typed_address, wire
from gatepost.gateway.sandbox import REMOTE_HOST
from gatepost.mail_header import Headers, first, read_header
from gatepost.mail_words import decode_words, encode_words
from gatepost.message_ids import extract_ids
from gatepost.reply import Reply, shown

LATE = Reply(550, "5.1.1", "The recipient's mailbox was closed after the mail had been accepted")
HEADER_RETURNED = 64 * 1024
SUBJECT_LIMIT = 200


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A mail for our MX; `mail_from` is empty, the null reverse-path."""

    mail_from: str
    recipient: str
    content: bytes


def follow_up(
    kind: str, *, return_path: str, recipient: str, content: bytes, now: datetime, from_is_channel: bool
) -> FollowUp | None:
    """The mail that comes back for one that `recipient` got with this return path; None where nothing may come back.

    A bounce goes to the return path. An automatic answer goes to the mail's From where that is an address of ours that
    people write to, as many real responders do, and else to the return path (RFC 3834 section 4).
    """
    if not return_path:
        return None
    if kind == "bounce":
        return FollowUp("", return_path, compose_dsn(recipient, content, to=return_path, now=now))
    author = from_address(read_header(content).fields)
    to = author if from_is_channel and author else return_path
    return FollowUp("", to, compose_autoreply(recipient, content, to=to, now=now))


def compose_dsn(recipient: str, content: bytes, *, to: str, now: datetime) -> bytes:
    """A delivery status notification (RFC 3464) as Postfix writes them, with the mail's header returned."""
    identifier = digest("dsn", to, recipient, now.isoformat())
    boundary = f"=_{identifier}"
    returned = content[: min(read_header(content).body, HEADER_RETURNED)].rstrip(b"\r\n") + b"\r\n"
    said = f"{LATE.code} {LATE.status} {LATE.text}"
    head = [
        f"From: Mail Delivery System <MAILER-DAEMON@{REMOTE_HOST}>",
        f"To: {wire(to)}",
        "Subject: Undelivered Mail Returned to Sender",
        f"Date: {format_datetime(now)}",
        f"Message-ID: <{identifier}@{REMOTE_HOST}>",
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type=delivery-status; boundary="{boundary}"',
        "",
    ]
    text = [
        f"This is the mail system at host {REMOTE_HOST}.",
        "",
        "I'm sorry to have to inform you that your message could not",
        "be delivered to one or more recipients.",
        "",
        f"<{wire(recipient)}>: host mx.{REMOTE_HOST} said: {wire(said)}",
    ]
    report = [
        f"Reporting-MTA: dns; {REMOTE_HOST}",
        f"Arrival-Date: {format_datetime(now)}",
        "",
        f"Final-Recipient: {typed_address(recipient)}",
        "Action: failed",
        f"Status: {LATE.status}",
        f"Remote-MTA: dns; mx.{REMOTE_HOST}",
        f"Diagnostic-Code: smtp; {wire(said)}",
    ]
    parts = [
        part("text/plain; charset=us-ascii", block(text)),
        part("message/delivery-status", block(report)),
        part("text/rfc822-headers", returned),
    ]
    opening = f"--{boundary}\r\n".encode()
    return block(head) + b"".join(opening + each for each in parts) + f"--{boundary}--\r\n".encode()


def compose_autoreply(recipient: str, content: bytes, *, to: str, now: datetime) -> bytes:
    """An out-of-office answer (RFC 3834) of `recipient` to this mail."""
    fields = read_header(content).fields
    subject = (
        shown(decode_words((first(fields, "Subject") or "")[: SUBJECT_LIMIT * 4])).strip()[:SUBJECT_LIMIT]
        or "your message"
    )
    ids = extract_ids(first(fields, "Message-ID") or "")
    title = f"Automatic reply: {subject}"
    head = [
        f"From: {wire(recipient)}",
        f"To: {wire(to)}",
        f"Subject: {title if title.isascii() and '=?' not in title else fold(encode_words(title))}",
        f"Date: {format_datetime(now)}",
        f"Message-ID: <{digest('auto', to, recipient, now.isoformat())}@{REMOTE_HOST}>",
        "Auto-Submitted: auto-replied",
        "X-Auto-Response-Suppress: All",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
    ]
    if ids:
        head += [f"In-Reply-To: <{wire(ids[0])}>", f"References: <{wire(ids[0])}>"]
    text = ["", "I am out of the office until Monday and read mail only now and then.", "(an answer of the sandbox)"]
    return block([*head, *text])


def from_address(fields: Headers) -> str | None:
    """The address of the first author, as `local@domain` in lower case."""
    boxes = parse_mailboxes(first(fields, "From") or "")
    return boxes[0].address.key if boxes and boxes[0].address else None


def fold(words: str) -> str:
    """Encoded words on a line each."""
    return words.replace(" ", "\r\n ")
