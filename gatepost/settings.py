"""Settings: flag over `GATEPOST_*` over `gatepost.toml` over default; secrets also from files (`GATEPOST_RELAY_FILE`).

The only place that reads the environment.
"""

import os
from collections.abc import Mapping
from difflib import get_close_matches
from ipaddress import ip_network
from pathlib import Path
from tomllib import TOMLDecodeError
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

SECRETS = ("relay", "database")
WORDS = {
    "bool_parsing": "write true or false",
    "bool_type": "write true or false",
    "int_parsing": "write a whole number (an integer)",
    "int_type": "write a whole number (an integer)",
    "float_parsing": "write a number",
    "float_type": "write a number",
    "string_type": "write a text in quotes",
}


class SettingsError(Exception):
    """Settings that do not fit; `problems` has one line for each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def check_domain(name: str) -> str:
    """A host name of ours, in lower case (RFC 5321 section 4.1.2)."""
    from gatepost.address import AddressError, parse_domain

    try:
        return parse_domain(name)
    except AddressError as error:
        raise ValueError(str(error)) from None


def check_listen(value: str) -> str:
    """`host:port`, or empty for no listener."""
    if not value:
        return value
    host, _, port = value.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise ValueError("write it as host:port, such as 127.0.0.1:1587, or leave it empty for no listener")
    return value


def check_relay(value: str) -> str:
    """`smtp://[user:password@]host[:port]` or `smtps://...`."""
    try:
        url = urlsplit(value)
        fits = not value or (url.scheme in ("smtp", "smtps") and bool(url.hostname) and url.port != 0)
    except ValueError:  # a port that is none, or half an IPv6 address
        fits = False
    if not fits:
        raise ValueError(
            "write it as smtp://user:password@host:port or smtps://..., with %40 for @ and %2F for / in the password"
        )
    return value


def check_database(value: str) -> str:
    """An SQLAlchemy URL of PostgreSQL or SQLite, or empty for SQLite under `var`."""
    if value and not value.startswith(("postgresql://", "postgres://", "postgresql+psycopg://", "sqlite://")):
        raise ValueError("write it as postgresql://user:password@host/name, or leave it empty for SQLite under var")
    return value


def check_networks(values: list[str]) -> list[str]:
    """Addresses and networks (CIDR)."""
    for value in values:
        ip_network(value)
    return values


def check_spf_mechanism(value: str) -> str:
    """One mechanism of SPF (RFC 7208 section 5), or empty."""
    name, colon, rest = value.partition(":")
    if value and not (
        colon
        and name in ("include", "ip4", "ip6", "a", "mx")
        and rest
        and value.isascii()
        and value.isprintable()
        and " " not in value
    ):
        raise ValueError("write one mechanism, such as include:spf.relay.example or ip4:192.0.2.1, or leave it empty")
    return value


ENDPOINTS = ("issuer", "authority", "authorize_url", "token_url", "revoke_url", "keys_url", "resource", "imap", "smtp")


def check_providers(values: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """Other addresses of Google and Microsoft, such as those of a national cloud."""
    for provider, ends in values.items():
        if provider not in ("google", "microsoft"):
            raise ValueError(f"{provider} is not a provider with a login of its own: name google or microsoft")
        for name, value in ends.items():
            if name not in ENDPOINTS:
                raise ValueError(f"{provider} has no {name}: write one of {', '.join(ENDPOINTS)}")
            host, _, port = value.rpartition(":")
            if name in ("imap", "smtp") and not (host and port.isdigit() and 0 < int(port) < 65536):
                raise ValueError(f"{provider}.{name}: write it as host:port")
            if name not in ("imap", "smtp") and not (value.startswith("https://") and len(value) > 8):
                raise ValueError(f"{provider}.{name}: write it as https://...")
    return values


HostName = Annotated[str, AfterValidator(check_domain)]
Listen = Annotated[str, AfterValidator(check_listen)]
Networks = Annotated[list[str], AfterValidator(check_networks)]


class Settings(BaseSettings):
    """Everything that can be set; relative paths count from the configuration file's folder, or the checkout."""

    model_config = SettingsConfigDict(env_prefix="GATEPOST_", extra="forbid", frozen=True)

    home: Path = Path()
    domain: HostName = "gatepost.test"
    reply_domain: str = ""
    bounce_domain: str = ""
    hostname: str = ""

    var: Path = Path("var")
    database: Annotated[str, AfterValidator(check_database)] = ""
    key_file: Path | None = None
    tls_certificate: Path | None = None
    tls_key: Path | None = None

    submission: Listen = "127.0.0.1:1587"
    submissions: Listen = "127.0.0.1:1465"
    mx: Listen = "127.0.0.1:1025"
    web: Listen = "127.0.0.1:8025"
    web_url: str = ""
    web_tls: bool = False
    web_proxies: Networks = []

    route: Literal["sandbox", "relay", "direct"] = "sandbox"
    relay: Annotated[str, AfterValidator(check_relay)] = ""
    relay_tls: Literal["required", "opportunistic", "none"] = "required"
    relay_ca: Path | None = None
    direct_port: int = 25
    direct_ca: Path | None = None
    writer_process: bool = True
    deliveries_at_once: int = 20

    message_size: int = 25 * 1024 * 1024
    large_mail_memory: int = 64 * 1024 * 1024
    recipients_submission: int = 1000
    recipients_mx: int = 100
    connections: int = 200
    connections_per_ip: int = 10
    session_seconds: int = 1800
    command_seconds: int = 300
    disk_free: int | None = None
    disk_free_inodes: float = 1

    retry_days: float = 5
    deleted_days: Annotated[int, Field(ge=0, le=36500)] = 30
    uncertain: Literal["ask", "retry"] = "ask"
    spf: Annotated[str, AfterValidator(check_spf_mechanism)] = ""
    unverified_senders: Literal["refuse", "hold"] = "refuse"
    dsn: Literal["asked", "always", "never"] = "asked"
    poll_seconds: int = 60
    idle_mailboxes: int = 2000
    private_hosts: bool = False
    providers: Annotated[dict[str, dict[str, str]], AfterValidator(check_providers)] = {}
    dns_servers: list[str] = []
    dns_validates: bool = False
    log: Literal["auto", "json", "text"] = "auto"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    theme: Literal["auto", "light", "dark"] = "auto"
    show_codes: bool = True
    metrics_networks: Networks = ["127.0.0.0/8", "::1"]
    activation: list[Literal["inlet", "signed", "sender-name"]] = []

    @model_validator(mode="after")
    def fits(self) -> "Settings":
        """Settings that belong together."""
        if self.route == "relay" and not self.relay:
            raise ValueError("route is relay, but relay is empty: set relay to smtp://user:password@host:port")
        if bool(self.tls_certificate) != bool(self.tls_key):
            raise ValueError("tls_certificate and tls_key go together: set both or none")
        for name in ("reply_domain", "bounce_domain", "hostname"):
            value = getattr(self, name)
            if value:
                check_domain(value)
        if self.domain in (self.reply_domain, self.bounce_domain):
            raise ValueError("reply_domain and bounce_domain must differ from domain")
        return self

    @property
    def replies(self) -> str:
        """The domain of reply addresses."""
        return self.reply_domain or f"reply.{self.domain}"

    @property
    def bounces(self) -> str:
        """The domain of signed return paths."""
        return self.bounce_domain or f"bounce.{self.domain}"

    @property
    def host(self) -> str:
        """The name that our SMTP listeners and clients say."""
        return self.hostname or f"mail.{self.domain}"

    @property
    def database_url(self) -> str:
        """An SQLAlchemy URL; SQLite under `var` by default."""
        return self.database or f"sqlite:///{self.path(self.var) / 'gatepost.db'}"

    @property
    def key_path(self) -> Path:
        """The key file, `key` under `var` by default."""
        return self.path(self.key_file or self.var / "key")

    @property
    def base_url(self) -> str:
        """Where a browser finds the pages."""
        scheme = "https" if self.web_tls else "http"
        return self.web_url or f"{scheme}://{self.web}"

    def path(self, path: Path) -> Path:
        """A path of these settings, absolute."""
        return (self.home / path.expanduser()).resolve()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, environment, file."""
        return (init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=_config.get("file")))


_config: dict[str, Path | None] = {"file": None}


def find_config(flag: Path | None, environ: Mapping[str, str]) -> Path | None:
    """The configuration file: `--config`, `GATEPOST_CONFIG`, `./gatepost.toml`, the checkout, `/etc/gatepost`.

    Raises SettingsError when one is named that is not there.
    """
    named = flag or (Path(environ["GATEPOST_CONFIG"]) if environ.get("GATEPOST_CONFIG") else None)
    if named:
        if not named.is_file():
            raise SettingsError([f"configuration file {named} is not there"])
        return named.resolve()
    places = (Path("gatepost.toml"), checkout() / "gatepost.toml", Path("/etc/gatepost/gatepost.toml"))
    return next((place.resolve() for place in places if place.is_file()), None)


def checkout() -> Path:
    """The folder that the package was installed from in place, or the current one."""
    root = Path(__file__).resolve().parent.parent
    return root if (root / "pyproject.toml").is_file() else Path.cwd()


def load_settings(config: Path | None = None, **flags: Any) -> Settings:
    """The settings in force. Raises SettingsError with one line for each that does not fit."""
    file = find_config(config, os.environ)
    _config["file"] = file
    home = file.parent if file else checkout()
    try:
        return Settings(**{"home": home, **secrets_from_files(os.environ), **flags})
    except ValidationError as error:
        raise SettingsError([problem_line(item, file) for item in error.errors()]) from None
    except TOMLDecodeError as error:
        raise SettingsError([f'{file}: {error}; write each line as name = value, with texts in "quotes"']) from None
    except ValueError as error:
        raise SettingsError([f"{file or 'settings'}: {error}"]) from None
    finally:
        _config["file"] = None


def secrets_from_files(environ: Mapping[str, str]) -> dict[str, str]:
    """Secrets given as files, `GATEPOST_RELAY_FILE=/run/secrets/relay`."""
    found: dict[str, str] = {}
    for name in SECRETS:
        path = environ.get(f"GATEPOST_{name.upper()}_FILE")
        if path:
            try:
                found[name] = Path(path).read_text(encoding="utf-8").strip()
            except OSError as error:
                raise SettingsError([f"GATEPOST_{name.upper()}_FILE: cannot read {path}: {error.strerror}"]) from None
    return found


def problem_line(item: Any, file: Path | None) -> str:
    """One line for one setting that does not fit, naming it and the fix."""
    name = ".".join(str(part) for part in item["loc"])
    where = f" (GATEPOST_{name.upper()}, or {name} in {file or 'gatepost.toml'})" if name else ""
    if item["type"] == "extra_forbidden":
        near = get_close_matches(name, Settings.model_fields, 1)
        return f"{name}{where}: no such setting; {f'is it {near[0]}?' if near else 'docs/settings.md lists them'}"
    what = WORDS.get(item["type"], item["msg"])
    return f"{name or 'settings'}{where}: {what.removeprefix('Value error, ')}"


def origins(config: Path | None = None) -> dict[str, str]:
    """Where each setting's value comes from: the variable's name, the file's path, or `default`."""
    file = find_config(config, os.environ)
    in_file = TomlConfigSettingsSource(Settings, toml_file=file)() if file else {}
    known = {key.upper() for key in os.environ}
    found: dict[str, str] = {}
    for name in Settings.model_fields:
        variable = f"GATEPOST_{name.upper()}"
        if os.environ.get(f"{variable}_FILE") and name in SECRETS:
            found[name] = f"{variable}_FILE"
        elif variable in known:
            found[name] = variable
        else:
            found[name] = str(file) if name in in_file else "default"
    return found
