"""`gatepost route ADDRESS`: the way that a mail to this address would take now, and why, without sending anything."""

from collections.abc import Iterator
from datetime import datetime

from gatepost.address import Address, parse_address
from gatepost.gateway.dane import usable, written
from gatepost.gateway.direct_plan import Lookup, Plan, make_plan
from gatepost.gateway.manage_routes import explain_choice, explain_row
from gatepost.gateway.route import Hop, relay_hop
from gatepost.gateway.rules import Sender
from gatepost.gateway.sandbox import answer
from gatepost.store.destinations import get_destination

NOBODY = Sender()


def explain_route(lookup: Lookup, text: str, now: datetime, sender: Sender = NOBODY) -> tuple[str, list[str]]:
    """The route's name, and sentences for people. Raises AddressError for what is no address."""
    address = parse_address(text)
    name, kind, chosen = explain_choice(lookup.gate, sender, str(address))
    return name, [*chosen, *explain_way(lookup, name, kind, address, now)]


def explain_way(lookup: Lookup, name: str, kind: str, address: Address, now: datetime) -> list[str]:
    """What becomes of a mail over this route."""
    settings = lookup.gate.settings
    if kind == "sandbox":
        return [
            f"Mail to {address} stays here: the route is the sandbox, which lets nothing leave.",
            f"It would be answered: {answer(str(address), 1).reply}",
        ]
    if kind == "direct":
        return [
            f"Mail to {address} goes straight to the mail servers of {address.domain}.",
            *directly(lookup, address.domain, now),
        ]
    if name == "relay":
        return [f"Mail to {address} goes to the relay {relay_hop(settings)}.", secured(relay_hop(settings))]
    return explain_row(lookup.gate, name)


def secured(hop: Hop) -> str:
    """How the connection to a relay is protected."""
    if hop.implicit_tls:
        checked = "is checked" if hop.verified else "is not checked"
        return f"The connection is TLS from its first byte; the certificate {checked}."
    return {
        "required": "STARTTLS is required and the certificate is checked.",
        "encrypted": "STARTTLS is required; the certificate is not checked.",
        "opportunistic": "STARTTLS is used where it is offered.",
        "none": "The connection is not encrypted.",
    }[hop.starttls]


def directly(lookup: Lookup, domain: str, now: datetime) -> Iterator[str]:
    """What the plan for a domain says."""
    plan = make_plan(lookup, domain, now)
    if plan.ours:
        yield f"The best server of {domain} is {lookup.gate.settings.host}, ourselves: our own MX listener takes it."
        return
    if plan.reply:
        ending = "will not be tried again" if plan.reply.permanent else "is tried again later"
        yield f"No server can be given it, and it {ending}: {plan.reply}"
        return
    yield from servers(lookup, plan)
    yield f"TLS: {plan.why}."
    yield from policy(lookup, domain, now)


def servers(lookup: Lookup, plan: Plan) -> Iterator[str]:
    """One line for each server, in the order in which they are tried."""
    port = lookup.gate.settings.direct_port
    for number, target in enumerate(plan.targets, 1):
        where = ", ".join(target.addresses)
        yield f"{number}. {target.host} port {port} (preference {target.preference}) at {where}"
        if target.tlsa:
            known = ", ".join(written(record) for record in usable(target.tlsa)) or "none that can be used"
            yield f"   DANE: its certificate must match {known}."
    for reason in plan.skipped:
        yield f"Not tried: {reason}"


def policy(lookup: Lookup, domain: str, now: datetime) -> Iterator[str]:
    """The MTA-STS policy that is kept, and until when."""
    with lookup.gate.database.session() as session:
        known = get_destination(session, domain)
    if known and known.sts_policy and known.sts_expires_at and known.sts_expires_at > now:
        names = ", ".join(known.sts_policy.get("mx", ()))
        mode = known.sts_policy.get("mode")
        yield f"MTA-STS: mode {mode} for {names or 'no server'}, kept until {known.sts_expires_at:%Y-%m-%d %H:%M} UTC."
    else:
        yield f"MTA-STS: {domain} has no policy."
