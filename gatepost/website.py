"""The web application as the wiring makes it: pages, API and the live stream over the same parts."""

from dataclasses import replace
from typing import Any

from starlette.applications import Starlette

from gatepost.connectors.first import preview
from gatepost.connectors.imap import check
from gatepost.connectors.trouble import Trouble
from gatepost.connectors.wire import Connect
from gatepost.gateway.accept import Gate
from gatepost.mailbox_access import access_of, imap_login
from gatepost.parts import Parts, clock
from gatepost.seal import SealError
from gatepost.store.accounts import get_account
from gatepost.web import api
from gatepost.web.app import create_app
from gatepost.web.live import Live
from gatepost.web.state import App


def make_app(parts: Parts, gate: Gate) -> Starlette:
    """The application; its lifespan runs the live stream."""

    def check_account(
        *, host: str, port: int, security: str, username: str, password: str, folder: str
    ) -> tuple[str, str] | None:
        tried = check(Connect(host, port, security, username, password, folder), parts.settings.private_hosts)
        return None if tried.ok else (tried.field, tried.sentence)

    def preview_account(account_id: str) -> dict[str, Any]:
        with parts.database.session() as session:
            account = get_account(session, account_id)
        if account is None:
            raise ValueError("The account is gone.")
        try:
            login = imap_login(access_of(parts), account)
            return preview(login, private_hosts=parts.settings.private_hosts, now=clock())
        except (Trouble, SealError) as error:
            raise ValueError(str(error)) from None

    live = Live(parts.database)
    app = App(parts.settings, parts.database, parts.ledger, parts.keys, gate, live, check_account)
    app = replace(app, preview_account=preview_account)
    return create_app(app, api.routes(app))
