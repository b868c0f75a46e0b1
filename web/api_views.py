"""Rows as the API shows them."""

from collections.abc import Mapping, Sequence

from gatepost.failures import advice_for, summarise
from gatepost.model import Conversation, Delivery, DeliveryEvent, Event, Message, Participant
from gatepost.web.api_models import (
    Accepted,
    ConversationOut,
    DeliveryOut,
    DeliveryRef,
    EventOut,
    ExplanationOut,
    FailureOut,
    MessageOut,
    MessageRow,
    PersonOut,
)
from gatepost.words import DeliveryState

PLAIN = (DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.DELIVERED)


def people(message: Message, field: str) -> list[PersonOut]:
    """Those whom a message names in To or Cc."""
    shown = (row for row in message.recipients_shown if row.get("field") == field)
    return [PersonOut(address=row.get("address", ""), name=row.get("name", "")) for row in shown]


def sender(message: Message) -> PersonOut:
    """Whom a message is from."""
    return PersonOut(address=message.from_address, name=message.from_name)


def accepted(message: Message, deliveries: Sequence[Delivery]) -> Accepted:
    """The answer to a mail that was taken."""
    refs = [DeliveryRef(id=row.id, recipient=row.recipient, state=DeliveryState(row.state)) for row in deliveries]
    return Accepted(id=message.id, message_id=message.message_id, deliveries=refs)


def delivery(row: Delivery) -> DeliveryOut:
    """One recipient; what a state means is explained where it is not simply on its way or delivered."""
    known = None if row.state in PLAIN else advice_for(row)
    return DeliveryOut(
        id=row.id,
        recipient=row.recipient,
        state=DeliveryState(row.state),
        code=row.code,
        status=row.status,
        text=row.text,
        remote_host=row.remote_host,
        attempts=row.attempts,
        next_attempt_at=row.next_attempt_at,
        updated_at=row.updated_at,
        reported=row.reported,
        explanation=ExplanationOut.model_validate(known, from_attributes=True) if known else None,
    )


def failure(deliveries: Sequence[Delivery]) -> FailureOut | None:
    """One, all or some recipients not reached, or None."""
    found = summarise(deliveries)
    return FailureOut(scope=found.scope, sentence=found.sentence) if found else None


def message_row(message: Message, states: Mapping[str, int]) -> MessageRow:
    """A message as lists show it."""
    return MessageRow(
        id=message.id,
        message_id=message.message_id,
        from_=sender(message),
        to=people(message, "to"),
        cc=people(message, "cc"),
        subject=message.subject,
        created_at=message.at,
        size=message.size,
        conversation_id=message.conversation_id,
        states=dict(states),
    )


def message_out(message: Message, deliveries: Sequence[Delivery]) -> MessageOut:
    """A message with all its recipients."""
    states: dict[str, int] = {}
    for row in deliveries:
        states[row.state] = states.get(row.state, 0) + 1
    shown = dict(message_row(message, states))
    return MessageOut(**shown, failure=failure(deliveries), deliveries=[delivery(row) for row in deliveries])


def history(
    events: Sequence[Event],
    attempts: Sequence[DeliveryEvent],
    recipients: Mapping[str, str],
    transcripts: Mapping[str, str],
) -> list[EventOut]:
    """What happened to a message and each recipient, oldest first; `recipients` by delivery, `transcripts` by event."""
    lines = [EventOut(id=f"evt_{event.seq}", at=event.at, type=event.kind) for event in events]
    lines += [
        EventOut(
            id=row.id,
            at=row.at,
            type=f"delivery.{row.state}",
            delivery_id=row.delivery_id,
            recipient=recipients.get(row.delivery_id),
            attempt=row.attempt,
            code=row.code,
            status=row.status,
            text=row.text,
            remote_host=row.remote_host,
            source=row.source,
            transcript=transcripts.get(row.id),
        )
        for row in attempts
    ]
    return sorted(lines, key=lambda line: line.at)


def conversation(
    row: Conversation, participants: Sequence[Participant], channel: str | None, also_in: Sequence[str] = ()
) -> ConversationOut:
    """A conversation; `channel` is the address that it came to, `also_in` those that show it too."""
    return ConversationOut(
        id=row.id,
        number=row.number,
        subject=row.subject,
        snippet=row.snippet,
        state=row.state,
        requester=row.requester,
        participants=[PersonOut(address=person.address, name=person.name) for person in participants],
        channel=channel,
        also_in=list(also_in),
        tags=list(row.tags),
        messages=row.messages,
        failed=row.failed,
        spam=row.spam,
        deleted_at=row.deleted_at,
        purged_at=row.purged_at,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
