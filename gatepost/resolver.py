"""DNS with typed answers and two kinds of trouble (RFC 1035): no such record, and nobody who can say.

Everybody takes a `Resolver` as an argument; `Budget` puts a limit around all questions that one mail causes.
"""

import ipaddress
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

import dns.exception
import dns.flags
import dns.name
import dns.nameserver
import dns.rdatatype
import dns.resolver
import dns.reversename

MOST_RECORDS = 100
MOST_TXT = 8192


class DnsError(Exception):
    """A question without a usable answer."""


class NoSuchName(DnsError):
    """The name does not exist or has no record of this type; asking again gives the same."""


class DnsTrouble(DnsError):
    """The servers failed, were too slow, or the budget is spent; later it may be different."""


@dataclass(frozen=True, slots=True, order=True)
class Exchange:
    """An MX record: the lower preference first; `host` is empty for a null MX (RFC 7505)."""

    preference: int
    host: str


@dataclass(frozen=True, slots=True, order=True)
class Service:
    """An SRV record (RFC 2782): the lower priority first, then the higher weight; `host` is empty for no service."""

    priority: int
    lightness: int
    host: str
    port: int


Tlsa = tuple[int, int, int, bytes]
"""Usage, selector, matching type and data."""


class Resolver(Protocol):
    """Questions about one name; `seconds` shortens the time for this one.

    Every method raises NoSuchName where there is no record and DnsTrouble where nobody can say; no list is empty.
    """

    def txt(self, name: str, seconds: float | None = None) -> list[bytes]:
        """TXT records, the strings of each joined."""
        ...

    def a(self, name: str, seconds: float | None = None) -> list[str]:
        """IPv4 addresses."""
        ...

    def aaaa(self, name: str, seconds: float | None = None) -> list[str]:
        """IPv6 addresses."""
        ...

    def mx(self, name: str, seconds: float | None = None) -> list[Exchange]:
        """Mail exchanges, best first."""
        ...

    def ptr(self, name: str, seconds: float | None = None) -> list[str]:
        """Host names behind a reverse name, as `reverse_name` makes it."""
        ...

    def tlsa(self, name: str, seconds: float | None = None) -> list[Tlsa]:
        """TLSA records (RFC 6698); what they say counts only where `authentic` says so."""
        ...

    def srv(self, name: str, seconds: float | None = None) -> list[Service]:
        """Services, best first."""
        ...

    def authentic(self, name: str, kind: str, seconds: float | None = None) -> tuple[bool, bool]:
        """Whether the answer to a question was validated by DNSSEC (its AD bit), and came from this very machine."""
        ...


def reverse_name(ip: str) -> str:
    """The name under in-addr.arpa or ip6.arpa of an address. Raises ValueError when it is not one."""
    return str(dns.reversename.from_address(str(ipaddress.ip_address(ip)))).rstrip(".")


def exists(resolver: Resolver, name: str) -> bool:
    """Whether a name has an A, AAAA or MX record (RFC 9989 section 3.2.12). Raises DnsTrouble."""
    questions: tuple[Callable[[str], Sequence[object]], ...] = (resolver.a, resolver.mx, resolver.aaaa)
    for question in questions:
        try:
            question(name)
        except NoSuchName:
            continue
        return True
    return False


RESERVED = ("example", "invalid", "localhost", "test")


@dataclass(frozen=True, slots=True)
class DnsResolver:
    """The resolver that asks real servers, with a cache by the records' time to live.

    With `reserved` nobody is asked about names that the world's DNS never has, so that trying things out works at once
    on a machine without a network.
    """

    inner: dns.resolver.Resolver
    timeout: float
    reserved: bool = False

    def txt(self, name: str, seconds: float | None = None) -> list[bytes]:
        """TXT records, the strings of each joined; of those over 8 KB nothing."""
        joined = [b"".join(record.strings) for record in self._ask(name, "TXT", seconds)]
        return _some([text for text in joined if len(text) <= MOST_TXT], name)

    def a(self, name: str, seconds: float | None = None) -> list[str]:
        """IPv4 addresses."""
        return [record.address for record in self._ask(name, "A", seconds)]

    def aaaa(self, name: str, seconds: float | None = None) -> list[str]:
        """IPv6 addresses."""
        return [record.address for record in self._ask(name, "AAAA", seconds)]

    def mx(self, name: str, seconds: float | None = None) -> list[Exchange]:
        """Mail exchanges, best first."""
        return sorted(Exchange(r.preference, _host(r.exchange)) for r in self._ask(name, "MX", seconds))

    def ptr(self, name: str, seconds: float | None = None) -> list[str]:
        """Host names behind a reverse name."""
        return [_host(record.target) for record in self._ask(name, "PTR", seconds)]

    def tlsa(self, name: str, seconds: float | None = None) -> list[Tlsa]:
        """TLSA records."""
        return [
            (record.usage, record.selector, record.mtype, record.cert) for record in self._ask(name, "TLSA", seconds)
        ]

    def srv(self, name: str, seconds: float | None = None) -> list[Service]:
        """Services, best first."""
        found = self._ask(name, "SRV", seconds)
        return sorted(Service(r.priority, -r.weight, _host(r.target), r.port) for r in found)

    def authentic(self, name: str, kind: str, seconds: float | None = None) -> tuple[bool, bool]:
        """Whether an answer, which mostly is in the cache, has the AD bit and came from a loopback address."""
        answer = self._answer(name, kind, seconds)
        return bool(answer.response.flags & dns.flags.AD), is_loopback(str(answer.nameserver or ""))

    def _ask(self, name: str, kind: str, seconds: float | None) -> list[Any]:
        return list(self._answer(name, kind, seconds))[:MOST_RECORDS]

    def _answer(self, name: str, kind: str, seconds: float | None) -> dns.resolver.Answer:
        lifetime = self.timeout if seconds is None else min(seconds, self.timeout)
        if self.reserved and name.rstrip(".").rpartition(".")[2].lower() in RESERVED:
            raise NoSuchName(f"{name} is under a reserved name (RFC 6761)")
        try:
            absolute = dns.name.from_text(name.rstrip(".") + ".")
            return self.inner.resolve(absolute, kind, lifetime=lifetime, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer, dns.resolver.YXDOMAIN):
            raise NoSuchName(f"{name} has no {kind} record") from None
        except (
            dns.name.LabelTooLong,
            dns.name.NameTooLong,
            dns.name.EmptyLabel,
            dns.name.BadEscape,
            dns.name.IDNAException,
        ):
            raise NoSuchName(f"{name} is not a DNS name") from None
        except dns.exception.Timeout:
            raise DnsTrouble(f"no DNS server answered about {name} {kind} in time") from None
        except (dns.exception.DNSException, OSError, UnicodeError) as error:
            raise DnsTrouble(f"the DNS servers failed for {name} {kind} ({type(error).__name__})") from None


