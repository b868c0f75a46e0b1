"""The page OAuth clients: what Gatepost is registered as at Google and Microsoft, and how that is done."""

from datetime import UTC, date, datetime, time
from typing import Any

from sqlmodel import Session
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from gatepost.connectors.admin_link import is_tenant
from gatepost.connectors.registering import steps
from gatepost.model import OAuthClient
from gatepost.store import oauth_clients
from gatepost.web.forms import Form, filled
from gatepost.web.journey import WITH_LOGIN, known_providers, redirect_uri
from gatepost.web.render import show
from gatepost.web.route import NOT_HERE, Visit

NOTICES = {"saved": "The OAuth client is saved. Mailboxes can be connected with it now.", "removed": "It is removed."}


def clients_page(visit: Visit) -> Response:
    """Both providers."""
    return clients_view(visit)


def clients_view(visit: Visit, wrong: str = "", form: Form | None = None, status: int = 200) -> Response:
    """The page, with what was typed when it was wrong."""
    rows = {row.provider: row for row in oauth_clients.list_clients(visit.session)}
    redirect = redirect_uri(visit.app.settings)
    blocks = []
    for key in WITH_LOGIN:
        provider = known_providers(visit.app.settings)[key]
        mail = [scope.name for scope in provider.scopes if "://" in scope.name or provider.oauth == "google"]
        shown = form if form and wrong == key else known(key, rows.get(key))
        blocks.append((provider, rows.get(key), shown, steps(key, redirect, mail)))
    context = {"section": "oauth", "blocks": blocks, "redirect": redirect, "notices": NOTICES}
    return show(visit, "oauth_clients.html", context, status=status)


def known(key: str, row: OAuthClient | None) -> Form:
    """The form as it stands, never with the secret. Both are on one page, so names begin with the provider."""
    if row is None:
        return filled(**{f"{key}_audience": "internal"})
    ends = f"{row.secret_expires_at:%Y-%m-%d}" if row.secret_expires_at else ""
    values = {"client_id": row.client_id, "tenant": row.tenant, "audience": row.audience, "secret_expires_at": ends}
    return filled(**{f"{key}_{name}": value for name, value in values.items()})


def provider_key(visit: Visit) -> str:
    """The provider in the path. Raises HTTPException 404."""
    key = visit.path("provider")
    if key not in WITH_LOGIN:
        raise HTTPException(404, NOT_HERE)
    return key


def save(visit: Visit) -> Response:
    """Keep a registration; without a secret the stored one stays."""
    key = provider_key(visit)
    held = oauth_clients.get_client(visit.session, key)
    values, problems = read_client(visit.form, key, known=held is not None)
    if problems:
        return clients_view(visit, key, visit.form.wrong(problems), 422)
    keys, now = visit.app.keys, visit.now
    visit.session.expunge_all()
    visit.session.rollback()
    visit.app.ledger.write(lambda session: keep(session, keys, key, values, now))
    return RedirectResponse(f"/oauth-clients?done=saved#{key}", 303)


def keep(session: Session, keys: Any, key: str, values: dict[str, Any], now: datetime) -> None:
    """Write it, whether it is new or not."""
    oauth_clients.save_client(session, keys, key, now=now, **values)


def read_client(form: Form, key: str, *, known: bool) -> tuple[dict[str, Any], dict[str, str]]:
    """The fields, and what is wrong with which."""
    problems: dict[str, str] = {}
    client_id, secret = form.get(f"{key}_client_id")[:300], form.get(f"{key}_secret")[:500]
    tenant, day = form.get(f"{key}_tenant").lower(), form.get(f"{key}_secret_expires_at")
    if not client_id or not client_id.isascii() or any(char.isspace() for char in client_id):
        problems[f"{key}_client_id"] = "Copy the client id from the provider, without spaces."
    elif key == "google" and "@" in client_id:
        problems[f"{key}_client_id"] = "That is an address; the client id ends in .apps.googleusercontent.com."
    if not secret and not known:
        problems[f"{key}_secret"] = "Copy the client secret from the provider."
    if key == "microsoft" and tenant and not is_tenant(tenant):
        problems[f"{key}_tenant"] = (
            "Copy the Directory (tenant) ID, or a domain of the organisation, or leave it empty."
        )
    ends = read_day(day)
    if day and ends is None:
        problems[f"{key}_secret_expires_at"] = "Write the day as 2027-05-31."
    audience = form.get(f"{key}_audience") if form.get(f"{key}_audience") in oauth_clients.AUDIENCES else "internal"
    values = {"client_id": client_id, "secret": secret or None, "tenant": tenant, "audience": audience}
    return {**values, "secret_expires_at": ends}, problems


def read_day(text: str) -> datetime | None:
    """A day as its first moment in UTC; None for none or nonsense."""
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC) if text else None
    except ValueError:
        return None


def remove(visit: Visit) -> Response:
    """Forget a registration: mailboxes that log in with it stop."""
    key = provider_key(visit)
    visit.session.rollback()
    visit.app.ledger.write(lambda session: oauth_clients.remove_client(session, key))
    return RedirectResponse("/oauth-clients?done=removed", 303)
