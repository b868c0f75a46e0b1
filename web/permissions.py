"""Permissions in words: the page to hand to an IT team, and the reference of what providers refuse and why."""

from starlette.exceptions import HTTPException
from starlette.responses import Response

from gatepost.connectors.consent import look_up
from gatepost.connectors.consent_data import ENTRA, GOOGLE, MICROSOFT
from gatepost.connectors.consent_entry import Entry
from gatepost.connectors.consent_rules import CODES
from gatepost.connectors.consent_servers import SERVERS
from gatepost.store import oauth_clients
from gatepost.web.journey import WHO, WITH_LOGIN, by_reason, known_providers, redirect_uri
from gatepost.web.render import show
from gatepost.web.route import NOT_HERE, Guest, Visit

EXAMPLES = ("AADSTS90094", "AADSTS53003", "redirect_uri_mismatch", "admin_policy_enforced", "535 5.7.139")


def it_page(guest: Guest) -> Response:
    """What we ask for, what becomes of the data, how it is protected: for an IT team, without a login."""
    key = guest.path("provider")
    if key not in WITH_LOGIN:
        raise HTTPException(404, NOT_HERE)
    provider = known_providers(guest.app.settings)[key]
    client = oauth_clients.get_client(guest.session, key)
    context = {
        "provider": provider,
        "scopes": by_reason(provider),
        "client_id": client.client_id if client else "",
        "redirect": redirect_uri(guest.app.settings),
        "domain": guest.app.settings.domain,
        "base": guest.app.settings.base_url,
        "entra": ENTRA,
    }
    return show(guest, "connect_it.html", context)


def help_page(visit: Visit) -> Response:
    """Everything that providers refuse, or what a search finds."""
    text = visit.query("q", 400)
    context = {
        "section": "permissions",
        "q": text,
        "found": look_up(text) if text else (),
        "tables": (("Microsoft", rows(MICROSOFT)), ("Google", rows(GOOGLE)), ("Mail servers", rows(SERVERS))),
        "examples": EXAMPLES,
        "who_acts": WHO,
        "entra": ENTRA,
    }
    return show(visit, "permissions.html", context)


def rows(entries: tuple[Entry, ...]) -> list[tuple[str, Entry]]:
    """Entries with the numbers that lead to them."""
    return [(", ".join(f"AADSTS{code}" for code, key in CODES.items() if key == entry.key), entry) for entry in entries]
