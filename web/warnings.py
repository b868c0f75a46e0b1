"""What an agent is told before sending: who is suppressed, and whom the last mail did not reach, with what may help."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from gatepost.failures import advice_for, has_failed
from gatepost.store.contacts import last_results, others_of, reached_domains
from gatepost.store.suppressions import sentence, suppressed_among
from gatepost.typos import Proposal, propose

MOST = 100


@dataclass(frozen=True, slots=True)
class Warned:
    """One recipient to think about; mail to a suppressed one is not sent at all."""

    address: str
    sentence: str
    suppressed: bool
    proposals: tuple[Proposal, ...]


def warnings_for(session: Session, addresses: Iterable[str], now: datetime) -> list[Warned]:
    """The warnings for these recipients, suppressed ones first; empty where nothing speaks against sending."""
    asked = list(dict.fromkeys(address.lower() for address in addresses if "@" in address))[:MOST]
    listed = {row.address: sentence(row) for row in suppressed_among(session, asked, now)}
    last = {address: row for address, row in last_results(session, asked).items() if has_failed(row)}
    bad = [address for address in asked if address in listed or address in last]
    if not bad:
        return []
    others, domains = others_of(session, bad), reached_domains(session)
    found = [
        Warned(
            address,
            listed.get(address) or f"The last mail to {address} was not delivered: {advice_for(last[address]).reason}",
            address in listed,
            propose(address, others[address], domains)[:2],
        )
        for address in bad
    ]
    return sorted(found, key=lambda one: not one.suppressed)
