"""`gatepost domain`: the domains that we sign for, what to publish for them, what the DNS says, and new keys."""

from typing import Any

from sqlmodel import Session

from gatepost.cli.frame import DONE, FINDINGS, BadInput, Failed, naming, opened, print_object, print_rows, say
from gatepost.domain_key import ALGORITHMS, RSA
from gatepost.gateway.accept import Gate
from gatepost.gateway.domain_check import OK, Checked
from gatepost.gateway.domain_records import Record, zone_file
from gatepost.gateway.domain_watch import check_domain, wanted_records
from gatepost.gateway.rotation import Next, NotNow, advance, next_step, roll_back
from gatepost.gateway.standing import domain_standing
from gatepost.model import Domain
from gatepost.parts import Parts, clock
from gatepost.resolver import dns_resolver
from gatepost.settings import Settings
from gatepost.store import domains


def gate_of(parts: Parts) -> Gate:
    """The parts as the gateway takes them."""
    return Gate(parts.settings, parts.database, parts.ledger, parts.keys, parts.blobs)


def find(session: Session, name: str) -> Domain:
    """The domain of this name. Raises BadInput."""
    found = domains.domain_by_name(session, name.strip().rstrip("."))
    if found is None:
        raise BadInput(f"DOMAIN {name}: Gatepost does not sign for it; run `gatepost domain add {name}`")
    return found


def add_domain(settings: Settings, name: str, as_json: bool) -> None:
    """A domain that we sign for from now on; its keys are made before the transaction, for that takes a while."""
    with opened(settings) as parts, naming(f"DOMAIN {name}"):
        new = domains.new_domain(parts.keys, name, clock())
        parts.ledger.write(lambda session: domains.add_domain(session, new))
        with parts.database.session() as session:
            tell_records(session, settings, find(session, new.domain.name), as_json)


def show_domain(settings: Settings, name: str, as_json: bool) -> None:
    """The records to publish."""
    with opened(settings) as parts, parts.database.session() as session:
        tell_records(session, settings, find(session, name), as_json)


def tell_records(session: Session, settings: Settings, domain: Domain, as_json: bool) -> None:
    records = wanted_records(session, settings, domain)
    if as_json:
        print_object({**domain_row(session, settings, domain), "records": [record_row(each) for each in records]})
        return
    say(f"Publish these records for {domain.name}, then run `gatepost domain check {domain.name}`:")
    for record in records:
        say("")
        say(f"{record.type} record{'' if record.needed else ' (recommended)'}. {record.purpose}")
        say(f"  name   {record.name}")
        say(f"  value  {record.value}")


def record_row(record: Record) -> dict[str, Any]:
    return {
        "kind": record.kind,
        "name": record.name,
        "type": record.type,
        "value": record.value,
        "needed": record.needed,
    }


def list_domains(settings: Settings, as_json: bool) -> None:
    """The domains that we sign for, and whether they may be used as From."""
    with opened(settings) as parts, parts.database.session() as session:
        rows = [domain_row(session, settings, domain) for domain in domains.list_domains(session)]
    print_rows(rows, as_json, "Gatepost signs for no domain: run `gatepost domain add example.com`.")


def domain_row(session: Session, settings: Settings, domain: Domain) -> dict[str, Any]:
    name, text = domains.dns_record(session, domain)
    standing = domain_standing(session, settings, domain.name)
    return {
        "domain": domain.name,
        "selector": name.partition(".")[0],
        "record_name": name,
        "record": text,
        "usable": standing.usable,
        "why": standing.why,
        "checked_at": domain.checked_at,
        "broken_at": domain.broken_at,
        "id": domain.id,
    }


def write_zone(settings: Settings, name: str, as_json: bool) -> None:
    """The records as lines of a zone file."""
    with opened(settings) as parts, parts.database.session() as session:
        domain = find(session, name)
        text = zone_file(domain, wanted_records(session, settings, domain), clock())
    if as_json:
        print_object({"domain": domain.name, "zone": text})
        return
    for line in text.splitlines():
        say(line)


def check(settings: Settings, name: str, as_json: bool) -> int:
    """Ask the DNS now; 3 when a needed record is not right."""
    with opened(settings) as parts:
        with parts.database.session() as session:
            domain_id = find(session, name).id
        with naming("dns_servers"):
            resolver = dns_resolver(settings.dns_servers or None)
        checks = check_domain(gate_of(parts), domain_id, resolver, clock())
    for each in checks:
        if as_json:
            print_object(each.row)
        else:
            tell_check(each)
    return FINDINGS if any(each.needed and each.state != OK for each in checks) else DONE


def tell_check(checked: Checked) -> None:
    say(f"{checked.state:8} {checked.type:4} {checked.name}: {checked.why}")
    if checked.fix:
        say(f"{'':13} fix: {checked.fix}")


def rotate(settings: Settings, name: str, algorithm: str, back: bool, look: bool, as_json: bool) -> None:
    """Take the next step of a rotation, or one back, or only tell where it stands."""
    if algorithm not in ALGORITHMS:
        raise BadInput(f"--algorithm {algorithm}: choose {' or '.join(ALGORITHMS)}")
    with opened(settings) as parts:
        with parts.database.session() as session:
            domain = find(session, name)
            step = next_step(domain, domains.domain_keys(session, domain.id), algorithm, clock())
        try:
            if not look:
                step = (roll_back if back else advance)(gate_of(parts), domain.id, algorithm, clock())
        except NotNow as error:
            raise Failed(str(error)) from None
        with parts.database.session() as session:
            rows = [
                {"selector": key.selector, "algorithm": key.algorithm, "state": key.state, "steps": key.steps}
                for key in domains.domain_keys(session, domain.id)
            ]
    tell_rotation(name, algorithm, step, rows, as_json)


def tell_rotation(name: str, algorithm: str, step: Next, rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print_object({"domain": name, "next": step.step, "possible": step.possible, "why": step.why, "keys": rows})
        return
    for row in rows:
        say(f"{row['selector']:16} {row['algorithm']:15} {row['state']}")
    say(f"Next: {step.step} ({'possible now' if step.possible else 'not yet'}): {step.why}.")
    if step.possible and step.step != "begin":
        say(f"Run `gatepost domain rotate {name}{'' if algorithm == RSA else f' --algorithm {algorithm}'}` to take it.")


def remove_domain(settings: Settings, name: str, as_json: bool) -> None:
    """Forget a domain and its keys."""
    with opened(settings) as parts:
        with parts.database.session() as session:
            domain = find(session, name)
        parts.ledger.write(lambda session: domains.remove_domain(session, domain.id, domain.name, clock()))
    if as_json:
        print_object({"domain": domain.name, "removed": True})
    else:
        say(f"{domain.name} and its keys are removed; its mail is not signed any more.")
