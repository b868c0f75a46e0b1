"""Arrivals: inbound mail as it came, each ending in exactly one outcome."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, update
from sqlalchemy import select as core_select
from sqlmodel import Session, and_, col, func, or_, select

from gatepost.model import Arrival
from gatepost.store.rows import connection, insert_row, update_values
from gatepost.store.together import appear, foresee, is_absent
from gatepost.words import Outcome

MAX_TRIES = 3
TRY_AGAIN = timedelta(seconds=30)
ARRIVALS: Any = Arrival.__table__  # type: ignore[attr-defined]
SETTLE = (
    update(ARRIVALS)
    .where(ARRIVALS.c.id == bindparam("its_id"))
    .values(outcome=bindparam("ended"), outcome_why=bindparam("reason"), message_id=bindparam("is_message"))
)
NOTE_CHANNEL = update(ARRIVALS).where(ARRIVALS.c.id == bindparam("its_id")).values(channel_id=bindparam("its_channel"))
RECEIVED = core_select(ARRIVALS.c.receipt).where(ARRIVALS.c.receipt.in_(bindparam("receipts", expanding=True)))


def put_arrival(session: Session, arrival: Arrival) -> None:
    """Store an arrival; its octets are stored before."""
    insert_row(session, arrival)
    appear(session, "arrival", [arrival.receipt])


def received_among(session: Session, receipts: Sequence[str]) -> set[str]:
    """Which of these receipts there are; for a whole batch, which then knows the others."""
    there = set(connection(session).execute(RECEIVED, {"receipts": list(receipts)}).scalars())
    foresee(session, "arrival", set(receipts), there)
    return there


def arrival_by_receipt(session: Session, receipt: str) -> Arrival | None:
    """The arrival that was received under this receipt before."""
    if is_absent(session, "arrival", receipt):
        return None
    return session.exec(select(Arrival).where(Arrival.receipt == receipt)).first()


def forget_receipt(session: Session, arrival_id: str) -> None:
    """Let the same octets be received anew."""
    spent = Arrival.receipt + ":" + Arrival.id
    session.execute(update(Arrival).where(col(Arrival.id) == arrival_id).values(receipt=spent))


def get_arrival(session: Session, arrival_id: str) -> Arrival | None:
    """An arrival by its id."""
    return session.get(Arrival, arrival_id)


def settle(session: Session, arrival_id: str, outcome: Outcome, why: str, message_id: str | None) -> None:
    """Write what became of an arrival."""
    update_values(session, SETTLE, {"its_id": arrival_id, "ended": outcome, "reason": why, "is_message": message_id})


def note_channel(session: Session, arrival_id: str, channel_id: str) -> None:
    """Write to which channel an arrival came, where its conversation is shown there because of it."""
    update_values(session, NOTE_CHANNEL, {"its_id": arrival_id, "its_channel": channel_id})


def count_try(session: Session, arrival_id: str, why: str) -> None:
    """Note that reading an arrival failed by a fault of ours; after three tries it is quarantined, never dropped.

    One that has ended keeps its outcome: of a mail to two recipients, one may have been read.
    """
    arrival = session.get(Arrival, arrival_id)
    if arrival is None or arrival.outcome != Outcome.PENDING:
        return
    arrival.tries += 1
    arrival.outcome_why = f"{why}; it is tried again"
    if arrival.tries >= MAX_TRIES:
        arrival.outcome = Outcome.QUARANTINED
        arrival.outcome_why = f"{why}, {arrival.tries} times"
    session.add(arrival)
    session.flush()


def pending_arrivals(session: Session, now: datetime, limit: int = 50) -> Sequence[Arrival]:
    """Arrivals that were stored but not read, and are not just being read: 30 s, 5 min, 50 min after they came."""
    due = [
        and_(col(Arrival.tries) == tries, col(Arrival.received_at) < now - TRY_AGAIN * 10**tries)
        for tries in range(MAX_TRIES)
    ]
    waiting = select(Arrival).where(Arrival.outcome == Outcome.PENDING, or_(*due))
    return session.exec(waiting.order_by(col(Arrival.received_at)).limit(limit)).all()


def arrivals_of(session: Session, message_id: str) -> Sequence[Arrival]:
    """By which inlets a message came, oldest first."""
    return session.exec(
        select(Arrival).where(Arrival.message_id == message_id).order_by(col(Arrival.received_at))
    ).all()


def count_outcomes(session: Session) -> dict[str, int]:
    """How many arrivals ended in each outcome."""
    return dict(session.exec(select(Arrival.outcome, func.count()).group_by(Arrival.outcome)).all())
