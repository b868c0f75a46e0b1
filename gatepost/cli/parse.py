"""`gatepost parse`: what Gatepost reads in mail files, one JSON object or a short summary per mail."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from gatepost.child import Children, JobFailed
from gatepost.cli.frame import harmless
from gatepost.cli.sources import MBOX_START, find_files, read_raw
from gatepost.mail import Mail, Mailbox, parse
from gatepost.threading.automatic import classify
from gatepost.threading.quoted import reply_text
from gatepost.threading.reading import is_harmless
from gatepost.threading.report import read_report
from gatepost.threading.report_facts import Recipient

DONE, BAD_INPUT, FINDINGS = 0, 2, 3
MAIL_LIMIT = 64 * 1024 * 1024
CHILDREN = Children(("gatepost.cli.parse", "gatepost.child_ready"), most=1)


def parse_files(paths: Sequence[Path], as_json: bool, out: TextIO) -> int:
    """Describe every mail of the files and folders on `out`; 0, 2 (a path is missing) or 3 (a file had trouble)."""
    missing = [path for path in paths if not path.exists()]
    for path in missing:
        _say({"file": str(path), "error": "There is no such file or folder."}, as_json, out)
    trouble = False
    for path in paths:
        for name, raw in read_mails(path):
            described = (
                {"file": name, **describe_safely(raw)}
                if raw is not None
                else {"file": name, "error": "This file could not be read."}
            )
            trouble = trouble or raw is None or not is_mail(raw) or "error" in described
            _say(described, as_json, out)
    if missing:
        return BAD_INPUT
    return FINDINGS if trouble else DONE


def is_mail(raw: bytes) -> bool:
    """Whether octets begin with at least one header field."""
    head = raw[:4096].lstrip(b"\r\n").split(b"\n", 2)
    lines = head[1:] if head[0].startswith(MBOX_START) else head
    name, colon, _ = (lines[0] if lines else b"").partition(b":")
    return bool(colon) and 0 < len(name) < 100 and b" " not in name.rstrip()


def read_mails(path: Path) -> Iterator[tuple[str, bytes | None]]:
    """(name, octets) of the mails of a file, an mbox (`file#number`) or a folder in order; None: not readable."""
    if not path.exists():
        return
    for file in find_files([path]):
        try:
            yield from read_raw(file, MAIL_LIMIT)
        except OSError:
            yield str(file), None


def describe_safely(raw: bytes) -> dict[str, Any]:
    """As `describe`, in a limited child where the mail is not small; where that fails, `error` says why."""
    if is_harmless(raw):
        return describe(raw)
    try:
        return CHILDREN.call(describe, raw)
    except JobFailed as failed:
        return {"error": f"{failed}; it would be quarantined"}


def describe(raw: bytes) -> dict[str, Any]:
    """One mail as the JSON object of `gatepost parse`; never raises."""
    mail = parse(raw)
    kind, why = classify(mail, None)
    report = read_report(mail)
    read = reply_text(mail)
    return {
        "message_id": mail.message_id,
        "from": [_mailbox(box) for box in mail.from_],
        "to": [_mailbox(box) for box in mail.to],
        "cc": [_mailbox(box) for box in mail.cc],
        "subject": mail.subject,
        "date": mail.date.isoformat() if mail.date else None,
        "in_reply_to": list(mail.in_reply_to),
        "references": list(mail.references),
        "kind": str(kind),
        "kind_why": why,
        "reply_text": read.reply,
        "text": mail.text,
        "html": mail.html,
        "attachments": _attachments(mail),
        "recipients": [_recipient(fact) for fact in report.recipients] if report else [],
        "returned_message_id": report.message_id if report else None,
        "defects": list(mail.defects)
        if is_mail(raw)
        else ["this is not a mail: it does not begin with a header field", *mail.defects],
    }


def _mailbox(box: Mailbox) -> dict[str, str | None]:
    return {"name": box.name, "address": str(box.address) if box.address else None, "raw": box.raw}


def _attachments(mail: Mail) -> list[dict[str, Any]]:
    return [
        {
            "index": a.index,
            "name": a.name,
            "content_type": a.content_type,
            "size": a.size,
            "inline": a.inline,
            "content_id": a.content_id,
        }
        for a in mail.attachments
    ]


def _recipient(fact: Recipient) -> dict[str, Any]:
    return {
        "address": fact.address,
        "action": fact.action,
        "status": fact.status,
        "code": fact.code,
        "text": fact.text,
        "reason": fact.reason,
        "hard": fact.hard,
        "original": fact.original,
        "remote": fact.remote,
        "evidence": fact.evidence,
    }


def _say(described: dict[str, Any], as_json: bool, out: TextIO) -> None:
    if as_json:
        out.write(json.dumps(described, ensure_ascii=True) + "\n")
        return
    out.write(harmless("\n".join(_summary(described))) + "\n\n")


def _summary(described: dict[str, Any]) -> Iterator[str]:
    """A few lines for people."""
    yield str(described["file"])
    if "error" in described:
        yield f"  {described['error']}"
        return
    yield f"  {described['kind']}: {described['subject'] or '(no subject)'}"
    yield f"  from {', '.join(box['address'] or box['raw'] for box in described['from']) or '(nobody)'}"
    for fact in described["recipients"]:
        codes = " ".join(str(code) for code in (fact["code"], fact["status"]) if code)
        yield f"  {fact['action']}: {fact['address']} {codes} ({fact['reason']})"
    for attachment in described["attachments"]:
        yield f"  attached: {attachment['name']} ({attachment['content_type']}, {attachment['size']} octets)"
    yield from (f"  note: {defect}" for defect in described["defects"])
    yield from (f"  | {line}" for line in described["reply_text"].splitlines()[:20])
