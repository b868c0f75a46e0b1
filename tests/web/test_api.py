"""Keys, scopes, whose mail it is, and every error: walked along the route table, so that no route is forgotten."""

from datetime import timedelta

import pytest
import structlog
from sqlmodel import Session, text

from gatepost.store.credentials import DESK_SCOPE, SCOPES, disable_credential, get_credential
from gatepost.store.suppressions import suppress
from gatepost.store.users import failures_since
from gatepost.web.api import OPERATIONS, VERSION
from gatepost.web.api_call import TRIES, Operation
from gatepost.web.api_errors import KINDS
from tests.test_layout import ROOT
from tests.web.api_rig import SIMPLE, Api, arrive, desk_address, pointers, problem, question
from tests.web.api_rig import api as api

NOBODY = {"Authorization": f"Bearer gp_0123456789ab_{'x' * 43}"}
OPERATION = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda op: f"{op.method} {op.path}")


def path_of(operation: Operation, identifier: str = "msg_" + "0" * 32) -> str:
    return VERSION + operation.path.replace("{id}", identifier).replace("{call}", "whc_" + "0" * 32)


BODIES: dict[str, object] = {
    "replies": {"text": "Hello"},
    "resend": {"address": "right@calderon.example"},
    "move": {"messages": ["msg_1"], "to": "2"},
    "merge": {"into": "2"},
    "sides": {"to": ["carla@carrier.example"], "subject": "Where is it?", "text": "Hello"},
    "take-back": {"message": "msg_1"},
}
NOT_OF_A_KEY = ("/routes", "/domains", "/senders", "/streams", "/delivery-codes", "/suppressions/{address}", "/fixes")
"""Of the installation, or without anything of a key in the path: test_api_ways, _senders, _deliveries and others."""


def body_for(operation: Operation) -> object:
    return BODIES.get(operation.path.rpartition("/")[2], SIMPLE)


@OPERATION
def test_without_a_key_every_route_asks_for_one(api: Api, operation: Operation) -> None:
    for auth in ({}, {"Authorization": "Basic Z3A6eA=="}, {"Authorization": "Bearer "}, {"Cookie": "gatepost=x"}):
        answer = api.client.request(operation.method, path_of(operation), headers=auth)
        problem(answer, 401, "unauthorized")
        assert answer.headers["www-authenticate"] == 'Bearer realm="gatepost"'
    answer = api.client.request(operation.method, path_of(operation), headers=NOBODY)
    problem(answer, 401, "unauthorized")
    assert "invalid_token" in answer.headers["www-authenticate"]


@OPERATION
def test_a_key_without_the_scope_is_told_which(api: Api, operation: Operation) -> None:
    others = [scope for scope in SCOPES if scope != operation.scope]
    _, auth = api.key(*others)
    answer = api.client.request(operation.method, path_of(operation), headers=auth, json={})
    assert operation.scope in problem(answer, 403, "missing-scope")["detail"]
    assert f'scope="{operation.scope}"' in answer.headers["www-authenticate"]


@OPERATION
def test_what_belongs_to_another_key_is_not_there(api: Api, operation: Operation) -> None:
    desk_address(api)
    _, owner = api.key()
    sent = api.send(owner)
    arrive(api, question(references=sent["message_id"]), "help@shop.example")
    webhook = api.client.post("/v1/webhooks", json={"url": "https://hooks.example/"}, headers=owner).json()
    _, stranger = api.key(senders=["other.example"])
    if operation.path.startswith(NOT_OF_A_KEY) or operation.scope == DESK_SCOPE:  # that of an operator, who sees all
        return
    if "{id}" not in operation.path:
        suppress_one(api, sent["deliveries"][0]["recipient"])
        assert api.client.get(path_of(operation), headers=stranger).json()["data"] == []
        assert len(api.client.get(path_of(operation), headers=owner).json()["data"]) == 1
        return
    conversation = operation.path.startswith("/conversations")
    names = ["1", "2", "9999999999999999"] if conversation else [sent["id"]]
    names += [webhook["id"], "0", "con_" + "0" * 32, "msg_1", "%00", "a" * 5000, sent["deliveries"][0]["id"]]
    for name in names:
        answer = api.client.request(
            operation.method, path_of(operation, name), headers=stranger, json=body_for(operation)
        )
        problem(answer, 404, "not-found")


def suppress_one(api: Api, address: str) -> None:
    api.parts.ledger.write(
        lambda s: suppress(s, address, "no such user", source="dialogue", now=api.now, expires_at=None)
    )


def test_a_key_that_is_switched_off_is_refused(api: Api) -> None:
    credential, auth = api.key()
    assert api.client.get("/v1/messages", headers=auth).status_code == 200
    api.parts.ledger.write(lambda session: disable_credential(session, credential.id, api.now))
    problem(api.client.get("/v1/messages", headers=auth), 401, "unauthorized")


def test_the_last_use_is_remembered(api: Api) -> None:
    credential, auth = api.key()
    for seconds in (0, 30, 90):
        api.now += timedelta(seconds=seconds)
        api.client.get("/v1/messages", headers=auth)
    api.parts.ledger.write(lambda session: None)
    with api.parts.database.session() as session:
        row = get_credential(session, credential.id)
        assert row is not None
        assert row.last_used_at == api.now


