"""One request to the API: the key and its scope, the bounded body, and every error as a problem."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog
from pydantic import BaseModel, TypeAdapter, ValidationError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from gatepost.database import AWAY, is_full
from gatepost.disk import NO_ROOM
from gatepost.gateway.budget import for_decoding
from gatepost.ledger import LedgerClosed
from gatepost.model import Credential
from gatepost.reply import Refused
from gatepost.store.credentials import USED_STEP, credential_by_secret, mark_used
from gatepost.store.users import failures_since, record_failure
from gatepost.web.api_body import RAW_TYPE, Body, body_limit, body_of, media_type_of, octets_of, pieces_of
from gatepost.web.api_errors import (
    INTERNAL,
    Problem,
    body_problem,
    problem_response,
    query_problem,
    storage_full,
    unavailable,
    wrong_field,
    wrong_header,
)
from gatepost.web.session import net_of
from gatepost.web.state import App, app_of

log = structlog.get_logger("api")

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")

KEY_LIMIT = 200
WINDOW = timedelta(minutes=15)
TRIES = 30
REPEATED = ("to",)
TEMPORARY = (*AWAY, PoolTimeout, LedgerClosed, OSError)


@dataclass(frozen=True, slots=True)
class Call:
    """A request whose key is valid and has the scope; `built` is what was made of a large body."""

    app: App
    request: Request
    credential: Credential
    now: datetime
    body: Body
    built: Any = None

    def path(self, name: str) -> str:
        """A part of the path."""
        return str(self.request.path_params[name])

    @property
    def content_type(self) -> str:
        """The media type without parameters, in lower case."""
        return media_type_of(self.request)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a handler answers."""

    body: BaseModel
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Operation:
    """One row of the route table; what is written here is what `/openapi.json` says.

    `takes` is the body's form and `query` that of the query; `problems` are kinds besides those of every operation.
    A body with `once` may come with an Idempotency-Key. `build` makes of a large body what `serve` then stores, under a
    share of the memory for large mails: it must not ask for another one.
    """

    method: str
    path: str
    serve: Callable[[Call], Answer]
    scope: str
    gives: type[BaseModel]
    query: type[BaseModel]
    takes: TypeAdapter[Any] | None = None
    status: int = 200
    problems: tuple[str, ...] = ()
    raw: bool = False
    once: bool = True
    build: Callable[[Call], Any] | None = None


def endpoint_of(operation: Operation) -> Callable[[Request], Awaitable[Response]]:
    """The function that Starlette calls. What touches the database runs in a thread; the key is checked first."""

    async def endpoint(request: Request) -> Response:
        try:
            app = app_of(request)
            credential = await run_in_threadpool(admit, app, request, operation.scope)
            limit = body_limit(app.settings)
            reading = body_of(request, limit, app.blobs, app.writers) if operation.takes else nullcontext(b"")
            async with reading as body:
                call = await built(operation, Call(app, request, credential, app.now(), body))
                return await run_in_threadpool(perform, operation, call)
        except Exception as error:
            return problem_response(problem_of(error, request), request.url.path)

    return endpoint


async def built(operation: Operation, call: Call) -> Call:
    """The request with what is made of its body, where that is large.

    Who waits for a share keeps no thread waiting, and who has one has threads of his own: those of pages may all wait.
    """
    if operation.build is None or isinstance(call.body, bytes):
        return call
    size = len(call.body)
    async with call.app.gate.budget.share(size if call.content_type == RAW_TYPE else for_decoding(size)):
        work = asyncio.get_running_loop().run_in_executor(call.app.builders, operation.build, call)
        return replace(call, built=await work)


def perform(operation: Operation, call: Call) -> Response:
    """Run the handler and write its answer."""
    answer = operation.serve(call)
    content = answer.body.model_dump(mode="json", by_alias=True)
    return JSONResponse(content, operation.status, headers=dict(answer.headers))


def problem_of(error: Exception, request: Request) -> Problem:
    """What any exception is told as; unknown ones are logged and tell nothing."""
    match error:
        case Problem():
            return error
        case Refused():
            return refused(error)
        case ClientDisconnect():
            return Problem("malformed", "The connection was closed before the whole request had arrived")
    where = {"path": request.url.path, "method": request.method}
    if is_full(error):
        log.error("the API has no room to store anything", error=str(error), **where)
        return storage_full()
    if isinstance(error, TEMPORARY):
        log.warning("the API is not available", error=type(error).__name__, **where)
        return unavailable()
    log.error("a request to the API failed", exc_info=error, **where)
    return Problem("internal-error", INTERNAL)


