"""Letting mail in that waits in review, and keeping it out: mail from outside, and mail to an agent's reply address."""

from datetime import datetime

from sqlmodel import Session

from gatepost.acts import Actor
from gatepost.gateway import agent_mail, set_aside
from gatepost.gateway.accept import Gate
from gatepost.gateway.set_aside import GONE
from gatepost.model import Arrival, User
from gatepost.store.agents import agent_mail_of
from gatepost.store.arrivals import get_arrival
from gatepost.store.set_aside import decide
from gatepost.words import Outcome

NO_INTO = "Mail of an agent goes where his reply address says; release it without naming a conversation."


def let_in(
    gate: Gate, arrival_id: str, actor: Actor, now: datetime, *, into: bool = False, user: User | None = None
) -> None:
    """Let a mail in; `into` the conversation that it claims to belong to. `user` is who must have access to it.

    Raises ValueError with a sentence.
    """
    with gate.database.session() as session:
        arrival = get_arrival(session, arrival_id)
        of_agent = bool(arrival and arrival.message_id and agent_mail_of(session, arrival.message_id))
    if arrival is None or not of_agent:
        set_aside.release(gate.ledger, arrival_id, actor, now, into)
        return
    if arrival.decided:
        raise ValueError(GONE)
    if into:
        raise ValueError(NO_INTO)
    agent_mail.release(gate, arrival.message_id or "", actor, now, user)


def keep_out(gate: Gate, arrival_id: str, actor: Actor, now: datetime) -> None:
    """Leave a mail out: nothing of it is acted upon, and it waits no more. Raises ValueError with a sentence."""
    with gate.database.session() as session:
        arrival = get_arrival(session, arrival_id)
        of_agent = bool(arrival and arrival.message_id and agent_mail_of(session, arrival.message_id))
    if not of_agent:
        set_aside.keep_out(gate.ledger, arrival_id, actor, now)
    elif not gate.ledger.write(lambda session: leave_agents_out(session, arrival_id, actor, now)):
        raise ValueError(GONE)


def leave_agents_out(session: Session, arrival_id: str, actor: Actor, now: datetime) -> bool:
    """Write down that an agent's mail is not acted upon; False where it does not wait."""
    arrival: Arrival | None = get_arrival(session, arrival_id)
    waits = arrival is not None and arrival.outcome == Outcome.REVIEW and not arrival.decided
    return bool(arrival and waits and decide(session, arrival, "kept_out", actor, now))
