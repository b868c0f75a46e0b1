"""The doctor's look at our domains in the DNS: keys, SPF, DMARC, return path and MX."""

from gatepost.cli.findings import Finding, Findings, fail, ok, warn
from gatepost.domain_key import is_reserved
from gatepost.gateway.domain_check import MISSING, OK, UNKNOWN, Checked, check
from gatepost.gateway.domain_records import Record
from gatepost.gateway.domain_watch import wanted_records
from gatepost.parts import Parts
from gatepost.resolver import Resolver
from gatepost.store.domains import list_domains


def look_at_domains(parts: Parts, resolver: Resolver) -> Findings:
    """Each domain's records are published as they should be; nothing more is asked when no resolver answers."""
    settings = parts.settings
    with parts.database.session() as session:
        domains = [(row.name, wanted_records(session, settings, row)) for row in list_domains(session)]
    if not domains:
        yield warn("domains", "no mail is signed: there is no domain", "run `gatepost domain add example.com`")
    for name, records in domains:
        if is_reserved(name) and not settings.dns_servers:
            yield ok("domains", f"{name} is a name for trials: there is nothing to publish")
            continue
        found = []
        for record in records:
            found.append(check(record, settings, resolver))
            if found[-1].state == UNKNOWN:
                break
        yield from judged(name, found)
        if found and found[-1].state == UNKNOWN:
            return


def judged(name: str, found: list[Checked]) -> Findings:
    """A finding for each record that is not right; one for all of a domain that is well."""
    wrong = [each for each in found if each.state != OK and wanted(each)]
    yield from (judge(name, each) for each in wrong)
    if not wrong:
        yield ok("domains", f"{name}: all records are published as they should be")


def wanted(checked: Checked) -> bool:
    """Whether a record that is not right is worth a word: a second key that nobody published is a choice."""
    return not (checked.kind == "dkim-ed25519" and checked.state == MISSING and not checked.needed)


def judge(name: str, checked: Checked) -> Finding:
    """What is wrong with a record, and what to publish."""
    text = f"{name}: {checked.why}"
    if checked.state == UNKNOWN:
        return warn("domains", text, "check the network, or set dns_servers")
    line = Record(checked.kind, checked.name, checked.type, checked.value, checked.needed).line
    fix = f"{checked.fix}: {line}"
    return fail("domains", text, fix) if checked.needed else warn("domains", text, fix)
