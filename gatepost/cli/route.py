"""`gatepost route`: the way that mail to an address takes, and what is remembered of its domain."""

from gatepost.address import parse_address
from gatepost.cli.frame import naming, opened, print_object, say
from gatepost.gateway.accept import Gate
from gatepost.gateway.direct_plan import Lookup
from gatepost.gateway.explain_route import explain_route
from gatepost.parts import Parts, clock
from gatepost.resolver import dns_resolver
from gatepost.settings import Settings
from gatepost.store.destinations import forget_tls, require_tls


def route(settings: Settings, address: str, required: bool | None, forget: bool, as_json: bool) -> None:
    """Explain the way to an address, after changing what is required of its domain's TLS where that is asked."""
    with naming(address):
        domain = parse_address(address).domain
    with opened(settings) as parts:
        if required is not None:
            parts.ledger.write(lambda session: require_tls(session, domain, required))
        if forget:
            parts.ledger.write(lambda session: forget_tls(session, domain))
        told = explain_route(lookup(parts), address, clock())
    if as_json:
        print_object({"address": address, "route": settings.route, "why": told})
        return
    for line in told:
        say(line)


def lookup(parts: Parts) -> Lookup:
    """What planning needs, outside the server."""
    gate = Gate(parts.settings, parts.database, parts.ledger, parts.keys, parts.blobs)
    return Lookup(gate, dns_resolver(parts.settings.dns_servers or None), lambda: parts.settings.mx)
