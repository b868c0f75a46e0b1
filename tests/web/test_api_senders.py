"""The API of domains and senders: what it answers fits its description, and only a key with the scope may."""

from dataclasses import replace

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from gatepost.store.credentials import SENDERS_SCOPE, SYSTEM_SCOPES
from gatepost.web.api import routes
from tests.fakes.dns import dns_server, zone_from_text
from tests.web.api_rig import Api
from tests.web.api_rig import api as api
from tests.web.test_openapi import description, fits


def test_a_domain_is_added_checked_and_listed(api: Api) -> None:
    _, auth = api.key(SENDERS_SCOPE)
    with dns_server({}) as server:
        settings = api.parts.settings.model_copy(update={"dns_servers": [server.address]})
        parts = replace(api.parts, settings=settings)
        with TestClient(Starlette(routes=routes(parts)), base_url="http://127.0.0.1:8025") as client:
            made = client.post("/v1/domains", json={"name": "Northwind.de"}, headers=auth)
            fits(description(api), "POST", "/v1/domains", made)
            assert (made.json()["name"], made.json()["usable"]) == ("northwind.de", False)
            path = f"/v1/domains/{made.json()['id']}"
            assert {row["state"] for row in made.json()["records"]} == {None}
            key = made.json()["records"][0]
            text = " ".join(f'"{key["value"][at : at + 200]}"' for at in range(0, len(key["value"]), 200))
            server.zone = zone_from_text(f"$TTL 60\n{key['name']}. IN TXT ( {text} )\n", ".")
            checked = client.post(f"{path}/check", headers=auth)
            fits(description(api), "POST", "/v1/domains/{id}/check", checked)
            assert checked.json()["usable"]
            assert [row["state"] for row in checked.json()["records"]] == ["ok", "missing", "missing", "missing"]
            assert client.get(path, headers=auth).json() == checked.json()
            listed = client.get("/v1/domains", headers=auth)
            fits(description(api), "GET", "/v1/domains", listed)
            assert listed.json()["data"] == [checked.json()]
            assert client.post("/v1/domains", json={"name": "northwind.de"}, headers=auth).status_code == 422
            assert client.post("/v1/domains/dom_0/check", headers=auth).status_code == 404


def test_a_sender_is_asked(api: Api) -> None:
    _, auth = api.key(SENDERS_SCOPE)
    asked = api.client.post("/v1/senders", json={"address": "Anna@northwind.de"}, headers=auth)
    fits(description(api), "POST", "/v1/senders", asked)
    assert (asked.json()["address"], asked.json()["usable"]) == ("anna@northwind.de", False)
    assert "nobody has opened the link" in asked.json()["why"]
    again = api.client.post("/v1/senders", json={"address": "anna@northwind.de"}, headers=auth)
    assert (again.status_code, "less than a minute" in again.text) == (422, True)
    ours = api.client.post("/v1/senders", json={"address": "x@gatepost.test"}, headers=auth)
    assert ours.json()["usable"]
    listed = api.client.get("/v1/senders", headers=auth)
    fits(description(api), "GET", "/v1/senders", listed)
    assert [row["address"] for row in listed.json()["data"]] == ["anna@northwind.de"]


@pytest.mark.parametrize("path", ["/v1/domains", "/v1/senders"])
def test_a_key_of_a_system_may_not(api: Api, path: str) -> None:
    _, auth = api.key(*SYSTEM_SCOPES)
    assert api.client.get(path, headers=auth).status_code == 403
