"""Where an outgoing mail goes next: the hop, with how to reach it, how to protect the connection and how to log in."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import unquote, urlsplit

from gatepost.resolver import Tlsa
from gatepost.settings import Settings

TlsPolicy = Literal["required", "encrypted", "opportunistic", "none"]
NEVER = datetime.min.replace(tzinfo=UTC)
Auth = Literal["password", "xoauth2", "oauthbearer"]


@dataclass(frozen=True, slots=True)
class Hop:
    """One server to speak SMTP with; hashable, so that connections to it can be kept and found again.

    `starttls` is the TLS policy (`required` also checks the certificate, against `ca` if that is set, a PEM file;
    `encrypted` takes any); `helo` the name that we say in EHLO; `address` where the host is, if that was looked up.
    With an `auth` by token the password is the token. With `tlsa` records the certificate must match one of them,
    at the time `now`, which does not tell hops apart.
    """

    host: str
    port: int
    implicit_tls: bool = False
    starttls: TlsPolicy = "required"
    username: str = ""
    password: str = field(default="", repr=False)
    ca: str | None = None
    helo: str = "localhost"
    address: str = ""
    auth: Auth = "password"
    tlsa: tuple[Tlsa, ...] = ()
    now: datetime = field(default=NEVER, compare=False, repr=False)

    @property
    def encrypted(self) -> bool:
        """Whether nothing may go out in the clear; with a password `opportunistic` needs TLS too."""
        if self.implicit_tls or self.starttls in ("required", "encrypted"):
            return True
        return self.starttls == "opportunistic" and self.logs_in

    @property
    def verified(self) -> bool:
        """Whether the certificate must be right; `none` and `opportunistic` without a password accept any."""
        return self.starttls == "required" or (self.starttls == "opportunistic" and self.logs_in)

    @property
    def logs_in(self) -> bool:
        """Whether AUTH is used."""
        return bool(self.username)

    def __str__(self) -> str:
        return f"{'smtps' if self.implicit_tls else 'smtp'}://{self.host}:{self.port}"


def parse_relay(url: str) -> Hop:
    """The hop of `smtp://[user:password@]host[:port]` (port 25, or 587 with a user) or `smtps://...` (465).

    Characters such as `@` or `/` in user and password are percent-encoded. Raises ValueError with a sentence.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise ValueError("relay: write it as smtp://user:password@host:port or smtps://...")
    implicit = parts.scheme == "smtps"
    username = unquote(parts.username or "")
    port = parts.port or (465 if implicit else 587 if username else 25)
    return Hop(parts.hostname, port, implicit, username=username, password=unquote(parts.password or ""))


def relay_hop(settings: Settings) -> Hop:
    """The hop of the relay route. Raises ValueError when `relay` is not an address of a relay."""
    hop = parse_relay(settings.relay)
    ca = str(settings.path(settings.relay_ca)) if settings.relay_ca else None
    return Hop(
        hop.host,
        hop.port,
        hop.implicit_tls,
        settings.relay_tls,
        hop.username,
        hop.password,
        ca,
        settings.host,
    )


def direct_hop(host_port: str, *, helo: str = "localhost") -> Hop:
    """The hop straight to `host:port`, without login and with TLS only if it is offered."""
    host, _, port = host_port.rpartition(":")
    return Hop(host.strip("[]"), int(port), starttls="opportunistic", helo=helo)
