"""What became of a mail, seen over the API: the real one door, and a real outbox over the sandbox."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import pytest

from gatepost.gateway import retry
from gatepost.gateway.outbox import Outbox
from gatepost.gateway.ways import sandbox_route
from gatepost.parts import clock
from tests.web.api_rig import Api, arrive, desk_address, question
from tests.web.api_rig import api as api

WAITING = {"queued", "sending", "delayed"}


@contextmanager
def sending(api: Api) -> Iterator[None]:
    """An outbox over the sandbox, on a loop of its own, for as long as the context is open."""
    loop = asyncio.new_event_loop()
    gate = api.parts.gate
    outbox = Outbox(gate, sandbox_route(gate, lambda: "", clock), clock)
    task: asyncio.Task[None] = loop.create_task(outbox.run())
    thread = Thread(target=loop.run_forever)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(task.cancel)
        asyncio.run_coroutine_threadsafe(ended(task), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()


async def ended(task: asyncio.Task[None]) -> None:
    await asyncio.gather(task, return_exceptions=True)


def settled(api: Api, auth: dict[str, str], message_id: str) -> Any:
    """The message once nothing waits any more."""
    for _ in range(600):
        message = api.client.get(f"/v1/messages/{message_id}", headers=auth).json()
        if not WAITING & message["states"].keys():
            return message
        time.sleep(0.05)
    raise AssertionError(message)


def mail_to(api: Api, auth: dict[str, str], *names: str) -> str:
    api.now = clock()
    sent: str = api.send(auth, to=[f"{name}@calderon.example" for name in names])["id"]
    return sent


def test_every_recipient_has_a_state_a_code_and_an_explanation(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "SANDBOX_LONGEST", 0.2)
    _, auth = api.key()
    with sending(api):
        some = mail_to(api, auth, "ana", "unknown", "gone", "full")
        every = mail_to(api, auth, "unknown", "spam")
        one = mail_to(api, auth, "big")
        none = mail_to(api, auth, "ana", "ben")
        shown = {identifier: settled(api, auth, identifier) for identifier in (some, every, one, none)}
    found = {row["recipient"].split("@")[0]: row for row in shown[some]["deliveries"]}
    assert {name: row["state"] for name, row in found.items()} == {
        "ana": "delivered",
        "unknown": "failed",
        "gone": "failed",
        "full": "delivered",
    }
    failed = found["unknown"]
    assert (failed["code"], failed["status"], failed["attempts"]) == (550, "5.1.1", 1)
    assert failed["remote_host"]
    assert failed["next_attempt_at"] is None
    assert failed["explanation"]["reason"]
    assert failed["explanation"]["advice"]
    assert (failed["explanation"]["who"], failed["explanation"]["retryable"]) == ("sender", False)
    assert found["gone"]["code"] is None, "no server spoke"
    assert (found["full"]["attempts"], found["full"]["explanation"]) == (3, None)
    assert shown[some]["failure"] == {"scope": "some", "sentence": "Could not be delivered to some recipients"}
    assert shown[every]["failure"] == {"scope": "all", "sentence": "Could not be delivered"}
    assert shown[one]["failure"]["scope"] == "one"
    assert "552 5.3.4" in shown[one]["failure"]["sentence"]
    assert shown[none]["failure"] is None
    listed = api.client.get("/v1/messages?state=failed", headers=auth).json()["data"]
    assert [row["id"] for row in listed] == [one, every, some]
    assert listed[-1]["states"] == {"delivered": 2, "failed": 2}
    check_events(api, auth, some)


def check_events(api: Api, auth: dict[str, str], message_id: str) -> None:
    """Every attempt is told once, whole or page by page."""
    path = f"/v1/messages/{message_id}/events"
    events = api.client.get(f"{path}?limit=100", headers=auth).json()["data"]
    assert events[0]["type"] == "message.queued"
    full = [event for event in events if (event["recipient"] or "").startswith("full")]
    assert [(event["type"], event["attempt"], event["code"]) for event in full] == [
        ("delivery.delayed", 1, 452),
        ("delivery.delayed", 2, 452),
        ("delivery.delivered", 3, 250),
    ]
    paged: list[Any] = []
    page = api.client.get(f"{path}?limit=3", headers=auth).json()
    while page["next"]:
        paged += page["data"]
        page = api.client.get(f"{path}?limit=3&after={page['next']}", headers=auth).json()
    assert paged + page["data"] == events
    assert api.client.get(f"{path}?after=dev_0", headers=auth).status_code == 422


def test_a_delay_says_when_it_is_tried_again(api: Api) -> None:
    _, auth = api.key()
    with sending(api):
        identifier = mail_to(api, auth, "code+451-4.7.1")
        for _ in range(600):
            (row,) = api.client.get(f"/v1/messages/{identifier}", headers=auth).json()["deliveries"]
            if row["state"] == "delayed":
                break
            time.sleep(0.05)
    assert (row["state"], row["code"], row["status"]) == ("delayed", 451, "4.7.1")
    assert row["next_attempt_at"] > row["updated_at"]
    assert row["explanation"]["retryable"] is True


def test_a_failing_answer_shows_in_its_conversation(api: Api) -> None:
    api.now = clock()
    desk_address(api)
    arrive(api, question(), "help@shop.example")
    _, auth = api.key()
    body = {"text": "Hello", "to": ["unknown@calderon.example"]}
    with sending(api):
        sent = api.client.post("/v1/conversations/1/replies", json=body, headers=auth).json()
        settled(api, auth, sent["id"])
    shown = api.client.get("/v1/conversations/1", headers=auth).json()
    assert (shown["failed"], shown["tags"]) == (1, ["system_email_notification_failure"])
    assert len(api.client.get("/v1/conversations?failed=true", headers=auth).json()["data"]) == 1
    mail = api.client.get("/v1/conversations/1/messages", headers=auth).json()["data"][-1]
    assert mail["failure"]["scope"] == "one"
    assert "550 5.1.1" in mail["failure"]["sentence"]
