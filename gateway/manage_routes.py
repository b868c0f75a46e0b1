"""Making, changing, trying and explaining routes: what the pages, the API and the command line share."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from gatepost.gateway.abilities import ABILITIES
from gatepost.gateway.accept import Gate
from gatepost.gateway.account_way import account_hop
from gatepost.gateway.route import parse_relay, relay_hop
from gatepost.gateway.route_config import (
    ONLY_HERE,
    ConfigError,
    RouteConfig,
    as_row,
    check_config,
    config_of,
    open_secrets,
    seal_secrets,
)
from gatepost.gateway.route_ways import NoHop, relay_hop_of
from gatepost.gateway.rules import DEFAULT, Sender, check_name, choose, read_rule, why_not
from gatepost.gateway.send_connection import Timeouts, open_connection
from gatepost.gateway.send_transcript import Dialogue, secrets_of
from gatepost.gateway.send_trouble import Trouble
from gatepost.gateway.token_source import Tokens
from gatepost.ids import new_id
from gatepost.model import Account, Route
from gatepost.store.routes import account_by_address, get_route, list_routes, put_route, rules_of

TIMEOUTS = Timeouts(connect=10, command=10, data=10, block=10, dot=10, until_dot=20)


def save_route(
    gate: Gate,
    name: str,
    kind: str,
    given: Mapping[str, str],
    rules: Sequence[str],
    now: datetime,
    *,
    account: str = "",
    old: Route | None = None,
    here: bool = False,
    user_id: str | None = None,
) -> None:
    """Make a route, or change `old`; `here` is the command line. Raises ConfigError with a sentence for each field."""
    config, secrets, wanted, over = check_route(gate, name, kind, given, rules, account=account, old=old, here=here)
    route_id = old.id if old else new_id("rte")
    values: dict[str, Any] = {"kind": kind, "config": as_row(config), "rules": wanted}
    values |= {"account_id": over.id if over else None, "now": now, "route_id": route_id}
    values |= {"secret_sealed": seal_secrets(gate.keys, route_id, secrets)}
    try:
        gate.ledger.write(lambda session: put_route(session, name, user_id=user_id, **values))
    except ValueError as error:
        raise ConfigError({"rules" if "rule" in str(error) else "name": str(error)}) from None


def check_route(
    gate: Gate,
    name: str,
    kind: str,
    given: Mapping[str, str],
    rules: Sequence[str],
    *,
    account: str,
    old: Route | None,
    here: bool,
) -> tuple[RouteConfig, dict[str, str], list[str], Account | None]:
    """What a route is to be: where it leads, its secrets, its rules, the mailbox it goes over. Raises ConfigError."""
    problems: dict[str, str] = {}
    kept = open_secrets(gate.keys, old) if old and leads_where_it_led(old, given) else {}
    config, secrets, wanted = None, dict[str, str](), list[str]()
    try:
        check_name(name, kind)
    except ValueError as error:
        problems["name"] = str(error)
    try:
        config, secrets = check_config(kind, given, here=here, kept=kept)
    except ConfigError as error:
        problems |= error.problems
    try:
        wanted = [read_rule(rule) for rule in rules if rule.strip()]
    except ValueError as error:
        problems["rules"] = str(error)
    over = find_account(gate, account) if kind == "account" else None
    if kind == "account" and over is None:
        problems["account"] = "Name the address of a mailbox that is connected"
    elif config and over and not (here and led_there(over, old)) and not goes_there(over, config.url, old):
        known = " and ".join(dict.fromkeys(name for name in (over.host, over.smtp_host) if name))
        problems["url"] = (
            f"The mailbox's login goes to {known} alone; name another server on its page Sending, with the password"
        )
    if problems or config is None:
        raise ConfigError(problems)
    return config, secrets, wanted, over


def with_what_stays(old: Route | None, given: Mapping[str, str]) -> tuple[dict[str, str], bool]:
    """What is given for a route from afar, with what only the command line sets as it was.

    And whether a route that was made at the machine still leads where it led, so that its address may stay private.
    """
    if old is None:
        return dict(given), False
    before = config_of(old)
    here = before.private and before.url == given["url"]
    return {**given, **{field: getattr(before, field) for field in ONLY_HERE}}, here


def leads_where_it_led(old: Route, given: Mapping[str, str]) -> bool:
    """Whether a route's secrets go to the same places as before; elsewhere they are not sent unless given anew."""
    before = config_of(old)
    try:
        same = parse_relay(given.get("url", "")).host == parse_relay(before.url).host
    except ValueError:
        return False
    return same and urlsplit(given.get("token_url", ""))[:3] == urlsplit(before.token_url)[:3]


