"""A page: its path, what it needs, and the function that makes it. No route exists without a need."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast
from urllib.parse import quote

from sqlmodel import Session
from starlette.concurrency import run_in_threadpool
from starlette.convertors import IntegerConvertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from gatepost.model import Conversation, LoginSession, Message, SandboxMail, User
from gatepost.store import message_pages, pages, users
from gatepost.store.conversations import by_number
from gatepost.store.messages import get_message
from gatepost.store.showing import homes_of
from gatepost.web.access import Action, Scope, access, access_any, scope
from gatepost.web.forms import Form, clean, read_form
from gatepost.web.guard import same_site
from gatepost.web.session import read_cookie
from gatepost.web.state import App, app_of

NOT_HERE = "There is nothing here, or it is not yours to see."
FOREIGN = "This request came from another site, so nothing was done. Open the page here and try again."


@dataclass(frozen=True, slots=True)
class Need:
    """Who may open a page, and which thing in its path must be theirs.

    `of` names the thing: conversation by `{number}`, message or sandbox mail by `{id}`. `fresh` pages open even while
    a password must be changed.
    """

    who: Literal["anybody", "user", "admin"]
    of: Literal["", "conversation", "message", "sandbox"] = ""
    action: Action = "read"
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Guest:
    """A request of somebody who need not be logged in."""

    app: App
    request: Request
    session: Session
    now: datetime
    form: Form

    def path(self, name: str) -> str:
        """A part of the path."""
        return str(self.request.path_params[name])

    def query(self, name: str, limit: int = 200) -> str:
        """A field of the query, bounded and clean."""
        return clean(self.request.query_params.get(name, ""))[:limit].strip()

    @property
    def partial(self) -> bool:
        """Whether the page wants a fragment only."""
        headers = self.request.headers
        return headers.get("hx-request") == "true" and headers.get("hx-history-restore-request") != "true"

    @property
    def ip(self) -> str:
        """Where the request came from."""
        return self.request.client.host if self.request.client else ""


@dataclass(frozen=True, slots=True)
class Visit(Guest):
    """A request of a logged-in user who may see what `found` is."""

    user: User
    login: LoginSession
    channels: frozenset[str]
    found: Any = None

    @property
    def scope(self) -> Scope:
        """The channels whose things may be listed."""
        return scope(self.user, self.channels)

    @property
    def conversation(self) -> Conversation:
        """The conversation in the path."""
        return cast(Conversation, self.found)

    @property
    def message(self) -> Message:
        """The message in the path."""
        return cast(Message, self.found)

    @property
    def sandbox_mail(self) -> SandboxMail:
        """The sandbox mail in the path."""
        return cast(SandboxMail, self.found)

    def may(self, channel_id: str | None, action: Action) -> bool:
        """Whether the user may do this there."""
        return access(self.user, self.channels, channel_id, action)

    def may_on(self, conversation: Conversation, action: Action) -> bool:
        """Whether the user may do this to a conversation, by one of the mailboxes that show it."""
        return access_any(self.user, self.channels, homes_of(self.session, conversation), action)


Serve = Callable[[Visit], Response]
ServeGuest = Callable[[Guest], Response]


class Number(IntegerConvertor):
    """`{name:int}` in a path: what a database column holds; a longer number is a page that does not exist."""

    regex = "[0-9]{1,9}"


register_url_convertor("int", Number())


class Page(Route):
    """A Starlette route that knows what it needs; Starlette tells it apart by path and method."""

    need: Need


def page(path: str, serve: Serve, need: Need, methods: Sequence[str] = ("GET",)) -> Page:
    """A page for users. Its function runs in a thread."""

    async def endpoint(request: Request) -> Response:
        form = await receive(request)
        return await run_in_threadpool(visit, request, form, need, serve)

    return made(path, endpoint, need, methods)


def open_page(path: str, serve: ServeGuest, methods: Sequence[str] = ("GET",)) -> Page:
    """A page for anybody."""

    async def endpoint(request: Request) -> Response:
        form = await receive(request)
        return await run_in_threadpool(greet, request, form, serve)

    return made(path, endpoint, Need("anybody"), methods)


def made(path: str, endpoint: Callable[[Request], Any], need: Need, methods: Sequence[str]) -> Page:
    route = Page(path, endpoint, methods=list(methods))
    route.need = need
    return route


async def receive(request: Request) -> Form:
    """The form of a state change, after its origin was checked."""
    if request.method in ("GET", "HEAD"):
        return Form()
    if not same_site(request):
        raise HTTPException(403, FOREIGN)
    return await read_form(request)


def greet(request: Request, form: Form, serve: ServeGuest) -> Response:
    app = app_of(request)
    with app.database.session() as session:
        return serve(Guest(app, request, session, app.now(), form))


def visit(request: Request, form: Form, need: Need, serve: Serve) -> Response:
    """Log in by cookie, find what the path names, ask the policy, and serve."""
    app = app_of(request)
    now = app.now()
    with app.database.session() as session:
        known = users.session_by_token(session, read_cookie(request, app.secure), now)
        if not known:
            return elsewhere(request, login_path(request))
        login, user = known
        if users.is_stale(login, now):
            hashed = login.token_hash
            app.ledger.submit(lambda writing: users.touch_session(writing, hashed, now))
        if user.must_change_password and not need.fresh:
            return elsewhere(request, "/password")
        if need.who == "admin" and user.role != "admin":
            raise HTTPException(403, "Only an admin can open this page.")
        channels = users.memberships(session, user.id)
        found = find(request, session, user, channels, need)
        return serve(Visit(app, request, session, now, form, user, login, channels, found))


def find(request: Request, session: Session, user: User, channels: frozenset[str], need: Need) -> Any:
    """The thing that the path names, if the user may; 404 alike when there is none, so that nothing can be guessed."""
    if not need.of:
        return None
    thing, homes = look_up(session, need.of, request.path_params)
    if thing is None or not access_any(user, channels, homes, need.action):
        raise HTTPException(404, NOT_HERE)
    return thing


def look_up(session: Session, of: str, path: dict[str, Any]) -> tuple[Any, Sequence[str | None]]:
    """A thing and the channels it belongs to."""
    if of == "conversation":
        conversation = by_number(session, path["number"])
        return conversation, homes_of(session, conversation) if conversation else (None,)
    if of == "message":
        message = get_message(session, path["id"])
        return message, pages.homes_of(session, message) if message else ()
    mail = message_pages.get_sandbox_mail(session, path["id"])
    message = get_message(session, mail.message_id) if mail else None
    return mail, pages.homes_of(session, message) if message else (None,)


def login_path(request: Request) -> str:
    """The login page, leading back to a page that was only read."""
    if request.method != "GET" or request.url.path == "/":
        return "/login"
    target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return f"/login?next={quote(target, safe='')}"


def elsewhere(request: Request, path: str) -> Response:
    """Lead the browser to another whole page, also from within a fragment or a live stream."""
    if request.headers.get("hx-request") == "true":
        return Response(status_code=401, headers={"HX-Redirect": path})
    return RedirectResponse(path, status_code=303)


def local_path(target: str) -> str:
    """A path of ours to go back to; anything else is the inbox."""
    plain = target.startswith("/") and not target.startswith(("//", "/\\")) and "\\" not in target
    return target if plain and len(target) < 2000 and target.isprintable() else "/inbox"
