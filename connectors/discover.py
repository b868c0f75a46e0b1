"""Finding out which provider an address has: DNS, and what a domain publishes for mail programs.

SRV records (RFC 6186, RFC 8314) and the Mozilla file `config-v1.1.xml`; only the domain's own servers are asked, and
they are not told the address.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Literal
from xml.parsers import expat

from gatepost.address import AddressError, parse_domain
from gatepost.connectors.provider import Autoconfig, Provider, Security, Server, provider_of
from gatepost.http import Guard, HttpError, request
from gatepost.resolver import DnsError, Resolver, Service

MOST_FILE = 65_536
DEEPEST = 12
PLACES = (
    "https://autoconfig.{domain}/mail/config-v1.1.xml",
    "https://{domain}/.well-known/autoconfig/mail/config-v1.1.xml",
)
SECURITIES: dict[str, Security] = {"SSL": "tls", "STARTTLS": "starttls"}
SERVICES: tuple[tuple[str, Literal["imap", "smtp"], Security], ...] = (
    ("_imaps._tcp", "imap", "tls"),
    ("_imap._tcp", "imap", "starttls"),
    ("_submissions._tcp", "smtp", "tls"),
    ("_submission._tcp", "smtp", "starttls"),
)


def find_provider(
    address: str, providers: Mapping[str, Provider], resolver: Resolver, guard: Guard
) -> tuple[Provider, str]:
    """The provider of an address and why, asking DNS and then the domain's web server; never raises."""
    try:
        domain = parse_domain(address.rpartition("@")[2])
    except AddressError:
        return providers["other"], "This is not a mail address."
    hosts = mail_hosts(domain, resolver)
    found, why = provider_of(address, hosts, None, providers)
    if found.key != "other":
        return found, why
    return provider_of(address, hosts, find_autoconfig(domain, resolver, guard), providers, spf_of(domain, resolver))


def mail_hosts(domain: str, resolver: Resolver) -> list[str]:
    """Where the domain's mail goes, best first; nothing where nobody can say."""
    with suppress(DnsError):
        return [exchange.host for exchange in resolver.mx(domain) if exchange.host]
    return []


def spf_of(domain: str, resolver: Resolver) -> str:
    """The domain's SPF record, or nothing."""
    with suppress(DnsError):
        for text in resolver.txt(domain):
            if text.lower().startswith(b"v=spf1"):
                return text.decode("ascii", "replace")
    return ""


def find_autoconfig(domain: str, resolver: Resolver, guard: Guard) -> Autoconfig | None:
    """What the domain publishes: SRV records, else the file."""
    services = by_services(lambda name: resolver.srv(f"{name}.{domain}"))
    if services:
        return services
    for place in PLACES:
        with suppress(HttpError):
            answer = request("GET", place.format(domain=domain), guard=replace(guard, most=MOST_FILE))
            found = read_autoconfig(answer.body) if answer.status == 200 else None
            if found:
                return found
    return None


def by_services(srv: Callable[[str], list[Service]]) -> Autoconfig | None:
    """Servers by SRV records; `.` as a target says that there is none (RFC 6186 section 3.4)."""
    servers: dict[str, Server] = {}
    for name, kind, security in SERVICES:
        if kind in servers:
            continue
        with suppress(DnsError):
            best = srv(name)[0]
            if best.host and best.port:
                servers[kind] = Server(best.host, best.port, security)
    if "imap" not in servers:
        return None
    return Autoconfig(servers["imap"], servers.get("smtp"), "address", "SRV records, RFC 6186")


def read_autoconfig(raw: bytes) -> Autoconfig | None:
    """The first usable servers of a `config-v1.1.xml`; None for anything else. No document type is taken."""
    reader = Reader()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = reader.refuse
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse(raw[:MOST_FILE], True)
    except (expat.ExpatError, ValueError, UnicodeError, LookupError):
        return None
    imap = reader.servers.get("imap")
    if imap is None:
        return None
    local = reader.usernames.get("imap") == "%EMAILLOCALPART%"
    return Autoconfig(imap, reader.servers.get("smtp"), "local" if local else "address", "autoconfig file")


class Reader:
    """Collects servers while the file is parsed."""

    def __init__(self) -> None:
        self.depth = 0
        self.kind = ""
        self.element = ""
        self.fields: dict[str, str] = {}
        self.servers: dict[str, Server] = {}
        self.usernames: dict[str, str] = {}

    def refuse(self, *_: Any) -> None:
        """A document type could define entities without end."""
        raise ValueError("no document type is taken")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise ValueError("too deep")
        if name in ("incomingServer", "outgoingServer"):
            self.kind, self.fields = attributes.get("type", ""), {}
        self.element = name

    def end(self, name: str) -> None:
        """An element ends; a server is kept if it is the first of its kind with TLS."""
        self.depth -= 1
        self.element = ""
        if name not in ("incomingServer", "outgoingServer"):
            return
        server = server_in(self.fields)
        if server and self.kind in ("imap", "smtp") and self.kind not in self.servers:
            self.servers[self.kind] = server
            self.usernames[self.kind] = self.fields.get("username", "").strip()
        self.kind = ""

    def text(self, data: str) -> None:
        """Text within an element of a server."""
        if self.kind and self.element:
            self.fields[self.element] = (self.fields.get(self.element, "") + data)[:300]


def server_in(fields: Mapping[str, str]) -> Server | None:
    """A server with a sound name, a port and TLS."""
    security = SECURITIES.get(fields.get("socketType", "").strip())
    port = fields.get("port", "").strip()
    try:
        host = parse_domain(fields.get("hostname", "").strip())
    except AddressError:
        return None
    if security is None or not (port.isascii() and port.isdigit() and len(port) < 6 and 0 < int(port) < 65_536):
        return None
    return Server(host, int(port), security)
