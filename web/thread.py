"""A conversation as its page shows it: messages with bodies, senders' proof, recipients and what became of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from gatepost.codes import Explanation
from gatepost.failures import Failure, advice_for, code_of, summarise
from gatepost.model import Delivery, Message
from gatepost.remedies import Remedy
from gatepost.store.conversations import participants
from gatepost.store.deliveries import deliveries_of
from gatepost.store.messages import conversation_messages
from gatepost.web.bodies import Bodies, Body
from gatepost.web.remedy import remedies_of
from gatepost.web.route import Visit
from gatepost.web.said import text_of
from gatepost.words import NOT_DELIVERED, WAITING, DeliveryState

ROWS = 25
STOPPED = (DeliveryState.UNCERTAIN, DeliveryState.HELD)
"""States that wait for a person."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """One recipient of a message; without `delivery` somebody that the sender named but we did not write to."""

    address: str
    name: str
    field: str
    delivery: Delivery | None
    explanation: Explanation | None
    code: str
    remedies: tuple[Remedy, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether the warning stands beside this name."""
        return self.delivery is not None and self.delivery.state in NOT_DELIVERED


@dataclass(frozen=True, slots=True)
class Panel:
    """The delivery panel below a message: the wording, and a row per recipient that a person should look at first."""

    failure: Failure[Delivery] | None
    rows: tuple[Recipient, ...]
    more: int
    delivered: int
    waiting: int
    delayed: int
    stopped: int = 0

    @property
    def tone(self) -> str:
        """bad, warn, or empty when there is nothing to tell."""
        return "bad" if self.failure else "warn" if self.delayed or self.stopped else ""


@dataclass(frozen=True, slots=True)
class Shown:
    """One message of the thread."""

    message: Message
    body: Body
    author: str
    recipients: tuple[Recipient, ...]
    panel: Panel
    why: tuple[str, ...]


def bodies_of(visit: Visit) -> Bodies:
    """The bodies that this process has read."""
    return cast(Bodies, visit.request.app.state.bodies)


def thread_of(visit: Visit) -> list[Shown]:
    """The messages of the conversation in the path, oldest first."""
    return [shown(visit, message) for message in conversation_messages(visit.session, visit.conversation)]


def shown(visit: Visit, message: Message) -> Shown:
    """One message with everything around it."""
    deliveries = deliveries_of(visit.session, message.id) if message.direction == "out" else ()
    body = bodies_of(visit).read(visit.session, message, visit.app.blobs)
    author = message.from_name or message.from_address or "unknown sender"
    files = [(file.name, file.size) for file in body.attachments]
    help_for = remedies_of(visit.session, deliveries, message.size, files)
    recipients = tuple(helped(row, help_for) for row in recipients_of(message, deliveries))
    return Shown(message, body, author, recipients, panel_of(deliveries, recipients), why_lines(message.why))


def helped(row: Recipient, help_for: Mapping[str, tuple[Remedy, ...]]) -> Recipient:
    """A recipient with what may help him, where he has failed."""
    found = help_for.get(row.delivery.id, ()) if row.delivery else ()
    return replace(row, remedies=found) if found else row


def recipients_of(message: Message, deliveries: Sequence[Delivery]) -> tuple[Recipient, ...]:
    """Those named in To and Cc in their order, then those only in the envelope (Bcc)."""
    by_key = {delivery.recipient.lower(): delivery for delivery in deliveries}
    found: list[Recipient] = []
    for named in message.recipients_shown:
        delivery = by_key.pop(named.get("address", "").lower(), None)
        found.append(recipient(named.get("address", ""), named.get("name", ""), named.get("field", "to"), delivery))
    found += [recipient(delivery.recipient, "", "bcc", delivery) for delivery in by_key.values()]
    return tuple(found)


def recipient(address: str, name: str, field: str, delivery: Delivery | None) -> Recipient:
    """A recipient, with what his delivery's state means where it is not simply on its way or delivered."""
    plain = delivery is None or delivery.state in (DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.DELIVERED)
    if plain or delivery is None:
        return Recipient(address, name, field, delivery, None, "")
    return Recipient(address, name, field, delivery, advice_for(delivery), code_of(delivery))


def panel_of(deliveries: Sequence[Delivery], recipients: Sequence[Recipient]) -> Panel:
    """The panel: failed rows first, then delayed, waiting and the rest, at most 25."""
    order = {state: at for at, state in enumerate((*NOT_DELIVERED, DeliveryState.UNCERTAIN, DeliveryState.DELAYED))}
    rows = sorted((r for r in recipients if r.delivery), key=lambda r: order.get(state_of(r), 99))
    return Panel(
        failure=summarise(deliveries) if deliveries else None,
        rows=tuple(rows[:ROWS]),
        more=max(0, len(rows) - ROWS),
        delivered=sum(delivery.state == DeliveryState.DELIVERED for delivery in deliveries),
        waiting=sum(delivery.state in WAITING for delivery in deliveries),
        delayed=sum(delivery.state == DeliveryState.DELAYED for delivery in deliveries),
        stopped=sum(delivery.state in STOPPED for delivery in deliveries),
    )


def state_of(row: Recipient) -> DeliveryState:
    return DeliveryState(row.delivery.state) if row.delivery else DeliveryState.QUEUED


def why_lines(why: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    """The reasons of a decision as people read them."""
    return tuple(text for item in why if (text := text_of(item)))


def people_count(visit: Visit) -> int:
    """How many take part."""
    return len(participants(visit.session, visit.conversation.id))
