"""What is known of a provider of mailboxes, and which one an address belongs to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

Security = Literal["tls", "starttls"]
ADDRESSES = ("issuer", "authority", "authorize_url", "token_url", "revoke_url", "keys_url")


@dataclass(frozen=True, slots=True)
class Scope:
    """A permission that is asked for, and why, in words for people; without a `needed` one no mail can be read."""

    name: str
    why: str
    needed: bool = False


@dataclass(frozen=True, slots=True)
class Server:
    """A mail server."""

    host: str
    port: int
    security: Security


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider: `oauth` names the dialect of its own login, empty where only passwords are taken.

    `username` is what IMAP wants: the whole `address`, or only its `local` part. `note` says what to do for a password
    that works; `can_imap` is False where no server speaks IMAP to strangers at all.
    """

    key: str
    name: str
    imap: Server
    smtp: Server
    domains: tuple[str, ...] = ()
    mx: tuple[str, ...] = ()
    spf: tuple[str, ...] = ()
    note: str = ""
    username: Literal["address", "local"] = "address"
    can_imap: bool = True
    copies_sent_itself: bool = False
    oauth: Literal["", "google", "microsoft"] = ""
    scopes: tuple[Scope, ...] = ()
    app_scope: str = ""
    issuer: str = ""
    authority: str = ""
    authorize_url: str = ""
    token_url: str = ""
    revoke_url: str = ""
    keys_url: str = ""


@dataclass(frozen=True, slots=True)
class Autoconfig:
    """What a domain publishes about its servers, and where (RFC 6186, or the Mozilla file)."""

    imap: Server | None
    smtp: Server | None
    username: Literal["address", "local"]
    source: str


def under(host: str, suffixes: Sequence[str]) -> bool:
    """Whether a host is one of these names, or below one."""
    name = host.rstrip(".").lower()
    return any(name == suffix or name.endswith(f".{suffix}") for suffix in suffixes)


def provider_of(
    address: str,
    mx_hosts: Sequence[str],
    autoconfig: Autoconfig | None,
    providers: Mapping[str, Provider],
    spf: str = "",
) -> tuple[Provider, str]:
    """The provider of an address, and why; `other` where nothing is known.

    The domain itself is the surest sign, then where its mail goes (MX), what it publishes, and whom its SPF record
    names: behind a filter in front of the mailboxes, the MX tells nothing.
    """
    domain = address.rpartition("@")[2].lower()
    for provider in providers.values():
        if domain in provider.domains:
            return provider, f"{domain} is a domain of {provider.name}."
    for host in mx_hosts:
        for provider in providers.values():
            if under(host, provider.mx):
                return provider, f"Mail for {domain} goes to {host}, which belongs to {provider.name}."
    if autoconfig and (autoconfig.imap or autoconfig.smtp):
        return published(domain, autoconfig, providers)
    for provider in providers.values():
        if any(f"include:{name}" in spf.lower().split() for name in provider.spf):
            return provider, f"The SPF record of {domain} names {provider.name}; its mail goes through a filter first."
    told = f"Its mail goes to {mx_hosts[0]}, which is not known." if mx_hosts else "No mail server is known for it."
    return providers["other"], f"{domain} publishes no settings for mail programs. {told}"


def published(domain: str, autoconfig: Autoconfig, providers: Mapping[str, Provider]) -> tuple[Provider, str]:
    """The known provider whose server is published, else `other` with the published servers."""
    for provider in providers.values():
        if autoconfig.imap and provider.imap.host == autoconfig.imap.host:
            return provider, f"{domain} publishes {provider.imap.host}, the server of {provider.name}."
    other = providers["other"]
    found = replace(
        other, imap=autoconfig.imap or other.imap, smtp=autoconfig.smtp or other.smtp, username=autoconfig.username
    )
    return found, f"{domain} publishes its servers itself ({autoconfig.source})."


def configured(provider: Provider, values: Mapping[str, str]) -> Provider:
    """A provider with the endpoints of a setting, such as those of a national cloud.

    `imap` and `smtp` are `host:port`, TLS from the first octet on 993 and 465 as it was, STARTTLS for other SMTP ports;
    `resource` is the beginning of Microsoft's permissions (https://outlook.office.com).
    """
    ends = {name: values[name].rstrip("/") for name in ADDRESSES if values.get(name)}
    if provider.oauth == "microsoft" and "authority" in ends and "keys_url" not in ends:
        ends["keys_url"] = f"{ends['authority']}/common/discovery/v2.0/keys"
    changed = replace(provider, **ends)  # type: ignore[arg-type]
    if values.get("imap"):
        changed = replace(changed, imap=server_of(values["imap"], "tls"))
    if values.get("smtp"):
        security: Security = "tls" if values["smtp"].endswith(":465") else "starttls"
        changed = replace(changed, smtp=server_of(values["smtp"], security))
    if values.get("resource"):
        changed = moved(changed, values["resource"].rstrip("/"))
    return changed


def moved(provider: Provider, resource: str) -> Provider:
    """The same permissions of another resource."""
    scopes = tuple(
        replace(scope, name=f"{resource}/{scope.name.rpartition('/')[2]}") if "//outlook." in scope.name else scope
        for scope in provider.scopes
    )
    return replace(provider, scopes=scopes, app_scope=f"{resource}/.default")


def server_of(text: str, security: Security) -> Server:
    """`host:port`."""
    host, _, port = text.rpartition(":")
    return Server(host, int(port), security)


def configure_all(providers: Mapping[str, Provider], setting: Mapping[str, Mapping[str, str]]) -> dict[str, Provider]:
    """All providers as a setting changes them."""
    return {key: configured(provider, setting.get(key, {})) for key, provider in providers.items()}
