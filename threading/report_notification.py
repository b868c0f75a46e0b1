"""Bounces that a sending service tells as JSON in a mail (Amazon SES by way of SNS)."""

import json
from typing import Any

from gatepost.message_ids import extract_ids
from gatepost.reply import clean_text
from gatepost.threading.report_codes import is_hard, read_code, read_reason, read_status
from gatepost.threading.report_facts import Recipient, evidence, flat

NOTIFICATION_LIMIT = 256 * 1024
RECIPIENTS = 100
LISTS = {
    "bounce": ("bouncedRecipients", "failed"),
    "complaint": ("complainedRecipients", "complained"),
    "delivery": ("recipients", "delivered"),
    "deliverydelay": ("delayedRecipients", "delayed"),
}
"""By the notification's type: the name of its list of recipients, and what happened to them."""


def read_notification(text: str) -> tuple[list[Recipient], str | None] | None:
    """The recipients of a notification and the id of the mail it is about; None for every other text."""
    told = _object(text)
    if isinstance(told.get("Message"), str):
        told = _object(told["Message"])
    kind = str(told.get("notificationType") or told.get("eventType") or "").lower()
    if kind not in LISTS:
        return None
    name, action = LISTS[kind]
    part: dict[str, Any] = next((told[key] for key in told if key.lower() == kind and isinstance(told[key], dict)), {})
    listed = part.get(name)
    items = listed[:RECIPIENTS] if isinstance(listed, list) else []
    facts = [fact for item in items if (fact := _fact(item, action, part))]
    return (facts, _message_id(told)) if facts else None


def _object(text: str) -> dict[str, Any]:
    start = text[:NOTIFICATION_LIMIT].find("{")
    if start < 0 or text[:start].strip():
        return {}
    try:
        found, _ = json.JSONDecoder(strict=False).raw_decode(text[:NOTIFICATION_LIMIT], start)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _fact(item: Any, action: str, part: dict[str, Any]) -> Recipient | None:
    given = item if isinstance(item, dict) else {"emailAddress": item}
    address = "".join(str(given.get("emailAddress") or "").split())
    if "@" not in address:
        return None
    said = clean_text(str(given.get("diagnosticCode") or part.get("smtpResponse") or ""))[:1000]
    text = said.partition(";")[2].strip() if said.lower().startswith("smtp;") else said
    status = read_status(str(given.get("status") or "")) or read_status(text)
    code = read_code(text, status)
    reason = "spam" if action == "complained" else read_reason(text, status)
    if reason == "unknown" and part.get("bounceType") == "Permanent" and part.get("bounceSubType") == "NoEmail":
        reason = "invalid recipient"
    hard = action == "failed" and part.get("bounceType") != "Transient" and is_hard(reason, status, code)
    return Recipient(address, action, status, code, flat(text), reason, hard, evidence=evidence(said))


def _message_id(told: dict[str, Any]) -> str | None:
    mail = told.get("mail")
    common = mail.get("commonHeaders") if isinstance(mail, dict) else None
    value = str(common.get("messageId") or "") if isinstance(common, dict) else ""
    return next(iter(extract_ids(value)), None)
