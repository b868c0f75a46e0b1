"""Inbound mail that waits for a person: not read, to review, or a report that fits no mail; and what was decided."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, update
from sqlmodel import Session, and_, col, func, or_, select

from gatepost.acts import Actor
from gatepost.model import Arrival, Message
from gatepost.store.events import add_event
from gatepost.store.write_back import want_for_arrival
from gatepost.words import Outcome

UNLINKED = "about no mail that we sent"
LISTS = ("quarantined", "review", "unlinked")
WRITTEN_BACK = {"discarded": "trash", "kept_out": "spam"}
"""What a decision is at a provider, where its mailbox works two ways."""


def where(name: str) -> list[ColumnElement[bool]]:
    """What is in a list: `quarantined`, `review`, `unlinked`, or any other outcome."""
    outcome = Outcome.REPORT if name == "unlinked" else Outcome(name)
    found: list[ColumnElement[bool]] = [col(Arrival.outcome) == outcome]
    if name == "unlinked":
        found.append(col(Arrival.outcome_why).contains(UNLINKED))
    if name in LISTS:
        found.append(col(Arrival.decided) == "")
    return found


def waiting(session: Session, name: str, limit: int, before: str = "") -> Sequence[Arrival]:
    """The newest of a list; with an id the newest before that one."""
    order = (col(Arrival.received_at).desc(), col(Arrival.id).desc())
    query = select(Arrival).where(*where(name)).order_by(*order).limit(limit)
    last = session.get(Arrival, before) if before else None
    if last:
        older = and_(col(Arrival.received_at) == last.received_at, col(Arrival.id) < last.id)
        query = query.where(or_(col(Arrival.received_at) < last.received_at, older))
    return session.exec(query).all()


def subjects_of(session: Session, rows: Sequence[Arrival]) -> dict[str, str]:
    """The subjects of those that became messages, by the message's id."""
    ids = [row.message_id for row in rows if row.message_id]
    return dict(session.exec(select(Message.id, Message.subject).where(col(Message.id).in_(ids))).all())


def counts(session: Session) -> dict[str, int]:
    """How many wait in each list."""
    return {name: session.exec(select(func.count()).select_from(Arrival).where(*where(name))).one() for name in LISTS}


def begin_again(session: Session, arrival_id: str) -> Arrival | None:
    """Make one that was quarantined pending, as if it had just come; None where it does not wait any more."""
    arrival = session.get(Arrival, arrival_id)
    if arrival is None or arrival.outcome != Outcome.QUARANTINED or arrival.decided:
        return None
    arrival.outcome, arrival.tries = Outcome.PENDING, 0
    session.add(arrival)
    session.flush()
    return arrival


def say_why(session: Session, arrival_id: str, why: str) -> None:
    """Write why it is where it is."""
    session.execute(update(Arrival).where(col(Arrival.id) == arrival_id).values(outcome_why=why))


def decide(
    session: Session, arrival: Arrival, decided: str, actor: Actor, now: datetime, data: dict[str, Any] | None = None
) -> bool:
    """Write down what a person decided, once; False where somebody else was faster."""
    undecided = or_(col(Arrival.id) == arrival.id, col(Arrival.message_id) == (arrival.message_id or ""))
    done = session.execute(update(Arrival).where(undecided, col(Arrival.decided) == "").values(decided=decided))
    if not done.rowcount:  # type: ignore[attr-defined]
        return False
    message = session.get(Message, arrival.message_id) if arrival.message_id else None
    if decided in WRITTEN_BACK:
        want_for_arrival(session, arrival, WRITTEN_BACK[decided], now)
    tell(session, arrival, decided, actor, now, message, data or {})
    return True


def tell(
    session: Session,
    arrival: Arrival,
    what: str,
    actor: Actor,
    now: datetime,
    message: Message | None,
    data: dict[str, Any],
) -> None:
    """Append it to the history."""
    add_event(
        session,
        f"arrival.{what}",
        now=now,
        message_id=message.id if message else None,
        conversation_id=message.conversation_id if message else None,
        channel_id=arrival.channel_id or (message.channel_id if message else None),
        user_id=actor.user_id,
        data={"arrival": arrival.id, "by": actor.name, **data},
    )


def place_released(session: Session, message: Message, outcome: Outcome, why: str) -> None:
    """Give a mail that waited, and how it came, the outcome that it has now."""
    message.outcome = outcome
    session.add(message)
    session.flush()
    arrivals = update(Arrival).where(col(Arrival.message_id) == message.id)
    session.execute(arrivals.values(outcome=outcome, outcome_why=why))
