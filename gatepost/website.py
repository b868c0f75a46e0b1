"""The web application as the wiring makes it: pages, API and the live stream over the same parts."""

from dataclasses import replace
from typing import Any

from starlette.applications import Starlette

from gatepost.connectors.first import preview
from gatepost.connectors.probe import Probe
from gatepost.connectors.trouble import Trouble
from gatepost.connectors.wire import Connect
from gatepost.gateway.accept import Gate
from gatepost.mailbox_access import access_of, imap_login
from gatepost.parts import Parts, clock
from gatepost.store.accounts import get_account
from gatepost.store.channels import get_channel
from gatepost.trial import try_account, try_login
from gatepost.web import api
from gatepost.web.app import create_app
from gatepost.web.live import Live
from gatepost.web.state import App


def make_app(parts: Parts, gate: Gate) -> Starlette:
    """The application; its lifespan runs the live stream."""

    def check_account(
        *, host: str, port: int, security: str, username: str, password: str, folder: str
    ) -> tuple[str, str] | None:
        found = try_login(parts.settings, Connect(host, port, security, username, password, folder))
        wrong = None if found.receives else found.problem
        return (wrong.field, f"{wrong.sentence} {wrong.fix}") if wrong else None

    def preview_account(account_id: str) -> dict[str, Any]:
        with parts.database.session() as session:
            account = get_account(session, account_id)
        if account is None:
            raise ValueError("This mailbox is not connected any more; connect it again.")
        try:
            login = imap_login(access_of(parts), account)
            return preview(login, private_hosts=parts.settings.private_hosts, now=clock())
        except Trouble as error:
            raise ValueError(str(error)) from None

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
    app = replace(app, preview_account=preview_account, bell=parts.bell, try_account=try_it)
    return create_app(app, api.routes(app))
