"""`gatepost credential`: what systems submit with."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

from sqlmodel import Session

from gatepost.address import parse_address
from gatepost.cli.frame import BadInput, naming, opened, print_object, print_rows, say, warn
from gatepost.gateway.senders import read_senders
from gatepost.gateway.standing import Standing, address_standing, domain_standing
from gatepost.model import Credential
from gatepost.parts import clock
from gatepost.settings import Settings
from gatepost.store import credentials


@dataclass(frozen=True, slots=True)
class Others:
    """What becomes of a credential's mail: conversations, held for a person, and the tag of its events."""

    conversations: str
    held: bool
    tag: str


def add_credential(
    settings: Settings,
    name: str,
    kind: str,
    senders: Sequence[str],
    scopes: Sequence[str],
    networks: Sequence[str],
    others: Others,
    as_json: bool,
) -> None:
    """A new credential, whose secret is printed once."""
    check_options(kind, scopes, networks, others.conversations)
    with naming("--sender"):
        allowed = read_senders(senders)
    with opened(settings) as parts, naming("credential"):
        credential, secret = parts.ledger.write(
            lambda session: credentials.create_credential(
                session,
                parts.keys,
                kind=kind,
                name=name,
                senders=allowed,
                scopes=scopes,
                networks=networks,
                conversations=others.conversations,
                held=others.held,
                tag=others.tag,
                now=clock(),
            )
        )
        with parts.database.session() as session:
            found = [standing_of(session, settings, sender) for sender in credential.senders]
    for standing in found:
        if not standing.usable:
            warn(f"gatepost: warning: nothing is sent as it yet: {standing.why}; {standing.fix}")
    for network in networks:
        warn(f"gatepost: warning: whoever connects from {network} may send as {', '.join(allowed)} without a password")
    tell_secret(settings, credential, secret, as_json)


def standing_of(session: Session, settings: Settings, sender: str) -> Standing:
    """Whether a listed address or domain may stand in From by now."""
    if "@" in sender:
        return address_standing(session, settings, parse_address(sender))
    return domain_standing(session, settings, sender)


def check_options(kind: str, scopes: Sequence[str], networks: Sequence[str], conversations: str) -> None:
    """Refuse what does not belong together, before anything is made. Raises BadInput."""
    for option, given, choices in (
        ("--kind", [kind], credentials.KINDS),
        ("--scope", scopes, credentials.SCOPES),
        ("--conversations", [conversations], credentials.CONVERSATIONS),
    ):
        for value in given:
            if value not in choices:
                raise BadInput(f"{option} {value}: choose {', '.join(choices)}")
    if scopes and kind != "api":
        raise BadInput("--scope: only API credentials have scopes; add --kind api")
    if networks and kind != "smtp":
        raise BadInput("--network: only SMTP credentials are bound to networks; add --kind smtp")
    for network in networks:
        try:
            ip_network(network)
        except ValueError as error:
            raise BadInput(f"--network {network}: {error}; write it as 192.0.2.0/24") from None


def tell_secret(settings: Settings, credential: Credential, secret: str, as_json: bool) -> None:
    if as_json:
        print_object({**row_of(credential), "secret": secret})
        return
    say(f"Credential {credential.name} ({credential.id}) may send as {', '.join(credential.senders)}.")
    if credential.kind == "api":
        say(f"  API key (shown once): {secret}")
        say(f"  Use it as `Authorization: Bearer KEY` at {settings.base_url}/v1/messages")
        return
    say(f"  User name: {credential.username}")
    say(f"  Password (shown once): {secret}")
    say(f"  Use them at {settings.submission or settings.submissions} with STARTTLS.")


def list_credentials(settings: Settings, as_json: bool) -> None:
    """All credentials, without their secrets."""
    with opened(settings) as parts, parts.database.session() as session:
        rows = [row_of(credential) for credential in credentials.list_credentials(session)]
    print_rows(rows, as_json, "There are no credentials: run `gatepost credential add NAME --sender example.com`.")


def row_of(credential: Credential) -> dict[str, Any]:
    return {
        "name": credential.name,
        "kind": credential.kind,
        "username": credential.username,
        "senders": credential.senders,
        "scopes": credential.scopes,
        "networks": credential.networks,
        "conversations": credential.conversations,
        "held": credential.held,
        "tag": credential.tag,
        "state": "disabled" if credential.disabled_at else "enabled",
        "last_used_at": credential.last_used_at,
        "id": credential.id,
    }


def switch_credential(settings: Settings, which: str, on: bool, as_json: bool) -> None:
    """Disable a credential, or enable it again; `which` is its id, user name or name."""
    with opened(settings) as parts:
        with parts.database.session() as session:
            credential = find_credential(session, which)
        at = None if on else clock()
        parts.ledger.write(lambda session: credentials.disable_credential(session, credential.id, at))
    state = "enabled" if on else "disabled"
    if as_json:
        print_object({**row_of(credential), "state": state})
    else:
        say(f"Credential {credential.name} ({credential.username}) is {state}.")


def find_credential(session: Session, which: str) -> Credential:
    """The one credential with this id, user name or name. Raises BadInput."""
    everything = credentials.list_credentials(session)
    found = [row for row in everything if which in (row.id, row.username, row.name)]
    if not found:
        raise BadInput(f"CREDENTIAL {which}: there is no such credential; `gatepost credential list` shows them")
    if len(found) > 1:
        names = ", ".join(row.username for row in found)
        raise BadInput(f"CREDENTIAL {which}: {len(found)} credentials have this name; use the user name: {names}")
    return found[0]
