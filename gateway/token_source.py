"""Access tokens for logins by XOAUTH2 and OAUTHBEARER: from a file, a command, or an OAuth token address (RFC 6749)."""

import json
import shlex
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import urlencode

from gatepost.gateway.accept import Gate
from gatepost.gateway.route_config import RouteConfig, config_of, open_secrets, seal_secrets
from gatepost.http import Guard, HttpError, request
from gatepost.model import Route
from gatepost.reply import clean_text
from gatepost.seal import SealError
from gatepost.store.routes import keep_secret

COMMAND_SECONDS = 30
COMMAND_LASTS = 300.0
EARLY = 60.0
"""Seconds before its end a token is no longer used."""
MOST = 16 * 1024
FORM = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}


class TokenError(Exception):
    """There is no token; str() is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Held:
    """A token, of which state of its route, and until when it is used (seconds of the clock)."""

    token: str
    made: datetime
    until: float


@dataclass(slots=True)
class Tokens:
    """The tokens of a process by route; `get` runs in threads, and asks for one route once at a time."""

    gate: Gate
    time: Callable[[], float] = time.monotonic
    held: dict[str, Held] = field(default_factory=dict)
    locks: dict[str, threading.Lock] = field(default_factory=dict)

    def get(self, row: Route) -> str:
        """The token to log in with now. Raises TokenError."""
        with self.locks.setdefault(row.id, threading.Lock()):
            known = self.held.get(row.id)
            if known and known.made == row.updated_at and self.time() < known.until:
                return known.token
            token, lasts = self.ask(row, config_of(row))
            self.held[row.id] = Held(token, row.updated_at, self.time() + lasts)
            return token

    def drop(self, row: Route, token: str) -> None:
        """A server refused this token: the next `get` asks anew."""
        known = self.held.get(row.id)
        if known and known.token == token:
            del self.held[row.id]

    def ask(self, row: Route, config: RouteConfig) -> tuple[str, float]:
        """A new token and the seconds it may be used. Raises TokenError."""
        if config.token_file:
            return read_token(self.gate.settings.path(Path(config.token_file))), 0.0
        if config.token_command:
            return run_command(config.token_command), COMMAND_LASTS
        try:
            secrets = open_secrets(self.gate.keys, row)
        except SealError as error:
            raise TokenError(str(error)) from None
        guard = Guard(private=self.gate.settings.private_hosts, most=MOST, ca=config.ca or None)
        token, lasts, renewed = fetch_token(config, secrets, guard)
        if renewed and renewed != secrets.get("refresh_token"):
            sealed = seal_secrets(self.gate.keys, row.id, {**secrets, "refresh_token": renewed})
            self.gate.ledger.write(lambda session: keep_secret(session, row.id, sealed or b""))
            row.secret_sealed = sealed
        return token, lasts


def read_token(path: Path) -> str:
    """The token in a file. Raises TokenError."""
    try:
        with path.open("rb") as file:
            return checked(file.read(MOST).decode("utf-8", "replace"), f"the file {path.name}")
    except OSError as error:
        raise TokenError(f"the token file {path.name} cannot be read: {error.strerror}") from None


def run_command(command: str) -> str:
    """What a command prints; no shell is involved. Raises TokenError."""
    words = shlex.split(command)
    try:
        done = subprocess.run(words, capture_output=True, timeout=COMMAND_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TokenError(f"the token command {words[0]} could not be run: {type(error).__name__}") from None
    if done.returncode:
        raise TokenError(f"the token command {words[0]} ended with {done.returncode}")
    return checked(done.stdout[:MOST].decode("utf-8", "replace"), f"the command {words[0]}")


def fetch_token(config: RouteConfig, secrets: Mapping[str, str], guard: Guard) -> tuple[str, float, str]:
    """A token, the seconds it may be used, and a refresh token where a new one came. Raises TokenError.

    With a refresh token by RFC 6749 section 6, without one as the client itself (section 4.4).
    """
    fields = {"client_id": config.client_id, "grant_type": "client_credentials"}
    if secrets.get("refresh_token"):
        fields |= {"grant_type": "refresh_token", "refresh_token": secrets["refresh_token"]}
    if secrets.get("client_secret"):
        fields["client_secret"] = secrets["client_secret"]
    if config.scope:
        fields["scope"] = config.scope
    try:
        answer = request("POST", config.token_url, content=urlencode(fields).encode(), headers=FORM, guard=guard)
        found = json.loads(answer.body)
    except HttpError as error:
        raise TokenError(f"the token address did not help: {error}") from None
    except ValueError:
        raise TokenError("the token address answered with something that is no JSON") from None
    if not isinstance(found, dict):
        raise TokenError("the token address answered with something that is no object")
    if answer.status != 200 or not isinstance(found.get("access_token"), str):
        told = " ".join(str(found[name]) for name in ("error", "error_description") if found.get(name))
        raise TokenError(clean_text(f"the token address refused ({answer.status}): {told[:500]}"))
    lasts = found.get("expires_in")
    seconds = float(lasts) if isinstance(lasts, int | float) and 0 < lasts < 1e7 else 600.0
    renewed = found.get("refresh_token")
    token = checked(found["access_token"], "the token address")
    return token, max(seconds - EARLY, seconds / 2), renewed if isinstance(renewed, str) else ""


def checked(text: str, where: str) -> str:
    """A token as it may go into AUTH: one word of visible ASCII. Raises TokenError."""
    token = text.strip()
    if not token or not token.isascii() or any(not 33 <= ord(char) <= 126 for char in token):
        raise TokenError(f"{where} has no token")
    return token
