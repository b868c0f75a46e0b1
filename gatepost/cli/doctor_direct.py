"""The doctor's look at the direct route: whether remote servers will know us by our name and address."""

from gatepost.cli.findings import Finding, Findings, ok, warn
from gatepost.gateway.exchanges import addresses_of
from gatepost.http import is_global
from gatepost.resolver import DnsTrouble, NoSuchName, Resolver, dns_resolver, reverse_name
from gatepost.settings import Settings


def look_at_direct(settings: Settings) -> Findings:
    """What the route is, and our name's addresses there and back: many servers refuse mail without them."""
    yield ok(
        "route",
        f"direct: each mail goes to its recipient's servers, port {settings.direct_port}, TLS as good as they have it "
        f"(MTA-STS yes, DANE no); bounces come to {settings.bounces}",
    )
    yield judge_name(settings, dns_resolver(settings.dns_servers or None))


def judge_name(settings: Settings, resolver: Resolver) -> Finding:
    """Whether `hostname` has a public address that leads back to it (FCrDNS)."""
    name = settings.host
    try:
        found = [address for address in addresses_of(name, resolver) if settings.private_hosts or is_global(address)]
        astray = [address for address in found if name not in names_of(address, resolver)]
    except DnsTrouble as error:
        return warn("route", f"the address of {name} could not be looked up: {error}", "check the DNS servers")
    if not found:
        fix = f"publish the address that this machine sends from as {name}, or set hostname to its name"
        return warn("route", f"{name}, the name we say, has no public address: many servers refuse such mail", fix)
    if astray:
        fix = f"have your provider set the reverse DNS of {', '.join(astray)} to {name}"
        return warn("route", f"the reverse DNS of {astray[0]} is not {name}: many servers refuse such mail", fix)
    return ok("route", f"{name} is at {', '.join(found)}, and back")


def names_of(address: str, resolver: Resolver) -> list[str]:
    """The names that an address leads back to."""
    try:
        return resolver.ptr(reverse_name(address))
    except NoSuchName:
        return []
