"""`gatepost route`: the way that mail takes, the routes to choose from, and what is remembered of a domain."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gatepost.address import parse_address
from gatepost.cli.frame import BadInput, Failed, naming, opened, print_object, print_rows, say
from gatepost.gateway.accept import Gate
from gatepost.gateway.direct_plan import Lookup
from gatepost.gateway.explain_route import explain_route
from gatepost.gateway.manage_routes import route_view, save_route, try_route
from gatepost.gateway.route_config import ConfigError, config_of
from gatepost.gateway.rules import Sender
from gatepost.mailbox_access import access_of, smtp_login
from gatepost.model import Route
from gatepost.parts import Parts, clock
from gatepost.resolver import dns_resolver
from gatepost.settings import Settings
from gatepost.store.accounts import get_account
from gatepost.store.destinations import forget_tls, require_tls
from gatepost.store.routes import delete_route, get_route, list_routes

OPTIONS = {"refresh_token": "--refresh-token-file", "client_secret": "--client-secret-file", "url": "--url"}


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose mail is asked about, and what is to be changed for the recipient's domain."""

    sender: str = ""
    credential: str = ""
    required: bool | None = None
    forget: bool = False


def route(settings: Settings, address: str, asked: Asked, as_json: bool) -> None:
    """Explain the way to an address, after changing what is required of its domain's TLS where that is asked."""
    with naming(address):
        domain = parse_address(address).domain
    required = asked.required
    with naming(f"--sender {asked.sender}"):
        sender = Sender(parse_address(asked.sender).key if asked.sender else "", asked.credential)
    with opened(settings) as parts:
        if required is not None:
            parts.ledger.write(lambda session: require_tls(session, domain, required))
        if asked.forget:
            parts.ledger.write(lambda session: forget_tls(session, domain))
        name, told = explain_route(lookup(parts), address, clock(), sender)
    if as_json:
        print_object({"address": address, "route": name, "why": told})
        return
    for line in told:
        say(line)


def gate_of(parts: Parts) -> Gate:
    login = smtp_login(access_of(parts))
    return Gate(parts.settings, parts.database, parts.ledger, parts.keys, parts.blobs, account_login=login)


def lookup(parts: Parts) -> Lookup:
    """What planning needs, outside the server."""
    resolver = dns_resolver(parts.settings.dns_servers or None)
    return Lookup(gate_of(parts), resolver, lambda: parts.settings.mx)


def list_all(settings: Settings, as_json: bool) -> None:
    """The routes, that of the settings first."""
    default = {"name": settings.route, "kind": settings.route, "url": "", "rules": ["everything else"]}
    with opened(settings) as parts, parts.database.session() as session:
        rows = [route_view(row) for row in list_routes(session)]
    shown = [default, *({name: row.get(name, "") for name in default} for row in rows)]
    print_rows([default, *rows] if as_json else shown, as_json, "")


def known(parts: Parts, name: str) -> Route:
    """The route of this name. Raises BadInput."""
    with parts.database.session() as session:
        row = get_route(session, name)
    if row is None:
        raise BadInput(f"NAME {name}: there is no such route; `gatepost route list` shows them")
    return row


def read_secrets(files: Mapping[str, Path | None]) -> dict[str, str]:
    """Secrets from files, by their names. Raises BadInput."""
    found = {}
    for name, path in files.items():
        if path:
            try:
                found[name] = path.read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise BadInput(f"{path}: cannot be read: {error}") from None
    return found


def add(
    settings: Settings,
    name: str,
    kind: str,
    given: Mapping[str, str],
    files: Mapping[str, Path | None],
    rules: Sequence[str],
    account: str,
    as_json: bool,
) -> None:
    """Make a route."""
    with opened(settings) as parts:
        with parts.database.session() as session:
            if get_route(session, name):
                raise BadInput(f"NAME {name}: there is such a route; `gatepost route set {name}` changes it")
        save(parts, name, kind, {**given, **read_secrets(files)}, rules, account, None)
        tell(parts, name, as_json)


def change(
    settings: Settings,
    name: str,
    given: Mapping[str, str],
    files: Mapping[str, Path | None],
    rules: Sequence[str] | None,
    account: str,
    as_json: bool,
) -> None:
    """Change a route: what is not named stays; rules that are named replace all of its rules."""
    with opened(settings) as parts:
        row = known(parts, name)
        before = config_of(row)
        values = {field: str(getattr(before, field)) for field in before.__slots__ if field != "private"}
        values |= {**{field: value for field, value in given.items() if value}, **read_secrets(files)}
        wanted = row.rules if rules is None else rules
        save(parts, name, row.kind, values, wanted, account or account_of(parts, row), row)
        tell(parts, name, as_json)


def account_of(parts: Parts, row: Route) -> str:
    with parts.database.session() as session:
        found = get_account(session, row.account_id or "")
        return found.id if found else ""


def save(
    parts: Parts,
    name: str,
    kind: str,
    given: Mapping[str, str],
    rules: Sequence[str],
    account: str,
    old: Route | None,
) -> None:
    try:
        save_route(gate_of(parts), name, kind, given, rules, clock(), account=account, old=old, here=True)
    except ConfigError as error:
        lines = [f"{option(field)}: {text}" for field, text in error.problems.items()]
        raise BadInput("\n".join(lines)) from None


def option(field: str) -> str:
    """The option that a field comes from."""
    plain = {"name": "NAME", "kind": "--kind", "rules": "--rule", "password": "--password-file"}
    return {**OPTIONS, **plain}.get(field, f"--{field.replace('_', '-')}")


def tell(parts: Parts, name: str, as_json: bool) -> None:
    view = route_view(known(parts, name))
    if as_json:
        print_object(view)
        return
    say(f"Route {name} ({view['kind']}) takes {', '.join(view['rules']) or 'nothing by itself, as it has no rule'}.")
    for sentence in view["abilities"]:
        say(f"  {sentence}.")


def remove(settings: Settings, name: str, as_json: bool) -> None:
    """Delete a route; its mail takes the way that is chosen then."""
    with opened(settings) as parts:
        known(parts, name)
        parts.ledger.write(lambda session: delete_route(session, name, clock()))
    if as_json:
        print_object({"name": name, "removed": True})
    else:
        say(f"The route {name} is gone; what waits for it takes the way that the other rules choose.")


def test(settings: Settings, name: str, as_json: bool) -> None:
    """Connect and log in as a mail would. Raises Failed where that does not work."""
    with opened(settings) as parts:
        works, said = try_route(gate_of(parts), name)
    if as_json:
        print_object({"name": name, "works": works, "said": said})
    for line in [] if as_json else said:
        say(line)
    if not works:
        raise Failed(f"the route {name} does not work now; what was said stands above")
