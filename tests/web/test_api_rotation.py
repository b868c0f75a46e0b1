"""The API of a domain's keys: its zone file, and a rotation step by step, each held to its evidence."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from gatepost.gateway.signing import LIFETIME
from gatepost.store.credentials import SENDERS_SCOPE, SYSTEM_SCOPES
from gatepost.web.api import routes
from tests.fakes.dns import DnsServer, dns_server, zone_from_text
from tests.web.api_rig import Api
from tests.web.api_rig import api as api
from tests.web.test_openapi import description, fits

ROTATION = "/v1/domains/{id}/rotation"


@dataclass
class Owner:
    """A domain that is managed over the API, and its DNS server."""

    api: Api
    client: TestClient
    auth: dict[str, str]
    server: DnsServer
    path: str = ""

    def post(self, what: str, body: Any = None) -> Any:
        return self.client.post(f"{self.path}/{what}", json=body, headers=self.auth)

    def publish(self) -> None:
        """Put the zone file that the API gives into the DNS, and have it looked at."""
        answer = self.client.get(f"{self.path}/zone", headers=self.auth)
        fits(description(self.api), "GET", "/v1/domains/{id}/zone", answer)
        self.server.zone = zone_from_text(answer.json()["zone"], ".")
        assert self.post("check").status_code == 200

    def rsa(self) -> Any:
        """Where the rotation of the first key stands."""
        answer = self.client.get(f"{self.path}/rotation", headers=self.auth)
        fits(description(self.api), "GET", ROTATION, answer)
        first, second = answer.json()["data"]
        assert (first["algorithm"], second["algorithm"]) == ("rsa-sha256", "ed25519-sha256")
        return first

    def step(self, **given: Any) -> Any:
        answer = self.post("rotation", given)
        fits(description(self.api), "POST", ROTATION, answer)
        return answer.json()


@pytest.fixture
def owner(api: Api) -> Iterator[Owner]:
    with opened(api) as found:
        yield found


@contextmanager
def opened(api: Api) -> Iterator[Owner]:
    _, auth = api.key(SENDERS_SCOPE)
    with dns_server({}) as server:
        settings = api.parts.settings.model_copy(update={"dns_servers": [server.address]})
        parts = replace(api.parts, settings=settings)
        with TestClient(Starlette(routes=routes(parts)), base_url="http://127.0.0.1:8025") as client:
            made = client.post("/v1/domains", json={"name": "northwind.de"}, headers=auth)
            yield Owner(api, client, auth, server, f"/v1/domains/{made.json()['id']}")


def states(rotation: Any) -> list[str]:
    return [key["state"] for key in rotation["keys"]]


def test_a_key_is_replaced_step_by_step(owner: Owner) -> None:
    owner.publish()
    assert (owner.rsa()["next"], states(owner.rsa())) == ("begin", ["signing"])
    begun = owner.step()
    assert (begun["next"], begun["possible"], states(begun)) == ("publish", False, ["signing", "made"])
    early = owner.step()
    assert (early["code"], "not seen in the DNS" in early["detail"]) == ("refused", True)
    owner.publish()
    assert (owner.rsa()["next"], owner.rsa()["possible"]) == ("both", True)
    assert states(owner.step()) == ["signing", "signing"]
    switched = owner.step()
    assert (switched["next"], switched["possible"], states(switched)) == ("retire", False, ["stopped", "signing"])
    assert [step["state"] for step in switched["keys"][1]["steps"]] == ["made", "seen", "signing"]
    owner.api.now += LIFETIME + timedelta(days=1)
    assert states(owner.step()) == ["retired", "signing"]


def test_a_rotation_is_taken_back(owner: Owner) -> None:
    assert states(owner.step(algorithm="ed25519-sha256", back=True)) == ["retired"]
    nothing = owner.step(back=True)
    assert (nothing["code"], "nothing to go back to" in nothing["detail"]) == ("refused", True)


def test_what_does_not_fit_is_named(owner: Owner, api: Api) -> None:
    assert owner.step(algorithm="md5")["errors"][0]["pointer"] == "#/algorithm"
    _, poor = api.key(*SYSTEM_SCOPES)
    for path in ("zone", "rotation"):
        assert owner.client.get(f"{owner.path}/{path}", headers=poor).status_code == 403
        assert owner.client.get(f"/v1/domains/dom_0/{path}", headers=owner.auth).status_code == 404
    assert owner.client.post("/v1/domains/dom_0/rotation", json={}, headers=owner.auth).status_code == 404
