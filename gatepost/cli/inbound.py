"""`gatepost inbound`: mail that was set aside, and what a person decides about it."""

import sys
from base64 import b64encode
from collections.abc import Callable, Sequence
from pathlib import Path

from gatepost.acts import Actor
from gatepost.cli.domain import gate_of
from gatepost.cli.frame import BadInput, naming, opened, print_object, say
from gatepost.gateway import review, set_aside
from gatepost.model import Arrival
from gatepost.parts import Parts, clock
from gatepost.reply import clean_text
from gatepost.settings import Settings
from gatepost.store.arrivals import get_arrival
from gatepost.store.messages import raw_of
from gatepost.store.set_aside import LISTS, waiting
from gatepost.threading.intake import Desk

ACTOR = Actor("the command line")
MOST = 1000


def list_waiting(settings: Settings, which: str, as_json: bool) -> None:
    """The newest of a list, or of all three."""
    if which and which not in LISTS:
        raise BadInput(f"LIST {which}: there are {', '.join(LISTS)}")
    with opened(settings) as parts, parts.database.session() as session:
        rows = [(name, row) for name in ([which] if which else LISTS) for row in waiting(session, name, MOST)]
    for name, row in rows:
        if as_json:
            print_object(described(name, row))
        else:
            say(
                clean_text(
                    f"{row.id} {name:11} {row.recipient or '-'} from {row.envelope_from or '<>'}: {row.outcome_why}"
                )
            )
    if not rows and not as_json:
        say("No mail waits for a person.")


def described(name: str, row: Arrival) -> dict[str, object]:
    return {
        "id": row.id,
        "list": name,
        "outcome": row.outcome,
        "why": row.outcome_why,
        "recipient": row.recipient,
        "envelope_from": row.envelope_from,
        "received_at": row.received_at.isoformat(),
        "tries": row.tries,
        "message": row.message_id,
    }


def raw(settings: Settings, arrival_id: str, to: Path | None, as_json: bool) -> None:
    """The octets as they came, into a file or on standard output; in base64 in JSON."""
    with opened(settings) as parts, parts.database.session() as session:
        row = get_arrival(session, arrival_id)
        if row is None:
            raise BadInput(f"ID {arrival_id}: there is no such mail; `gatepost inbound list` shows them")
        octets = raw_of(session, row.raw_id, parts.blobs)
    if to:
        to.write_bytes(octets)
    elif as_json:
        print_object({"id": arrival_id, "size": len(octets), "raw": b64encode(octets).decode()})
    else:
        sys.stdout.buffer.write(octets)


def again(settings: Settings, ids: Sequence[str], every: bool, as_json: bool) -> None:
    """Read quarantined mail again: those that are named, or all."""
    if bool(ids) == every:
        raise BadInput("ID: name the mails to read again, or say --all")
    with opened(settings) as parts:
        if every:
            with parts.database.session() as session:
                ids = [row.id for row in waiting(session, "quarantined", MOST)]
        for arrival_id in ids:
            with naming(f"ID {arrival_id}"):
                done = set_aside.read_again(desk_of(parts), parts.database, parts.ledger, arrival_id, ACTOR, clock())
            told = {"id": arrival_id, "outcome": str(done.outcome), "why": done.why}
            print_object(told) if as_json else say(clean_text(f"{arrival_id} {done.outcome}: {done.why}"))


def desk_of(parts: Parts) -> Desk:
    return Desk(parts.settings, parts.keys, parts.blobs)


def act(settings: Settings, arrival_id: str, work: Callable[[Parts], object], told: str, as_json: bool) -> None:
    """One act on one mail."""
    with opened(settings) as parts, naming(f"ID {arrival_id}"):
        work(parts)
    if as_json:
        print_object({"id": arrival_id, "done": told})
    else:
        say(told)


def discard(settings: Settings, arrival_id: str, reason: str, as_json: bool) -> None:
    """Take one off its list, with a reason."""

    def work(parts: Parts) -> None:
        set_aside.discard(parts.ledger, arrival_id, reason, ACTOR, clock())

    act(settings, arrival_id, work, "It is off the list; the history keeps why.", as_json)


def release(settings: Settings, arrival_id: str, into: bool, as_json: bool) -> None:
    """Let one in that waits in review."""

    def work(parts: Parts) -> None:
        review.let_in(gate_of(parts), arrival_id, ACTOR, clock(), into=into)

    act(settings, arrival_id, work, "It is let in.", as_json)


def keep_out(settings: Settings, arrival_id: str, as_json: bool) -> None:
    """Leave one out that waits in review."""

    def work(parts: Parts) -> None:
        review.keep_out(gate_of(parts), arrival_id, ACTOR, clock())

    act(settings, arrival_id, work, "It stays out.", as_json)


def belongs(settings: Settings, arrival_id: str, delivery_id: str, as_json: bool) -> None:
    """Say which delivery a report is about."""

    def work(parts: Parts) -> None:
        desk = desk_of(parts)
        set_aside.belongs(desk, parts.database, parts.ledger, arrival_id, delivery_id, ACTOR, clock())

    act(settings, arrival_id, work, "The report is shown at that delivery; it suppresses nothing.", as_json)
