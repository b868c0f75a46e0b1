"""The JSON API: one table of operations, from which the routes and `/openapi.json` are made."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from gatepost.web.api_aside import ASIDE
from gatepost.web.api_automatic import AUTOMATIC
from gatepost.web.api_call import Operation, endpoint_of, problem_of
from gatepost.web.api_codes import CODES
from gatepost.web.api_connecting import CONNECTING
from gatepost.web.api_conversations import (
    REPLY,
    get_one_conversation,
    list_conversation_messages,
    list_conversations,
    reply_to_conversation,
)
from gatepost.web.api_corrections import CORRECTIONS
from gatepost.web.api_deleted import DELETING
from gatepost.web.api_deliveries import DELIVERIES
from gatepost.web.api_desk import DESK
from gatepost.web.api_errors import Problem, problem_response
from gatepost.web.api_fixes import FIXING
from gatepost.web.api_folders import MAILBOX_FOLDERS
from gatepost.web.api_inbound import INBOUND
from gatepost.web.api_messages import (
    get_one_message,
    list_message_events,
    list_messages,
    prepared_mail,
    send_message,
)
from gatepost.web.api_models import (
    Accepted,
    ConversationList,
    ConversationOut,
    EventList,
    MessageList,
    MessageOut,
    ThreadList,
)
from gatepost.web.api_requests import SEND, ConversationQuery, EnvelopeQuery, MessageQuery, NoQuery, Paging
from gatepost.web.api_rotation import ROTATING
from gatepost.web.api_senders import SENDERS
from gatepost.web.api_sending import MAILBOX_SENDING
from gatepost.web.api_streams import STREAMS
from gatepost.web.api_ways import WAYS
from gatepost.web.api_webhooks import WEBHOOKS
from gatepost.web.api_whole import WHOLE
from gatepost.web.openapi import document
from gatepost.web.route import Need, made
from gatepost.web.state import App

VERSION = "/v1"
SENDING = (
    *("malformed", "sender-not-allowed", "request-timeout", "too-large", "unsupported-media-type", "refused"),
    "idempotency-key-reused",
)
HERE = ("not-found",)

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "POST",
        "/messages",
        send_message,
        "messages:send",
        Accepted,
        EnvelopeQuery,
        takes=SEND,
        status=202,
        problems=SENDING,
        raw=True,
        build=prepared_mail,
    ),
    Operation("GET", "/messages", list_messages, "messages:read", MessageList, MessageQuery),
    Operation("GET", "/messages/{id}", get_one_message, "messages:read", MessageOut, NoQuery, problems=HERE),
    Operation("GET", "/messages/{id}/events", list_message_events, "messages:read", EventList, Paging, problems=HERE),
    Operation("GET", "/conversations", list_conversations, "conversations:read", ConversationList, ConversationQuery),
    Operation(
        "GET",
        "/conversations/{id}",
        get_one_conversation,
        "conversations:read",
        ConversationOut,
        NoQuery,
        problems=HERE,
    ),
    Operation(
        "GET",
        "/conversations/{id}/messages",
        list_conversation_messages,
        "conversations:read",
        ThreadList,
        Paging,
        problems=HERE,
    ),
    *ASIDE,
    *CODES,
    *CONNECTING,
    *CORRECTIONS,
    *DELETING,
    *DELIVERIES,
    *DESK,
    *AUTOMATIC,
    *FIXING,
    *INBOUND,
    *WAYS,
    *WEBHOOKS,
    *WHOLE,
    *MAILBOX_SENDING,
    *MAILBOX_FOLDERS,
    *SENDERS,
    *ROTATING,
    *STREAMS,
    Operation(
        "POST",
        "/conversations/{id}/replies",
        reply_to_conversation,
        "conversations:write",
        Accepted,
        NoQuery,
        takes=REPLY,
        status=202,
        problems=(*SENDING, *HERE),
    ),
)


def routes(app: App) -> list[BaseRoute]:
    """The API and its description, to be put among the routes of the application."""
    inner = Starlette(
        routes=[route_of(path) for path in dict.fromkeys(operation.path for operation in OPERATIONS)],
        exception_handlers={HTTPException: not_routed, Exception: broken},
    )
    inner.router.redirect_slashes = False
    inner.state.gatepost = app
    described = document(OPERATIONS, VERSION, app.settings.base_url)

    async def openapi(request: Request) -> Response:
        return JSONResponse(described)

    return [Mount(VERSION, inner), made("/openapi.json", openapi, Need("anybody"), ("GET",))]


def route_of(path: str) -> Route:
    """The route of a path with all its methods, so that a 405 names them all."""
    endpoints = {operation.method: endpoint_of(operation) for operation in OPERATIONS if operation.path == path}

    async def endpoint(request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        return await endpoints[method](request)

    return Route(path, endpoint, methods=list(endpoints))


async def not_routed(request: Request, error: Exception) -> Response:
    """No such path, or no such method of it."""
    assert isinstance(error, HTTPException)  # noqa: S101 - what this handler is registered for
    kind = "method-not-allowed" if error.status_code == 405 else "not-found"
    return problem_response(Problem(kind, headers=error.headers), request.url.path)


async def broken(request: Request, error: Exception) -> Response:
    """What went wrong outside an operation."""
    return problem_response(problem_of(error, request), request.url.path)
