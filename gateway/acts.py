"""Acts on queued mail, by filter or one: first how many, then in small transactions so that nobody waits long."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from gatepost.acts import Actor
from gatepost.database import Database
from gatepost.ledger import Ledger
from gatepost.store import acts
from gatepost.store.acts import Preview
from gatepost.store.queue import Which
from gatepost.store.routes import list_routes

AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Done:
    """How many deliveries were changed, and how many not, by the reason."""

    changed: int
    refused: dict[str, int]


def preview(database: Database, act: str, which: Which, now: datetime) -> Preview:
    """What an act would do; nothing is changed."""
    with database.session() as session:
        return acts.preview(session, act, which, now)


def perform(
    database: Database, ledger: Ledger, act: str, which: Which, actor: Actor, now: datetime, via: str = ""
) -> Done:
    """Do `retry`, `hold`, `release`, `cancel` or `reroute` to all deliveries that fit at this moment."""
    with database.session() as session:
        refused = acts.preview(session, act, which, now).refused
        ids = acts.ids_for(session, act, which, now)
    changed = 0
    for at in range(0, len(ids), AT_ONCE):
        op = partial(acts.perform, act=act, ids=ids[at : at + AT_ONCE], actor=actor, now=now, via=via)
        changed += ledger.write(op)
    return Done(changed, refused)


def resend(ledger: Ledger, delivery_id: str, address: str, actor: Actor, now: datetime) -> str:
    """Send the same mail to a corrected address; the new delivery's id. Raises ValueError with a sentence."""
    return ledger.write(lambda session: acts.resend(session, delivery_id, address, actor, now).id)


def check_route(database: Database, default: str, name: str) -> str:
    """A route that deliveries may be sent over; `auto` is the one that the rules choose. Raises ValueError."""
    with database.session() as session:
        names = ["auto", *dict.fromkeys((default, "direct", "sandbox", *(row.name for row in list_routes(session))))]
    if name not in names:
        raise ValueError(f"There is no route {name}; there are {', '.join(names)}")
    return "" if name == "auto" else name