def led_there(account: Account, old: Route | None) -> bool:
    """Whether a route that is made at the machine is new, or of the same mailbox as before: no other one moves in."""
    return old is None or old.account_id == account.id


def goes_there(account: Account, url: str, old: Route | None) -> bool:
    """Whether a mailbox's login goes to a server already: its own for reading or sending, or that of the same route."""
    if not url:
        return True
    host = parse_relay(url).host
    same = old is not None and old.account_id == account.id and leads_where_it_led(old, {"url": url})
    return same or host in (account.host.lower(), account.smtp_host.lower())


def find_account(gate: Gate, address: str) -> Account | None:
    """A connected account, by its mailbox's address or its user name."""
    with gate.database.session() as session:
        found = account_by_address(session, address)
        return found[0] if found else None


def route_view(row: Route) -> dict[str, Any]:
    """A route as it is told, without secrets."""
    config = config_of(row)
    shown = {name: value for name, value in asdict(config).items() if value and name != "private"}
    return {
        "name": row.name,
        "kind": row.kind,
        "rules": row.rules,
        **(shown if row.kind in ("relay", "account") else {}),
        "has_secret": row.secret_sealed is not None,
        "abilities": list(ABILITIES[row.kind].sentences) if row.kind in ABILITIES else [],
    }


def explain_choice(gate: Gate, sender: Sender, recipient: str) -> tuple[str, str, list[str]]:
    """The name and the kind of the route that a mail would take, and why: a sentence for it and for each other rule.

    Without routes there is nothing to choose, and nothing is said.
    """
    with gate.database.session() as session:
        rows = list_routes(session)
        kinds = {row.name: row.kind for row in rows}
    default = gate.settings.route
    if not kinds:
        return default, default, []
    rules = rules_of(rows)
    name, why = choose(rules, sender, recipient)
    taken = default if name == DEFAULT else name
    return taken, kinds.get(taken, taken), [f"Route {taken}: {why}.", *why_not(rules, sender, recipient)]


def explain_row(gate: Gate, name: str) -> list[str]:
    """Where a relay or account route leads, and what it can do."""
    with gate.database.session() as session:
        row = get_route(session, name)
    if row is None:
        return []
    config = config_of(row)
    login = {"password": "with a password"}.get(config.auth, f"by {config.auth.upper()}")
    if row.kind == "account" and not config.url:
        said = [
            f"It leads to the sending server of its connected mailbox, TLS {config.tls}, with that mailbox's login."
        ]
    else:
        said = [f"It leads to {config.url}, TLS {config.tls}, login {login}."]
    return said + [f"{sentence}." for sentence in ABILITIES["account" if row.kind == "account" else "relay"].sentences]


def try_route(gate: Gate, name: str) -> tuple[bool, list[str]]:
    """Connect, encrypt and log in as a mail would, and send nothing: whether it works, and what was said."""
    with gate.database.session() as session:
        row = get_route(session, name)
    if name in ("sandbox", "direct") or (row and row.kind in ("sandbox", "direct")):
        return True, [f"* the route {name} has no server of its own: `gatepost route ADDRESS` tells the way of a mail"]
    try:
        if row is None and name == "relay" == gate.settings.route:
            hop = relay_hop(gate.settings)
        elif row is None:
            return False, [f"* there is no route {name}"]
        elif row.kind == "account":
            hop = account_hop(gate, row).hop
        else:
            hop = relay_hop_of(gate, row, Tokens(gate))
    except NoHop as error:
        return False, [f"* {error}"]
    said = Dialogue(secrets_of(hop))

    async def attempt() -> bool:
        try:
            connection = await open_connection(hop, TIMEOUTS, said)
        except Trouble:
            return False
        said.note("ready to take mail; nothing was sent")
        await connection.leave()
        return True

    return asyncio.run(attempt()), said.lines
