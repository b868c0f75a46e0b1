"""`gatepost queue`: what waits to be delivered, and what became of the rest."""

from dataclasses import replace
from typing import Any

from gatepost.cli.frame import BadInput, naming, opened, print_object, print_rows, say, warn
from gatepost.model import Delivery, Message
from gatepost.settings import Settings
from gatepost.store.deliveries import count_states, delivery_events, get_delivery
from gatepost.store.messages import get_message
from gatepost.store.queue import Which, find_deliveries
from gatepost.words import WAITING, DeliveryState


def check_which(which: Which) -> Which:
    """Refuse words that are no states and addresses that are none. Raises BadInput."""
    from gatepost.address import parse_address, parse_domain

    for state in which.states:
        if state not in list(DeliveryState):
            raise BadInput(f"--state {state}: the states are {', '.join(DeliveryState)}")
    if which.recipient:
        with naming(f"--recipient {which.recipient}"):
            parse_address(which.recipient)
    if which.domain:
        with naming(f"--domain {which.domain}"):
            return replace(which, domain=parse_domain(which.domain))
    return which


def list_queue(settings: Settings, which: Which, limit: int, as_json: bool) -> None:
    """The deliveries that fit; without a state those that wait."""
    which = check_which(which)
    if not (which.states or which.ids or which.recipient or which.domain or which.tag):
        which = Which(states=tuple(WAITING))
    with opened(settings) as parts, parts.database.session() as session:
        rows = [row_of(*found) for found in find_deliveries(session, which, limit)]
    print_rows(rows, as_json, "No delivery fits. `gatepost queue counts` tells how many there are in each state.")
    if len(rows) == limit:
        warn(f"gatepost: the newest {limit} are shown; --limit shows more")


def row_of(delivery: Delivery, message: Message) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "state": delivery.state,
        "recipient": delivery.recipient,
        "attempts": delivery.attempts,
        "next_attempt_at": delivery.next_attempt_at,
        "code": delivery.code,
        "status": delivery.status,
        "text": delivery.text,
        "subject": message.subject,
        "message": message.id,
    }


def show(settings: Settings, delivery_id: str, as_json: bool) -> None:
    """One delivery with its whole history."""
    with opened(settings) as parts, parts.database.session() as session:
        delivery = get_delivery(session, delivery_id)
        message = get_message(session, delivery.message_id) if delivery else None
        if delivery is None or message is None:
            raise BadInput(f"DELIVERY {delivery_id}: there is no such delivery; `gatepost queue list` shows them")
        history = [event_row(event) for event in delivery_events(session, delivery_id)]
    row = row_of(delivery, message)
    if as_json:
        print_object(
            {
                **row,
                "remote_host": delivery.remote_host,
                "route": delivery.route,
                "via": delivery.via,
                "events": history,
            }
        )
        return
    for name, value in row.items():
        say(f"{name:16} {'' if value is None else value}")
    print_rows(history, False, "No attempt has been made yet.")


def event_row(event: Any) -> dict[str, Any]:
    return {
        "at": event.at,
        "state": event.state,
        "source": event.source,
        "attempt": event.attempt,
        "code": event.code,
        "status": event.status,
        "text": event.text,
        "remote_host": event.remote_host,
    }


def counts(settings: Settings, as_json: bool) -> None:
    """How many deliveries are in each state."""
    with opened(settings) as parts, parts.database.session() as session:
        found = count_states(session)
    if as_json:
        print_object({str(state): found.get(state, 0) for state in DeliveryState})
        return
    rows = [{"state": str(state), "deliveries": found[state]} for state in DeliveryState if state in found]
    print_rows(rows, False, "Nothing was submitted yet.")
