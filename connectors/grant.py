"""What a provider's login gives, as values, and the two ways in which it fails."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from gatepost.connectors.problem import Problem

EARLY = timedelta(minutes=10)
MOST_TOKEN = 16_384


class Refused(Exception):
    """The provider said no in a way that a person has to solve."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.stage}: {problem.error or problem.text}")
        self.problem = problem


class Unreachable(Exception):
    """The provider cannot be asked now, or does not answer sense; str() is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Client:
    """What we are registered as at a provider; `tenant` is empty where every directory may log in."""

    provider: str
    client_id: str
    secret: str = field(repr=False)
    tenant: str = ""


@dataclass(frozen=True, slots=True)
class Begun:
    """Where the browser goes, and what must be kept, sealed, until it comes back."""

    url: str
    flow: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Tokens:
    """An access token with its life, and the refresh token where there is one."""

    access_token: str = field(repr=False)
    issued_at: datetime
    expires_at: datetime
    refresh_token: str = field(default="", repr=False)

    def due(self, now: datetime) -> bool:
        """Whether it is time for another one: 10 minutes before the end, or the last quarter of a short life."""
        return now >= self.expires_at - min(EARLY, (self.expires_at - self.issued_at) / 4)

    def usable(self, now: datetime) -> bool:
        """Whether a login with it may still succeed."""
        return bool(self.access_token) and now < self.expires_at - timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Granted:
    """What a login gave: who logged in (`address`), for which mailbox, in whose directory, with which permissions."""

    address: str
    mailbox: str
    tenant: str
    scopes: tuple[str, ...]
    tokens: Tokens


def dump_tokens(tokens: Tokens) -> bytes:
    """Tokens as they are sealed."""
    fields = {
        "access": tokens.access_token,
        "refresh": tokens.refresh_token,
        "issued": int(tokens.issued_at.timestamp()),
        "expires": int(tokens.expires_at.timestamp()),
    }
    return json.dumps(fields).encode()


def load_tokens(raw: bytes) -> Tokens:
    """What `dump_tokens` wrote."""
    fields = json.loads(raw)
    issued, expires = (datetime.fromtimestamp(fields[name], UTC) for name in ("issued", "expires"))
    return Tokens(fields["access"], issued, expires, fields["refresh"])


def read_tokens(answer: dict[str, object], now: datetime) -> Tokens:
    """The tokens in a token endpoint's answer (RFC 6749 section 5.1). Raises Unreachable for what is none.

    They go into logins as they are, so nothing but visible ASCII is taken.
    """
    access, refresh = answer.get("access_token"), answer.get("refresh_token") or ""
    if not sound(access) or (refresh and not sound(refresh)):
        raise Unreachable("The provider answered without a usable token.")
    lasts = answer.get("expires_in")
    try:
        seconds = min(max(int(str(lasts)), 1), 7 * 86_400)
    except ValueError:
        seconds = 3600
    issued = now.replace(microsecond=0)  # as they are kept
    return Tokens(str(access), issued, issued + timedelta(seconds=seconds), str(refresh))


def sound(token: object) -> bool:
    """Whether this is a token as it may stand in a login."""
    return isinstance(token, str) and 0 < len(token) <= MOST_TOKEN and all(33 <= ord(char) <= 126 for char in token)
