"""The API of routes, for the keys of operators: make, change, try and explain them."""

from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from gatepost.gateway.direct_plan import Lookup
from gatepost.gateway.explain_route import explain_route
from gatepost.gateway.manage_routes import route_view, save_route, try_route, with_what_stays
from gatepost.gateway.route_config import SECRETS, ConfigError
from gatepost.gateway.rules import Sender
from gatepost.model import Route
from gatepost.resolver import dns_resolver
from gatepost.store.routes import delete_route, get_route, list_routes
from gatepost.web.api_call import Answer, Call, Operation, read_json, read_query
from gatepost.web.api_errors import BODY, HERE, Problem, wrong_field
from gatepost.web.api_models import Given
from gatepost.web.api_requests import AddressText, NoQuery, Taken

SCOPE = "routes:manage"
Word = Annotated[str, Field(max_length=500)]
Kind = Literal["relay", "account", "direct", "sandbox"]


class RouteChange(Taken):
    """A route from now on. Secrets that are left out stay; a password is only taken for a server that wants one."""

    url: Word = ""
    tls: Literal["required", "opportunistic", "none"] = "required"
    auth: Literal["password", "xoauth2", "oauthbearer"] = "password"
    token_url: Word = ""
    client_id: Word = ""
    scope: Word = ""
    password: Annotated[str, Field(max_length=4000)] = ""
    refresh_token: Annotated[str, Field(max_length=8000)] = ""
    client_secret: Annotated[str, Field(max_length=4000)] = ""
    account: Word = ""
    rules: Annotated[list[Word], Field(max_length=1000, default_factory=list)]


class RouteIn(RouteChange):
    """A new route; `rules` are such as `sender:news.example`, `credential:shop`, `recipient:example.org`."""

    name: Annotated[str, Field(min_length=1, max_length=40)]
    kind: Kind


class RouteOut(Given):
    """A route, without its secrets; `abilities` are sentences."""

    name: str
    kind: str
    url: str = ""
    tls: str = ""
    auth: str = ""
    token_url: str = ""
    client_id: str = ""
    scope: str = ""
    has_secret: bool
    rules: list[str]
    abilities: list[str]


class RouteList(Given):
    """The routes by name; `default` is that of the settings, which takes what no rule fits."""

    default: str
    data: list[RouteOut]


class RouteTried(Given):
    """Whether a route could be logged in to, and what was said."""

    works: bool
    said: list[str]


class ExplainQuery(Taken):
    """A mail that is asked about."""

    address: AddressText
    sender: AddressText | None = None
    credential: Word = ""


class RouteExplained(Given):
    """The route that a mail would take, and why, with why others are not taken."""

    address: str
    route: str
    why: list[str]


MAKE: TypeAdapter[RouteIn] = TypeAdapter(RouteIn)
CHANGE: TypeAdapter[RouteChange] = TypeAdapter(RouteChange)


def route_out(row: Route) -> RouteOut:
    view = route_view(row)
    return RouteOut(**{name: view[name] for name in RouteOut.model_fields if name in view})


def one_route(call: Call) -> Route:
    """The route in the path. Raises Problem."""
    with call.app.database.session() as session:
        row = get_route(session, call.path("name"))
    if row is None:
        raise Problem("not-found")
    return row


def save(call: Call, name: str, kind: str, given: RouteChange, old: Route | None) -> Answer:
    """Write a route, or name the field that does not fit."""
    fields = ("url", "tls", "auth", "token_url", "client_id", "scope", *SECRETS)
    values, here = with_what_stays(old, {field: getattr(given, field) for field in fields})
    more: dict[str, Any] = {"account": given.account or (old.account_id or "" if old else ""), "old": old, "here": here}
    try:
        save_route(call.app.gate, name, kind, values, given.rules, call.now, **more)
    except ConfigError as error:
        field, text = next(iter(error.problems.items()))
        raise wrong_field(f"#/{field}", text) from None
    with call.app.database.session() as session:
        row = get_route(session, name)
    if row is None:
        raise Problem("not-found")
    return Answer(route_out(row))


def create_route(call: Call) -> Answer:
    """Make a route; mail takes it within a second."""
    read_query(call, NoQuery)
    given = read_json(call, MAKE)
    return save(call, given.name, given.kind, given, None)


def change_route(call: Call) -> Answer:
    """Change a route; its rules are replaced."""
    read_query(call, NoQuery)
    row = one_route(call)
    return save(call, row.name, row.kind, read_json(call, CHANGE), row)


def list_all(call: Call) -> Answer:
    """All routes."""
    read_query(call, NoQuery)
    with call.app.database.session() as session:
        data = [route_out(row) for row in list_routes(session)]
    return Answer(RouteList(default=call.app.settings.route, data=data))


def remove_route(call: Call) -> Answer:
    """Delete a route; the answer is what it was."""
    read_query(call, NoQuery)
    row = one_route(call)
    call.app.ledger.write(lambda session: delete_route(session, row.name, call.now))
    return Answer(route_out(row))


def test_route(call: Call) -> Answer:
    """Connect, encrypt and log in over a route; nothing is sent."""
    read_query(call, NoQuery)
    works, said = try_route(call.app.gate, one_route(call).name)
    return Answer(RouteTried(works=works, said=said))


def explain(call: Call) -> Answer:
    """Tell which way a mail would take, and why; nothing is sent."""
    query, settings = read_query(call, ExplainQuery), call.app.settings
    lookup = Lookup(call.app.gate, dns_resolver(settings.dns_servers or None), lambda: settings.mx)
    sender = Sender((query.sender or "").lower(), query.credential)
    name, told = explain_route(lookup, query.address, call.now, sender)
    return Answer(RouteExplained(address=query.address, route=name, why=told))


WAYS: tuple[Operation, ...] = (
    Operation("GET", "/routes", list_all, SCOPE, RouteList, NoQuery),
    Operation(
        *("POST", "/routes", create_route, SCOPE, RouteOut, NoQuery),
        takes=MAKE,
        status=201,
        problems=BODY,
        once=False,
    ),
    Operation("GET", "/routes/explain", explain, SCOPE, RouteExplained, ExplainQuery),
    Operation(
        *("PUT", "/routes/{name}", change_route, SCOPE, RouteOut, NoQuery),
        takes=CHANGE,
        problems=(*HERE, *BODY),
        once=False,
    ),
    Operation("DELETE", "/routes/{name}", remove_route, SCOPE, RouteOut, NoQuery, problems=HERE),
    Operation("POST", "/routes/{name}/test", test_route, SCOPE, RouteTried, NoQuery, problems=HERE),
)
