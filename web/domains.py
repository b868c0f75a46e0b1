"""The page of a domain: what to publish, what the DNS says about each record, and its keys with their evidence."""

from collections.abc import Callable
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from gatepost.domain_key import ALGORITHMS, KeyState, is_reserved
from gatepost.gateway.domain_records import mechanism, zone_file
from gatepost.gateway.domain_watch import check_domain, wanted_records
from gatepost.gateway.rotation import NotNow, advance, next_step, roll_back
from gatepost.gateway.standing import domain_standing
from gatepost.model import Domain
from gatepost.resolver import dns_resolver
from gatepost.store import domains
from gatepost.web.render import show
from gatepost.web.route import NOT_HERE, Visit

NOTICES = {
    "added": "The domain is added. Publish its records, then check them here.",
    "checked": "The DNS was asked just now; what it said stands below.",
    "moved": "Done. The next step of the rotation is below.",
    "back": "Rolled back. What signs now is below.",
}
STATES = {
    KeyState.MADE: ("Not seen yet", "warn"),
    KeyState.SEEN: ("Published", "ok"),
    KeyState.SIGNING: ("Signs", "ok"),
    KeyState.STOPPED: ("Signs no more", ""),
    KeyState.RETIRED: ("Erased", ""),
}
STEPS = {
    "begin": "Begin a rotation",
    "publish": "Check the DNS",
    "both": "Sign with both",
    "switch": "Stop the old key",
    "retire": "Erase the old key",
}


def domain_of(visit: Visit) -> Domain:
    """The domain in the path. Raises HTTPException 404."""
    found = domains.get_domain(visit.session, visit.path("id"))
    if found is None:
        raise HTTPException(404, NOT_HERE)
    return found


def domain_page(visit: Visit) -> Response:
    """One domain."""
    return domain_view(visit, domain_of(visit))


def domain_view(visit: Visit, domain: Domain, problem: str = "", status: int = 200) -> Response:
    """The page, with why a step was not possible."""
    settings = visit.app.settings
    records = wanted_records(visit.session, settings, domain)
    keys = domains.domain_keys(visit.session, domain.id)
    found = {(row["kind"], row["name"]): row for row in domain.report}
    context: dict[str, Any] = {
        "section": "senders",
        "domain": domain,
        "records": [(record, said(found.get((record.kind, record.name)), record.value)) for record in records],
        "keys": keys,
        "states": STATES,
        "rotations": [(name, next_step(domain, keys, name, visit.now)) for name in ALGORITHMS],
        "steps": STEPS,
        "standing": domain_standing(visit.session, settings, domain.name),
        "trial": is_reserved(domain.name),
        "relayed": settings.route == "relay" and not settings.spf,
        "mechanism": mechanism(settings),
        "problem": problem,
        "notices": NOTICES,
    }
    return show(visit, "domain.html", context, status=status)


def said(row: dict[str, Any] | None, value: str) -> dict[str, Any] | None:
    """What the last check found, unless the record was another then."""
    return row if row and row["value"] == value else None


def check(visit: Visit) -> Response:
    """Ask the DNS now, past any cache of ours."""
    domain = domain_of(visit)
    identifier = domain.id
    visit.session.rollback()
    resolver = dns_resolver(visit.app.settings.dns_servers or None)
    check_domain(visit.app.gate, identifier, resolver, visit.now)
    return RedirectResponse(f"/senders/domains/{identifier}?done=checked", 303)


def zone(visit: Visit) -> Response:
    """All records as a file for the DNS server."""
    domain = domain_of(visit)
    text = zone_file(domain, wanted_records(visit.session, visit.app.settings, domain), visit.now)
    headers = {"Content-Disposition": f'attachment; filename="{domain.name}.zone"'}
    return PlainTextResponse(text, headers=headers)


def rotate(visit: Visit) -> Response:
    """Take the next step of a rotation."""
    return moved(visit, advance, "moved")


def back(visit: Visit) -> Response:
    """Take one step back."""
    return moved(visit, roll_back, "back")


def moved(visit: Visit, act: Callable[..., Any], done: str) -> Response:
    domain, algorithm = domain_of(visit), visit.form.get("algorithm")
    if algorithm not in ALGORITHMS:
        raise HTTPException(404, NOT_HERE)
    identifier = domain.id
    visit.session.rollback()
    try:
        act(visit.app.gate, identifier, algorithm, visit.now)
    except NotNow as error:
        return domain_view(visit, domain_of(visit), str(error), 409)
    return RedirectResponse(f"/senders/domains/{identifier}?done={done}#keys", 303)


def remove(visit: Visit) -> Response:
    """Forget a domain with its keys."""
    identifier, now, name = domain_of(visit).id, visit.now, domain_of(visit).name
    visit.app.ledger.write(lambda session: domains.remove_domain(session, identifier, name, now))
    return RedirectResponse("/senders?done=domain-removed#domains", 303)
