"""Composes a delivery status notification (RFC 3464) in our own words, for the system that submitted the mail."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from itertools import chain

from gatepost.blobs import ContentFile
from gatepost.codes import explain, shown_code
from gatepost.gateway.canonical import MOST_HEADER
from gatepost.gateway.dsn_parameters import decode_xtext
from gatepost.gateway.large import Body, body_of
from gatepost.gateway.report_parts import block, digest, part, part_head, typed_address, wire
from gatepost.mail_header import read_header
from gatepost.reply import Reply, clean_text

HEADER_RETURNED = 64 * 1024
FULL_RETURNED = 10 * 1024 * 1024
TEXT_SHOWN = 500
SUBJECTS = {
    "failed": "Your mail could not be delivered",
    "delayed": "Your mail is delayed",
    "delivered": "Your mail was delivered",
    "relayed": "Your mail was handed on",
}
OPENINGS = {
    "failed": "It was not delivered to:",
    "delayed": "It has not been delivered yet, and is tried again, to:",
    "delivered": "It was delivered to:",
    "relayed": "It was handed to the next server, which tells no more about it, for:",
}


@dataclass(frozen=True, slots=True)
class Fact:
    """What is told of one recipient; `action` is failed, delayed, delivered or relayed (RFC 3464 section 2.3.3)."""

    recipient: str
    action: str
    reply: Reply
    remote_host: str
    orcpt: str
    at: datetime
    retry_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Original:
    """The mail that it is about: its octets or their file, when it came, and RET and ENVID of its submission."""

    content: bytes | ContentFile
    subject: str
    arrived_at: datetime
    ret: str = ""
    envid: str = ""


def compose_notice(
    original: Original, facts: Sequence[Fact], *, author: str, host: str, to: str, message_id: str, now: datetime
) -> tuple[bytes, Body]:
    """The header block with its empty line, and the body, which reads what is returned as it goes.

    The worst action gives it its subject. Raises OSError where the original cannot be read.
    """
    worst = next(action for action in SUBJECTS if any(fact.action == action for fact in facts))
    boundary = f"=_{digest(message_id, to, now.isoformat())}"
    head = [
        f"From: Mail Delivery System <{author}>",
        f"To: <{wire(to)}>",
        f"Subject: {SUBJECTS[worst]}",
        f"Date: {format_datetime(now)}",
        f"Message-ID: <{message_id}>",
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type=delivery-status;\r\n boundary="{boundary}"',
        "",
    ]
    opening = f"--{boundary}\r\n".encode()
    told = [
        part("text/plain; charset=utf-8", block(words(original, facts, host))),
        part("message/delivery-status", block(fields(original, facts, host))),
    ]
    kind, content = returned(original, worst == "failed")
    before = b"".join(opening + each for each in told) + opening + part_head(kind, content)
    after = f"\r\n--{boundary}--\r\n".encode()

    def body() -> Iterable[bytes]:
        return chain([before], content(), [after])

    return block(head), body


def words(original: Original, facts: Sequence[Fact], host: str) -> list[str]:
    """The part for people."""
    subject = clean_text(original.subject)[:200]
    lines = [f"This is {host}, which took your mail of {format_datetime(original.arrived_at)}"]
    lines += [f'with the subject "{subject}".'] if subject else ["without a subject."]
    for action in SUBJECTS:
        about = [fact for fact in facts if fact.action == action]
        if about:
            lines += ["", OPENINGS[action]]
        for fact in about:
            lines += ["", f"  {wire(fact.recipient)}", *(f"  {line}" for line in reasons(fact))]
    return lines


def reasons(fact: Fact) -> list[str]:
    """Why, and what to do."""
    if fact.action in ("delivered", "relayed"):
        return []
    meaning = explain(fact.reply, fact.recipient)
    lines = [meaning.reason, meaning.advice]
    if fact.reply.text:
        said = " ".join(text for text in (shown_code(fact.reply), clean_text(fact.reply.text)[:TEXT_SHOWN]) if text)
        lines.append(f"{fact.remote_host or 'Gatepost'} said: {said}")
    if fact.retry_until:
        lines.append(f"It is tried until {format_datetime(fact.retry_until)}.")
    return lines


def fields(original: Original, facts: Sequence[Fact], host: str) -> list[str]:
    """The part for programs (RFC 3464 section 2)."""
    lines = [f"Reporting-MTA: dns; {host}", f"Arrival-Date: {format_datetime(original.arrived_at)}"]
    if original.envid and (envid := decode_xtext(original.envid)):
        lines.insert(0, f"Original-Envelope-Id: {envid}")
    for fact in facts:
        lines += ["", *about_recipient(fact)]
    return lines


def about_recipient(fact: Fact) -> list[str]:
    """The fields of one recipient (section 2.3)."""
    lines = []
    kind, _, address = fact.orcpt.partition(";")
    if address and (original := decode_xtext(address)):
        lines.append(f"Original-Recipient: {kind}; {original}")
    digit = {"failed": 5, "delayed": 4}.get(fact.action, 2)
    status = fact.reply.status or f"{digit}.0.0"
    lines += [
        f"Final-Recipient: {typed_address(fact.recipient)}",
        f"Action: {fact.action}",
        f"Status: {digit}{status[1:]}",
    ]
    if fact.remote_host:
        lines.append(f"Remote-MTA: dns; {wire(fact.remote_host.partition(' ')[0])}")
    if fact.reply.code:
        lines.append(f"Diagnostic-Code: smtp; {wire(clean_text(str(fact.reply))[:TEXT_SHOWN])}")
    lines.append(f"Last-Attempt-Date: {format_datetime(fact.at)}")
    if fact.retry_until:
        lines.append(f"Will-Retry-Until: {format_datetime(fact.retry_until)}")
    return lines


def returned(original: Original, failed: bool) -> tuple[str, Body]:
    """The mail with RET=FULL where it failed and is not too large, else its header (RFC 3461 section 4.3); its type."""
    content = original.content
    if failed and original.ret == "FULL" and len(content) <= FULL_RETURNED:
        return "message/rfc822", content.pieces if isinstance(content, ContentFile) else body_of(content)
    head = content.head(MOST_HEADER) if isinstance(content, ContentFile) else content
    header = head[: min(read_header(head).body, HEADER_RETURNED)].rstrip(b"\r\n") + b"\r\n"
    return "text/rfc822-headers", body_of(header)
