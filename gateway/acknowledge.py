"""Acknowledgements: whether a mail gets one, and why not; and the breaker that ends a round of automatic mail."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from gatepost.address import AddressError, parse_address
from gatepost.gateway.accept import Gate
from gatepost.gateway.answer import anchor_of
from gatepost.gateway.dsn_parameters import ACKNOWLEDGEMENT as TRIGGER
from gatepost.gateway.own_mail import Letter, prepare_letter
from gatepost.gateway.put import Prepared, put
from gatepost.mail import Mail
from gatepost.model import AutomaticMail, Breaker, Channel, Conversation, Message
from gatepost.store.automatic import (
    acknowledgement_of,
    automatic_since,
    breaker_of,
    exchanged_since,
    note_automatic,
    trip,
)
from gatepost.store.channels import channel_by_address
from gatepost.threading.automatic import unanswerable_signs
from gatepost.tokens import read_message_id
from gatepost.words import Kind, Outcome, Strength

DAY = timedelta(days=1)
QUICK = timedelta(minutes=10)
MOST_A_DAY = 3
STOPPED_FOR = timedelta(days=1)
SUBJECT = "We have received your mail (#{number})"
DEFAULT = "Thank you for your mail. We have received it and will answer as soon as we can."
TEXT_LIMIT = 2000


@dataclass(frozen=True, slots=True)
class Known:
    """What is known when a mail is to be acknowledged; `sent` is what we sent its sender by ourselves in 24 h."""

    on: bool
    ours: bool
    minted: bool
    stopped: str
    sent: Sequence[AutomaticMail]


def may_acknowledge(message: Message, mail: Mail, known: Known) -> tuple[bool, str]:
    """Whether a mail gets an acknowledgement; why not."""
    signs = unanswerable_signs(mail)
    checks = [
        (not known.on, "acknowledgements are off for this mailbox"),
        (message.kind != Kind.MESSAGE or message.outcome != Outcome.PLACED, "it is no mail that a person wrote"),
        (message.strength not in (Strength.ALIGNED, Strength.BOTH), "its sender is not authenticated"),
        (message.envelope_from == "", "its reverse-path is empty (RFC 3834 section 2)"),
        (known.ours, "it comes from an address of ours"),
        (known.minted, "it is a mail of ours that came back"),
        (bool(signs), signs[0] if signs else ""),
        (bool(known.stopped), known.stopped),
        (
            any(row.conversation_id == message.conversation_id for row in known.sent),
            "its sender got one in this conversation within 24 hours",
        ),
    ]
    why = next((text for stops, text in checks if stops), "")
    return not why, why


def broken_rule(message: Message, sent: Sequence[AutomaticMail]) -> str:
    """The rule by which a correspondent gets no more automatic mail; empty where none is broken.

    `sent` is what we sent him by ourselves in 24 h. Machines that name themselves nowhere answer at once.
    """
    if any(timedelta() <= message.at - row.at < QUICK for row in sent):
        minutes = int(QUICK.total_seconds()) // 60
        return f"Answered within {minutes} minutes: our automatic mail was followed at once by another mail from there"
    if len(sent) >= MOST_A_DAY:
        return f"Budget: {MOST_A_DAY} automatic mails within 24 hours are the most for one correspondent"
    return ""


def known_of(session: Session, gate: Gate, channel: Channel, message: Message, mail: Mail, now: datetime) -> Known:
    """What the store knows of a mail's sender; a rule that is broken now counts too."""
    sender, settings = message.from_address, gate.settings
    sent = automatic_since(session, sender, now - DAY)
    breaker = breaker_of(session, sender, now)
    rule = breaker.rule if breaker else broken_rule(message, sent)
    try:
        address = parse_address(sender)
        ours = address.domain in (settings.replies, settings.bounces) or any(
            channel_by_address(session, key) for key in (address.key, address.base.key)
        )
        ours = ours or address.key in (f"no-reply@{settings.domain}", f"mailer-daemon@{settings.domain}")
    except AddressError:
        ours = True
    minted = read_message_id(gate.keys, mail.message_id or "") is not None
    return Known(acknowledgement_of(session, channel.id).on, ours, minted, rule, sent)


def make_breaker(session: Session, message: Message, rule: str, now: datetime) -> Breaker:
    """The breaker with the cycle that tripped it: which mails went round."""
    rows = exchanged_since(session, message.from_address, now - DAY)
    cycle = [
        f"{row.at:%H:%M:%S} {'from' if row.direction == 'in' else 'automatic, to'} {message.from_address}: "
        f"{row.subject[:80]}"
        for row in rows
    ]
    return Breaker(address=message.from_address, rule=rule, cycle=cycle, at=now, until=now + STOPPED_FOR)


def preview(text: str, channel: Channel, number: int) -> tuple[str, str]:
    """Subject and text of an acknowledgement. Nothing in it is the sender's own."""
    body = text.strip() or DEFAULT
    footer = f"\n\n-- \n{channel.footer}" if channel.footer.strip() else ""
    return SUBJECT.format(number=number), f"{body}{footer}\n"


def make_acknowledgement(
    gate: Gate, session: Session, channel: Channel, conversation: Conversation, message: Message, now: datetime
) -> Prepared:
    """The mail. Raises Refused."""
    subject, text = preview(acknowledgement_of(session, channel.id).text, channel, conversation.number)
    letter = Letter(
        to=("", message.from_address),
        subject=subject,
        text=text,
        trigger=TRIGGER,
        kind="auto-replied",
        from_=(channel.sender_name, channel.address),
        in_reply_to=message.message_id,
        references=(anchor_of(gate, conversation), message.message_id),
        channel_id=channel.id,
        conversation_id=conversation.id,
        null_path=True,
    )
    return prepare_letter(gate, letter, now)


def store_acknowledgement(
    session: Session, prepared: Prepared, conversation: Conversation, address: str, now: datetime
) -> None:
    """Queue it, and remember whom it went to."""
    message_id = put(session, prepared, now)
    note_automatic(session, message_id, address, conversation.id, TRIGGER, now)


def stop(session: Session, breaker: Breaker, conversation: Conversation, now: datetime) -> None:
    """Trip the breaker, unless it is."""
    if breaker_of(session, breaker.address, now) is None:
        trip(session, breaker, conversation)
