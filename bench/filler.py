"""A store filled fast, for benchmarks: mails in conversations of three with all rows that receiving leaves."""

from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from gatepost.ids import new_id
from gatepost.model import Arrival, Channel, Contact, Conversation, Counter, Event, KnownId, Message, Participant, Raw
from gatepost.parts import Parts, clock
from gatepost.store.events import event_values
from gatepost.store.outgoing import defaults
from gatepost.store.rows import insert_missing_values, insert_values

AT_ONCE = 5000
PEOPLE = 50_000
MAILS = 3

Rows = dict[Any, list[dict[str, Any]]]


def header_id(number: int) -> str:
    """The Message-ID of the stored mail with this number, without brackets."""
    return f"filler.{number}@example1.test"


def writer(number: int) -> str:
    """Who takes part in the conversation of a stored mail."""
    return f"person{number // MAILS % PEOPLE}@example1.test"


def fill(parts: Parts, channel: Channel, stored: int, count: int) -> int:
    """Store so many mails more, numbered from `stored` on; how many."""
    count = max(count - count % MAILS, 0)
    for start in range(stored, stored + count, AT_ONCE * MAILS):
        stop = min(start + AT_ONCE * MAILS, stored + count)
        parts.ledger.write(lambda session, start=start, stop=stop: put(session, channel, start, stop))  # type: ignore[misc]
    return count


def put(session: Session, channel: Channel, start: int, stop: int) -> None:
    now = clock() - timedelta(days=30)
    rows: Rows = {}
    for first in range(start, stop, MAILS):
        conversation(rows, channel, first, now)
    insert_missing_values(session, Contact, rows.pop(Contact))
    for model in (Conversation, Raw, Message, Arrival, Participant, KnownId, Event):
        insert_values(session, model, rows[model])
    reach(session, stop)


def reach(session: Session, number: int) -> None:
    """Conversations that are made later get higher numbers."""
    insert_missing_values(session, Counter, [{"name": "conversation", "value": 0}])
    counter = session.get(Counter, "conversation", populate_existing=True)
    if counter:
        counter.value = max(counter.value, number + 1)
        session.add(counter)
        session.flush()


def conversation(rows: Rows, channel: Channel, first: int, now: datetime) -> None:
    """A conversation of three mails, each referring to those before."""
    address, its_id = writer(first), new_id("con")
    its = {"id": its_id, "number": first + 1, "subject": "The order", "requester": address, "channel_id": channel.id}
    add(rows, Conversation, {**its, "created_at": now, "updated_at": now, "messages": MAILS})
    add(rows, Participant, {"conversation_id": its_id, "address": address, "name": "", "role": "requester"})
    add(rows, Contact, {"id": new_id("ctc"), "address": address, "name": "", "same_as": None, "created_at": now})
    for number in range(first, first + MAILS):
        mail(rows, channel, its_id, address, number, now)


def mail(rows: Rows, channel: Channel, conversation_id: str, address: str, number: int, now: datetime) -> None:
    """One stored mail, its octets, its arrival, its id and its event."""
    message_id, raw_id = new_id("msg"), new_id("arr")
    raw = f"Message-ID: <{header_id(number)}>\nFrom: {address}\nSubject: The order\n\nText {number}\n".encode() * 8
    add(rows, Raw, {"id": raw_id, "data": raw, "blob": None, "size": len(raw)})
    message: dict[str, Any] = {
        "id": message_id,
        "direction": "in",
        "digest": f"filler:{number}",
        "message_id": header_id(number),
    }
    message |= {"raw_id": raw_id, "subject": "The order", "from_address": address, "at": now, "size": len(raw)}
    message |= {"conversation_id": conversation_id, "channel_id": channel.id, "outcome": "placed", "trigger": "import"}
    add(rows, Message, message)
    arrival = {"id": new_id("arr"), "receipt": f"filler:{number}", "inlet": "import", "raw_id": raw_id}
    add(rows, Arrival, {**arrival, "received_at": now, "outcome": "placed", "message_id": message_id})
    known = {"message_id": header_id(number), "conversation_id": conversation_id, "message_pk": message_id}
    rows.setdefault(KnownId, []).append(known)
    told: dict[str, Any] = {"conversation_id": conversation_id, "message_id": message_id, "channel_id": channel.id}
    rows.setdefault(Event, []).append(event_values("message.received", now=now, **told))


def add(rows: Rows, model: Any, values: dict[str, Any]) -> None:
    rows.setdefault(model, []).append({**defaults(model), **values})
