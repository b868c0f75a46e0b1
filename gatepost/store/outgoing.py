"""New mail that goes out: messages with their octets and a delivery for each recipient, many in a few statements.

The rows are values, not objects of SQLModel, for making one of those costs more than storing it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from sqlmodel import Session

from gatepost.blobs import Content
from gatepost.envelope import NOTHING_ASKED, Asked
from gatepost.ids import new_id
from gatepost.model import Delivery, DeliveryEvent, Message, Raw, Suppression
from gatepost.reply import Reply
from gatepost.store.deliveries import Claim, Result, announce
from gatepost.store.rows import insert_rows, insert_values
from gatepost.store.suppressions import sentence, suppressed_among
from gatepost.words import DeliveryState, Kind


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message that goes out, as `Message` has it; its octets are stored under its own id."""

    id: str
    digest: str
    message_id: str
    subject: str
    from_name: str
    from_address: str
    recipients_shown: list[dict[str, str]]
    at: datetime
    size: int
    trigger: str
    auth: dict[str, Any]
    kind: str = Kind.MESSAGE
    snippet: str = ""
    envelope_from: str = ""
    conversation_id: str | None = None
    channel_id: str | None = None
    credential_id: str | None = None
    user_id: str | None = None
    dsn: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recipients:
    """Whom a new message goes to (address keys or wire forms, each once).

    `held` says why it waits for a person; `asked` has what some recipients' commands asked to be told; with
    `lease_until` the caller sends it at once.
    """

    message_id: str
    addresses: Sequence[str]
    now: datetime
    held: str = ""
    asked: Mapping[str, Asked] = field(default_factory=dict)
    lease_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A new delivery, as `Delivery` has it."""

    id: str
    message_id: str
    recipient: str
    state: DeliveryState
    text: str
    next_attempt_at: datetime | None
    lease_until: datetime | None
    fence: int
    notify: str
    orcpt: str
    created_at: datetime
    updated_at: datetime

    @property
    def claim(self) -> Claim | None:
        """That of who put it with a lease; None where it is not sent."""
        if self.state != DeliveryState.SENDING:
            return None
        return Claim(
            self.id, self.message_id, self.recipient, 0, self.fence, self.created_at, self.notify, self.orcpt, ""
        )


MESSAGE = tuple(NewMessage.__dataclass_fields__)
DELIVERY = tuple(NewDelivery.__dataclass_fields__)


def put_outgoing(session: Session, messages: Sequence[tuple[NewMessage, Content]]) -> None:
    """Store messages and the octets that `Blobs.keep` made durable."""
    if not messages:
        return
    octets = [{"id": new.id, "data": each.data, "blob": each.blob, "size": each.size} for new, each in messages]
    insert_values(session, Raw, octets)
    others = {**defaults(Message), "direction": "out"}
    rows = [{**others, "raw_id": new.id, **{name: getattr(new, name) for name in MESSAGE}} for new, _ in messages]
    insert_values(session, Message, rows)


def put_recipients(session: Session, messages: Sequence[Recipients]) -> list[list[NewDelivery]]:
    """One delivery per recipient of each message.

    It starts queued, or sending for who puts it with a lease; suppressed, when its address is on the list; or held.
    """
    if not messages:
        return []
    among = [address for message in messages for address in message.addresses]
    listed = {entry.address: entry for entry in suppressed_among(session, among, messages[0].now)}
    made = [[new_delivery(message, to, listed) for to in dict.fromkeys(message.addresses)] for message in messages]
    rows = [row for deliveries in made for row in deliveries]
    others = defaults(Delivery)
    insert_values(session, Delivery, [{**others, **{name: getattr(row, name) for name in DELIVERY}} for row in rows])
    insert_rows(session, [beginning(row) for row in rows if row.text])
    return made


def new_delivery(message: Recipients, recipient: str, listed: Mapping[str, Suppression]) -> NewDelivery:
    """Where one recipient starts, with the why as its text where he is not sent to."""
    entry = listed.get(recipient.lower())
    state, text, due, lease = DeliveryState.QUEUED, "", message.now, message.lease_until
    if entry:
        state, text = DeliveryState.SUPPRESSED, sentence(entry)
    elif message.held:
        state, text = DeliveryState.HELD, message.held
    elif lease:
        state = DeliveryState.SENDING
    told = message.asked.get(recipient, NOTHING_ASKED)
    return NewDelivery(
        id=new_id("dlv"),
        message_id=message.message_id,
        recipient=recipient,
        state=state,
        text=text,
        next_attempt_at=None if text else due,
        lease_until=None if text else lease,
        fence=1 if state == DeliveryState.SENDING else 0,
        notify=told.notify,
        orcpt=told.orcpt,
        created_at=message.now,
        updated_at=message.now,
    )


def beginning(row: NewDelivery) -> DeliveryEvent:
    """The first line of the history of a delivery that is not sent."""
    source = "suppression list" if row.state == DeliveryState.SUPPRESSED else "credential"
    at = row.created_at
    return DeliveryEvent(id=new_id("dev"), delivery_id=row.id, at=at, state=row.state, source=source, text=row.text)


def announce_suppressed(session: Session, rows: Sequence[NewDelivery], now: datetime) -> None:
    """Tell of new deliveries whose address is on the list, once their message is where it is shown."""
    for row in rows:
        if row.state == DeliveryState.SUPPRESSED:
            result = Result(DeliveryState.SUPPRESSED, Reply(None, None, row.text), "", "", None)
            announce(session, row.id, row.message_id, row.recipient, result, now)


@cache
def defaults(model: Any) -> dict[str, Any]:
    """What a model's columns hold unless they are given."""
    fields = model.model_fields.items()
    return {name: each.get_default(call_default_factory=True) for name, each in fields if not each.is_required()}
