"""What a route of ours is told: checked when people write it, read when mail goes over it.

A file or a command as the source of a token can only be named at the machine itself (the command line): whoever may
use the pages must not read files there, nor run programs.
"""

import json
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args

from gatepost.gateway.route import Auth, Hop, TlsPolicy, parse_relay
from gatepost.model import Route
from gatepost.seal import Keys, seal, unseal
from gatepost.settings import Settings

Kind = Literal["sandbox", "relay", "direct", "account"]
KINDS: tuple[Kind, ...] = get_args(Kind)
AUTHS: tuple[Auth, ...] = get_args(Auth)
POLICIES: tuple[TlsPolicy, ...] = ("required", "opportunistic", "none")
SECRETS = ("password", "refresh_token", "client_secret")
ONLY_HERE = ("ca", "token_file", "token_command")
"""What only the command line takes."""


@dataclass(frozen=True, slots=True)
class RouteConfig:
    """Where a relay or account route leads, and how it logs in; `private`: its host may have a private address."""

    url: str = ""
    tls: TlsPolicy = "required"
    auth: Auth = "password"
    ca: str = ""
    token_file: str = ""
    token_command: str = ""
    token_url: str = ""
    client_id: str = ""
    scope: str = ""
    private: bool = False

    @property
    def bearer(self) -> bool:
        """Whether a token is needed to log in."""
        return self.auth != "password"


class ConfigError(ValueError):
    """What does not fit, by the name of its field."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("; ".join(problems.values()))
        self.problems = dict(problems)


def check_config(
    kind: str, given: Mapping[str, str], *, here: bool = False, kept: Mapping[str, str] | None = None
) -> tuple[RouteConfig, dict[str, str]]:
    """The configuration and the secrets in `given`; `kept` are secrets that stay, `here`: at the command line.

    A password may stand in the url. Raises ConfigError.
    """
    secrets = {**(kept or {}), **{name: given[name] for name in SECRETS if given.get(name)}}
    if kind not in KINDS:
        raise ConfigError({"kind": f"A route is of kind {', '.join(KINDS)}"})
    if kind in ("sandbox", "direct"):
        return RouteConfig(), {}
    problems = {name: "This can only be set on the command line" for name in ONLY_HERE if given.get(name) and not here}
    known = {field.name for field in fields(RouteConfig)} - {"private"}
    values: dict[str, Any] = {name: given[name].strip() for name in known if given.get(name)}
    config = RouteConfig(**values, private=here)
    if kind == "account" and not config.url:
        return of_account(config, problems)
    try:
        hop = parse_relay(config.url)
        if hop.password:
            secrets["password"] = hop.password
        config = replace(config, url=bare(hop))
    except ValueError:
        problems["url"] = "Write the server as smtp://user@host:port, or smtps:// where TLS is from the first byte"
        raise ConfigError(problems) from None
    problems |= wrong(kind, config, secrets, bool(hop.username))
    if problems:
        raise ConfigError(problems)
    return config, {name: value for name, value in secrets.items() if name in wanted(config)}


def of_account(config: RouteConfig, problems: Mapping[str, str]) -> tuple[RouteConfig, dict[str, str]]:
    """A route over the account's own server, with the account's own login. Raises ConfigError."""
    if config.tls == "none" and not config.private:
        problems = {**problems, "tls": "A login is only sent over TLS"}
    if problems:
        raise ConfigError(problems)
    return config, {}


def wrong(kind: str, config: RouteConfig, secrets: Mapping[str, str], named: bool) -> dict[str, str]:
    """What does not fit together, by field."""
    found: dict[str, str] = {}
    if config.tls not in POLICIES:
        found["tls"] = f"Choose one of {', '.join(POLICIES)}"
    if config.auth not in AUTHS:
        found["auth"] = f"Choose one of {', '.join(AUTHS)}"
    elif config.bearer and kind == "account":
        found["auth"] = "An account logs in with its own password"
    elif config.bearer:
        found |= wrong_token(config, secrets, named)
    elif kind == "relay" and named and not secrets.get("password"):
        found["password"] = "The server's user needs a password"  # noqa: S105 - a sentence
    if config.tls == "none" and (named or kind == "account"):
        found["tls"] = "A login is only sent over TLS"
    return found


def wrong_token(config: RouteConfig, secrets: Mapping[str, str], named: bool) -> dict[str, str]:
    sources = [name for name in ("token_file", "token_command", "token_url") if getattr(config, name)]
    if not named:
        return {"url": "Name the mailbox that logs in, as smtp://name%40domain@host:587"}
    if len(sources) != 1:
        return {"token_url": "Name one source of the token: a token address, or a file or a command at the machine"}
    if config.token_command and not shlex.split(config.token_command):
        return {"token_command": "The command is empty"}
    if config.token_url and not config.client_id:
        return {"client_id": "The token address needs a client id"}
    if config.token_url and not (secrets.get("refresh_token") or secrets.get("client_secret")):
        return {"refresh_token": "The token address needs a refresh token, or a client secret"}
    return {}


def wanted(config: RouteConfig) -> tuple[str, ...]:
    """The secrets that a configuration uses."""
    if not config.bearer:
        return ("password",)
    return ("refresh_token", "client_secret") if config.token_url else ()


def bare(hop: Hop) -> str:
    """A server's url without the password."""
    from urllib.parse import quote

    user = f"{quote(hop.username, safe='')}@" if hop.username else ""
    host = f"[{hop.host}]" if ":" in hop.host else hop.host
    return f"{'smtps' if hop.implicit_tls else 'smtp'}://{user}{host}:{hop.port}"


def config_of(row: Route) -> RouteConfig:
    """The configuration in a row; what this program does not know is left out."""
    known = {field.name for field in fields(RouteConfig)}
    return RouteConfig(**{name: value for name, value in row.config.items() if name in known})


def as_row(config: RouteConfig) -> dict[str, Any]:
    """A configuration as it is stored: what differs from the defaults."""
    plain = asdict(RouteConfig())
    return {name: value for name, value in asdict(config).items() if value != plain[name]}


def seal_secrets(keys: Keys, route_id: str, secrets: Mapping[str, str]) -> bytes | None:
    """The secrets of a route, sealed for its row."""
    return seal(keys, f"route.secret:{route_id}", json.dumps(dict(secrets)).encode()) if secrets else None


def open_secrets(keys: Keys, row: Route) -> dict[str, str]:
    """The secrets of a route. Raises SealError when the key file is another one."""
    if row.secret_sealed is None:
        return {}
    found: dict[str, str] = json.loads(unseal(keys, f"route.secret:{row.id}", row.secret_sealed))
    return found


def config_hop(settings: Settings, config: RouteConfig, username: str, password: str) -> Hop:
    """The hop of a configuration. A relative CA file counts from the settings' folder."""
    hop = parse_relay(config.url)
    ca = str(settings.path(Path(config.ca))) if config.ca else None
    return Hop(
        hop.host,
        hop.port,
        hop.implicit_tls,
        config.tls,
        username or hop.username,
        password,
        ca,
        settings.host,
        auth=config.auth,
    )
