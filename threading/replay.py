"""Any stored inbound mail through today's code and any policy, as if it came for the first time; nothing changes."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel import Session

from gatepost.model import Arrival, Message, Why
from gatepost.seal import Keys
from gatepost.settings import Settings
from gatepost.store.arrivals import arrivals_of
from gatepost.store.conversations import get_conversation
from gatepost.store.messages import get_message
from gatepost.store.placing import inbound_since, moved_by_hand, survivor
from gatepost.threading.joining import outcome_of, place_mail
from gatepost.threading.place import DESK, Policy
from gatepost.threading.reading import Reading
from gatepost.threading.showing import apart


@dataclass(frozen=True, slots=True)
class Decision:
    """Where a mail is or would be: the number of its conversation (None for none, 0 for a new one) and what it is."""

    conversation: int | None
    outcome: str
    kind: str
    verified: bool
    why: Why = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Replayed:
    """A mail's stored decision beside today's; `by_hand` where a person has moved it since."""

    message: Message
    before: Decision
    now: Decision
    by_hand: bool

    @property
    def differs(self) -> tuple[str, ...]:
        """What is not the same, in words; empty where today's code decides as it did."""
        names = ("conversation", "outcome", "kind", "verified")
        return tuple(name for name in names if getattr(self.before, name) != getattr(self.now, name))


def replay(
    session: Session, settings: Settings, keys: Keys, message: Message, reading: Reading, policy: Policy = DESK
) -> Replayed:
    """Decide anew about a stored inbound mail; its own effect and what came later are left out."""
    arrival = next(iter(arrivals_of(session, message.id)), None) or stand_in(message)
    sender, placement = place_mail(session, settings, keys, arrival, reading.mail, policy, message)
    if any(reason.get("copy") for reason in message.why):
        placement = apart(session, placement)
    founded = number_of(session, message) if founded_by(message) else 0
    number = founded
    if placement.conversation_id:
        found = get_conversation(session, placement.conversation_id)
        number = found.number if found else 0
    elif placement.origin_id:
        number = founded or number_of(session, message) or 0
    if reading.report or (number == 0 and message.conversation_id is None):
        after = Decision(number_of(session, message), message.outcome, reading.kind, message.verified, message.why)
    else:
        outcome = str(outcome_of(reading.kind, sender))
        after = Decision(number, outcome, reading.kind, placement.verified, placement.why)
    before = Decision(number_of(session, message), message.outcome, message.kind, message.verified, message.why)
    return Replayed(message, before, after, moved_by_hand(session, message))


def stand_in(message: Message) -> Arrival:
    """An arrival for a mail whose own is not stored any more."""
    return Arrival(
        id="", receipt="", inlet=message.trigger, raw_id=message.raw_id, received_at=message.at,
        channel_id=message.channel_id, strength=message.strength,
    )  # fmt: skip


def number_of(session: Session, message: Message) -> int | None:
    """The number of the conversation that a mail is in now."""
    found = survivor(session, message.conversation_id) if message.conversation_id else None
    return found.number if found else None


def founded_by(message: Message) -> bool:
    """Whether a mail began the conversation that it is in: no other mail was in it before."""
    first = next((reason for reason in message.why if reason.get("result") == "new"), None)
    return first is not None and message.conversation_id is not None


def recent(session: Session, since: datetime, most: int) -> Iterator[Message]:
    """Inbound mails since a time, oldest first."""
    for message_id in inbound_since(session, since, most):
        message = get_message(session, message_id)
        if message:
            yield message
