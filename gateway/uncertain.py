"""Deliveries that may have arrived or not: looked for in bounces and mailboxes, then a person or the policy decides."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta

from gatepost.acts import Actor
from gatepost.gateway.accept import Gate
from gatepost.rounds import Duty, When, rounds
from gatepost.store import acts
from gatepost.store.uncertain import note_copy, uncertain_since

WAIT = timedelta(hours=1)
"""So long something is looked for: a bounce changes the state by itself, a copy in a mailbox is noted."""
TIMES = 3
AT_ONCE = 100
ROUND_SECONDS = 60.0
POLICY = Actor("the policy for uncertain deliveries")


def settle(gate: Gate, now: datetime) -> int:
    """One round: how many deliveries are sent again because the settings say so, and nothing was found of them.

    Of what was found in a mailbox a line of history tells, once, and it is left to a person.
    """
    with gate.database.session() as session:
        waiting = uncertain_since(session, now - WAIT, TIMES, AT_ONCE)
    seen = [each.delivery_id for each in waiting if each.copied and not each.noted]
    if seen:
        gate.ledger.write(lambda session: note_copy(session, seen, now))
    again = [each.delivery_id for each in waiting if not each.copied]
    if not again or gate.settings.uncertain != "retry":
        return 0
    changed = gate.ledger.write(lambda session: acts.perform(session, "retry", again, POLICY, now))
    if changed:
        gate.wake()
    return changed


def settling(gate: Gate, clock: Callable[[], datetime]) -> AbstractAsyncContextManager[None]:
    """They are looked for while this context is open."""

    def work(now: datetime) -> When:
        settle(gate, now)
        return now

    return rounds(Duty("settling the uncertain", work, ROUND_SECONDS, gate.ledger, clock))
