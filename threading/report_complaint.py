"""Complaints of recipients: feedback reports (RFC 5965), and those that only return the mail."""

from gatepost.mail import Mail, Part
from gatepost.threading.report_facts import Recipient, evidence
from gatepost.threading.report_fields import read_address, read_fields

STATUS_LIMIT = 256 * 1024
COMPLAINT_SUBJECT = "complaint about message from"
REPORTED_FIELDS = ("x-hmxmroriginalrecipient",)
"""Fields in which a provider names the complaining recipient in the mail that it returns."""
NOT_SPAM = ("not-spam", "auth-failure")
"""Feedback types that are no complaint of a recipient (RFC 5965 section 7.3, RFC 6591)."""


def feedback(part: Part, returned: Mail | None) -> tuple[Recipient, ...]:
    """Who complained, by the fields; else the only recipient of the returned mail."""
    text = part.content[:STATUS_LIMIT].decode("utf-8", "replace")
    if feedback_type(text) in NOT_SPAM:
        return ()
    groups = [group for group in read_fields(text) if group.address]
    lines = evidence(text)
    facts = tuple(complained(group.address, lines, group.original) for group in groups)
    return facts or tuple(complained(address, lines) for address in returned_recipients(returned))


def feedback_type(text: str) -> str:
    """The value of Feedback-Type, lower case."""
    for line in text.splitlines()[:100]:
        name, _, value = line.partition(":")
        if name.strip().lower() == "feedback-type":
            return value.strip().lower()
    return ""


def complained(address: str, lines: tuple[str, ...], original: str | None = None) -> Recipient:
    """The fact that one recipient called the mail spam."""
    return Recipient(address, "complained", None, None, "", "spam", False, original, "", lines)


def returned_recipients(returned: Mail | None) -> list[str]:
    """The one recipient that the returned mail shows; none where it shows several."""
    if returned is None:
        return []
    for name in REPORTED_FIELDS:
        address = read_address(returned.header(name) or "")
        if address:
            return [address]
    shown = [str(box.address) for box in returned.to if box.address]
    return shown if len(shown) == 1 else []


def bare_complaint(mail: Mail, returned: Mail | None) -> tuple[Recipient, ...]:
    """A complaint that is nothing but the mail returned under a subject that says so."""
    if returned is None or not mail.subject.strip().lower().startswith(COMPLAINT_SUBJECT):
        return ()
    return tuple(complained(address, (mail.subject.strip(),)) for address in returned_recipients(returned))
