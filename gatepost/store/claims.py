"""Claiming due deliveries by lease, oldest first, in time that does not grow with the queue."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from heapq import merge
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, and_, select, update
from sqlmodel import Session, col, func

from gatepost.model import Delivery
from gatepost.store.deliveries import Claim, read_claim
from gatepost.words import DeliveryState

Due = tuple[str, str]
"""A due delivery: its id and its recipient."""
Choose = Callable[[Sequence[Due], int], tuple[list[str], set[str]]]
"""Of due deliveries and a number of free places: the ids to take, and the domains that have no room now."""
PAGE = 200
ROUNDS = 4
MOST_PASSED = 200


def claim(session: Session, limit: int, lease: timedelta, now: datetime) -> list[Claim]:
    """Take due deliveries: queued or delayed ones whose time has come, and those whose lease ran out."""
    return take(session, [found for found, _ in due(session, limit, now)], lease, now)


def claim_chosen(
    session: Session, limit: int, lease: timedelta, now: datetime, choose: Choose, passed: Collection[str] = ()
) -> tuple[list[Claim], set[str]]:
    """Take of the due deliveries those that `choose` picks; the claims, and the domains that have no room.

    `passed` are domains known to have none. Whoever waits behind a long queue of such domains is found in a few steps.
    """
    ids: list[str] = []
    full = set(passed)
    for _ in range(ROUNDS):
        page = due(session, PAGE, now, full, ids)
        chosen, crowded = choose(page, limit - len(ids))
        ids += chosen
        full |= crowded
        if len(page) < PAGE or not crowded or len(ids) >= limit:
            break
    return take(session, ids, lease, now), full


def due(
    session: Session, limit: int, now: datetime, passed: Collection[str] = (), taken: Collection[str] = ()
) -> list[Due]:
    """The deliveries that are longest due, except those to the domains passed over, and those taken already.

    One query for each state: each walks its index in order and stops, where one for all would sort the whole queue.
    """
    queries = (
        (Delivery.state == DeliveryState.QUEUED, col(Delivery.next_attempt_at)),
        (Delivery.state == DeliveryState.DELAYED, col(Delivery.next_attempt_at)),
        (Delivery.state == DeliveryState.SENDING, col(Delivery.lease_until)),
    )
    found = []
    for state, time in queries:
        conditions: list[Any] = [state, time <= now]
        if passed:
            conditions.append(recipient_domain(session).not_in(sorted(passed)[:MOST_PASSED]))
        if taken:
            conditions.append(col(Delivery.id).not_in(taken))
        query = select(time, col(Delivery.id), col(Delivery.recipient)).where(and_(*conditions))
        rows = session.execute(query.order_by(time).limit(limit).with_for_update(skip_locked=True)).all()
        found.append([(row[0], row[1], row[2]) for row in rows])
    return [(found_id, recipient) for _, found_id, recipient in islice(merge(*found), limit)]


def recipient_domain(session: Session) -> ColumnElement[str]:
    """The domain of a recipient; of a quoted local part with an @ something longer, which is no domain."""
    sqlite = session.get_bind().dialect.name == "sqlite"
    at = (func.instr if sqlite else func.strpos)(Delivery.recipient, "@")
    return func.substr(Delivery.recipient, at + 1)


def take(session: Session, ids: Sequence[str], lease: timedelta, now: datetime) -> list[Claim]:
    """Lease these deliveries, which the caller's transaction has found due."""
    if not ids:
        return []
    taken = (
        update(Delivery)
        .where(col(Delivery.id).in_(ids))
        .values(state=DeliveryState.SENDING, lease_until=now + lease, fence=Delivery.fence + 1, updated_at=now)
        .returning(
            col(Delivery.id),
            col(Delivery.message_id),
            col(Delivery.recipient),
            col(Delivery.attempts),
            col(Delivery.fence),
            col(Delivery.created_at),
        )
    )
    return sorted((read_claim(row) for row in session.execute(taken)), key=lambda taken: taken.delivery_id)
