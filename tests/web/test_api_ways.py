"""Routes over the API: for keys with their own scope, without secrets in answers, and a delivery sent another way."""

from gatepost.store.credentials import SYSTEM_SCOPES, create_credential
from gatepost.store.deliveries import get_delivery
from gatepost.store.routes import get_route
from tests.fakes.smtp import smtp_server_thread
from tests.web.api_rig import Api
from tests.web.api_rig import api as api

ROUTE = {
    "name": "bulk",
    "kind": "relay",
    "url": "smtp://us:hunter22@relay.example:587",
    "rules": ["sender:News.example"],
}


def test_a_route_is_made_changed_explained_and_removed(api: Api) -> None:
    _, auth = api.key()
    made = api.client.post("/v1/routes", json=ROUTE, headers=auth)
    assert made.status_code == 201
    assert "hunter22" not in made.text
    assert (made.json()["url"], made.json()["rules"]) == ("smtp://us@relay.example:587", ["sender:news.example"])
    assert made.json()["has_secret"]
    listed = api.client.get("/v1/routes", headers=auth).json()
    assert (listed["default"], [row["name"] for row in listed["data"]]) == ("sandbox", ["bulk"])
    query = {"address": "ana@calderon.example", "sender": "a@news.example"}
    told = api.client.get("/v1/routes/explain", params=query, headers=auth).json()
    assert told["route"] == "bulk"
    assert told["why"][0] == "Route bulk: the sender's domain news.example has the rule sender:news.example."
    change = {"url": "smtp://us@relay.example:587", "rules": ["recipient:x.example"]}
    changed = api.client.put("/v1/routes/bulk", json=change, headers=auth).json()
    assert (changed["rules"], changed["has_secret"]) == (["recipient:x.example"], True)
    assert api.client.delete("/v1/routes/bulk", headers=auth).status_code == 200
    assert api.client.delete("/v1/routes/bulk", headers=auth).status_code == 404


def test_what_does_not_fit_is_pointed_at(api: Api) -> None:
    _, auth = api.key()
    for change, pointer in (
        ({"name": "Bulk"}, "#/name"),
        ({"url": "http://x"}, "#/url"),
        ({"rules": ["x"]}, "#/rules"),
        ({"tls": "none"}, "#/tls"),
        ({"auth": "xoauth2"}, "#/token_url"),
        ({"kind": "account"}, "#/account"),
        ({"token_file": "/etc/shadow"}, "#/token_file"),
    ):
        answer = api.client.post("/v1/routes", json=ROUTE | change, headers=auth)
        assert answer.status_code == 422, change
        assert pointer in answer.text


def test_a_route_is_tried_over_the_api(api: Api) -> None:
    _, auth = api.key()
    with smtp_server_thread() as server:
        given = {"name": "near", "kind": "relay", "url": f"smtp://127.0.0.1:{server.port}", "tls": "none"}
        assert api.client.post("/v1/routes", json=given, headers=auth).status_code == 201
        tried = api.client.post("/v1/routes/near/test", headers=auth).json()
        assert tried["works"]
        assert tried["said"][-1] == "* ready to take mail; nothing was sent"


def test_a_systems_key_cannot_touch_routes_unless_it_is_said(api: Api) -> None:
    now = api.now
    _, secret = api.parts.ledger.write(
        lambda s: create_credential(s, api.parts.keys, kind="api", name="x", senders=["shop.example"], now=now)
    )
    answer = api.client.get("/v1/routes", headers={"Authorization": f"Bearer {secret}"})
    assert answer.status_code == 403
    assert "routes:manage" not in SYSTEM_SCOPES


def test_a_delivery_is_sent_over_another_route(api: Api) -> None:
    _, auth = api.key()
    api.client.post("/v1/routes", json=ROUTE, headers=auth)
    (row,) = api.send(auth)["deliveries"]
    path = f"/v1/deliveries/{row['id']}/reroute"
    answer = api.client.post(path, json={"route": "bulk"}, headers=auth).json()
    assert (answer["done"], answer["delivery"]["state"]) == (True, "queued")
    wrong = api.client.post(path, json={"route": "nowhere"}, headers=auth)
    assert (wrong.status_code, "There is no route nowhere; there are auto, sandbox" in wrong.text) == (422, True)
    with api.parts.database.session() as session:
        found = get_delivery(session, row["id"])
        assert found
        assert found.via == "bulk"
        assert get_route(session, "bulk")
