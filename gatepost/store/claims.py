"""Claiming due deliveries by lease, oldest first, in time that does not grow with the queue."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from functools import cache
from heapq import merge
from itertools import islice
from typing import Any

from sqlalchemy import Select, bindparam, func, select, update
from sqlmodel import Session

from gatepost.model import Delivery
from gatepost.store.deliveries import Claim
from gatepost.store.rows import connection
from gatepost.words import DeliveryState

Due = tuple[str, str]
"""A due delivery: its id and its recipient."""
Choose = Callable[[Sequence[Due], int], tuple[list[str], set[str]]]
"""Of due deliveries and a number of free places: the ids to take, and the domains that have no room now."""
DELIVERIES: Any = Delivery.__table__  # type: ignore[attr-defined]
ROWS: Any = DELIVERIES.c
FENCE = select(ROWS.fence).where(ROWS.id == bindparam("its_id"), ROWS.state == DeliveryState.SENDING)
RENEW = (
    update(DELIVERIES)
    .where(ROWS.id == bindparam("its_id"), ROWS.fence == bindparam("its_fence"), ROWS.state == DeliveryState.SENDING)
    .values(lease_until=bindparam("until"))
)
TAKE = (
    update(DELIVERIES)
    .where(ROWS.id.in_(bindparam("ids", expanding=True)))
    .values(
        state=DeliveryState.SENDING,
        lease_until=bindparam("until"),
        fence=ROWS.fence + 1,
        updated_at=bindparam("now"),
    )
    .returning(
        *(ROWS.id, ROWS.message_id, ROWS.recipient, ROWS.attempts, ROWS.fence, ROWS.created_at),
        *(ROWS.notify, ROWS.orcpt, ROWS.via),
    )
)
WHEN_DUE = (
    (DeliveryState.QUEUED, ROWS.next_attempt_at),
    (DeliveryState.DELAYED, ROWS.next_attempt_at),
    (DeliveryState.SENDING, ROWS.lease_until),
)
NEXT_DUE = tuple(select(func.min(time)).where(ROWS.state == state) for state, time in WHEN_DUE)
PAGE = 200
ROUNDS = 4
MOST_PASSED = 200


def claim(session: Session, limit: int, lease: timedelta, now: datetime, own: Collection[str] = ()) -> list[Claim]:
    """Take due deliveries: queued or delayed ones whose time has come, and those whose lease ran out.

    `own` are the ids that the caller is attempting now: a clock that jumped has not freed them.
    """
    return take(session, [found for found, _ in due(session, limit, now, (), own)], lease, now)


def claim_chosen(
    session: Session,
    limit: int,
    lease: timedelta,
    now: datetime,
    choose: Choose,
    passed: Collection[str] = (),
    own: Collection[str] = (),
) -> tuple[list[Claim], set[str]]:
    """Take of the due deliveries those that `choose` picks; the claims, and the domains that have no room.

    `passed` are domains known to have none. Whoever waits behind a long queue of such domains is found in a few steps.
    """
    ids: list[str] = []
    full = set(passed)
    for _ in range(ROUNDS):
        page = due(session, PAGE, now, full, [*ids, *own])
        chosen, crowded = choose(page, limit - len(ids))
        ids += chosen
        full |= crowded
        if len(page) < PAGE or not crowded or len(ids) >= limit:
            break
    return take(session, ids, lease, now), full


def claim_some(
    session: Session,
    limit: int,
    lease: timedelta,
    now: datetime,
    choose: Choose | None,
    passed: Collection[str],
    own: Collection[str],
) -> tuple[list[Claim], set[str]]:
    """As `claim_chosen`; without `choose` the oldest, whatever their domains."""
    if choose is None:
        return claim(session, limit, lease, now, own), set()
    return claim_chosen(session, limit, lease, now, choose, passed, own)


def next_due(session: Session) -> datetime | None:
    """When the next delivery is due, or a lease ends; None where nothing waits."""
    there = connection(session)
    return min((time for query in NEXT_DUE if (time := there.execute(query).scalar())), default=None)


def holds(session: Session, taken: Claim) -> bool:
    """Whether a delivery is still held by this claim."""
    found = connection(session).execute(FENCE, {"its_id": taken.delivery_id}).first()
    return found is not None and found[0] == taken.fence


def renew(session: Session, claims: Sequence[Claim], until: datetime) -> None:
    """Hold deliveries longer that are still being attempted; those that another process has taken stay his."""
    if claims:
        values = [{"its_id": taken.delivery_id, "its_fence": taken.fence, "until": until} for taken in claims]
        connection(session).execute(RENEW, values)


def due(
    session: Session, limit: int, now: datetime, passed: Collection[str] = (), taken: Collection[str] = ()
) -> list[Due]:
    """The deliveries that are longest due, except those to the domains passed over, and those taken already.

    One query for each state: each walks its index in order and stops, where one for all would sort the whole queue.
    """
    there = connection(session)
    values: dict[str, Any] = {"now": now, "most": limit, "passed": sorted(passed)[:MOST_PASSED], "taken": list(taken)}
    queries = due_queries(there.dialect.name == "sqlite", bool(passed), bool(taken))
    found = [[(row[0], row[1], row[2]) for row in there.execute(query, values)] for query in queries]
    return [(found_id, recipient) for _, found_id, recipient in islice(merge(*found), limit)]


@cache
def due_queries(sqlite: bool, passing: bool, taking: bool) -> tuple[Select[Any], ...]:
    """The queries of `due`; building them costs more than running them."""
    return tuple(due_query(state, time, sqlite, passing, taking) for state, time in WHEN_DUE)


def due_query(state: DeliveryState, time: Any, sqlite: bool, passing: bool, taking: bool) -> Select[Any]:
    query = select(time, ROWS.id, ROWS.recipient).where(ROWS.state == state, time <= bindparam("now"))
    if passing:
        at = (func.instr if sqlite else func.strpos)(ROWS.recipient, "@")
        query = query.where(func.substr(ROWS.recipient, at + 1).not_in(bindparam("passed", expanding=True)))
    if taking:
        query = query.where(ROWS.id.not_in(bindparam("taken", expanding=True)))
    return query.order_by(time).limit(bindparam("most")).with_for_update(skip_locked=True)


def take(session: Session, ids: Sequence[str], lease: timedelta, now: datetime) -> list[Claim]:
    """Lease these deliveries, which the caller's transaction has found due."""
    if not ids:
        return []
    rows = connection(session).execute(TAKE, {"ids": ids, "until": now + lease, "now": now})
    return sorted((Claim(*row) for row in rows), key=lambda taken: taken.delivery_id)
