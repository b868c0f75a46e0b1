"""`/openapi.json` says what the routes do: every route, its forms, its problems, and real answers fit it."""

from typing import Any

import pytest
from starlette.routing import Mount, Route

from gatepost.store.credentials import DESK_SCOPE
from gatepost.store.suppressions import suppress
from gatepost.web.api import OPERATIONS, VERSION, routes
from gatepost.web.api_call import Operation
from gatepost.web.api_errors import KINDS
from tests.web.api_rig import SIMPLE, Api, arrive, desk_address, question
from tests.web.api_rig import api as api
from tests.web.schema import problems, resolve

BODIES: dict[str, Any] = {
    "replies": {"text": "Hi"},
    "reroute": {"route": "auto"},
    "resend": {"address": "right@calderon.example"},
    "fixes": {"fixes": [{"from": "ana@calderon.example", "to": "right@calderon.example"}]},
}
OPERATION = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda op: f"{op.method} {op.path}")
Document = dict[str, Any]


def description(api: Api) -> Document:
    answer = api.client.get("/openapi.json")
    assert answer.status_code == 200
    document: Document = answer.json()
    return document


def fits(document: Document, method: str, path: str, answer: Any) -> None:
    """The answer is one that the description has, and of its form."""
    response = document["paths"][path][method.lower()]["responses"][str(answer.status_code)]
    response = resolve(response["$ref"], document) if "$ref" in response else response
    media_type = answer.headers["content-type"]
    assert problems(answer.json(), response["content"][media_type]["schema"], document) == []


def references(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [value["$ref"]] if "$ref" in value else [ref for item in value.values() for ref in references(item)]
    return [ref for item in value for ref in references(item)] if isinstance(value, list) else []


def test_it_has_every_route_and_no_other(api: Api) -> None:
    (mount,) = [route for route in routes(api.parts) if isinstance(route, Mount)]
    routed = {
        (VERSION + route.path, method.lower())
        for route in mount.routes
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }
    document = description(api)
    assert {(path, method) for path, methods in document["paths"].items() for method in methods} == routed
    assert routed == {(VERSION + operation.path, operation.method.lower()) for operation in OPERATIONS}
    assert document["openapi"] == "3.1.0"


def test_every_reference_leads_somewhere(api: Api) -> None:
    document = description(api)
    found = references(document)
    assert len(found) > 30
    for ref in found:
        assert resolve(ref, document)
    names = [op["operationId"] for methods in document["paths"].values() for op in methods.values()]
    assert len(set(names)) == len(names)


@OPERATION
def test_an_operation_is_described_as_it_is(api: Api, operation: Operation) -> None:
    document = description(api)
    found = document["paths"][VERSION + operation.path][operation.method.lower()]
    assert found["security"] == [{"key": [operation.scope]}]
    assert found["summary"]
    always = ("unauthorized", "missing-scope", "unavailable", "storage-full")
    wanted = {KINDS[kind].status for kind in (*operation.problems, *always)}
    assert wanted | {operation.status, 422, 429, 500} == {int(status) for status in found["responses"]}
    given = found["responses"][str(operation.status)]["content"]["application/json"]["schema"]
    assert given["$ref"].rpartition("/")[2] == operation.gives.__name__
    fields = {parameter["name"] for parameter in found["parameters"] if parameter["in"] == "query"}
    assert fields == {field.alias or name for name, field in operation.query.model_fields.items()}
    assert ("requestBody" in found) == (operation.takes is not None)
    in_path = [parameter["name"] for parameter in found["parameters"] if parameter["in"] == "path"]
    assert in_path == [name for name in ("id", "call", "code", "address", "name") if f"{{{name}}}" in operation.path]


@OPERATION
def test_problems_fit(api: Api, operation: Operation) -> None:
    document, path = description(api), VERSION + operation.path
    _, poor = api.key(*(scope for scope in ("messages:read", "conversations:read") if scope != operation.scope))
    _, rich = api.key()
    for auth, query, status in (({}, "", 401), (poor, "", 403), (rich, "?nonsense=1", 422)):
        answer = api.client.request(operation.method, path + query, headers=auth, json=SIMPLE)
        assert answer.status_code == status
        fits(document, operation.method, path, answer)


def test_real_answers_fit(api: Api) -> None:
    document = description(api)
    desk_address(api)
    _, auth = api.key()
    sent = api.send(auth, cc=["Ben <ben@calderon.example>"])
    arrive(api, question(references=sent["message_id"]), "help@shop.example")
    number = api.client.get("/v1/conversations", headers=auth).json()["data"][0]["number"]
    ben, now = "ben@calderon.example", api.now
    api.parts.ledger.write(lambda s: suppress(s, ben, "gone", source="dialogue", now=now, expires_at=None))
    for operation in OPERATIONS:
        if operation.path.startswith(("/webhooks", "/routes", "/domains", "/senders", "/streams")):
            continue  # tests/web/test_api_webhooks.py, test_api_ways.py, test_api_senders.py, test_api_streams.py
        if operation.path.endswith(("/move", "/merge", "/undo", "/sides", "/take-back")):
            continue  # tests/web/test_api_corrections.py, test_api_aside.py
        if operation.scope == DESK_SCOPE:
            continue  # tests/web/test_api_inbound.py, test_api_desk.py, test_api_automatic.py
        path = VERSION + operation.path
        body = BODIES.get(path.rpartition("/")[2], SIMPLE) if operation.takes else None
        known = {"messages": sent["id"], "deliveries": sent["deliveries"][0]["id"]}
        identifier = known.get(operation.path.split("/")[1], str(number))
        path_now = path.replace("{id}", identifier).replace("{code}", "5.1.1").replace("{address}", ben)
        answer = api.client.request(operation.method, path_now, headers=auth, json=body)
        assert answer.status_code == operation.status, answer.text
        fits(document, operation.method, path, answer)


@pytest.mark.parametrize(
    ("body", "taken"),
    [
        (SIMPLE, True),
        (SIMPLE | {"cc": [{"address": "a@x.example", "name": "A"}], "headers": {"X-A": "b"}}, True),
        ({"raw": "RnJvbTogYUBzaG9wLmV4YW1wbGUNCg0KDQo=", "to": ["a@x.example"]}, True),
        (SIMPLE | {"colour": "red"}, False),
        (SIMPLE | {"to": "a@x.example"}, False),
        (SIMPLE | {"attachments": [{"name": "a"}]}, False),
        ({"raw": "eA==", "to": []}, False),
    ],
)
def test_the_request_that_is_described_is_the_one_that_is_taken(api: Api, body: Document, taken: bool) -> None:
    document = description(api)
    content = document["paths"]["/v1/messages"]["post"]["requestBody"]["content"]
    assert set(content) == {"application/json", "message/rfc822"}
    assert (problems(body, content["application/json"]["schema"], document) == []) == taken
    _, auth = api.key()
    assert (api.client.post("/v1/messages", json=body, headers=auth).status_code == 202) == taken


def test_the_checker_bites(api: Api) -> None:
    document = description(api)
    form = {"$ref": "#/components/schemas/Accepted"}
    good: Document = {"id": "msg_1", "message_id": "x", "deliveries": []}
    assert problems(good, form, document) == []
    delivery = {"id": "dlv_1", "recipient": "a@x.example", "state": "lost"}
    for bad in (good | {"x": 1}, {"id": "msg_1"}, good | {"id": 1}, good | {"deliveries": [delivery]}):
        assert problems(bad, form, document)