def refused(error: Refused) -> Problem:
    """What the one door says about a mail, as a problem."""
    reply = error.reply
    if reply == NO_ROOM:
        return storage_full()
    if reply.temporary:
        return unavailable()
    match reply.status:
        case "5.7.1":
            return Problem("sender-not-allowed", reply.text)
        case "5.5.4":
            return Problem("idempotency-key-reused", reply.text)
        case "5.1.3":
            return wrong_field("#/to", reply.text)
        case _:
            return Problem("refused", f"{reply.text} ({reply.code} {reply.status})")


def admit(app: App, request: Request, scope: str) -> Credential:
    """The credential of the request's key, which has this scope. Raises Problem.

    A key in use always works: refused ones only count against the network they come from, and no more of them are
    looked at than 30 in 15 minutes, so that one wrong program can neither guess nor keep the database busy.
    """
    secret, now = bearer(request), app.now()
    net = f"api {net_of(request.client.host if request.client else '')}"
    with app.database.session() as session:
        credential = credential_by_secret(session, app.keys, secret)
        tries = failures_since(session, now - WINDOW, net=net) if credential is None else 0
    if credential is None and tries >= TRIES:
        wait = {"Retry-After": str(int(WINDOW.total_seconds()))}
        raise Problem("too-many-attempts", "There were too many requests with a wrong key from here", headers=wait)
    if credential is None:
        app.ledger.write(lambda session: record_failure(session, "api", net, now))
        challenge = 'Bearer realm="gatepost", error="invalid_token"'
        raise Problem("unauthorized", "This API key is not in use", headers={"WWW-Authenticate": challenge})
    if credential.last_used_at is None or now - credential.last_used_at > USED_STEP:
        app.ledger.submit(lambda session: mark_used(session, credential, now))
    if scope not in credential.scopes:
        challenge = f'Bearer realm="gatepost", error="insufficient_scope", scope="{scope}"'
        raise Problem("missing-scope", f"This API key lacks the scope {scope}", headers={"WWW-Authenticate": challenge})
    return credential


def bearer(request: Request) -> str:
    """The key in the Authorization header (RFC 6750 section 2.1); keys in queries and forms are not read."""
    given = request.headers.getlist("authorization")
    scheme, _, secret = given[0].strip().partition(" ") if len(given) == 1 else ("", "", "")
    secret = secret.strip()
    if scheme.lower() != "bearer" or not secret or len(secret) > KEY_LIMIT or not visible(secret):
        raise Problem("unauthorized", headers={"WWW-Authenticate": 'Bearer realm="gatepost"'})
    return secret


def visible(text: str) -> bool:
    """Only visible ASCII characters."""
    return all(33 <= ord(char) <= 126 for char in text)


def read_json(call: Call, adapter: TypeAdapter[T], branches: tuple[str, ...] = ()) -> T:
    """The body as its form, a large one under a share. Raises Problem."""
    with call.app.gate.budget.hold(for_decoding(len(call.body))):
        return parse_json(call, adapter, branches)


def parse_json(call: Call, adapter: TypeAdapter[T], branches: tuple[str, ...] = ()) -> T:
    """The body as its form, for who has a share. Raises Problem; nesting is bounded by the parser."""
    if call.content_type != "application/json":
        raise Problem("unsupported-media-type", "Send the body as `Content-Type: application/json`")
    try:
        return adapter.validate_json(octets_of(call.body))
    except ValidationError as error:
        raise body_problem(error, branches) from None


def read_query(call: Call, model: type[M]) -> M:
    """The query as its form. Raises Problem."""
    given = call.request.query_params
    values: dict[str, Any] = {name: given.getlist(name) for name in given}
    for name, found in values.items():
        if name not in REPEATED:
            if len(found) > 1:
                raise Problem("invalid-fields", f"{name} may be given only once")
            values[name] = found[0]
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise query_problem(error) from None


def idempotency(call: Call) -> tuple[str, str] | None:
    """The caller's key and the hash of his whole request, or None without a key. Raises Problem."""
    given = call.request.headers.getlist("idempotency-key")
    if not given:
        return None
    key = given[0]
    if len(given) > 1 or not 1 <= len(key) <= 255 or not visible(key):
        raise wrong_header("Idempotency-Key", "Idempotency-Key must be one word of 1 to 255 visible ASCII characters")
    request = call.request
    digest = hashlib.sha256()
    for part in (request.method, request.url.path, request.url.query, call.content_type):
        digest.update(part.encode() + b"\n")
    for piece in pieces_of(call.body):
        digest.update(piece)
    return key, digest.hexdigest()
