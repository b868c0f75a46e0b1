"""The web application as the wiring makes it: pages, API and the live stream over the same parts."""

from dataclasses import replace
from functools import partial
from typing import Any

from starlette.applications import Starlette

from gatepost.asking import list_folders, preview_account
from gatepost.connectors.probe import Probe
from gatepost.connectors.wire import Connect
from gatepost.gateway.accept import Gate
from gatepost.mailbox_access import access_of
from gatepost.parts import Parts
from gatepost.store.accounts import get_account
from gatepost.store.channels import get_channel
from gatepost.trial import try_account, try_login, try_new_server, try_server
from gatepost.web import api
from gatepost.web.app import create_app
from gatepost.web.live import Live
from gatepost.web.state import App, TypedLogin


def make_app(parts: Parts, gate: Gate) -> Starlette:
    """The application; its lifespan runs the live stream."""

    def check_account(typed: TypedLogin) -> tuple[str, str] | None:
        wanted = Connect(typed.host, typed.port, typed.security, typed.username, typed.password, typed.folder)
        found = try_login(parts.settings, wanted)
        wrong = None if found.receives else found.problem
        if wrong is None and typed.smtp_host:
            sends = try_server(gate, typed.smtp_host, typed.smtp_port, typed.smtp_security, wanted)
            wrong = None if sends.ok else sends
        return (wrong.field, f"{wrong.sentence} {wrong.fix}".strip()) if wrong else None

    def try_it(account_id: str, round_trip: bool) -> Probe:
        with parts.database.session() as session:
            account = get_account(session, account_id)
            channel = get_channel(session, account.channel_id) if account else None
        if account is None or channel is None:
            return Probe(())
        address = account.address or channel.address
        return try_account(gate, access_of(parts), account, address, round_trip=round_trip and bool(account.smtp_host))

    live = Live(parts.database)
    app = App(parts.settings, parts.database, parts.ledger, parts.keys, gate, live, check_account)
    asked: dict[str, Any] = {
        "preview_account": partial(preview_account, parts),
        "list_folders": partial(list_folders, parts),
    }
    app = replace(
        app, **asked, bell=parts.bell, try_account=try_it, try_server=partial(try_new_server, gate, access_of(parts))
    )
    return create_app(app, api.routes(app))
