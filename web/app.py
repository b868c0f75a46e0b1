"""The web application: pages, live events, static files, and every error in words."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from http import HTTPStatus

import structlog
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount

from gatepost.database import AWAY, SyncFailed, is_full
from gatepost.ledger import LedgerClosed
from gatepost.store import users
from gatepost.web.assets import load_assets, static_files
from gatepost.web.bodies import Bodies
from gatepost.web.forms import Form
from gatepost.web.guard import Guard
from gatepost.web.health import make_registry
from gatepost.web.live import News
from gatepost.web.patience import SENTENCE, Patience, database_answers
from gatepost.web.render import make_environment, show
from gatepost.web.route import Guest, Need, Page, elsewhere, made
from gatepost.web.routes import routes
from gatepost.web.session import read_cookie
from gatepost.web.state import App, app_of

PING_SECONDS = 15
NOT_NOW = (*AWAY, PoolTimeout, LedgerClosed, SyncFailed)
TITLES = {
    400: "This cannot be read",
    403: "Not allowed",
    404: "Nothing here",
    405: "Not like this",
    413: "Too much",
    415: "Not understood",
    422: "Not possible",
    500: "Something went wrong here",
    503: "Not available now",
}
FULL = "There is no room on the disk of this server, so nothing can be changed now. Reading works; tell the admin.\n"
SENTENCES = {
    404: "There is no such page. Check the address, or start from the inbox.",
    405: "This page is not made for that kind of request.",
    500: "It is our fault and it is written in the log. Nothing was lost; please try again.",
}


def create_app(app: App, more: Sequence[BaseRoute] = ()) -> Starlette:
    """The application over these parts; `more` are further routes, such as the JSON API's.

    Raises AssetsMissing when the scripts and styles are not built.
    """

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        task = asyncio.create_task(app.live.run())
        try:
            yield
        finally:
            app.live.close()
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    live = made("/events", live_events, Need("user"), ("GET",))
    starlette = Starlette(
        routes=[*more, *routes(), live, Mount("/static", static_files())],
        middleware=[
            Middleware(Guard, settings=app.settings),
            Middleware(Patience, answers=partial(database_answers, app.database)),
        ],
        exception_handlers={HTTPException: told, **dict.fromkeys(NOT_NOW, away), Exception: broken},
        lifespan=lifespan,
    )
    starlette.state.gatepost = app
    starlette.state.templates = make_environment(load_assets(), theme=app.settings.theme)
    starlette.state.bodies = Bodies(app.gate.budget, app.settings)
    starlette.state.metrics = make_registry(app)
    return starlette


async def live_events(request: Request) -> Response:
    """Server-sent events: what changed, for the pages that this user has open."""
    app = app_of(request)
    token = read_cookie(request, app.secure)

    def login() -> str:
        with app.database.session() as session:
            known = users.session_by_token(session, token, app.now())
            return known[0].token_hash if known and not known[1].must_change_password else ""

    hashed = await run_in_threadpool(login)
    if not hashed:
        return elsewhere(request, "/login")
    after = request.query_params.get("after", "")[:18]
    position = int(after) if after.isascii() and after.isdigit() else -1
    return EventSourceResponse(stream(app.live.listen(hashed, position)), ping=PING_SECONDS)


async def stream(news: AsyncIterator[News]) -> AsyncIterator[ServerSentEvent]:
    """Events in the shape of the SSE library; a lost connection is tried again after two seconds."""
    yield ServerSentEvent(event="hello", data="", retry=2000)
    async for kind, subject in news:
        yield ServerSentEvent(event=kind, data=subject)


async def told(request: Request, error: Exception) -> Response:
    """An error that we mean, as a page or a fragment."""
    assert isinstance(error, HTTPException)  # noqa: S101 - what this handler is registered for
    plain = error.detail == HTTPStatus(error.status_code).phrase
    sentence = SENTENCES.get(error.status_code, error.detail) if plain else error.detail
    return await run_in_threadpool(error_page, request, error.status_code, sentence)


async def away(request: Request, error: Exception) -> Response:
    """The database is away, or the process ends: not for long, and nothing was done."""
    full = is_full(error)
    what = "no room on the disk" if full else "database away"
    structlog.get_logger("web").warning(what, path=logged_path(request), error=type(error).__name__)
    return PlainTextResponse(FULL if full else SENTENCE, 503, {"retry-after": "30"})


async def broken(request: Request, error: Exception) -> Response:
    """An error that we do not mean: logged, and told without details."""
    if is_full(error):
        return await away(request, error)
    structlog.get_logger("web").error("page failed", path=logged_path(request), method=request.method, exc_info=error)
    return await run_in_threadpool(error_page, request, 500, SENTENCES[500])


def logged_path(request: Request) -> str:
    """The path without the token of an invitation or a confirmation."""
    path = request.url.path
    secret = next((start for start in ("/invite/", "/confirm/", "/connect/link/") if path.startswith(start)), "")
    return f"{secret}***" if secret else path


def error_page(request: Request, status: int, sentence: str) -> Response:
    """A page in words, also when the database is what failed."""
    app = app_of(request)
    try:
        with app.database.session() as session:
            guest = Guest(app, request, session, app.now(), Form())
            template = "_error.html" if guest.partial else "error.html"
            context = {"title": TITLES.get(status, HTTPStatus(status).phrase), "sentence": sentence}
            return show(guest, template, context, status=status)
    except Exception:
        return PlainTextResponse(f"{sentence}\n", status)


__all__ = ["App", "Page", "create_app"]
