"""Sending failed mails to corrected addresses, many at once: first how many, then each in a transaction of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlmodel import Session

from gatepost.acts import Actor
from gatepost.codes import Explanation
from gatepost.database import Database
from gatepost.failures import advice_for
from gatepost.gateway.acts import Done
from gatepost.ledger import Ledger
from gatepost.model import Delivery
from gatepost.store import acts, contacts
from gatepost.store.fixing import Planned, failing, plan
from gatepost.store.queue import Which
from gatepost.typos import Proposal, propose

SHOWN = 100


@dataclass(frozen=True, slots=True)
class Row:
    """One failing address: the newest failure there, how many mails wait, and what to try instead."""

    address: str
    delivery: Delivery
    explanation: Explanation
    mails: int
    proposals: tuple[Proposal, ...]


def rows_of(session: Session, which: Which) -> list[Row]:
    """The failing addresses, the newest failure first; at most 100."""
    found = list(failing(session, which).items())[:SHOWN]
    others = contacts.others_of(session, [address for address, _ in found])
    domains = contacts.reached_domains(session) if found else []
    return [
        Row(
            address,
            rows[0][0],
            advice_for(rows[0][0]),
            len(rows),
            propose(address, others.get(address, ()), domains)[:3],
        )
        for address, rows in found
    ]


def preview_fixes(database: Database, which: Which, fixes: Mapping[str, str], now: datetime) -> list[Planned]:
    """What corrected addresses would do; nothing is changed."""
    with database.session() as session:
        return plan(session, which, fixes, now)


def send_fixes(
    database: Database, ledger: Ledger, which: Which, fixes: Mapping[str, str], actor: Actor, now: datetime
) -> Done:
    """Send what fits at this moment to the corrected addresses, and keep each beside the old one in the contact."""
    changed, refused = 0, dict[str, int]()
    scope = frozenset() if which.credential else which.channels
    for row in preview_fixes(database, which, fixes, now):
        for why, count in ({row.problem: 1} if row.problem else row.refused).items():
            refused[why] = refused.get(why, 0) + count
        sent = 0
        for delivery_id in row.ready:
            try:
                ledger.write(partial(acts.resend, delivery_id=delivery_id, address=row.new, actor=actor, now=now))
                sent += 1
            except ValueError as error:
                refused[str(error)] = refused.get(str(error), 0) + 1
        if sent:
            ledger.write(partial(contacts.link_known, address=row.old, other=row.new, now=now, scope=scope))
        changed += sent
    return Done(changed, refused)
