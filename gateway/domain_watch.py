"""Looks at the DNS of our domains, on demand and every day: what was right and breaks is an event, its repair too.

A key is signed with only after its record was seen; the first one seen proves that the domain is ours.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from gatepost.domain_key import ED25519, KeyState, is_reserved
from gatepost.gateway.accept import Gate
from gatepost.gateway.domain_check import MISSING, OK, UNKNOWN, WRONG, Checked, check_all
from gatepost.gateway.domain_records import Record, records_of
from gatepost.model import Domain
from gatepost.resolver import Budget, Resolver
from gatepost.rounds import Duty, When, rounds
from gatepost.settings import Settings
from gatepost.store.channels import list_channels
from gatepost.store.domains import domain_keys, domains_due, get_domain, set_key, set_report
from gatepost.store.events import add_event

EVERY = timedelta(days=1)
ROUND_SECONDS = 300.0
QUESTIONS = 200
SECONDS = 20.0


def wanted_records(session: Session, settings: Settings, domain: Domain) -> list[Record]:
    """What shall be published for a domain; MX where a mailbox under it takes mail by SMTP."""
    mx = any(row.by_mx and row.address.endswith(f"@{domain.name}") for row in list_channels(session))
    return records_of(settings, domain, domain_keys(session, domain.id), mx=mx)


def check_domain(gate: Gate, domain_id: str, resolver: Resolver, now: datetime) -> list[Checked]:
    """Look up all records of a domain, and keep what was found; nothing for a domain that is gone."""
    with gate.database.session() as session:
        domain = get_domain(session, domain_id)
        records = wanted_records(session, gate.settings, domain) if domain else []
    checks = check_all(records, gate.settings, Budget(resolver, QUESTIONS, SECONDS))
    gate.ledger.write(lambda session: keep(session, domain_id, checks, now))
    return checks


def keep(session: Session, domain_id: str, checks: Sequence[Checked], now: datetime) -> None:
    """Store a check, move keys on, and tell what broke or healed since the one before."""
    domain = get_domain(session, domain_id)
    if domain is None:
        return
    before = {(row["kind"], row["name"]): row for row in domain.report}
    report = [compared(each, before.get((each.kind, each.name), {})) for each in checks]
    tell_changes(session, domain, report, before, now)
    see_keys(session, domain, checks, now)
    broken = any(row["broken"] for row in report)
    verified = domain.verified_at
    if verified is None and any(each.state == OK and each.kind.startswith("dkim") for each in checks):
        verified = now
        add_event(session, "domain.verified", now=now, data={"domain": domain.name})
    broken_at = (domain.broken_at or now) if broken else None
    set_report(session, domain_id, report, checked_at=now, verified_at=verified, broken_at=broken_at)


def compared(found: Checked, before: dict[str, Any]) -> dict[str, Any]:
    """A record as it is kept: whether it was ever right, and whether it is not any more; no answer changes neither."""
    once = found.state == OK or before.get("once", False)
    broken = once and found.state in (MISSING, WRONG)
    if found.state == UNKNOWN:
        broken = before.get("broken", False)
    return {**found.row, "once": once, "broken": broken}


def tell_changes(
    session: Session,
    domain: Domain,
    report: list[dict[str, Any]],
    before: dict[tuple[str, str], dict[str, Any]],
    now: datetime,
) -> None:
    """An event for each record that broke, and for each that is right again."""
    for row in report:
        was = before.get((row["kind"], row["name"]), {}).get("broken", False)
        if row["broken"] != was:
            kind = "domain.broken" if row["broken"] else "domain.healed"
            why = f"{row['type']} {row['name']}: {row['why']}"
            add_event(session, kind, now=now, data={"domain": domain.name, "record": row["name"], "why": why})


def see_keys(session: Session, domain: Domain, checks: Sequence[Checked], now: datetime) -> None:
    """A published key was seen; the first Ed25519 key signs from then on: its owner wants it, or would not publish."""
    seen = {each.key_id: each for each in checks if each.key_id and each.state == OK}
    keys = domain_keys(session, domain.id)
    second = any(key.algorithm == ED25519 and key.state == KeyState.SIGNING for key in keys)
    for key in keys:
        if key.state != KeyState.MADE or key.id not in seen:
            continue
        set_key(session, key, KeyState.SEEN, f"our resolver found it at {seen[key.id].name}", now)
        if key.algorithm == ED25519 and not second:
            fresh = next(row for row in domain_keys(session, domain.id) if row.id == key.id)
            set_key(session, fresh, KeyState.SIGNING, "signs beside the RSA key, now that it is published", now)


def watching_domains(
    gate: Gate, resolver: Resolver, clock: Callable[[], datetime]
) -> AbstractAsyncContextManager[None]:
    """Look at each domain once a day for as long as this is open."""

    def work(now: datetime) -> When:
        check_due(gate, resolver, now)
        return now

    return rounds(Duty("watching domains", work, ROUND_SECONDS, gate.ledger, clock))


def check_due(gate: Gate, resolver: Resolver, now: datetime) -> int:
    """Check what was not looked at for a day; how many that were. Names for trials have no DNS to look at."""
    with gate.database.session() as session:
        due = [row for row in domains_due(session, now - EVERY) if not is_reserved(row.name)]
    for domain in due:
        check_domain(gate, domain.id, resolver, now)
    return len(due)
