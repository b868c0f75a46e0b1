"""What a bounce, delay notice, receipt or complaint says about each recipient: structured parts, then text."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gatepost.mail import Mail, Part, parse
from gatepost.message_ids import extract_ids
from gatepost.threading.report_complaint import bare_complaint, feedback
from gatepost.threading.report_facts import Recipient, completed, named, structured, told, unique
from gatepost.threading.report_fields import read_fields
from gatepost.threading.report_notification import read_notification
from gatepost.threading.report_text import Notice, failed_recipients, is_from_daemon, read_notice, split_returned
from gatepost.words import Kind

STATUS_TYPES = ("message/delivery-status", "message/global-delivery-status")
RECEIPT_TYPES = ("message/disposition-notification", "message/global-disposition-notification")
RETURNED_TYPES = (
    "message/rfc822",
    "text/rfc822-headers",
    "message/global",
    "message/global-headers",
    "message/partial",
)
STATUS_LIMIT = 256 * 1024
RETURNED_LIMIT = 512 * 1024
STATUS_PARTS = 20
NESTED = 2


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
    other = _complaint(mail, returned) or _receipt(mail, returned) or _notification(mail)
    if other:
        return other
    daemon = is_from_daemon(mail)
    statuses = list(_status_texts(mail, mislabelled=daemon))[:STATUS_PARTS]
    recipients = _stated(mail, statuses)
    notice = read_notice(mail, _readable(mail), returned) if daemon or recipients else None
    if not recipients and notice and notice.guessed and returned and depth < NESTED:
        inner = _read(returned, depth + 1)  # a gateway that wraps the bounce which it got
        if inner and inner.recipients:
            return inner
    if recipients:
        recipients = [completed(fact, notice, len(recipients) == 1) for fact in recipients]
        why = ["delivery status fields (RFC 3464)"]
    elif notice and notice.recipients:
        recipients = [told(address, text, notice) for address, text in notice.recipients]
        why = list(notice.why)
    elif notice and (notice.says_failure or mail.content_type == "multipart/report"):
        why = list(notice.why)
    else:
        return None
    message_id = (returned.message_id if returned else None) or _original_id(statuses)
    return Report(_kind(recipients, notice), tuple(recipients), message_id, tuple(why))


def _stated(mail: Mail, statuses: Sequence[str]) -> list[Recipient]:
    """What the delivery status parts say."""
    groups = [group for text in statuses for group in read_fields(text)]
    return unique([structured(group) for group in named(groups, failed_recipients(mail))])


def _part_of(mail: Mail, types: Sequence[str]) -> Part | None:
    return next((part for part in mail.parts if part.content_type in types), None)


def _returned(mail: Mail) -> Mail | None:
    """The mail that came back, as far as it did."""
    part = _part_of(mail, RETURNED_TYPES)
    if part:
        return parse(part.content[:RETURNED_LIMIT])
    for text in _readable(mail):
        rest = split_returned(text)[1]
        if rest:
            return parse(rest.encode("utf-8", "replace")[:RETURNED_LIMIT])
    return None


def _readable(mail: Mail) -> list[str]:
    """The texts of a report that are for people: the body, and further text parts; never the returned mail."""
    texts = [_untagged(mail) or mail.text[:STATUS_LIMIT]]
    for part in mail.parts[1:]:
        if part.content_type == "text/plain":
            text = part.content[:STATUS_LIMIT].decode(_charset(part.charset), "replace")
            text = text.replace("\r\n", "\n")
            if text.strip() and text.strip()[:200] not in texts[0]:
                texts.append(text)
    return texts[:5]


def _untagged(mail: Mail) -> str:
    """The body of a mail that calls itself HTML but has no tags, so that its lines are lines."""
    part = mail.parts[0] if mail.parts else None
    if part is None or part.content_type != "text/html":
        return ""
    text = part.content[:STATUS_LIMIT].decode(_charset(part.charset), "replace").replace("\r\n", "\n")
    return "" if "</" in text or "<br" in text.lower() or "<p>" in text.lower() else text


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


def _kind(recipients: Sequence[Recipient], notice: Notice | None) -> Kind:
    actions = {fact.action for fact in recipients}
    if "failed" in actions:
        return Kind.BOUNCE
    if "delayed" in actions or (not actions and notice and notice.delayed):
        return Kind.DELAY
    return Kind.REPORT if actions else Kind.BOUNCE


def _original_id(statuses: Sequence[str]) -> str | None:
    """Some reports return no header, but name the mail in a field."""
    for text in statuses:
        for line in text.splitlines()[:200]:
            name, _, value = line.partition(":")
            if name.strip().lower() in ("x-original-message-id", "original-message-id"):
                return next(iter(extract_ids(value)), None)
    return None


def _complaint(mail: Mail, returned: Mail | None) -> Report | None:
    """A complaint (RFC 5965), also one without the part that says so."""
    part = _part_of(mail, ("message/feedback-report",))
    facts = feedback(part, returned) if part else bare_complaint(mail, returned)
    if not part and not facts:
        return None
    why = "feedback report (RFC 5965)" if part else "the subject is that of a complaint, and a mail is returned"
    return Report(Kind.FEEDBACK, facts, returned.message_id if returned else None, (why,))


def _receipt(mail: Mail, returned: Mail | None) -> Report | None:
    """A receipt (RFC 8098): of a reader, or of a server that refused the mail so (RFC 5429 section 2.1)."""
    part = _part_of(mail, RECEIPT_TYPES)
    if part is None:
        return None
    text = part.content[:STATUS_LIMIT].decode("utf-8", "replace")
    message_id = (returned.message_id if returned else None) or _original_id([text])
    groups = [group for group in read_fields(text) if group.address]
    if groups and _is_refused(mail, text):
        said = _readable(mail)[0]
        notice = Notice(tuple((group.address, said) for group in groups), said, False, True, ())
        facts = tuple(told(address, text, notice) for address, text in notice.recipients)
        return Report(Kind.BOUNCE, facts, message_id, ("a receipt says that the mail was refused (RFC 5429)",))
    return Report(Kind.REPORT, (), message_id, ("disposition notification (RFC 8098)",))


def _is_refused(mail: Mail, text: str) -> bool:
    """A mail that a filter deleted and its text says so; `deleted` alone is a person who did not read it."""
    if not any(word in text.lower() for word in ("; deleted", "; denied", "; failed", ";deleted")):
        return False
    said = f"{mail.header('auto-submitted') or ''} {mail.subject} {mail.text[:2000]}".lower()
    return "reject" in said or "refused" in said


def _notification(mail: Mail) -> Report | None:
    """A bounce, complaint or delivery told as JSON."""
    found = read_notification(mail.text)
    if found is None:
        return None
    facts, message_id = found
    kind = Kind.FEEDBACK if facts[0].action == "complained" else _kind(facts, None)
    return Report(kind, tuple(facts), message_id, ("a notification of the sending service as JSON",))
