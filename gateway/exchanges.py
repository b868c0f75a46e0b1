"""Which servers take a domain's mail (RFC 5321 section 5.1): its MX records, or its own address, with the reasons."""

import ipaddress
from collections.abc import Callable, Collection
from dataclasses import dataclass

from gatepost.http import is_global
from gatepost.reply import Reply
from gatepost.resolver import DnsTrouble, Exchange, NoSuchName, Resolver

MOST_HOSTS = 5
MOST_ADDRESSES = 4
Shuffle = Callable[[list[Exchange]], None]


@dataclass(frozen=True, slots=True)
class Exchanges:
    """The servers in the order in which they are tried; or the reply that ends it; or we ourselves (`ours`)."""

    hosts: tuple[Exchange, ...] = ()
    reply: Reply | None = None
    ours: bool = False
    implicit: bool = False

    @property
    def group(self) -> str:
        """The name of the group of servers: domains with the same best ones share their pace."""
        best = [each.host for each in self.hosts if each.preference == self.hosts[0].preference]
        return min(best, default="")


def find_exchanges(domain: str, resolver: Resolver, own: Collection[str], shuffle: Shuffle) -> Exchanges:
    """The servers of a domain; `own` are names of ours, which end the list where they stand in it. Never raises."""
    try:
        found = resolver.mx(domain)
    except NoSuchName:
        return without_mx(domain, resolver)
    except DnsTrouble as error:
        return Exchanges(reply=Reply(None, "4.4.3", f"the mail servers of {domain} could not be looked up: {error}"))
    if any(not each.host for each in found):
        if len(found) == 1:
            return Exchanges(reply=Reply(None, "5.1.10", f"{domain} says that it takes no mail (null MX)"))
        found = [each for each in found if each.host]
    return tried(found, own, shuffle)


def without_mx(domain: str, resolver: Resolver) -> Exchanges:
    """A domain without MX records takes mail at its own address, if it has one."""
    try:
        if addresses_of(domain, resolver):
            return Exchanges((Exchange(0, domain),), implicit=True)
    except DnsTrouble as error:
        return Exchanges(reply=Reply(None, "4.4.3", f"the address of {domain} could not be looked up: {error}"))
    text = f"{domain} takes no mail: the domain does not exist, or has neither mail servers nor an address"
    return Exchanges(reply=Reply(None, "5.1.2", text))


def tried(found: list[Exchange], own: Collection[str], shuffle: Shuffle) -> Exchanges:
    """Best first, equals in random order; of a list with us in it only those that are better than we are."""
    mine = min((each.preference for each in found if each.host in own), default=None)
    if mine is not None:
        found = [each for each in found if each.preference < mine]
    mixed = list(found)
    shuffle(mixed)
    mixed.sort(key=lambda each: each.preference)
    return Exchanges(tuple(mixed[:MOST_HOSTS]), ours=mine is not None and not mixed)


def addresses_of(host: str, resolver: Resolver) -> list[str]:
    """A host's addresses, IPv4 first; empty where it has none. Raises DnsTrouble when that cannot be known."""
    found: list[str] = []
    trouble: DnsTrouble | None = None
    for question in (resolver.a, resolver.aaaa):
        try:
            found += question(host)[:MOST_ADDRESSES]
        except NoSuchName:
            continue
        except DnsTrouble as error:
            trouble = error
    if trouble and not found:
        raise trouble
    return found


def allowed(address: str, own: Collection[str], private: bool) -> str:
    """An empty string, or why nothing is sent to this address."""
    try:
        plain = str(ipaddress.ip_address(address))
    except ValueError:
        return "it is no address"
    if plain in own:
        return "it is our own address"
    if not private and not is_global(plain):
        return "it is a private address; private_hosts allows it"
    return ""
