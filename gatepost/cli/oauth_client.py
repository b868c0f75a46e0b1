"""`gatepost oauth-client`: what Gatepost is registered as at Google and Microsoft."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from sqlmodel import Session

from gatepost.amount import amount
from gatepost.cli.frame import BadInput, Failed, opened, print_object, print_rows, say
from gatepost.cli.route import read_secrets
from gatepost.connectors.admin_link import is_tenant
from gatepost.connectors.provider import configure_all
from gatepost.connectors.provider_data import PROVIDERS
from gatepost.connectors.registering import steps
from gatepost.model import OAuthClient
from gatepost.parts import clock
from gatepost.settings import Settings
from gatepost.store.oauth_clients import AUDIENCES, accounts_of, get_client, list_clients, remove_client, save_client
from gatepost.web.journey import WITH_LOGIN, redirect_uri


@dataclass(frozen=True, slots=True)
class Given:
    """What was said about a registration; None and empty keep what is stored."""

    client_id: str = ""
    secret_file: Path | None = None
    tenant: str | None = None
    audience: str = ""
    ends: str | None = None


def check_provider(key: str) -> str:
    """A provider that has a login of its own. Raises BadInput."""
    if key not in WITH_LOGIN:
        raise BadInput(f"PROVIDER {key}: write {' or '.join(WITH_LOGIN)}")
    return key


def set_client(settings: Settings, key: str, given: Given, as_json: bool) -> None:
    """Register, or change what is named."""
    check_provider(key)
    secret = read_secrets({"secret": given.secret_file}).get("secret")
    with opened(settings) as parts:
        with parts.database.session() as session:
            held = get_client(session, key)
        values = wanted(key, given, held)
        if secret is None and held is None:
            raise BadInput("--secret-file: name the file with the client secret that the provider shows")
        if secret == "":
            raise BadInput(f"--secret-file: {given.secret_file} is empty")
        parts.ledger.write(
            lambda session: save_client(session, parts.keys, key, secret=secret, now=clock(), **values).provider
        )
        row = view(parts.database.session, key, settings)
    if as_json:
        print_object(row)
        return
    say(f"{PROVIDERS[key].name}: mailboxes can be connected with the client {row['client_id']} now.")
    say(f"Its redirect address at the provider must be exactly {row['redirect']}")


def wanted(key: str, given: Given, held: OAuthClient | None) -> dict[str, Any]:
    """The values to store. Raises BadInput."""
    client_id = given.client_id or (held.client_id if held else "")
    tenant = given.tenant if given.tenant is not None else (held.tenant if held else "")
    audience = given.audience or (held.audience if held else AUDIENCES[0])
    if not client_id or not client_id.isascii() or any(char.isspace() for char in client_id) or "@" in client_id:
        raise BadInput("--client-id: copy the client id from the provider, without spaces")
    if tenant and (key != "microsoft" or not is_tenant(tenant)):
        raise BadInput("--tenant: it is Microsoft's Directory (tenant) ID, or a domain of the organisation")
    if audience not in AUDIENCES:
        raise BadInput(f"--audience {audience}: write {', '.join(AUDIENCES)}")
    ends = held.secret_expires_at if held else None
    if given.ends is not None:
        ends = day(given.ends)
    return {"client_id": client_id, "tenant": tenant.lower(), "audience": audience, "secret_expires_at": ends}


def day(text: str) -> datetime | None:
    """A day in UTC, or none. Raises BadInput."""
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC) if text else None
    except ValueError:
        raise BadInput(f"--secret-ends {text}: write the day as 2027-05-31") from None


def view(opener: Any, key: str, settings: Settings) -> dict[str, Any]:
    """A registration without its secret."""
    with opener() as session:
        row = get_client(session, key)
        return {} if row is None else shown(session, row, settings)


def shown(session: Session, row: OAuthClient, settings: Settings) -> dict[str, Any]:
    return {
        "provider": row.provider,
        "client_id": row.client_id,
        "tenant": row.tenant,
        "audience": row.audience,
        "secret_ends": f"{row.secret_expires_at:%Y-%m-%d}" if row.secret_expires_at else None,
        "mailboxes": accounts_of(session, row.provider),
        "redirect": redirect_uri(settings),
    }


def list_all(settings: Settings, as_json: bool) -> None:
    """The registrations, without their secrets."""
    with opened(settings) as parts, parts.database.session() as session:
        rows = [shown(session, row, settings) for row in list_clients(session)]
    print_rows(rows, as_json, "No OAuth client is set; `gatepost oauth-client steps google` tells how to get one.")


def remove(settings: Settings, key: str, even_if_used: bool, as_json: bool) -> None:
    """Forget a registration; refused while mailboxes log in with it."""
    check_provider(key)
    with opened(settings) as parts:
        with parts.database.session() as session:
            used = accounts_of(session, key)
            known = get_client(session, key) is not None
        if not known:
            raise BadInput(f"PROVIDER {key}: no client is set; `gatepost oauth-client list` shows them")
        if used and not even_if_used:
            mailboxes = amount(used, "mailbox logs", "mailboxes log")
            raise Failed(f"{mailboxes} in with it: disconnect them first, or add --even-if-used")
        parts.ledger.write(lambda session: remove_client(session, key))
    if as_json:
        print_object({"provider": key, "removed": True, "mailboxes": used})
    else:
        say(f"The OAuth client of {PROVIDERS[key].name} is gone; mailboxes cannot be connected with it any more.")


def show_steps(settings: Settings, key: str, as_json: bool) -> None:
    """How to register at a provider, with this installation's redirect address and permissions."""
    provider = configure_all(PROVIDERS, settings.providers)[check_provider(key)]
    mail = [scope.name for scope in provider.scopes if "://" in scope.name or provider.oauth == "google"]
    told = steps(key, redirect_uri(settings), mail)
    if as_json:
        scopes = [{"name": scope.name, "why": scope.why} for scope in provider.scopes]
        print_object({"provider": key, "redirect": redirect_uri(settings), "steps": told, "scopes": scopes})
        return
    for number, text in enumerate(told, 1):
        say(f"{number}. {text}")
