"""What people do with deliveries: try again, hold, release, cancel, send to a corrected address; all leave history."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, exists, update
from sqlalchemy import select as core_select
from sqlmodel import Session, and_, case, col, func, or_, select

from gatepost.acts import DONE, ENDED, FROM, INTO, SENDS, Actor, may
from gatepost.address import parse_address
from gatepost.ids import new_id
from gatepost.model import Delivery, Message, Suppression
from gatepost.store.deliveries import conversations_showing, count_failures, history
from gatepost.store.events import add_event
from gatepost.store.messages import get_message
from gatepost.store.queue import Which, where
from gatepost.store.rows import insert_row, insert_rows
from gatepost.store.suppressions import sentence, suppressed_among
from gatepost.store.unsubscribes import has_left_it, stream_left
from gatepost.words import DeliveryState

LIVED_ANEW = {"code": None, "status": None, "text": "", "reported": False}
READDRESSED = "delivery.readdressed"
FACTS = ("leased", "suppressed", "left", "purged")
"""What `may` asks of a delivery besides its state."""


@dataclass(frozen=True, slots=True)
class Preview:
    """How many deliveries an act would change, by their state, and how many not, by the reason."""

    ready: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """How many would be changed."""
        return sum(self.ready.values())


def preview(session: Session, act: str, which: Which, now: datetime) -> Preview:
    """What an act would do to the deliveries that fit."""
    leased = case((and_(col(Delivery.lease_until).is_not(None), col(Delivery.lease_until) > now), 1), else_=0)
    listed = case((on_the_list(now), 1), else_=0)
    left = case((has_left_it(), 1), else_=0)
    empty = case((has_nothing_left(), 1), else_=0)
    named = [one.label(name) for name, one in zip(FACTS, (leased, listed, left, empty), strict=True)]
    found = select(Delivery.state, *named).where(*where(which)).subquery()
    kinds = (found.c.state, *(found.c[name] for name in FACTS))
    counted = core_select(*kinds, func.count()).group_by(*kinds)
    result = Preview()
    for state, *facts, count in session.execute(counted):
        done, why = may(act, state, **{name: bool(fact) for name, fact in zip(FACTS, facts, strict=True)})
        group, key = (result.ready, str(state)) if done else (result.refused, why)
        group[key] = group.get(key, 0) + count
    return result


def on_the_list(now: datetime) -> ColumnElement[bool]:
    """Whether a delivery's address is suppressed now."""
    lasting = or_(col(Suppression.expires_at).is_(None), col(Suppression.expires_at) > now)
    return exists().where(col(Suppression.address) == func.lower(col(Delivery.recipient)), lasting)


def has_nothing_left() -> ColumnElement[bool]:
    """Whether what a delivery's mail said was deleted for ever."""
    return exists().where(col(Message.id) == col(Delivery.message_id), col(Message.purged_at).is_not(None))


def applies(act: str, now: datetime) -> ColumnElement[bool]:
    """The condition that `may` is, for the database: it decides once more when the act is written."""
    free = or_(col(Delivery.state) != DeliveryState.SENDING, col(Delivery.lease_until) <= now)
    conditions = [col(Delivery.state).in_(sorted(FROM[act])), free]
    if act in SENDS:
        conditions += [~on_the_list(now), ~has_left_it(), ~has_nothing_left()]
    return and_(*conditions)


def ids_for(session: Session, act: str, which: Which, now: datetime) -> Sequence[str]:
    """The deliveries that an act would change, oldest first."""
    return session.exec(select(Delivery.id).where(*where(which), applies(act, now)).order_by(Delivery.id)).all()


def perform(session: Session, act: str, ids: Iterable[str], actor: Actor, now: datetime, via: str = "") -> int:
    """Do an act to these deliveries as far as it still applies, in the caller's transaction; how many were changed.

    The fence moves on, so that no result of an attempt made before can overwrite what a person decided. `via` is the
    route of `reroute`, empty for the one that the rules choose; what is held stays held.
    """
    chosen = select(Delivery).where(col(Delivery.id).in_(list(ids)), applies(act, now)).with_for_update()
    before = {row.id: (row.state, row.message_id, row.recipient) for row in session.exec(chosen)}
    if not before:
        return 0
    if act == "reroute":
        session.execute(update(Delivery).where(col(Delivery.id).in_(before)).values(via=via, updated_at=now))
        kept = [key for key, (was, _, _) in before.items() if was == DeliveryState.HELD]
        text = routed(via, actor)
        insert_rows(session, [history(key, DeliveryState.HELD, text, None, now) for key in kept])
        tell_all(session, act, {key: before[key] for key in kept}, actor, now, {"route": via})
        return len(kept) + renew(session, act, {k: v for k, v in before.items() if k not in kept}, actor, now, via)
    return renew(session, act, before, actor, now)


Before = dict[str, tuple[str, str, str]]
"""State, message and recipient of deliveries, by their ids."""


def routed(via: str, actor: Actor) -> str:
    """What history says of a new route."""
    return f"To be sent over {f'the route {via}' if via else 'the route that the rules choose'}, by {actor.name}"


