"""Whether an address may stand in From: its domain is ours or proven by DNS, or its owner confirmed it by mail."""

from dataclasses import dataclass

from sqlmodel import Session

from gatepost.address import Address
from gatepost.domain_key import is_reserved
from gatepost.settings import Settings
from gatepost.store.domains import names_above, nearest_domain
from gatepost.store.senders import senders_of


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether an address may be used as From, why, and otherwise what to do about it."""

    usable: bool
    why: str
    fix: str = ""


def own_domains(settings: Settings) -> frozenset[str]:
    """The names that whoever configures this installation has called ours."""
    return frozenset((settings.domain, settings.replies, settings.bounces, settings.host))


def domain_standing(session: Session, settings: Settings, domain: str) -> Standing:
    """Whether any address of a domain may be used; a proven domain stands for those below it."""
    ours = next((name for name in names_above(domain) if name in own_domains(settings)), "")
    if ours:
        return Standing(True, f"{ours} is this installation's own domain (settings)")
    if is_reserved(domain):
        return Standing(True, f"{domain} is a name for trials that the world's DNS does not have")
    row = nearest_domain(session, domain)
    if row and row.verified_at:
        return Standing(True, f"{row.name} is verified: its DNS publishes our key since {row.verified_at:%Y-%m-%d}")
    listed = next((each for each in senders_of(session, [domain]) if each.confirmed_at), None)
    if listed:
        return Standing(True, f"{domain} was listed before senders were verified")
    if row:
        fix = f"publish the DKIM record of {row.name} and check it on the page of the domain"
        return Standing(False, f"the DNS of {row.name} does not publish our key yet", fix)
    return Standing(False, f"{domain} is not verified", f"add {domain} under Senders and publish its records")


def address_standing(session: Session, settings: Settings, address: Address) -> Standing:
    """Whether this address may stand in From."""
    found = domain_standing(session, settings, address.domain)
    if found.usable:
        return found
    row = next(iter(senders_of(session, [address.key])), None)
    if row and row.confirmed_at:
        how = "was listed before senders were verified" if row.how == "listed" else "was confirmed by mail"
        return Standing(True, f"{address.key} {how} on {row.confirmed_at:%Y-%m-%d}")
    if row:
        why = f"{address.key} is not confirmed yet: nobody has opened the link in our mail to it"
        return Standing(False, why, f"confirm it by that mail (send it again under Senders), or {found.fix}")
    why = f"{address.key} is not confirmed, and {found.why}"
    return Standing(False, why, f"have a confirmation mail sent to it under Senders, or {found.fix}")
