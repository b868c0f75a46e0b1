"""The events drawer: a conversation's or message's history, newest first, with what servers really said."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from gatepost.amount import amount
from gatepost.codes import code_page
from gatepost.model import Delivery, DeliveryEvent, Event, Message
from gatepost.reply import Reply
from gatepost.store import pages
from gatepost.store.deliveries import deliveries_of, delivery_events
from gatepost.store.showing import SHOWN
from gatepost.store.sides import OPENED
from gatepost.store.transcripts import transcripts_of_message
from gatepost.web.looks import Look, delivery_look, event_look, strength_look
from gatepost.web.said import text_of, tls_of
from gatepost.words import NOT_DELIVERED, Strength

QUIET = ("delivery.", "user.")
DELETION = ("conversation.deleted", "conversation.restored", "conversation.purged")
SOURCES = {
    "dialogue": "",
    "return path": "reported by mail, proven by the signed return path",
    "message id": "reported by mail, found by its Message-ID",
}


@dataclass(frozen=True, slots=True)
class Placing:
    """Why an inbound mail is where it is: what proves its sender, and each (candidate, whether it decided)."""

    message_id: str
    proof: Look
    reasons: tuple[tuple[str, bool], ...]


@dataclass(frozen=True, slots=True)
class Line:
    """One event: its look, a sentence, and the raw answer of a server if there was one."""

    at: datetime
    look: Look
    detail: str
    answer: str = ""
    trigger: str = ""
    transcript: str = ""
    next_at: datetime | None = None
    code_page: str = ""
    placing: Placing | None = None


TRIGGERS = {
    "smtp": "Relayed over SMTP",
    "api": "Sent over the API",
    "agent reply": "Agent reply",
    "note": "Note",
    "mailbox": "Sent with another mail program",
    "agent copy": "Copy for an agent",
    "agent receipt": "Told to an agent",
    "agent mail waits": "Told to an agent",
    "agent confirmation": "Confirmation of an agent's address",
    "acknowledgement": "Acknowledgement",
}


def trigger_label(trigger: str) -> str:
    """What made a mail, for people."""
    return TRIGGERS.get(trigger, trigger.replace("_", " ").replace(".", " ").capitalize())


def history(session: Session, events: Sequence[Event], messages: Sequence[Message]) -> list[Line]:
    """All lines, newest first. Delivery events come from the deliveries themselves: they know the attempt."""
    by_id = {message.id: message for message in messages}
    names = pages.user_names(session, {event.user_id for event in events if event.user_id})
    lines = [event_line(event, by_id, names) for event in events if not event.kind.startswith(QUIET)]
    for message in messages:
        said = transcripts_of_message(session, message.id) if message.direction == "out" else {}
        for delivery in deliveries_of(session, message.id):
            trigger = trigger_label(message.trigger)
            lines += [
                delivery_line(delivery, event, trigger, said.get(event.id, ""))
                for event in delivery_events(session, delivery.id)
            ]
    return sorted(lines, key=lambda line: line.at, reverse=True)


def event_line(event: Event, messages: dict[str, Message], names: dict[str, str]) -> Line:
    """A line for an event of the history."""
    message = messages.get(event.message_id or "")
    who = names.get(event.user_id or "", "")
    about = f"from {message.from_name or message.from_address}" if message and message.direction == "in" else ""
    if event.kind == "message.queued" and message:
        about = f"“{message.subject}”"
    if "assignee" in event.data:
        about = f"to {event.data['assignee']}" if event.data["assignee"] else "to nobody"
    if event.kind == OPENED:
        about = f"#{event.data.get('number', '')}: {', '.join(event.data.get('people', ()))}"
    if "customer" in event.data:
        about = f"{event.data['customer']}"
    if event.kind == SHOWN:
        about = f"{event.data.get('address', '')}: a mail {about} came there too".replace("  ", " ")
    if "correction" in event.data:
        mails = event.data["messages"]
        about = f"{amount(mails, 'mail')} from #{event.data['from']} to #{event.data['to']}"
        who = who or str(event.data.get("actor", ""))
    if event.kind in DELETION:
        who, about = who or str(event.data.get("by", "")), said_of_deletion(event)
    detail = " ".join(part for part in (about, f"by {who}" if who else "") if part)
    trigger = trigger_label(message.trigger) if message and message.direction == "out" else ""
    placing = placing_of(message) if message and event.kind == "message.received" else None
    return Line(event.at, event_look(event.kind), detail, trigger=trigger, placing=placing)


def said_of_deletion(event: Event) -> str:
    """Why it was, and what went for ever."""
    if event.kind != "conversation.purged":
        return str(event.data.get("why", ""))
    mails, files = event.data.get("mails", 0), event.data.get("attachments", 0)
    return f"{amount(mails, 'mail')}, {amount(files, 'attachment')}"


def placing_of(message: Message) -> Placing | None:
    """Why a mail that came in is where it is; None where nothing was written down."""
    reasons = tuple((text, item.get("result") in ("joined", "new")) for item in message.why if (text := text_of(item)))
    proven = message.verified or message.strength == Strength.FAILING
    return Placing(message.id, strength_look(message.strength if proven else "none"), reasons) if reasons else None


def delivery_line(delivery: Delivery, event: DeliveryEvent, trigger: str, transcript: str = "") -> Line:
    """A line for one attempt or report, with what was said in it, by which server and how it was encrypted."""
    parts = [delivery.recipient]
    if event.source == "dialogue" and event.attempt > 1:
        parts.append(f"attempt {event.attempt}")
    if SOURCES.get(event.source, event.source):
        parts.append(SOURCES.get(event.source, event.source))
    if tls := tls_of(transcript, delivery.route):
        parts.append(tls)
    answer = str(Reply(event.code, event.status, event.text))
    if answer and event.remote_host:
        answer = f"{answer} ({event.remote_host})"
    return Line(
        event.at,
        delivery_look(event.state),
        ", ".join(parts),
        answer,
        trigger if event.state in NOT_DELIVERED else "",
        transcript,
        event.next_attempt_at,
        code_page(event.code, event.status),
    )