def renew(session: Session, act: str, before: Before, actor: Actor, now: datetime, via: str = "") -> int:
    """Bring deliveries into the state that an act leads to; how many they are."""
    if not before:
        return 0
    state = INTO[act]
    due = now if state == DeliveryState.QUEUED else None
    values: dict[str, Any] = {"state": state, "next_attempt_at": due, "lease_until": None, "fence": Delivery.fence + 1}
    session.execute(update(Delivery).where(col(Delivery.id).in_(before)).values(**values, updated_at=now))
    ended = [key for key, (was, _, _) in before.items() if was in ENDED]
    if ended:
        session.execute(update(Delivery).where(col(Delivery.id).in_(ended)).values(**LIVED_ANEW, created_at=now))
    text = routed(via, actor) if act == "reroute" else f"{DONE[act][1]} by {actor.name}"
    if act not in ("retry", "reroute"):
        said = "" if act == "release" else text
        session.execute(update(Delivery).where(col(Delivery.id).in_(before)).values(text=said, code=None, status=None))
    insert_rows(session, [history(key, state, text, due, now) for key in before])
    tell_all(session, act, before, actor, now, {"route": via} if act == "reroute" else {})
    recount(session, {message_id for _, message_id, _ in before.values()})
    return len(before)


def tell_all(session: Session, act: str, before: Before, actor: Actor, now: datetime, more: Mapping[str, str]) -> None:
    """An event for each delivery that an act changed."""
    for key, (was, message_id, recipient) in before.items():
        data = {"recipient": recipient, "from": was, "by": actor.name, **more}
        tell(session, DONE[act][0], key, message_id, actor, data, now)


def resend(session: Session, delivery_id: str, address: str, actor: Actor, now: datetime) -> Delivery:
    """Send the same mail (and Message-ID) to a corrected address: a delivery of its own; an event links it to the old.

    The old one is cancelled; one whose mail may have arrived stays what it is. Raises ValueError with a sentence.
    """
    corrected = parse_address(address)
    old = session.get(Delivery, delivery_id, populate_existing=True, with_for_update=True)
    if old is None:
        raise ValueError("There is no such delivery any more")
    done, why = may("resend", old.state, leased=bool(old.lease_until and old.lease_until > now))
    if not done:
        raise ValueError(f"The mail to {old.recipient} cannot be sent to another address: {why}")
    check_new(session, old, str(corrected), corrected.key, now)
    held = old.state == DeliveryState.HELD
    new = Delivery(
        id=new_id("dlv"),
        message_id=old.message_id,
        recipient=str(corrected),
        state=DeliveryState.HELD if held else DeliveryState.QUEUED,
        next_attempt_at=None if held else now,
        text=old.text if held else "",
        notify=old.notify,
        created_at=now,
        updated_at=now,
    )
    insert_row(session, new)
    give_up(session, old, f"Sent to {new.recipient} instead, by {actor.name}", now)
    text = f"Sent here instead of {old.recipient}, by {actor.name}"
    insert_row(session, history(new.id, DeliveryState(new.state), text, new.next_attempt_at, now))
    data = {"recipient": new.recipient, "instead_of": old.recipient, "old_delivery": old.id, "by": actor.name}
    tell(session, READDRESSED, new.id, old.message_id, actor, data, now)
    recount(session, {old.message_id})
    return new


def check_new(session: Session, old: Delivery, written: str, key: str, now: datetime) -> None:
    """Whether the corrected address may get the mail. Raises ValueError."""
    message = get_message(session, old.message_id)
    if message and message.purged_at:
        raise ValueError("What this mail said was deleted for ever, so there is nothing left to send")
    if key == old.recipient.lower():
        raise ValueError(f"{written} is the address it was sent to; use Try now, or correct the address")
    there = session.exec(select(Delivery.recipient).where(Delivery.message_id == old.message_id))
    if key in {recipient.lower() for recipient in there}:
        raise ValueError(f"{written} is a recipient of this mail already")
    for row in suppressed_among(session, [key], now):
        raise ValueError(sentence(row))
    stream = stream_left(session, old.message_id, key)
    if stream:
        raise ValueError(f"{written} has unsubscribed from {stream}, to which this mail belongs")


def give_up(session: Session, old: Delivery, text: str, now: datetime) -> None:
    """End a delivery in favour of another; one whose mail has left us, or may have, only gets a line of history."""
    state = DeliveryState(old.state)
    if state != DeliveryState.UNCERTAIN:
        state = DeliveryState.CANCELLED
        values = {"state": state, "next_attempt_at": None, "lease_until": None, "code": None, "status": None}
        changed = update(Delivery).where(col(Delivery.id) == old.id)
        session.execute(changed.values(**values, text=text, fence=Delivery.fence + 1, updated_at=now))
    insert_row(session, history(old.id, state, text, None, now))


def tell(
    session: Session, kind: str, delivery_id: str, message_id: str, actor: Actor, data: dict[str, str], now: datetime
) -> None:
    """Leave an event, with the conversation that shows the mail."""
    conversations = sorted(conversations_showing(session, message_id), key=lambda row: row.number)
    add_event(
        session,
        kind,
        now=now,
        message_id=message_id,
        delivery_id=delivery_id,
        conversation_id=conversations[0].id if conversations else None,
        channel_id=conversations[0].channel_id if conversations else None,
        user_id=actor.user_id,
        data=data,
    )


def recount(session: Session, message_ids: Iterable[str]) -> None:
    """Bring the marks of the conversations that show these messages up to date, each once."""
    shown = {row.id: row for key in sorted(message_ids) for row in conversations_showing(session, key)}
    for conversation in shown.values():
        count_failures(session, conversation)
