"""The web application as the wiring makes it: pages, API and the live stream over the same parts."""

from starlette.applications import Starlette

from gatepost.connectors.imap import check
from gatepost.connectors.wire import Connect
from gatepost.gateway.accept import Gate
from gatepost.parts import Parts
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

    live = Live(parts.database)
    app = App(parts.settings, parts.database, parts.ledger, parts.keys, gate, live, check_account)
    return create_app(app, api.routes(app))
