"""Where a domain's mail goes directly, and how well the way must be protected: decided before anybody is called."""

import random
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gatepost.gateway.accept import Gate
from gatepost.gateway.dane import authentic, find_tlsa, usable
from gatepost.gateway.exchanges import Exchanges, addresses_of, allowed, find_exchanges
from gatepost.gateway.mta_sts import MOST_POLICY, Policy, fetch_policy, find_id, policy_of_row
from gatepost.http import Guard
from gatepost.model import Destination
from gatepost.reply import Reply
from gatepost.resolver import Budget, DnsTrouble, Resolver, Tlsa
from gatepost.store.destinations import Level, get_destination, level_of, remember_policy

QUERIES, SECONDS = 60, 20.0
FETCH_AGAIN = timedelta(days=1)
AFTER_FAILURE = timedelta(minutes=5)
KEPT = 10_000
OPPORTUNISTIC = "TLS is used where it is offered"


@dataclass(slots=True)
class Lookup:
    """What planning needs; `own_address` is the `host:port` of our own MX listener, empty without one."""

    gate: Gate
    resolver: Resolver
    own_address: Callable[[], str] = lambda: ""
    sts_port: int = 443
    shuffle: Callable[[list[object]], None] = random.shuffle
    failed: dict[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Target:
    """A server: its name, preference, the addresses that may be connected to, and its secure TLSA records (DANE)."""

    host: str
    preference: int
    addresses: tuple[str, ...]
    tlsa: tuple[Tlsa, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """The servers to try in turn, or the reply that ends it, or `ours`.

    `floor` is the least TLS level that is allowed and `why` its reason; `level` and `seen_at` what is remembered.
    `skipped` are the servers that are not tried, each with the reason.
    """

    domain: str
    targets: tuple[Target, ...] = ()
    reply: Reply | None = None
    ours: bool = False
    group: str = ""
    floor: Level = "none"
    why: str = OPPORTUNISTIC
    level: Level = "none"
    seen_at: datetime | None = None
    skipped: tuple[str, ...] = ()


def make_plan(lookup: Lookup, domain: str, now: datetime) -> Plan:
    """Look everything up; takes up to half a minute, so it runs in a thread. Never raises for trouble of the DNS."""
    settings = lookup.gate.settings
    resolver = Budget(lookup.resolver, QUERIES, SECONDS)
    exchanges = find_exchanges(domain, resolver, {settings.host}, lookup.shuffle)  # type: ignore[arg-type]
    if exchanges.reply or exchanges.ours:
        return Plan(domain, reply=exchanges.reply, ours=exchanges.ours)
    with lookup.gate.database.session() as session:
        known = get_destination(session, domain)
    policy = find_policy(lookup, domain, known, resolver, now)
    signed = mx_signed(lookup, domain, exchanges, resolver)
    targets, skipped, final = find_targets(lookup, exchanges, policy, resolver, signed)
    floor, why = least_level(known, policy, now)
    if any(target.tlsa for target in targets):
        why = f"TLS with the certificate that the server's DANE records name is required; elsewhere {why}"
    seen_at = known.tls_seen_at if known else None
    reply = None if targets else nowhere(domain, skipped, final)
    return Plan(
        *(domain, tuple(targets), reply, False, exchanges.group, floor, why, level_of(known, now), seen_at),
        skipped=tuple(skipped),
    )


def mx_signed(lookup: Lookup, domain: str, exchanges: Exchanges, resolver: Resolver) -> bool:
    """Whether nobody on the way could have changed which servers take the domain's mail (RFC 7672 section 2.2.1)."""
    with suppress(DnsTrouble):
        kind = "A" if exchanges.implicit else "MX"
        return authentic(domain, kind, resolver, lookup.gate.settings.dns_validates)
    return False


def find_targets(
    lookup: Lookup, exchanges: Exchanges, policy: Policy | None, resolver: Resolver, signed: bool = False
) -> tuple[list[Target], list[str], bool]:
    """The servers that may be tried, why others are not, and whether these reasons are final."""
    own = own_addresses(lookup, resolver)
    targets: list[Target] = []
    skipped: list[str] = []
    final = True
    settings = lookup.gate.settings
    for each in exchanges.hosts:
        try:
            validates = settings.dns_validates
            tlsa = find_tlsa(each.host, settings.direct_port, resolver, validates) if signed else ()
        except DnsTrouble as error:
            skipped.append(f"whether {each.host} has DANE records could not be looked up: {error}")
            final = False
            continue
        if not usable(tlsa) and policy and policy.mode == "enforce" and not policy.allows(each.host):
            skipped.append(f"{each.host} is not among the servers of the domain's MTA-STS policy")
            final = False
            continue
        addresses, reasons, known = usable_addresses(each.host, own, settings.private_hosts, resolver)
        skipped += reasons
        final = final and known
        if addresses:
            targets.append(Target(each.host, each.preference, tuple(addresses), tlsa))
    return targets, skipped, final


def usable_addresses(
    host: str, own: Collection[str], private: bool, resolver: Resolver
) -> tuple[list[str], list[str], bool]:
    """A host's addresses that may be connected to, why others may not, and whether the DNS had some."""
    try:
        found = addresses_of(host, resolver)
    except DnsTrouble as error:
        return [], [f"the address of {host} could not be looked up: {error}"], False
    if not found:
        return [], [f"{host} has no address"], False
    reasons = {address: allowed(address, own, private) for address in found}
    refused = [f"{host} is at {address}: {reason}" for address, reason in reasons.items() if reason]
    return [address for address, reason in reasons.items() if not reason], refused, True


def own_addresses(lookup: Lookup, resolver: Resolver) -> set[str]:
    """The addresses at which a connection would reach ourselves."""
    settings = lookup.gate.settings
    own: set[str] = set()
    with suppress(DnsTrouble):
        own.update(addresses_of(settings.host, resolver))
    host, _, port = lookup.own_address().rpartition(":")
    return own | {host.strip("[]")} if port == str(settings.direct_port) else own


def nowhere(domain: str, skipped: list[str], final: bool) -> Reply:
    """The reply where no server may be tried: final where only the domain's own records can change that."""
    text = f"{domain} has no mail server that a mail may be given to: {'; '.join(skipped)}"
    if any("MTA-STS" in reason for reason in skipped):
        return Reply(None, "4.7.5", text)
    if not final:
        return Reply(None, "4.4.4", text)
    return Reply(None, "5.4.6" if all("our own" in reason for reason in skipped) else "5.4.4", text)


def least_level(known: Destination | None, policy: Policy | None, now: datetime) -> tuple[Level, str]:
    """The TLS level that must not be fallen below, and why."""
    if known and known.require_tls:
        return "verified", "TLS with a checked certificate is required for this domain by our settings"
    if policy and policy.mode == "enforce":
        return "verified", "TLS with a checked certificate is required by the domain's MTA-STS policy"
    level = level_of(known, now)
    if known and known.tls_seen_at and level != "none":
        how = "TLS with a checked certificate" if level == "verified" else "TLS"
        return level, f"the domain had {how} on {known.tls_seen_at:%Y-%m-%d}, and less is not accepted silently"
    return "none", OPPORTUNISTIC


def find_policy(
    lookup: Lookup, domain: str, known: Destination | None, resolver: Resolver, now: datetime
) -> Policy | None:
    """The domain's MTA-STS policy: the one kept, unless there is a newer one (RFC 8461 sections 3.3 and 5.1)."""
    kept = None
    if known and known.sts_expires_at and known.sts_expires_at > now:
        kept = policy_of_row(known.sts_policy)
    try:
        found = find_id(domain, resolver)
    except DnsTrouble:
        return kept
    if found is None or (kept and known and known.sts_id == found and fresh(known, kept, now)):
        return kept
    if lookup.failed.get(domain, now - AFTER_FAILURE) > now - AFTER_FAILURE:
        return kept
    fetched = fetch_policy(domain, guard(lookup), lambda host, port: resolved(host, resolver), lookup.sts_port)
    if fetched is None:
        if len(lookup.failed) >= KEPT:
            lookup.failed.clear()
        lookup.failed[domain] = now
        return kept
    expires = now + timedelta(seconds=fetched.max_age)
    lookup.gate.ledger.write(lambda s: remember_policy(s, domain, found, fetched.as_row(), expires))
    return fetched


def fresh(known: Destination, policy: Policy, now: datetime) -> bool:
    """Whether a policy was fetched within a day."""
    return bool(known.sts_expires_at and known.sts_expires_at - timedelta(seconds=policy.max_age) + FETCH_AGAIN > now)


def guard(lookup: Lookup) -> Guard:
    settings = lookup.gate.settings
    ca = str(settings.path(settings.direct_ca)) if settings.direct_ca else None
    return Guard(private=settings.private_hosts, seconds=10, most=MOST_POLICY, ca=ca)


def resolved(host: str, resolver: Resolver) -> list[str]:
    """The addresses of a policy's host; none in trouble."""
    with suppress(DnsTrouble):
        return addresses_of(host, resolver)
    return []
