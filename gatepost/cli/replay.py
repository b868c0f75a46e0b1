"""`gatepost replay` and `gatepost thread --dry-run`: stored mail through today's code, and what would be different."""

from datetime import timedelta
from typing import Any

from sqlmodel import Session

from gatepost.cli.frame import DONE, FINDINGS, BadInput, opened, print_object, say, warn
from gatepost.cli.trace import find_messages
from gatepost.model import Message
from gatepost.parts import Parts, clock
from gatepost.settings import Settings
from gatepost.store.messages import RawLost, raw_of
from gatepost.threading.place import DESK, POLICIES, Policy
from gatepost.threading.reading import read
from gatepost.threading.replay import Decision, Replayed, recent
from gatepost.threading.replay import replay as decide

MOST = 5000


def replay(settings: Settings, what: str, policy: str, as_json: bool) -> int:
    """Decide anew about the inbound mails that `what` names; 0, or 3 where something would be different."""
    chosen = policy_named(policy)
    with opened(settings) as parts, parts.database.session() as session:
        messages = [one for one in find_messages(session, what, None) if one.direction == "in"]
        if not messages:
            raise BadInput(f"ID {what}: no inbound mail has this id, address, number or Message-ID")
        done = [one for message in messages if (one := try_one(parts, session, message, chosen))]
        for one in done:
            tell(one, as_json)
        return FINDINGS if any(one.differs for one in done) else DONE


def dry_run(settings: Settings, days: int, policy: str, as_json: bool) -> int:
    """Which mails of the last days would land elsewhere under a policy; 0, or 3 where some would."""
    chosen = policy_named(policy)
    elsewhere = looked = by_hand = 0
    with opened(settings) as parts, parts.database.session() as session:
        for message in recent(session, clock() - timedelta(days=days), MOST):
            one = try_one(parts, session, message, chosen)
            if one is None:
                continue
            looked += 1
            by_hand += one.by_hand
            if not one.by_hand and one.before.conversation != one.now.conversation:
                elsewhere += 1
                tell(one, as_json)
    if not as_json:
        kept = f"; {by_hand} were moved by a person and stay" if by_hand else ""
        warn(f"{elsewhere} of {looked} mails of the last {days} days would land elsewhere under {policy}{kept}.")
    return FINDINGS if elsewhere else DONE


def policy_named(name: str) -> Policy:
    if name not in POLICIES:
        raise BadInput(f"--policy {name}: there is no such policy; use {', '.join(POLICIES)}")
    return POLICIES[name]


def try_one(parts: Parts, session: Session, message: Message, policy: Policy = DESK) -> Replayed | None:
    """A mail decided anew; None, with a warning, where its octets are lost."""
    try:
        envelope_from = message.envelope_from if message.trigger == "mx" else None
        reading = read(raw_of(session, message.raw_id, parts.blobs), envelope_from)
    except RawLost as error:
        warn(f"{message.id}: {error}")
        return None
    return decide(session, parts.settings, parts.keys, message, reading, policy)


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
