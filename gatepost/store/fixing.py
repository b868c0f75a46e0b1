"""Corrected addresses for many failed mails at once: which would go where, and why others not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel import Session

from gatepost.acts import may
from gatepost.address import AddressError, parse_address
from gatepost.model import Delivery, Message
from gatepost.store.acts import check_new
from gatepost.store.queue import Which, find_deliveries

MOST = 1000


@dataclass(frozen=True, slots=True)
class Planned:
    """What a corrected address would do: the deliveries that go there, and how many not, by the reason."""

    old: str
    new: str
    ready: tuple[str, ...] = ()
    refused: dict[str, int] = field(default_factory=dict)
    problem: str = ""


def failing(session: Session, which: Which) -> dict[str, list[tuple[Delivery, Message]]]:
    """Deliveries that fit with their mails, by address in lower case, the newest first; at most 1,000."""
    found: dict[str, list[tuple[Delivery, Message]]] = {}
    for delivery, message in find_deliveries(session, which, MOST):
        found.setdefault(delivery.recipient.lower(), []).append((delivery, message))
    return found


def plan(session: Session, which: Which, fixes: Mapping[str, str], now: datetime) -> list[Planned]:
    """What sending to corrected addresses would do; `fixes` has the new address by the old one. Nothing is changed."""
    rows = failing(session, which)
    return [
        planned(session, old, new, [row for row, _ in rows.get(old.lower(), ())], now) for old, new in fixes.items()
    ]


def planned(session: Session, old: str, new: str, rows: Sequence[Delivery], now: datetime) -> Planned:
    """What one corrected address would do."""
    try:
        corrected = parse_address(new)
    except AddressError as error:
        return Planned(old, new, problem=f"{str(error).rstrip('.')}.")
    ready: list[str] = []
    refused: dict[str, int] = {}
    messages: set[str] = set()
    for row in rows:
        done, why = may("resend", row.state, leased=bool(row.lease_until and row.lease_until > now))
        try:
            check_new(session, row, str(corrected), corrected.key, now)
        except ValueError as error:
            done, why = False, str(error)
        if row.message_id in messages:
            done, why = False, "the same mail goes there already"
        if done:
            ready.append(row.id)
            messages.add(row.message_id)
        else:
            refused[why] = refused.get(why, 0) + 1
    return Planned(old, str(corrected), tuple(ready), refused)
