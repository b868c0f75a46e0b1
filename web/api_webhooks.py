"""The API of webhooks: a system registers where it wants to hear of its own mail, and reads and repeats the calls."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from gatepost.gateway.webhooks import check_url
from gatepost.model import Webhook, WebhookCall
from gatepost.store import webhook_calls, webhooks
from gatepost.web.api_call import Answer, Call, Operation, read_json, read_query
from gatepost.web.api_errors import BODY, HERE, Problem, wrong_field
from gatepost.web.api_models import Given
from gatepost.web.api_requests import NoQuery, Paging, Taken, read_id
from gatepost.webhook_payload import event_id, read_kinds

MOST = 20
SCOPE = "webhooks:write"


class WebhookIn(Taken):
    """Where to call, and which kinds of events (`delivery.failed`, `delivery.*`); none means all."""

    url: Annotated[str, Field(min_length=1, max_length=2000)]
    kinds: Annotated[list[Annotated[str, Field(max_length=60)]], Field(max_length=50, default_factory=list)]


class WebhookOut(Given):
    """A webhook; `disabled_why` says why it is off."""

    id: str
    url: str
    kinds: list[str]
    failures: int
    disabled_at: datetime | None
    disabled_why: str
    created_at: datetime


class WebhookMade(WebhookOut):
    """A new webhook with its secret, which is never shown again."""

    secret: str


class WebhookList(Given):
    """The webhooks of this key."""

    data: list[WebhookOut]


class CallOut(Given):
    """One event for one webhook; `state` is queued, delayed, delivered or failed, `code` the last HTTP status."""

    id: str
    event: str
    type: str
    state: str
    attempts: int
    next_attempt_at: datetime | None
    code: int | None
    answer: str
    payload: dict[str, Any]
    created_at: datetime
    updated_at: datetime


class CallList(Given):
    """One page of calls, the newest first; `next` is null on the last one."""

    data: list[CallOut]
    next: str | None


TAKES: TypeAdapter[WebhookIn] = TypeAdapter(WebhookIn)


def webhook_out(row: Webhook) -> dict[str, Any]:
    return {name: getattr(row, name) for name in WebhookOut.model_fields}


def call_out(row: WebhookCall) -> CallOut:
    same = ("id", "state", "attempts", "next_attempt_at", "code", "answer", "payload", "created_at", "updated_at")
    return CallOut(event=event_id(row.seq), type=row.kind, **{name: getattr(row, name) for name in same})


def own_webhook(call: Call) -> Webhook:
    """The webhook in the path, when it is one of this key. Raises Problem."""
    with call.app.database.session() as session:
        row = webhooks.get_webhook(session, read_id("whk", call.path("id")))
    if row is None or row.credential_id != call.credential.id:
        raise Problem("not-found")
    return row


def create_webhook(call: Call) -> Answer:
    """Register a webhook for what happens to the mail of this key; the secret is in this answer only."""
    read_query(call, NoQuery)
    given = read_json(call, TAKES)
    try:
        url = check_url(given.url, call.app.settings.private_hosts)
    except ValueError as error:
        raise wrong_field("#/url", str(error)) from None
    try:
        kinds = read_kinds(given.kinds)
    except ValueError as error:
        raise wrong_field("#/kinds", str(error)) from None
    app, credential_id, now = call.app, call.credential.id, call.now
    with app.database.session() as session:
        if len(webhooks.list_webhooks(session, credential_id)) >= MOST:
            raise wrong_field("#/url", f"A key has at most {MOST} webhooks; delete one first")
    row, secret = app.ledger.write(
        lambda session: webhooks.create_webhook(
            session, app.keys, url=url, kinds=kinds, credential_id=credential_id, now=now
        )
    )
    return Answer(WebhookMade(**webhook_out(row), secret=secret))


def list_webhooks(call: Call) -> Answer:
    """The webhooks of this key."""
    read_query(call, NoQuery)
    with call.app.database.session() as session:
        rows = webhooks.list_webhooks(session, call.credential.id)
    return Answer(WebhookList(data=[WebhookOut(**webhook_out(row)) for row in rows]))


def delete_webhook(call: Call) -> Answer:
    """Delete a webhook with its log; the answer is what it was."""
    read_query(call, NoQuery)
    row = own_webhook(call)
    call.app.ledger.write(lambda session: webhooks.delete_webhook(session, row.id))
    return Answer(WebhookOut(**webhook_out(row)))


def test_webhook(call: Call) -> Answer:
    """Send this webhook a `webhook.test` event."""
    read_query(call, NoQuery)
    row, now = own_webhook(call), call.now
    call.app.ledger.write(lambda session: webhooks.send_test(session, row, now))
    return Answer(WebhookOut(**webhook_out(row)))


def rotate_webhook_secret(call: Call) -> Answer:
    """A new secret, in this answer only; calls carry both signatures until the rotation is finished."""
    read_query(call, NoQuery)
    row, app = own_webhook(call), call.app
    secret = app.ledger.write(lambda session: webhooks.rotate_secret(session, app.keys, row.id))
    if secret is None:
        raise Problem("not-found")
    return Answer(WebhookMade(**webhook_out(row), secret=secret))


def finish_webhook_rotation(call: Call) -> Answer:
    """End a rotation: only the new secret signs."""
    read_query(call, NoQuery)
    row = own_webhook(call)
    call.app.ledger.write(lambda session: webhooks.forget_old_secret(session, row.id))
    return Answer(WebhookOut(**webhook_out(row)))


def list_webhook_calls(call: Call) -> Answer:
    """The calls of a webhook, with what was sent and answered."""
    query = read_query(call, Paging)
    row = own_webhook(call)
    with call.app.database.session() as session:
        rows = webhook_calls.calls_of(session, row.id, limit=query.limit + 1, before=query.after)
    page = [call_out(each) for each in rows[: query.limit]]
    return Answer(CallList(data=page, next=page[-1].id if len(rows) > query.limit else None))


def replay_webhook_call(call: Call) -> Answer:
    """Make a call once more, with the same event id."""
    read_query(call, NoQuery)
    row, now = own_webhook(call), call.now
    call_id = read_id("whc", call.path("call"))
    again = call.app.ledger.write(lambda session: webhook_calls.replay_call(session, row.id, call_id, now))
    if again is None:
        raise Problem("not-found")
    return Answer(call_out(again))


WEBHOOKS: tuple[Operation, ...] = (
    Operation(
        "POST",
        "/webhooks",
        create_webhook,
        SCOPE,
        WebhookMade,
        NoQuery,
        takes=TAKES,
        status=201,
        problems=BODY,
        once=False,
    ),
    Operation("GET", "/webhooks", list_webhooks, SCOPE, WebhookList, NoQuery),
    Operation("DELETE", "/webhooks/{id}", delete_webhook, SCOPE, WebhookOut, NoQuery, problems=HERE),
    Operation("POST", "/webhooks/{id}/test", test_webhook, SCOPE, WebhookOut, NoQuery, status=202, problems=HERE),
    Operation("POST", "/webhooks/{id}/rotate", rotate_webhook_secret, SCOPE, WebhookMade, NoQuery, problems=HERE),
    Operation(
        "POST", "/webhooks/{id}/rotate/finish", finish_webhook_rotation, SCOPE, WebhookOut, NoQuery, problems=HERE
    ),
    Operation("GET", "/webhooks/{id}/calls", list_webhook_calls, SCOPE, CallList, Paging, problems=HERE),
    Operation(
        "POST",
        "/webhooks/{id}/calls/{call}/replay",
        replay_webhook_call,
        SCOPE,
        CallOut,
        NoQuery,
        status=202,
        problems=HERE,
    ),
)
