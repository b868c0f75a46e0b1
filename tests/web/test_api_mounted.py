"""The API in the whole application, as the wiring makes it: behind the same guard, beside the pages."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from gatepost.parts import Parts
from gatepost.website import make_app
from tests.web.api_rig import SIMPLE, Api, problem
from tests.web.api_rig import api as api


@pytest.fixture
def whole(api: Api) -> Iterator[TestClient]:
    """A client of pages and API."""
    app = api.parts
    parts = Parts(app.settings, app.database, app.ledger, app.keys, app.blobs)
    with TestClient(make_app(parts, app.gate), base_url="http://127.0.0.1:8025", follow_redirects=False) as client:
        yield client


def test_the_api_is_served_beside_the_pages(api: Api, whole: TestClient) -> None:
    _, auth = api.key()
    answer = whole.post("/v1/messages", json=SIMPLE, headers=auth)
    assert answer.status_code == 202
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert whole.get(answer.headers["location"], headers=auth).json()["id"] == answer.json()["id"]
    assert "/v1/messages" in whole.get("/openapi.json").json()["paths"]
    problem(whole.get("/v1/nothing", headers=auth), 404, "not-found")
    assert whole.get("/inbox").status_code == 303, "the pages are still there"


def test_a_key_opens_no_page(api: Api, whole: TestClient) -> None:
    _, auth = api.key()
    assert whole.get("/messages", headers=auth).status_code == 303
