"""`gatepost replay` and `gatepost thread --dry-run`: stored mail through today's code, and what would be different."""

from datetime import timedelta
from typing import Any

from sqlmodel import Session

from gatepost.acts import Actor
from gatepost.cli.frame import DONE, FINDINGS, BadInput, opened, print_object, say, warn
from gatepost.cli.trace import find_messages
from gatepost.model import Message
from gatepost.parts import Parts, clock
from gatepost.settings import Settings
from gatepost.threading.intake import Desk
from gatepost.threading.place import DESK, POLICIES, Policy
from gatepost.threading.replay import Decision, Replayed, recent
from gatepost.threading.rethread import decide_anew, lands_elsewhere, rethread

MOST = 5000
ACTOR = Actor("the command line")


def replay(settings: Settings, what: str, policy: str, put: bool, as_json: bool) -> int:
    """Decide anew about the inbound mails that `what` names; 0, or 3 where something would be different.

    With `put` what would be elsewhere is put there.
    """
    chosen = policy_named(policy)
    with opened(settings) as parts, parts.database.session() as session:
        messages = [one for one in find_messages(session, what, None) if one.direction == "in"]
        if not messages:
            raise BadInput(f"ID {what}: no inbound mail has this id, address, number or Message-ID")
        done = [one for message in messages if (one := try_one(parts, session, message, chosen))]
        for one in done:
            tell(one, as_json)
        if put:
            return put_there(parts, [one.message.id for one in done if lands_elsewhere(one)], chosen, as_json)
        return FINDINGS if any(one.differs for one in done) else DONE


def dry_run(settings: Settings, days: int, policy: str, put: bool, as_json: bool) -> int:
    """Which mails of the last days would land elsewhere under a policy; 0, or 3 where some would.

    With `put` they are put there.
    """
    chosen = policy_named(policy)
    elsewhere: list[str] = []
    looked = by_hand = 0
    with opened(settings) as parts, parts.database.session() as session:
        for message in recent(session, clock() - timedelta(days=days), MOST):
            one = try_one(parts, session, message, chosen)
            if one is None:
                continue
            looked += 1
            by_hand += one.by_hand
            if lands_elsewhere(one):
                elsewhere.append(message.id)
                tell(one, as_json)
    if not as_json:
        kept = f"; {by_hand} were moved by a person and stay" if by_hand else ""
        warn(f"{len(elsewhere)} of {looked} mails of the last {days} days would land elsewhere under {policy}{kept}.")
    if put:
        with opened(settings) as parts:
            return put_there(parts, elsewhere, chosen, as_json)
    return FINDINGS if elsewhere else DONE


def put_there(parts: Parts, message_ids: list[str], policy: Policy, as_json: bool) -> int:
    """Put mails where the policy puts them; 0, or 3 where one stayed."""
    desk = Desk(parts.settings, parts.keys, parts.blobs)
    done = rethread(parts.database, parts.ledger, desk, message_ids, policy, ACTOR, clock())
    for one in done.moved:
        told = {"correction": one.id, "kind": one.kind, "policy": policy.name}
        print_object(told) if as_json else say(f"  {one.kind}: take it back with `gatepost conversation undo {one.id}`")
    for message_id, why in done.stayed:
        warn(f"{message_id} stays: {why}")
    return FINDINGS if done.stayed else DONE


def policy_named(name: str) -> Policy:
    if name not in POLICIES:
        raise BadInput(f"--policy {name}: there is no such policy; use {', '.join(POLICIES)}")
    return POLICIES[name]


def try_one(parts: Parts, session: Session, message: Message, policy: Policy = DESK) -> Replayed | None:
    """A mail decided anew; None, with a warning, where it cannot be read any more."""
    found = decide_anew(session, Desk(parts.settings, parts.keys, parts.blobs), message, policy)
    if found is None:
        warn(f"{message.id}: its content is lost, or cannot be read; `gatepost fsck` tells")
    return found


def tell(one: Replayed, as_json: bool) -> None:
    """What was decided and what would be, with the reasons where they differ."""
    if as_json:
        print_object(row(one))
        return
    message = one.message
    say(f"{message.id} from {message.from_address or '(nobody)'}: {message.subject}")
    if not one.differs:
        say(f"  as before: {where(one.before)}")
        return
    say(f"  was: {where(one.before)}")
    say(f"  now: {where(one.now)} (different: {', '.join(one.differs)})")
    for reason in one.now.why:
        say(f"    {reason.get('text', '')}")


def where(decision: Decision) -> str:
    place = "no conversation"
    if decision.conversation is not None:
        place = f"#{decision.conversation}" if decision.conversation else "a new conversation"
    marked = "" if decision.verified else ", unverified"
    return f"{place}, {decision.outcome}, {decision.kind}{marked}"


def row(one: Replayed) -> dict[str, Any]:
    return {
        "id": one.message.id,
        "from": one.message.from_address,
        "subject": one.message.subject,
        "differs": list(one.differs),
        "by_hand": one.by_hand,
        "before": side(one.before),
        "now": side(one.now),
    }


def side(decision: Decision) -> dict[str, Any]:
    return {
        "conversation": decision.conversation,
        "outcome": decision.outcome,
        "kind": decision.kind,
        "verified": decision.verified,
        "why": [str(reason.get("text", "")) for reason in decision.why],
    }
