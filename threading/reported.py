"""What a report (bounce, delay notice, success notice) changes: exactly the deliveries that it proves or names."""

from datetime import datetime, timedelta
from itertools import islice

from sqlmodel import Session

from gatepost.address import AddressError, parse_address
from gatepost.ids import new_id
from gatepost.mail import Mail
from gatepost.model import Arrival, Delivery, Message
from gatepost.reply import Reply, clean_text, read_reply
from gatepost.seal import Keys
from gatepost.settings import Settings
from gatepost.store.deliveries import deliveries_of, get_delivery, last_attempt, note_report, record_report
from gatepost.store.events import add_event
from gatepost.store.messages import get_message, put_message, sent_by_header_id
from gatepost.store.other_ids import messages_by_other_id
from gatepost.threading.identity import name_of
from gatepost.threading.kept_away import take_away
from gatepost.threading.report import Report
from gatepost.threading.report_facts import Recipient
from gatepost.tokens import read_message_id, read_return_path
from gatepost.words import DeliveryState, Kind, Outcome

PROOF_KEPT = timedelta(days=7)
MOST_NAMED = 10
"""Deliveries that one unproven report may name: each recipient has an SMTP transaction, so a bounce names one."""


def apply_report(
    session: Session,
    settings: Settings,
    keys: Keys,
    arrival: Arrival,
    mail: Mail,
    digest: str,
    report: Report,
    now: datetime,
) -> tuple[str, str]:
    """Store the report and write it into the history of the deliveries it is about; the message's id and why.

    Proof is our signed return path, for seven days after the last attempt. A Message-ID that we signed in the returned
    headers is a strong hint: the delivery becomes `bounced`, marked as reported. An id that the submitting system chose
    can be guessed: then the report is only shown in the history.
    """
    delivery = by_return_path(session, settings, keys, arrival.recipient, now)
    signed = is_ours(session, keys, report.message_id or "")
    if delivery:
        found = [(delivery, fact_about(report, delivery))]
        why = f"The report came to the signed return path of the mail to {delivery.recipient}"
    else:
        found = by_message_id(session, keys, report)
        named = ", ".join(delivery.recipient for delivery, _ in found)
        why = f"The report returns a mail of ours to {named}" if found else "The report is about no mail that we sent"
    about = found[0][0] if found else None
    gone = about is not None and bool(delivery or signed) and is_purged(session, about)
    message = store_report(session, arrival, mail, digest, report, about, why, now, gone=gone)
    take_away(session, arrival, message, now)
    for one, fact in found:
        if fact:
            state, reply = fact_of(report, fact)
            if delivery or signed:
                record_report(session, one, state, reply, "", delivery is not None, now)
            else:
                note_report(session, one, state, reply, now)
    return message.id, why


def is_purged(session: Session, delivery: Delivery) -> bool:
    """Whether what a delivery's mail said was deleted for ever: a bounce, which says it again, is not kept then."""
    message = get_message(session, delivery.message_id)
    return message is not None and message.purged_at is not None


def is_ours(session: Session, keys: Keys, header_id: str) -> bool:
    """Whether an id is one that we signed, or that our next server gave: neither can be guessed."""
    return read_message_id(keys, header_id) is not None or bool(header_id and messages_by_other_id(session, header_id))


def by_return_path(session: Session, settings: Settings, keys: Keys, recipient: str, now: datetime) -> Delivery | None:
    """The delivery whose return path the report was sent to, when it is still proof."""
    try:
        address = parse_address(recipient)
    except AddressError:
        return None
    if address.domain != settings.bounces:
        return None
    delivery_id = read_return_path(keys, address.local)
    delivery = get_delivery(session, delivery_id) if delivery_id else None
    return delivery if delivery and now - last_attempt(session, delivery) <= PROOF_KEPT else None


def by_message_id(session: Session, keys: Keys, report: Report) -> list[tuple[Delivery, Recipient | None]]:
    """The deliveries of the returned mail that the report names by their recipient's address."""
    facts = facts_by_name(report)
    if not report.message_id:
        return []
    minted = read_message_id(keys, report.message_id)
    message = get_message(session, minted) if minted else None
    sent = [message] if message else sent_by_header_id(session, report.message_id)
    found = (
        (delivery, fact)
        for row in sent
        for delivery in deliveries_of(session, row.id)
        if (fact := facts.get(delivery.recipient.lower()))
    )
    return list(islice(found, MOST_NAMED))


def facts_by_name(report: Report) -> dict[str, Recipient]:
    """What the report says, by both lower-cased names of a recipient; the first word counts."""
    facts: dict[str, Recipient] = {}
    for fact in report.recipients:
        for name in (fact.address.lower(), (fact.original or "").lower()):
            facts.setdefault(name, fact)
    return facts


def fact_about(report: Report, delivery: Delivery) -> Recipient | None:
    """What a report at a delivery's own return path says: it can only be about this one, whatever name it uses."""
    named = facts_by_name(report).get(delivery.recipient.lower())
    return named or (report.recipients[0] if report.recipients else None)


def fact_of(report: Report, fact: Recipient) -> tuple[DeliveryState, Reply]:
    """One recipient's part of a report, in the words of deliveries."""
    reply = Reply(fact.code, fact.status, read_reply(0, fact.text.removeprefix(str(fact.code or "")).lstrip(" -")).text)
    if fact.action == "delayed" or report.kind == Kind.DELAY:
        return DeliveryState.DELAYED, reply
    if fact.action in ("delivered", "relayed", "expanded") or report.kind == Kind.REPORT:
        return DeliveryState.DELIVERED, reply
    return DeliveryState.COMPLAINED if report.kind == Kind.FEEDBACK else DeliveryState.BOUNCED, reply


def store_report(
    session: Session,
    arrival: Arrival,
    mail: Mail,
    digest: str,
    report: Report,
    delivery: Delivery | None,
    why: str,
    now: datetime,
    *,
    gone: bool,
) -> Message:
    """Keep the report as a message of its own; it is in no conversation, the delivery's history points at it.

    Of one about what is `gone` for ever only who, when and whereto is kept.
    """
    message = Message(
        id=new_id("msg"),
        direction="in",
        digest=digest,
        kind=report.kind,
        message_id=mail.message_id or "",
        raw_id=arrival.raw_id,
        subject="" if gone else mail.subject[:500],
        from_name="" if gone else name_of(mail),
        from_address=mail.from_[0].address.key if mail.from_ and mail.from_[0].address else "",
        snippet="" if gone else clean_text(mail.text)[:200],
        at=now,
        sent_at=mail.date,
        size=mail.size,
        envelope_from=arrival.envelope_from,
        trigger=arrival.inlet,
        outcome=Outcome.REPORT,
        why=[{"result": "report", "text": why, "delivery": delivery.id if delivery else None}],
        purged_at=now if gone else None,
    )
    put_message(session, message, None)
    add_event(
        session,
        "report.received",
        now=now,
        message_id=delivery.message_id if delivery else message.id,
        delivery_id=delivery.id if delivery else None,
        data={"report": message.id, "kind": report.kind, "why": why},
    )
    return message