def test_wrong_keys_are_throttled_but_a_right_one_works(api: Api) -> None:
    _, auth = api.key()
    for _ in range(TRIES):
        problem(api.client.get("/v1/messages", headers=NOBODY), 401, "unauthorized")
    answer = api.client.get("/v1/messages", headers=NOBODY)
    problem(answer, 429, "too-many-attempts")
    assert int(answer.headers["retry-after"]) > 0
    assert api.client.get("/v1/messages", headers=auth).status_code == 200
    with api.parts.database.session() as session:
        since = api.now - timedelta(hours=1)
        assert failures_since(session, since, account="api") == TRIES, "no more of them are written down"
        assert failures_since(session, since, net="testclient") == 0, "people's logins from there still work"
    api.now += timedelta(minutes=16)
    problem(api.client.get("/v1/messages", headers=NOBODY), 401, "unauthorized")


@pytest.mark.parametrize("path", ["/v1/nothing", "/v1/", "/v1/messages/", "/v1/messages/x/y", "/v1/messages//events"])
def test_no_such_path(api: Api, path: str) -> None:
    problem(api.client.get(path), 404, "not-found")


def test_no_such_method(api: Api) -> None:
    answer = api.client.delete("/v1/messages")
    problem(answer, 405, "method-not-allowed")
    assert {"GET", "POST"} <= set(answer.headers["allow"].split(", "))


def test_too_large_is_refused_before_it_is_read(api: Api) -> None:
    _, auth = api.key()
    limit = api.parts.settings.message_size * 4 // 3 + 64 * 1024
    problem(api.client.post("/v1/messages", content=b"x" * (limit + 1), headers=auth), 413, "too-large")
    sent = (b"x" * 1_000_000 for _ in range(limit // 1_000_000 + 1))
    problem(api.client.post("/v1/messages", content=sent, headers=auth), 413, "too-large")


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "", "application/json5"])
def test_another_content_type(api: Api, media_type: str) -> None:
    _, auth = api.key()
    headers = auth | {"Content-Type": media_type}
    problem(api.client.post("/v1/messages", content=b"{}", headers=headers), 415, "unsupported-media-type")
    problem(
        api.client.post("/v1/conversations/1/replies", content=b"{}", headers=headers), 415, "unsupported-media-type"
    )


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff\xfe", b'{"a":' * 100_000, b"[" * 1_000_000, b'{"subject": "\\ud800"}', b"\0"],
)
def test_a_body_that_is_no_json(api: Api, body: bytes) -> None:
    _, auth = api.key()
    headers = auth | {"Content-Type": "application/json"}
    answer = api.client.post("/v1/messages", content=body, headers=headers)
    assert pointers(problem(answer, 400, "malformed")) == ["#"]


@pytest.mark.parametrize("body", [b"[]", b"1", b"null", b'"x"', b"{}", b'{"text": NaN}'])
def test_a_body_of_another_form(api: Api, body: bytes) -> None:
    _, auth = api.key()
    headers = auth | {"Content-Type": "application/json"}
    problem(api.client.post("/v1/messages", content=body, headers=headers), 422, "invalid-fields")


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=x", "limit"),
        ("after=x", "after"),
        ("after=msg_%27", "after"),
        ("state=lost", "state"),
        ("offset=1", "offset"),
    ],
)
def test_a_wrong_query_names_the_parameter(api: Api, query: str, parameter: str) -> None:
    _, auth = api.key()
    body = problem(api.client.get(f"/v1/messages?{query}", headers=auth), 422, "invalid-fields")
    assert [fault["parameter"] for fault in body["errors"]] == [parameter]


def test_a_parameter_given_twice(api: Api) -> None:
    _, auth = api.key()
    problem(api.client.get("/v1/messages?limit=1&limit=2", headers=auth), 422, "invalid-fields")


def test_trouble_with_the_database_is_temporary(api: Api) -> None:
    _, auth = api.key()

    def lose(session: Session) -> None:
        session.connection().execute(text("ALTER TABLE message RENAME TO lost"))

    api.parts.ledger.write(lose)
    with structlog.testing.capture_logs() as logs:
        answer = api.client.get("/v1/messages", headers=auth)
        body = problem(answer, 503, "unavailable")
        problem(api.client.post("/v1/messages", json=SIMPLE, headers=auth), 503, "unavailable")
    assert answer.headers["retry-after"] == "5"
    assert "message" not in body["detail"]
    assert {line["log_level"] for line in logs} == {"warning"}


def test_a_closing_process_is_temporary(api: Api) -> None:
    _, auth = api.key()
    api.client.get("/v1/messages", headers=auth)
    api.parts.ledger.close()
    problem(api.client.post("/v1/messages", json=SIMPLE, headers=auth), 503, "unavailable")


def test_a_fault_of_ours_tells_nothing(api: Api) -> None:
    _, auth = api.key()
    sent = api.send(auth)
    secret = "state-nobody-knows"
    api.parts.ledger.write(
        lambda session: session.connection().execute(text("UPDATE delivery SET state = :s"), {"s": secret}) and None
    )
    with structlog.testing.capture_logs() as logs:
        answer = api.client.get(f"/v1/messages/{sent['id']}", headers=auth)
    problem(answer, 500, "internal-error")
    assert secret not in answer.text
    assert [line["log_level"] for line in logs] == ["error"]


def test_every_kind_of_problem_is_documented() -> None:
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    for kind in KINDS:
        assert f"`{kind}`" in page
