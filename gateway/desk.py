"""The duty that follows the history: copies to followers, acknowledgements, what agents wrote by mail, snoozed ends.

Each event is one transaction: what it leads to and the position after it, so that nothing is done twice or left out.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta

import structlog
from sqlmodel import Session

from gatepost.gateway.accept import Gate
from gatepost.gateway.acknowledge import (
    broken_rule,
    known_of,
    make_acknowledgement,
    make_breaker,
    may_acknowledge,
    stop,
    store_acknowledgement,
)
from gatepost.gateway.agent_mail import Op, act, tell_held
from gatepost.gateway.answer import header_of
from gatepost.gateway.budget import for_reading
from gatepost.gateway.followers import make_copies, store_copy
from gatepost.mail import parse_head
from gatepost.model import Channel, Conversation, Event, Message
from gatepost.reply import Refused
from gatepost.rounds import Duty, When, is_past, rounds
from gatepost.store.automatic import breaker_of
from gatepost.store.channels import get_channel
from gatepost.store.conversations import get_conversation
from gatepost.store.events import events_between
from gatepost.store.handed_over import handed_over
from gatepost.store.messages import RawLost, get_message
from gatepost.store.notices import move_on, told_until
from gatepost.store.settled import Horizon, mark
from gatepost.store.shelf import next_to_wake, wake_snoozed
from gatepost.words import GONE, Kind, Outcome

NAME = "desk mail"
WINDOW = 500
ROUND_SECONDS = 1.0
FRESH = timedelta(days=1)
TRIES = 3
KINDS = ("message.received", "note.added", "agent.mailed", "agent.held")

log = structlog.get_logger("desk")


def steps_of(gate: Gate, event: Event, now: datetime) -> list[Op]:
    """What an event leads to."""
    if event.kind == "agent.mailed":
        return act(gate, event.message_id or "", now)
    with gate.database.session() as session:
        message = get_message(session, event.message_id or "")
        if message is None or now - event.at > FRESH:
            return []
        if event.kind == "agent.held":
            return tell_held(gate, session, message, str(event.data.get("why", "")), now)
        conversation = get_conversation(session, message.conversation_id or "")
        channel = get_channel(session, conversation.channel_id or "") if conversation else None
        if conversation is None or channel is None or channel.state != "active" or not is_news(event, message, now):
            return []
        if conversation.state in GONE:  # meanwhile: nobody is told of it
            return []
        copies = make_copies(gate, session, conversation, message, now)
        ops: list[Op] = [lambda session, copy=copy: store_copy(session, copy, now) for copy in copies]  # type: ignore[misc]
        if event.kind == "message.received":
            ops += acknowledgement(gate, session, channel, conversation, message, now)
        return ops


def is_news(event: Event, message: Message, now: datetime) -> bool:
    """Whether people are told of a message: not of imported or old mail, nor of what machines wrote."""
    if event.kind == "note.added":
        return True
    new = event.data.get("inlet") != "import" and now - message.at < FRESH
    return new and message.outcome == Outcome.PLACED and message.kind == Kind.MESSAGE


def acknowledgement(
    gate: Gate, session: Session, channel: Channel, conversation: Conversation, message: Message, now: datetime
) -> list[Op]:
    """The acknowledgement of a mail, or the breaker where it went round; nothing for the rest,
    nor for a copy, nor for what an agent forwarded.
    """
    if handed_over(message) or any(reason.get("copy") for reason in message.why):
        return []
    mail = parse_head(header_of(session, gate, message))
    known = known_of(session, gate, channel, message, mail, now)
    may, _ = may_acknowledge(message, mail, known)
    if may:
        prepared = make_acknowledgement(gate, session, channel, conversation, message, now)
        return [lambda session: store_acknowledgement(session, prepared, conversation, message.from_address, now)]
    rule = broken_rule(message, known.sent) if known.on and not known.ours else ""
    if rule and breaker_of(session, message.from_address, now) is None:
        breaker = make_breaker(session, message, rule, now)
        return [lambda session: stop(session, breaker, conversation, now)]
    return []


def follow_once(gate: Gate, horizon: Horizon, now: datetime, failed: dict[int, int]) -> bool:
    """Do what the next events lead to; True when there are more. `failed` counts tries of an event by its number."""
    with gate.database.session() as session:
        horizon_now = horizon.move(mark(session))
        stored = told_until(session, NAME)
        after = max(stored, horizon.passed)
        until = min(horizon_now, after + WINDOW)
        events = events_between(session, after, until, KINDS) if until > after else []
        wakes_at = next_to_wake(session)
    if is_past(wakes_at, now):
        gate.ledger.write(lambda session: wake_snoozed(session, now))
    if until <= after:
        return False
    for event in events:
        if not follow(gate, event, stored, now, failed):
            return True
        stored = event.seq or stored
    if (events or not horizon.pass_over(stored, until)) and stored < until:
        gate.ledger.write(lambda session: move_on(session, stored, until, NAME))
    return until < horizon_now


def follow(gate: Gate, event: Event, after: int, now: datetime, failed: dict[int, int]) -> bool:
    """One event; False where another process was faster. After three tries an event leads to nothing, and is logged."""
    with gate.budget.hold(share_of(gate, event)):
        return follow_one(gate, event, after, now, failed)


def share_of(gate: Gate, event: Event) -> int:
    """What an agent's mail takes until its answer is stored; copies have a share only while a mail is read for them."""
    if event.kind != "agent.mailed":
        return 0
    with gate.database.session() as session:
        message = get_message(session, event.message_id or "")
        return for_reading(message.size) if message else 0


def follow_one(gate: Gate, event: Event, after: int, now: datetime, failed: dict[int, int]) -> bool:
    """As `follow`, with a share of the memory."""
    seq = event.seq or 0
    try:
        ops = steps_of(gate, event, now)
    except (Refused, RawLost) as error:
        log.warning("an event leads to no mail", seq=seq, kind=event.kind, why=str(error))
        ops = []
    except Exception:
        failed[seq] = failed.get(seq, 0) + 1
        if failed[seq] < TRIES:
            raise
        log.exception("an event cannot be followed, and is passed over", seq=seq, kind=event.kind)
        ops = []

    def write(session: Session) -> bool:
        if not move_on(session, after, seq, NAME):
            return False
        for op in ops:
            op(session)
        return True

    done = gate.ledger.write(write)
    if done and ops:
        gate.wake()
    return done


def following(gate: Gate, clock: Callable[[], datetime]) -> AbstractAsyncContextManager[None]:
    """The history is followed while this context is open."""
    horizon, failed = Horizon(), dict[int, int]()

    def work(now: datetime) -> When:
        if follow_once(gate, horizon, now, failed):
            return True
        with gate.database.session() as session:
            return now if horizon.behind else next_to_wake(session)

    return rounds(Duty("following the history", work, ROUND_SECONDS, gate.ledger, clock))
