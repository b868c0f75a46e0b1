"""The API of webhooks: what it answers fits its description, and a key sees its own only."""

import asyncio

import pytest

from gatepost.gateway.webhooks import caller_of, calling_webhooks
from tests.fakes.hooks import receiving
from tests.web.api_rig import Api
from tests.web.api_rig import api as api
from tests.web.test_openapi import description, fits


def make(api: Api, auth: dict[str, str], url: str = "https://hooks.example.org/x", **more: object) -> dict[str, str]:
    answer = api.client.post("/v1/webhooks", json={"url": url, **more}, headers=auth)
    assert answer.status_code == 201, answer.text
    fits(description(api), "POST", "/v1/webhooks", answer)
    made: dict[str, str] = answer.json()
    return made


def test_a_webhook_is_made_listed_and_deleted(api: Api) -> None:
    _, auth = api.key()
    made = make(api, auth, kinds=["delivery.*"])
    assert made["secret"].startswith("whsec_")
    listed = api.client.get("/v1/webhooks", headers=auth)
    fits(description(api), "GET", "/v1/webhooks", listed)
    (row,) = listed.json()["data"]
    assert "secret" not in row
    assert (row["url"], row["kinds"]) == ("https://hooks.example.org/x", ["delivery.*"])
    gone = api.client.delete(f"/v1/webhooks/{made['id']}", headers=auth)
    fits(description(api), "DELETE", "/v1/webhooks/{id}", gone)
    assert api.client.get("/v1/webhooks", headers=auth).json()["data"] == []
    assert api.client.delete(f"/v1/webhooks/{made['id']}", headers=auth).status_code == 404


def test_a_test_event_arrives_is_logged_and_is_sent_again(api: Api) -> None:
    _, auth = api.key()
    document = description(api)

    def calls(webhook: str) -> list[dict[str, object]]:
        answer = api.client.get(f"/v1/webhooks/{webhook}/calls", headers=auth)
        fits(document, "GET", "/v1/webhooks/{id}/calls", answer)
        found: list[dict[str, object]] = answer.json()["data"]
        return found

    async def until(count: int) -> None:
        async with calling_webhooks(caller_of(api.parts.gate), api.parts.now):
            for _ in range(400):
                if len(receiver.calls) >= count:
                    return
                await asyncio.sleep(0.02)
        raise AssertionError("it was not called")

    with receiving() as receiver:
        made = make(api, auth, receiver.url)
        answer = api.client.post(f"/v1/webhooks/{made['id']}/test", headers=auth)
        assert answer.status_code == 202
        fits(document, "POST", "/v1/webhooks/{id}/test", answer)
        asyncio.run(until(1))
        (call,) = calls(made["id"])
        assert (call["type"], call["state"], call["answer"]) == ("webhook.test", "delivered", "thanks")
        path = f"/v1/webhooks/{made['id']}/calls/{call['id']}/replay"
        again = api.client.post(path, headers=auth)
        assert again.status_code == 202
        fits(document, "POST", "/v1/webhooks/{id}/calls/{call}/replay", again)
        asyncio.run(until(2))
    assert receiver.calls[0].event == receiver.calls[1].event == call["event"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"url": "ftp://hooks.example.org/"}, "#/url"),
        ({"url": "https://user:secret@hooks.example.org/"}, "#/url"),
        ({"url": "https://hooks.example.org/", "kinds": ["user.login"]}, "#/kinds"),
        ({"url": "https://hooks.example.org/", "kinds": ["delivery"]}, "#/kinds"),
    ],
)
def test_what_does_not_fit_is_named(api: Api, body: dict[str, object], pointer: str) -> None:
    _, auth = api.key()
    answer = api.client.post("/v1/webhooks", json=body, headers=auth)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer


def test_a_secret_is_changed_over_the_api(api: Api) -> None:
    _, auth = api.key()
    _, other = api.key()
    made = make(api, auth)
    path = f"/v1/webhooks/{made['id']}/rotate"
    again = api.client.post(path, headers=auth)
    fits(description(api), "POST", "/v1/webhooks/{id}/rotate", again)
    assert again.json()["secret"] not in ("", made["secret"])
    assert api.client.post(path, headers=other).status_code == 404
    finished = api.client.post(f"{path}/finish", headers=auth)
    fits(description(api), "POST", "/v1/webhooks/{id}/rotate/finish", finished)
    assert "secret" not in finished.json()
