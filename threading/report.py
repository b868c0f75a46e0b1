"""What a bounce, delay notice, receipt or complaint says about each recipient: structured parts, then text."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from gatepost.mail import Mail, Part, parse
from gatepost.message_ids import extract_ids
from gatepost.threading.report_codes import is_hard, is_vague, read_code, read_reason, read_status
from gatepost.threading.report_fields import ACTIONS, Fields, read_fields
from gatepost.threading.report_text import Notice, is_from_daemon, read_notice, split_returned
from gatepost.words import Kind

STATUS_TYPES = ("message/delivery-status", "message/global-delivery-status")
RETURNED_TYPES = (
    "message/rfc822",
    "text/rfc822-headers",
    "message/global",
    "message/global-headers",
    "message/partial",
)
STATUS_LIMIT = 256 * 1024
RETURNED_LIMIT = 512 * 1024
RECIPIENT_LIMIT = 500
NESTED = 2


@dataclass(frozen=True, slots=True)
class Recipient:
    """One recipient of the mail that the report is about.

    `action` is failed, delayed, delivered, relayed or expanded; `status` an enhanced code or None, `code` a reply code
    or None; `reason` a class such as "mailbox full"; `original` the other name that the report gives the recipient.
    """

    address: str
    action: str
    status: str | None
    code: int | None
    text: str
    reason: str
    hard: bool
    original: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """A report; `message_id` is that of the returned mail without brackets, `why` what it was recognised by."""

    kind: Kind
    recipients: tuple[Recipient, ...]
    message_id: str | None
    why: tuple[str, ...]


def read_report(mail: Mail) -> Report | None:
    """Read a report (RFC 3464, 6533, 5965, 8098, then free text); None for every other mail. Total and linear."""
    return _read(mail, 0)


def _read(mail: Mail, depth: int) -> Report | None:
    returned = _returned(mail)
    feedback = _part_of(mail, ("message/feedback-report",))
    if feedback:
        return _feedback(feedback, returned)
    receipt = _part_of(mail, ("message/disposition-notification", "message/global-disposition-notification"))
    if receipt:
        return _receipt(receipt, returned)
    daemon = is_from_daemon(mail)
    statuses = list(_status_texts(mail, mislabelled=daemon))
    recipients = _unique([fact for text in statuses[:20] for group in read_fields(text) for fact in _structured(group)])
    notice = read_notice(mail, _readable(mail), returned) if daemon or recipients else None
    if not recipients and notice and notice.guessed and returned and depth < NESTED:
        inner = _read(returned, depth + 1)  # a gateway that wraps the bounce which it got
        if inner and inner.recipients:
            return inner
    if recipients:
        recipients = [_completed(fact, notice, len(recipients) == 1) for fact in recipients]
        why = ["delivery status fields (RFC 3464)"]
    elif notice and notice.recipients:
        recipients = [_told(address, text, notice) for address, text in notice.recipients]
        why = list(notice.why)
    elif notice and (notice.says_failure or _is_report_type(mail)):
        why = list(notice.why)
    else:
        return None
    message_id = (returned.message_id if returned else None) or _original_id(statuses)
    delayed = bool(notice and notice.delayed)
    return Report(_kind(recipients, delayed), tuple(recipients), message_id, tuple(why))


def _part_of(mail: Mail, types: Sequence[str]) -> Part | None:
    return next((part for part in mail.parts if part.content_type in types), None)


def _is_report_type(mail: Mail) -> bool:
    return mail.content_type == "multipart/report"


def _returned(mail: Mail) -> Mail | None:
    """The mail that came back, as far as it did."""
    part = _part_of(mail, RETURNED_TYPES)
    if part:
        return parse(part.content[:RETURNED_LIMIT])
    for text in _readable(mail):
        _, rest = split_returned(text)
        if rest:
            return parse(rest.encode("utf-8", "replace")[:RETURNED_LIMIT])
    return None


def _readable(mail: Mail) -> list[str]:
    """The texts of a report that are for people: the body, and further text parts; never the returned mail."""
    texts = [mail.text[:STATUS_LIMIT]]
    for part in mail.parts[1:]:
        if part.content_type == "text/plain":
            text = part.content[:STATUS_LIMIT].decode(_charset(part.charset), "replace")
            text = text.replace("\r\n", "\n")
            if text.strip() and text.strip()[:200] not in texts[0]:
                texts.append(text)
    return texts[:5]


def _charset(name: str | None) -> str:
    return "latin-1" if (name or "").lower() in ("iso-8859-1", "windows-1252") else "utf-8"


def _status_texts(mail: Mail, *, mislabelled: bool) -> Iterator[str]:
    """The delivery status parts as text; with `mislabelled` also parts of other types that hold such fields."""
    found = False
    for part in mail.parts:
        if part.content_type in STATUS_TYPES:
            found = True
            yield part.content[:STATUS_LIMIT].decode("utf-8", "replace")
    if found or not mislabelled:
        return
    for part in mail.parts:
        if part.is_multipart or part.content_type in RETURNED_TYPES or part.content_type == "text/html":
            continue
        text = split_returned(part.content[:STATUS_LIMIT].decode("utf-8", "replace"))[0]
        lower = text.lower()
        if "\nfinal-recipient:" in lower or lower.startswith("final-recipient:"):
            yield text


def _structured(group: Fields) -> Iterator[Recipient]:
    """One per-recipient group of fields (RFC 3464 section 2.3)."""
    action = group.action if group.action in ACTIONS else ("delayed" if (group.status or "")[:1] == "4" else "failed")
    if not group.address:
        return
    status = group.status
    told = read_status(group.diagnostic)
    if told and is_vague(status):
        status = told
    code = read_code(group.diagnostic, status)
    reason = read_reason(group.diagnostic, status)
    hard = action == "failed" and is_hard(status, code, False)
    yield Recipient(group.address, action, status, code, group.diagnostic, reason, hard, group.original)


def _completed(fact: Recipient, notice: Notice | None, alone: bool) -> Recipient:
    """Codes that the fields lack, out of the text for people about the same recipient."""
    if notice is None or fact.action not in ("failed", "delayed") or (fact.code and fact.status):
        return fact
    names = {fact.address.lower(), (fact.original or "").lower()}
    texts = [text for address, text in notice.recipients if address.lower() in names]
    if not texts and alone:
        texts = [notice.text]
    text = "\n".join(texts)
    told = read_status(text)
    status = told if told and is_vague(fact.status) and not is_vague(told) else fact.status or told
    code = fact.code or read_code(text, status)
    reason = fact.reason if fact.reason != "unknown" else read_reason(text, status)
    said = fact.text or " ".join(text.split())[:1000]
    hard = fact.action == "failed" and is_hard(status, code, False)
    return replace(fact, status=status, code=code, reason=reason, text=said, hard=hard)


def _told(address: str, text: str, notice: Notice) -> Recipient:
    """A recipient that only the text for people names."""
    status = read_status(text)
    if len(notice.recipients) == 1:
        status = status or read_status(notice.text)
    code = read_code(text, status)
    if len(notice.recipients) == 1:
        code = code or read_code(notice.text, status)
    reason = read_reason(text, status)
    if reason == "unknown":
        reason = read_reason(notice.text, status)
    action = "delayed" if notice.delayed else "failed"
    return Recipient(
        address, action, status, code, " ".join(text.split())[:1000], reason, is_hard(status, code, notice.delayed)
    )


def _kind(recipients: Sequence[Recipient], delayed: bool) -> Kind:
    actions = {fact.action for fact in recipients}
    if "failed" in actions:
        return Kind.BOUNCE
    if "delayed" in actions or (not actions and delayed):
        return Kind.DELAY
    return Kind.REPORT if actions else Kind.BOUNCE


def _unique(recipients: Sequence[Recipient]) -> list[Recipient]:
    """One fact per recipient; a failure outweighs what was said before it."""
    kept: dict[str, Recipient] = {}
    for fact in recipients:
        before = kept.get(fact.address.lower())
        if before is None or (before.action != "failed" and fact.action == "failed"):
            kept[fact.address.lower()] = fact
    return list(kept.values())[:RECIPIENT_LIMIT]


def _original_id(statuses: Sequence[str]) -> str | None:
    """Some reports return no header, but name the mail in a field."""
    for text in statuses:
        for line in text.splitlines()[:200]:
            name, _, value = line.partition(":")
            if name.strip().lower() in ("x-original-message-id", "original-message-id"):
                return next(iter(extract_ids(value)), None)
    return None


def _feedback(part: Part, returned: Mail | None) -> Report:
    """A complaint (RFC 5965)."""
    groups = read_fields(part.content[:STATUS_LIMIT].decode("utf-8", "replace"))
    told = [group for group in groups if group.address]
    facts = tuple(Recipient(g.address, "complained", None, None, g.diagnostic, "spam", False, g.original) for g in told)
    return Report(Kind.FEEDBACK, facts, returned.message_id if returned else None, ("feedback report (RFC 5965)",))


def _receipt(part: Part, returned: Mail | None) -> Report:
    """A read receipt (RFC 8098)."""
    text = part.content[:STATUS_LIMIT].decode("utf-8", "replace")
    message_id = (returned.message_id if returned else None) or _original_id([text])
    return Report(Kind.REPORT, (), message_id, ("disposition notification (RFC 8098)",))
