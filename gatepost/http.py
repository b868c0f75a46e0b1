"""The one HTTP client for requests to addresses that people typed in: webhooks, MTA-STS policies, OAuth.

A name is resolved once, every address must be a global one, and the connection goes to just that address, so that no
later answer of the DNS leads inside. No redirects, no proxies, no compression; limits on time and size.
"""

import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import httpx2

from gatepost.address import AddressError, parse_domain

Resolve = Callable[[str, int], Iterable[str]]

NAT64 = ipaddress.ip_network("64:ff9b::/96")
MOST_BODY = 1024 * 1024


class HttpError(Exception):
    """No answer; str() is a sentence for people."""


class HttpRefused(HttpError):
    """An address that we do not ask; it will not be different later."""


class HttpTrouble(HttpError):
    """No connection, no certificate, no end; worth another try."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said: status, header fields by lower-case name, and the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Guard:
    """What is allowed: `private` addresses and plain http, seconds for the whole request, octets of an answer."""

    private: bool = False
    seconds: float = 10.0
    most: int = MOST_BODY
    ca: str | None = None


def system_addresses(host: str, port: int) -> list[str]:
    """The addresses of a name, as the system finds them. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def request(
    method: str,
    url: str,
    *,
    content: bytes = b"",
    headers: Mapping[str, str] | None = None,
    guard: Guard = Guard(),
    resolve: Resolve = system_addresses,
) -> Answer:
    """One request and its answer, redirects included as they are. Raises HttpRefused and HttpTrouble."""
    target = _target(url, guard)
    address = _address(target, guard, resolve)
    pinned = target.copy_with(host=address)
    deadline = _Deadline()
    sent = {"user-agent": "Gatepost", "accept-encoding": "identity", **(headers or {}), "host": _host_field(target)}
    try:
        with httpx2.Client(
            transport=httpx2.HTTPTransport(verify=_context(guard.ca), trust_env=False),
            trust_env=False,
            follow_redirects=False,
            timeout=guard.seconds,
        ) as client:
            outgoing = client.build_request(
                method,
                pinned,
                content=content,
                headers=sent,
                extensions={"sni_hostname": target.host, "trace": deadline.trace},
            )
            with deadline.within(guard.seconds):
                return _exchange(client, outgoing, guard.most)
    except (httpx2.HTTPError, httpx2.StreamError, OSError, ValueError) as error:
        if deadline.passed or isinstance(error, httpx2.TimeoutException):
            raise HttpTrouble(f"{target.host} did not answer within {guard.seconds:g} seconds.") from None
        raise HttpTrouble(f"{target.host} could not be asked: {_plain(error)}.") from None


def _target(url: str, guard: Guard) -> httpx2.URL:
    try:
        target = httpx2.URL(url)
    except (httpx2.InvalidURL, ValueError):
        raise HttpRefused("This is not a web address.") from None
    if target.scheme not in (("http", "https") if guard.private else ("https",)):
        raise HttpRefused("The web address must start with https://.")
    if target.userinfo or not target.host:
        raise HttpRefused("The web address must name a host, without user and password.")
    return target


def _address(target: httpx2.URL, guard: Guard, resolve: Resolve) -> str:
    """The address to connect to; all addresses of the name must be allowed."""
    host = target.host
    try:
        found = [str(ipaddress.ip_address(host))]
    except ValueError:
        found = _resolved(host, target.port or (443 if target.scheme == "https" else 80), resolve)
    for address in found:
        if not guard.private and not is_global(address):
            raise HttpRefused(f"{host} is at a private address, which is not asked; private_hosts allows it.")
    return found[0]


def _resolved(host: str, port: int, resolve: Resolve) -> list[str]:
    try:
        name = parse_domain(host)
    except AddressError as error:
        raise HttpRefused(str(error)) from None
    try:
        found = list(resolve(name, port))
    except (OSError, UnicodeError):
        found = []
    if not found:
        raise HttpTrouble(f"{host} has no address now.")
    return found


def is_global(address: str) -> bool:
    """Whether an address is one of the public Internet, whatever it is wrapped in."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_global(str(inner))
        if ip.scope_id or ip.is_site_local:
            return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


class _Deadline:
    """Ends the connection when the time is over: the client's own timeouts begin anew with every octet."""

    def __init__(self) -> None:
        self.passed = False
        self.connection: socket.socket | None = None

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Called by the client; keeps a handle of the new connection, which stays valid under TLS."""
        if event == "connection.connect_tcp.complete":
            self.connection = info["return_value"].get_extra_info("socket").dup()
            if self.passed:
                self.cut()

    def cut(self) -> None:
        """Wake whoever reads or writes."""
        self.passed = True
        if self.connection is not None:
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Cut after this time."""
        timer = threading.Timer(seconds, self.cut)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()
            if self.connection is not None:
                self.connection.close()


def _exchange(client: httpx2.Client, outgoing: httpx2.Request, most: int) -> Answer:
    answer = client.send(outgoing, stream=True)
    try:
        body = bytearray()
        for piece in answer.iter_raw():
            body += piece
            if len(body) > most:
                raise HttpTrouble(f"The answer is larger than {most} octets.")
        return Answer(answer.status_code, {name.lower(): value for name, value in answer.headers.items()}, bytes(body))
    finally:
        answer.close()


def _host_field(target: httpx2.URL) -> str:
    host = f"[{target.host}]" if ":" in target.host else target.raw_host.decode("ascii")
    return f"{host}:{target.port}" if target.port else host


def _plain(error: Exception) -> str:
    if isinstance(error.__cause__, ssl.SSLError) or "CERTIFICATE" in str(error):
        return "its certificate cannot be trusted"
    return "the connection failed" if isinstance(error, OSError | httpx2.ConnectError) else "it broke the protocol"


@lru_cache(maxsize=8)
def _context(ca: str | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca)