def is_loopback(address: str) -> bool:
    """Whether an address is one of this machine alone."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def dns_resolver(servers: Sequence[str] | None = None, timeout: float = 5.0) -> DnsResolver:
    """A resolver asking these servers, each `ip` or `ip:port` (`[v6]:port`), or those of the system.

    `timeout` is in seconds for one question with all its retries. Raises ValueError for a server that is no
    address; where the system names no server, every question is DnsTrouble.
    """
    inner = dns.resolver.Resolver(configure=False)
    if servers:
        inner.nameservers = [_nameserver(server) for server in servers]
    else:
        with suppress(dns.resolver.NoResolverConfiguration):
            inner = dns.resolver.Resolver()
    inner.timeout = min(2.0, timeout)
    inner.cache = dns.resolver.LRUCache(10_000)
    inner.set_flags(dns.flags.RD | dns.flags.AD)  # AD asks to be told whether the answer was validated (RFC 6840 5.7)
    return DnsResolver(inner, timeout, reserved=not servers)


def _nameserver(server: str) -> dns.nameserver.Nameserver:
    host, port = server, "53"
    if server.startswith("["):
        host, _, port = server[1:].partition("]")
        host, port = (host, port[1:]) if port[:1] in ("", ":") and "]" in server else ("", "")
    elif server.count(":") == 1:
        host, _, port = server.partition(":")
    try:
        return dns.nameserver.Do53Nameserver(str(ipaddress.ip_address(host)), int(port or "53"))
    except ValueError:
        raise ValueError(f"{server!r} is not a DNS server: write it as 192.0.2.53 or 192.0.2.53:5353") from None


def _host(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower() if name != dns.name.root else ""


def _some(answers: list[bytes], name: str) -> list[bytes]:
    if not answers:
        raise NoSuchName(f"{name} has no usable record")
    return answers


@dataclass(slots=True)
class Budget:
    """A resolver with a limit on questions and on time for all of them, such as those that one mail causes."""

    inner: Resolver
    queries: int = 50
    seconds: float = 10.0
    clock: Callable[[], float] = time.monotonic
    started: float = field(init=False)

    def __post_init__(self) -> None:
        self.started = self.clock()

    def txt(self, name: str, seconds: float | None = None) -> list[bytes]:
        """As the inner resolver, within the budget."""
        return self.inner.txt(name, self._spend(seconds))

    def a(self, name: str, seconds: float | None = None) -> list[str]:
        """As the inner resolver, within the budget."""
        return self.inner.a(name, self._spend(seconds))

    def aaaa(self, name: str, seconds: float | None = None) -> list[str]:
        """As the inner resolver, within the budget."""
        return self.inner.aaaa(name, self._spend(seconds))

    def mx(self, name: str, seconds: float | None = None) -> list[Exchange]:
        """As the inner resolver, within the budget."""
        return self.inner.mx(name, self._spend(seconds))

    def ptr(self, name: str, seconds: float | None = None) -> list[str]:
        """As the inner resolver, within the budget."""
        return self.inner.ptr(name, self._spend(seconds))

    def tlsa(self, name: str, seconds: float | None = None) -> list[Tlsa]:
        """As the inner resolver, within the budget."""
        return self.inner.tlsa(name, self._spend(seconds))

    def srv(self, name: str, seconds: float | None = None) -> list[Service]:
        """As the inner resolver, within the budget."""
        return self.inner.srv(name, self._spend(seconds))

    def authentic(self, name: str, kind: str, seconds: float | None = None) -> tuple[bool, bool]:
        """As the inner resolver, within the budget."""
        return self.inner.authentic(name, kind, self._spend(seconds))

    def _spend(self, seconds: float | None) -> float:
        left = self.seconds - (self.clock() - self.started)
        if self.queries <= 0 or left <= 0:
            raise DnsTrouble("the DNS budget of this mail is spent")
        self.queries -= 1
        return left if seconds is None else min(left, seconds)
