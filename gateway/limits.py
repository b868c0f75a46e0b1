"""What one client and all clients may take from a listener: sizes, counts, deadlines, connections, log-in tries."""

import asyncio
import resource
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from gatepost.settings import Settings

AUTH_FAILURES = 5
"""Failed log-ins per account and network in an hour."""
AUTH_ACCOUNTS = 20
"""Accounts that failed per network in an hour."""
AUTH_WINDOW = 3600.0
AUTH_ENTRIES = 100_000


@dataclass(frozen=True, slots=True)
class Limits:
    """Octets, counts and seconds of one listener.

    `beyond` are the recipients above the limit that a client without a log-in may name until a mail of its is taken.
    """

    message_size: int
    recipients: int
    connections: int = 200
    per_ip: int = 10
    per_network: int = 100
    command_seconds: float = 300
    tls_seconds: float = 60
    session_seconds: float = 1800
    closing_seconds: float = 5
    minimum_rate: int = 500
    errors: int = 20
    junk: int = 100
    beyond: int = 200
    command_line: int = 512
    extended_line: int = 4096
    login_line: int = 12288
    data_line: int = 998


def limits_of(settings: Settings, recipients: int) -> Limits:
    """The limits that the settings ask for, with at most `recipients` in one transaction."""
    return Limits(
        message_size=settings.message_size,
        recipients=recipients,
        connections=min(settings.connections, descriptor_cap()),
        per_ip=settings.connections_per_ip,
        per_network=max(100, settings.connections_per_ip),
        command_seconds=settings.command_seconds,
        session_seconds=settings.session_seconds,
    )


def descriptor_cap() -> int:
    """How many connections leave enough file descriptors for everything else."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return 1_000_000 if soft == resource.RLIM_INFINITY else max(4, (soft - 48) // 2)


def accept_batch() -> int:
    """How many connections the loop may take at once before it has refused those above the cap."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return 100 if soft == resource.RLIM_INFINITY else max(4, min(100, soft // 8))


@lru_cache(4096)
def network_of(ip: str) -> str:
    """The network that an address is counted with: /24, or /64 for IPv6; the text itself where it is no address."""
    try:
        address = ip_address(ip.partition("%")[0])
    except ValueError:
        return ip
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is None:
            return address.packed[:8].hex()
        address = address.ipv4_mapped
    return str(address).rpartition(".")[0]


class Connections:
    """Open connections, counted in all, by address and by network; may be shared by several listeners.

    `sessions` keeps the running tasks alive, also those whose client has gone while they commit.
    """

    def __init__(self) -> None:
        self.sessions: set[asyncio.Task[None] | None] = set()
        self.total = 0
        self.by_ip: Counter[str] = Counter()
        self.by_network: Counter[str] = Counter()

    def enter(self, ip: str, limits: Limits) -> str | None:
        """Count a new connection; returns why it may not stay, and then it is not counted."""
        network = network_of(ip)
        if self.total >= limits.connections:
            return "Too many connections; please try again later"
        if self.by_ip[ip] >= limits.per_ip or self.by_network[network] >= limits.per_network:
            return "Too many connections from your address; please try again later"
        self.total += 1
        self.by_ip[ip] += 1
        self.by_network[network] += 1
        return None

    def leave(self, ip: str) -> None:
        """A counted connection has ended."""
        self.total -= 1
        for counter, key in ((self.by_ip, ip), (self.by_network, network_of(ip))):
            counter[key] -= 1
            if counter[key] <= 0:
                del counter[key]


class Throttle:
    """Failed log-ins within the running hour, by account and network: an account is never locked for everybody.

    `now` is in seconds of any steady clock.
    """

    def __init__(self) -> None:
        self._window = 0
        self._failures: Counter[tuple[str, str]] = Counter()
        self._accounts: Counter[str] = Counter()

    def blocked(self, username: str, ip: str, now: float) -> bool:
        """Whether a log-in may not even be checked."""
        self._turn(now)
        network = network_of(ip)
        failed = self._failures.get((username, network), 0)
        return failed >= AUTH_FAILURES or (not failed and self._accounts.get(network, 0) >= AUTH_ACCOUNTS)

    def failed(self, username: str, ip: str, now: float) -> None:
        """Count a failed log-in."""
        self._turn(now)
        network = network_of(ip)
        if (username, network) not in self._failures:
            self._accounts[network] += 1
            if len(self._failures) >= AUTH_ENTRIES:
                self._failures.pop(next(iter(self._failures)))
        self._failures[username, network] += 1

    def _turn(self, now: float) -> None:
        window = int(now // AUTH_WINDOW)
        if window != self._window:
            self._window = window
            self._failures.clear()
            self._accounts.clear()
