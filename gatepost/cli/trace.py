"""`gatepost trace`: what happened to a message or delivery, or why an inbound mail is where it is."""

import sys
from collections.abc import Sequence
from typing import Any

from sqlmodel import Session

from gatepost.address import AddressError, parse_address
from gatepost.cli.frame import BadInput, opened, print_object
from gatepost.cli.queue import event_row
from gatepost.codes import explain
from gatepost.model import Arrival, Delivery, Message
from gatepost.reply import Reply, clean_text
from gatepost.settings import Settings
from gatepost.store.arrivals import arrivals_of, get_arrival
from gatepost.store.conversations import by_number, get_conversation
from gatepost.store.deliveries import deliveries_of, delivery_events, get_delivery
from gatepost.store.events import message_events
from gatepost.store.gone import gone
from gatepost.store.messages import conversation_messages, get_message, messages_by_header_id
from gatepost.store.queue import messages_about
from gatepost.words import NOT_DELIVERED

MOST = 20


def trace(settings: Settings, what: str, as_json: bool) -> None:
    """Tell the history of all messages that `what` names: an id, `#number`, an address or a Message-ID."""
    with opened(settings) as parts, parts.database.session() as session:
        arrival = get_arrival(session, what) if what.startswith("arr_") else None
        messages = find_messages(session, what, arrival)
        told = [describe(session, message) for message in messages]
        if arrival and not messages:
            told = [{"id": None, "arrivals": [arrival_row(arrival)]}]
    if not told:
        raise BadInput(
            f"ID {what}: nothing here has this id, address or Message-ID; check it with `gatepost queue list`"
        )
    for one in told:
        if as_json:
            print_object(one)
        else:
            sys.stdout.write("\n".join([*lines(one), "", ""]))


def find_messages(session: Session, what: str, arrival: Arrival | None) -> Sequence[Message]:
    """The messages that an id, a conversation's number, an address or a Message-ID leads to, at most 20."""
    what = what.strip()
    if arrival:
        return existing(session, arrival.message_id)
    if what.startswith("dlv_"):
        delivery = get_delivery(session, what)
        return existing(session, delivery.message_id if delivery else None)
    if what.startswith("msg_"):
        return existing(session, what)
    if what.startswith("con_") or what.lstrip("#").isdecimal():
        number = what.lstrip("#")[:9]
        conversation = get_conversation(session, what) if what.startswith("con_") else by_number(session, int(number))
        return conversation_messages(session, conversation)[-MOST:] if conversation else []
    found = messages_by_header_id(session, what.strip("<>"))
    return found or about_address(session, what)


def existing(session: Session, message_id: str | None) -> list[Message]:
    message = get_message(session, message_id) if message_id else None
    return [message] if message else []


def about_address(session: Session, what: str) -> Sequence[Message]:
    try:
        return messages_about(session, parse_address(what).key, MOST)
    except AddressError:
        return []


def describe(session: Session, message: Message) -> dict[str, Any]:
    """A message with how it came, why it is where it is, its deliveries and its events."""
    conversation = get_conversation(session, message.conversation_id) if message.conversation_id else None
    return {
        "id": message.id,
        "direction": message.direction,
        "kind": message.kind,
        "message_id": message.message_id,
        "subject": message.subject,
        "from": message.from_address,
        "at": message.at,
        "sent_at": message.sent_at,
        "conversation": conversation.number if conversation else None,
        "deleted": gone(conversation) if conversation else "",
        "outcome": message.outcome or None,
        "strength": message.strength,
        "verified": message.verified,
        "why": [str(reason.get("text", "")) for reason in message.why],
        "arrivals": [arrival_row(arrival) for arrival in arrivals_of(session, message.id)],
        "deliveries": [delivery_row(session, delivery) for delivery in deliveries_of(session, message.id)],
        "events": [
            {"at": event.at, "kind": event.kind, "data": event.data} for event in message_events(session, message.id)
        ],
    }


def arrival_row(arrival: Arrival) -> dict[str, Any]:
    return {
        "id": arrival.id,
        "inlet": arrival.inlet,
        "received_at": arrival.received_at,
        "recipient": arrival.recipient,
        "remote_ip": arrival.remote_ip,
        "outcome": arrival.outcome,
        "why": arrival.outcome_why,
    }


def delivery_row(session: Session, delivery: Delivery) -> dict[str, Any]:
    """A delivery, for one that failed with what that means and what to do."""
    row = {
        "id": delivery.id,
        "recipient": delivery.recipient,
        "state": delivery.state,
        "attempts": delivery.attempts,
        "next_attempt_at": delivery.next_attempt_at,
        "events": [event_row(event) for event in delivery_events(session, delivery.id)],
    }
    if delivery.state in NOT_DELIVERED:
        meaning = explain(Reply(delivery.code, delivery.status, delivery.text), delivery.recipient)
        row |= {"reason": meaning.reason, "advice": meaning.advice}
    return row


def lines(one: dict[str, Any]) -> list[str]:
    """A history as text for people."""
    found = [heading(one)] if one["id"] else []
    found += [f"  {one['deleted']}"] if one.get("deleted") else []
    found += [
        f"  came by {arrival['inlet']} at {arrival['received_at']:%Y-%m-%d %H:%M:%S}"
        f" for {arrival['recipient'] or '(unknown)'}: {arrival['outcome']}, {arrival['why']}"
        for arrival in one["arrivals"]
    ]
    found += [f"  why: {reason}" for reason in one.get("why", [])]
    for delivery in one.get("deliveries", []):
        tries = "1 attempt" if delivery["attempts"] == 1 else f"{delivery['attempts']} attempts"
        found.append(f"  to {delivery['recipient']}: {delivery['state']} after {tries}")
        found += [f"    {event_line(event)}" for event in delivery["events"]]
        if "reason" in delivery:
            found.append(f"    {delivery['reason'].rstrip('.')}. {delivery['advice']}")
    found += [f"  {event['at']:%Y-%m-%d %H:%M:%S} {event['kind']}" for event in one.get("events", [])]
    return [clean_text(line) for line in found]


def heading(one: dict[str, Any]) -> str:
    where = f" in #{one['conversation']}" if one["conversation"] else ""
    return f"{one['id']}{where}: {one['direction']} {one['kind']} from {one['from'] or '(nobody)'}: {one['subject']}"


def event_line(event: dict[str, Any]) -> str:
    reply = Reply(event["code"], event["status"], event["text"])
    host = f" ({event['remote_host']})" if event["remote_host"] else ""
    return f"{event['at']:%Y-%m-%d %H:%M:%S} {event['state']}{host} {reply}".rstrip()
