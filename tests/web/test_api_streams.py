"""The API of streams: a credential is named one, and its mail carries unsubscribe links from then on."""

from gatepost.gateway.stream_mark import is_marked
from gatepost.store.credentials import SENDERS_SCOPE, SYSTEM_SCOPES
from gatepost.store.messages import raw_of
from tests.web.api_rig import Api
from tests.web.api_rig import api as api
from tests.web.test_openapi import description, fits


def test_a_credential_is_named_a_stream(api: Api) -> None:
    manager, auth = api.key(SENDERS_SCOPE)
    shop, selling = api.key(*SYSTEM_SCOPES)
    path = f"/v1/streams/{shop.id}"
    named = api.client.put(path, json={"stream": " Order  news "}, headers=auth)
    fits(description(api), "PUT", "/v1/streams/{id}", named)
    assert named.json() == {"id": shop.id, "name": "Shop", "stream": "Order news"}
    listed = api.client.get("/v1/streams", headers=auth)
    fits(description(api), "GET", "/v1/streams", listed)
    assert {row["id"]: row["stream"] for row in listed.json()["data"]} == {shop.id: "Order news", manager.id: ""}
    sent = api.send(selling)
    with api.parts.database.session() as session:
        assert is_marked(raw_of(session, sent["id"], api.parts.gate.blobs))
    assert api.client.put(path, json={"stream": ""}, headers=auth).json()["stream"] == ""


def test_bad_names_and_other_keys_are_refused(api: Api) -> None:
    shop, selling = api.key(*SYSTEM_SCOPES)
    _, auth = api.key(SENDERS_SCOPE)
    long = api.client.put(f"/v1/streams/{shop.id}", json={"stream": "x" * 61}, headers=auth)
    fits(description(api), "PUT", "/v1/streams/{id}", long)
    assert (long.status_code, long.json()["errors"][0]["pointer"]) == (422, "#/stream")
    assert api.client.put("/v1/streams/crd_0", json={"stream": "News"}, headers=auth).status_code == 404
    assert api.client.put(f"/v1/streams/{shop.id}", json={"stream": "News"}, headers=selling).status_code == 403
    assert api.client.get("/v1/streams", headers=selling).status_code == 403
