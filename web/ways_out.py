"""Routes: which way each mail takes; admins make, change, try and explain them."""

from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from gatepost.address import AddressError
from gatepost.gateway.abilities import ABILITIES
from gatepost.gateway.direct_plan import Lookup
from gatepost.gateway.explain_route import explain_route
from gatepost.gateway.manage_routes import route_view, save_route, try_route, with_what_stays
from gatepost.gateway.route_config import AUTHS, KINDS, POLICIES, SECRETS, ConfigError
from gatepost.gateway.rules import Sender
from gatepost.model import Account, Route
from gatepost.resolver import dns_resolver
from gatepost.store.accounts import get_account, list_accounts
from gatepost.store.channels import list_channels
from gatepost.store.credentials import list_credentials
from gatepost.store.routes import delete_route, get_route, list_routes
from gatepost.web.forms import Form, filled
from gatepost.web.render import show
from gatepost.web.route import NOT_HERE, Visit

FIELDS = ("url", "tls", "auth", "token_url", "client_id", "scope", *SECRETS)
NOTICES = {
    "saved": "The route is saved; mail takes it within a second.",
    "removed": "The route is gone. What waits for it takes the way that the other rules choose.",
}
LABELS = {
    "relay": "A relay: a server that takes your mail",
    "account": "A connected mailbox: its provider's server",
    "direct": "Direct: straight to the recipients' mail servers",
    "sandbox": "The sandbox: nothing leaves",
}


def list_page(visit: Visit) -> Response:
    """All routes, and the way of one address where it is asked for."""
    return routes_view(visit)


def routes_view(visit: Visit, form: Form | None = None, status: int = 200) -> Response:
    default = visit.app.settings.route
    context: dict[str, Any] = {
        **choices(visit),
        "rows": [route_view(row) for row in list_routes(visit.session)],
        "default": default,
        "default_abilities": ABILITIES[default].sentences,
        "form": form or Form(),
        "asked": visit.query("address"),
        "sender": visit.query("sender"),
        "credential": visit.query("credential"),
        "told": [],
        "problem": "",
    }
    if context["asked"]:
        context |= explained(visit)
    return show(visit, "ways_out.html", context, status=status)


def choices(visit: Visit) -> dict[str, Any]:
    """What forms offer."""
    addresses = {row.id: row.address for row in list_channels(visit.session)}
    accounts = [(row, addresses.get(row.channel_id, row.username)) for row in list_accounts(visit.session)]
    return {
        "section": "routes",
        "notices": NOTICES,
        "kinds": [kind for kind in KINDS if kind != "account" or accounts],
        "labels": LABELS,
        "auths": AUTHS,
        "policies": POLICIES,
        "accounts": accounts,
        "credentials": list_credentials(visit.session),
    }


def explained(visit: Visit) -> dict[str, Any]:
    """The way to the address that was asked for."""
    settings = visit.app.settings
    lookup = Lookup(visit.app.gate, dns_resolver(settings.dns_servers or None), lambda: settings.mx)
    sender = Sender(visit.query("sender").lower(), visit.query("credential"))
    try:
        name, told = explain_route(lookup, visit.query("address"), visit.now, sender)
    except AddressError as error:
        return {"problem": f"{str(error).rstrip('.')}."}
    return {"taken": name, "told": told}


def add(visit: Visit) -> Response:
    """Make a route."""
    form = visit.form
    name = form.get("name") or (form.get("kind") if form.get("kind") in ("sandbox", "direct") else "")
    return save(visit, name, form.get("kind"), None) or RedirectResponse("/routes?done=saved", 303)


def save(visit: Visit, name: str, kind: str, old: Route | None) -> Response | None:
    """Write what the form says; the page with what is wrong, where something is."""
    form = visit.form
    given, here = with_what_stays(old, {field: form.get(field) for field in FIELDS})
    rules = form.text("rules").replace(",", "\n").splitlines()
    try:
        save_route(
            visit.app.gate, name, kind, given, rules, visit.now,
            account=form.get("account"), old=old, here=here, user_id=visit.user.id,
        )  # fmt: skip
    except ConfigError as error:
        wrong = form.wrong({field: f"{text.rstrip('.')}." for field, text in error.problems.items()})
        return route_form(visit, old, wrong, 422) if old else routes_view(visit, wrong, 422)
    return None


def wanted(visit: Visit) -> Route:
    """The route in the path. Raises HTTPException 404."""
    row = get_route(visit.session, visit.path("name"))
    if row is None:
        raise HTTPException(404, NOT_HERE)
    return row


def route_page(visit: Visit) -> Response:
    """One route with its form."""
    row = wanted(visit)
    return route_form(visit, row, form_of(row, get_account(visit.session, row.account_id or "")))


def form_of(row: Route, account: Account | None) -> Form:
    view = route_view(row)
    fields = {field: str(view.get(field, "")) for field in FIELDS if field not in SECRETS}
    return filled(**fields, rules="\n".join(row.rules), account=account.id if account else "")


def route_form(visit: Visit, row: Route, form: Form, status: int = 200) -> Response:
    context = {**choices(visit), "row": route_view(row), "form": form, "said": [], "works": None}
    return show(visit, "way_out.html", context, status=status)


def change(visit: Visit) -> Response:
    """Save a changed route."""
    row = wanted(visit)
    return save(visit, row.name, row.kind, row) or RedirectResponse(f"/routes/{row.name}?done=saved", 303)


def remove(visit: Visit) -> Response:
    """Delete a route."""
    row, now, user_id = wanted(visit), visit.now, visit.user.id
    visit.app.ledger.write(lambda session: delete_route(session, row.name, now, user_id))
    return RedirectResponse("/routes?done=removed", 303)


def test(visit: Visit) -> Response:
    """Connect and log in over a route, and show what was said; nothing is sent."""
    row = wanted(visit)
    account = get_account(visit.session, row.account_id or "")
    works, said = try_route(visit.app.gate, row.name)
    context = {**choices(visit), "row": route_view(row), "form": form_of(row, account), "said": said, "works": works}
    return show(visit, "way_out.html", context)
