"""Replacing a DKIM key without a mail that cannot be verified: one step at a time, each with its evidence.

Made -> published and seen -> signs beside the old one -> the old one stops -> the old one is erased, once the last
mail that it signed has expired. Until then one step leads back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session

from gatepost.domain_key import RSA, KeyState
from gatepost.gateway.accept import Gate
from gatepost.gateway.signing import LIFETIME
from gatepost.model import Domain, DomainKey
from gatepost.store.domains import add_key, domain_keys, get_domain, new_key, next_selector, set_key
from gatepost.store.events import add_event


class NotNow(ValueError):
    """A step that its evidence does not allow; str() says why and what to do."""


@dataclass(frozen=True, slots=True)
class Next:
    """The next step of a rotation, whether it may be taken, and why (not)."""

    step: str
    possible: bool
    why: str


def of(keys: Sequence[DomainKey], algorithm: str, *states: KeyState) -> list[DomainKey]:
    """The keys of an algorithm in these states, oldest first."""
    found = [key for key in keys if key.algorithm == algorithm and key.state in states]
    return sorted(found, key=lambda key: key.created_at)


def next_step(domain: Domain, keys: Sequence[DomainKey], algorithm: str, now: datetime) -> Next:
    """Where the rotation of a domain's keys of one algorithm stands."""
    made, seen = of(keys, algorithm, KeyState.MADE), of(keys, algorithm, KeyState.SEEN)
    signing, stopped = of(keys, algorithm, KeyState.SIGNING), of(keys, algorithm, KeyState.STOPPED)
    if made:
        return Next("publish", False, f"{made[-1].selector} is not seen in the DNS yet: publish its record, then check")
    if seen:
        why = f"{seen[-1].selector} is published: from now on mail is signed with it too"
        return possible_if_published(domain, seen[-1], Next("both", True, why))
    if len(signing) > 1:
        why = f"mail is signed with both: {signing[0].selector} stops, {signing[-1].selector} goes on alone"
        return possible_if_published(domain, signing[-1], Next("switch", True, why))
    if stopped:
        return may_retire(stopped[0], now)
    return Next("begin", True, "a new key is made; nothing changes for mail until its record is seen")


def possible_if_published(domain: Domain, key: DomainKey, wanted: Next) -> Next:
    """A step for which the last look at the DNS must have found this key."""
    row = report_of(domain, key)
    if row and row["state"] == "ok":
        return wanted
    why = f"the last check did not find {key.selector} as it should be: publish its record, then check"
    return Next(wanted.step, False, why)


def report_of(domain: Domain, key: DomainKey) -> dict[str, Any] | None:
    """What the last check said about a key."""
    return next((row for row in domain.report if row["key_id"] == key.id), None)


def may_retire(key: DomainKey, now: datetime) -> Next:
    """A key that signs no more may be erased when its last signature has expired."""
    until = (key.stopped_at or key.created_at) + LIFETIME
    if now < until:
        why = (
            f"mail that {key.selector} signed may be verified until {until:%Y-%m-%d %H:%M} UTC: leave its record there"
        )
        return Next("retire", False, why)
    return Next(
        "retire", True, f"no signature of {key.selector} is valid any more: it is erased, then remove its record"
    )


def advance(gate: Gate, domain_id: str, algorithm: str, now: datetime) -> Next:
    """Take the next step; returns the one after it. Raises NotNow."""
    with gate.database.session() as session:
        domain, keys = state_of(session, domain_id)
    step = next_step(domain, keys, algorithm, now)
    if not step.possible:
        raise NotNow(f"Not yet: {step.why}.")
    fresh = None
    if step.step == "begin":
        selector = next_selector([key.selector for key in keys], algorithm, now)
        fresh = new_key(gate.keys, domain_id, selector, algorithm, now)
    return gate.ledger.write(lambda session: take(session, domain_id, algorithm, step, fresh, now))


def state_of(session: Session, domain_id: str) -> tuple[Domain, list[DomainKey]]:
    domain = get_domain(session, domain_id)
    if domain is None:
        raise NotNow("This domain is not there any more.")
    return domain, domain_keys(session, domain_id)


def take(session: Session, domain_id: str, algorithm: str, step: Next, fresh: DomainKey | None, now: datetime) -> Next:
    """Take a step in the caller's transaction, unless another was taken meanwhile."""
    domain, keys = state_of(session, domain_id)
    if next_step(domain, keys, algorithm, now) != step:
        raise NotNow("Somebody else has just taken a step; look at the page again.")
    if step.step == "begin" and fresh:
        add_key(session, fresh)
        moved = fresh.selector
    elif step.step == "both":
        moved = move(session, of(keys, algorithm, KeyState.SEEN)[-1], KeyState.SIGNING, "signs beside the old key", now)
    elif step.step == "switch":
        moved = move(
            session, of(keys, algorithm, KeyState.SIGNING)[0], KeyState.STOPPED, "the new key signs alone", now
        )
    else:
        why = f"its last signature expired {LIFETIME.days} days after it stopped; the private half is erased"
        moved = move(session, of(keys, algorithm, KeyState.STOPPED)[0], KeyState.RETIRED, why, now)
    told(session, domain, step.step, moved, step.why, now)
    return next_step(*state_of(session, domain_id), algorithm, now)


def move(session: Session, key: DomainKey, state: KeyState, why: str, now: datetime) -> str:
    set_key(session, key, state, why, now)
    return key.selector


def told(session: Session, domain: Domain, step: str, selector: str, why: str, now: datetime) -> None:
    data = {"domain": domain.name, "step": step, "selector": selector, "why": why}
    add_event(session, "domain.rotated", now=now, data=data)


def roll_back(gate: Gate, domain_id: str, algorithm: str, now: datetime) -> Next:
    """One step back: the new key is dropped or stops, the old one signs (again). Raises NotNow."""
    return gate.ledger.write(lambda session: take_back(session, domain_id, algorithm, now))


def take_back(session: Session, domain_id: str, algorithm: str, now: datetime) -> Next:
    """As `roll_back`, in the caller's transaction."""
    domain, keys = state_of(session, domain_id)
    unused = of(keys, algorithm, KeyState.MADE, KeyState.SEEN)
    signing, stopped = of(keys, algorithm, KeyState.SIGNING), of(keys, algorithm, KeyState.STOPPED)
    if unused and (signing or algorithm != RSA):
        moved = move(session, unused[-1], KeyState.RETIRED, "given up before it signed", now)
    elif len(signing) > 1:
        moved = move(session, signing[-1], KeyState.STOPPED, "rolled back: the old key signs alone", now)
    elif signing and stopped:
        old = possible_if_published(domain, stopped[-1], Next("back", True, ""))
        if not old.possible:
            raise NotNow(f"Not yet: {old.why}.")
        moved = move(session, stopped[-1], KeyState.SIGNING, "rolled back: it signs again", now)
        move(session, signing[0], KeyState.STOPPED, "rolled back: the other key signs again", now)
    else:
        raise NotNow("There is nothing to go back to: one key signs, and no other is under way.")
    told(session, domain, "back", moved, "rolled back", now)
    return next_step(*state_of(session, domain_id), algorithm, now)
