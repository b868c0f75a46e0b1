"""After a clock that was ahead is set right: what it put into a far future is due now, not in years."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, update
from sqlmodel import Session, col

from gatepost.model import Delivery
from gatepost.words import DeliveryState

FARTHEST = timedelta(hours=2)
"""Farther ahead than any due time or lease that a right clock makes: the longest pause is 4,000 s and a tenth."""
STILL_HELD = timedelta(minutes=10)
"""How long a lease from the future lasts yet: whoever lives renews it meanwhile."""


def bring_back(session: Session, now: datetime) -> int:
    """Make due what waits for a time too far ahead, and shorten leases that last too long; how many became due."""
    ahead = now + FARTHEST
    change(session, DeliveryState.SENDING, col(Delivery.lease_until) > ahead, now, {"lease_until": now + STILL_HELD})
    due = {"next_attempt_at": now, "updated_at": now}
    where = col(Delivery.next_attempt_at) > ahead
    return sum(change(session, state, where, now, due) for state in (DeliveryState.QUEUED, DeliveryState.DELAYED))


def change(
    session: Session, state: DeliveryState, where: ColumnElement[bool], now: datetime, values: dict[str, datetime]
) -> int:
    """Change the deliveries of a state that were written when the clock was ahead."""
    written_ahead = col(Delivery.updated_at) > now
    done = session.execute(
        update(Delivery)
        .where(col(Delivery.state) == state, where, written_ahead)
        .values(values)
        .returning(col(Delivery.id))
    )
    return len(done.all())
