"""Acts on deliveries over the API: a key's own mail, and nobody else's."""

from datetime import datetime
from functools import partial
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import col

from gatepost.database import Database
from gatepost.ledger import Ledger
from gatepost.model import Credential
from gatepost.seal import Keys
from gatepost.settings import Settings
from gatepost.store.suppressions import suppress
from gatepost.store.unsubscribes import leave, set_stream
from tests.web.api_rig import Api, opened, problem
from tests.web.api_rig import api as api
from tests.web.test_api_deliveries import mail_to


def test_a_system_holds_releases_and_cancels_its_own_mail(api: Api) -> None:
    _, auth = api.key()
    message = mail_to(api, auth, "ana")
    (row,) = api.client.get(f"/v1/messages/{message}", headers=auth).json()["deliveries"]
    path = f"/v1/deliveries/{row['id']}"
    for name, state in (("hold", "held"), ("release", "queued"), ("cancel", "cancelled")):
        answer = api.client.post(f"{path}/{name}", headers=auth).json()
        assert (answer["done"], answer["delivery"]["state"]) == (True, state), answer
    refused = api.client.post(f"{path}/retry", headers=auth).json()
    assert (refused["done"], refused["delivery"]["state"]) == (False, "cancelled")
    assert "cancelled" in refused["why"]
    assert api.client.post(f"{path}/retry", headers=api.key()[1]).status_code == 404
    assert api.client.post("/v1/deliveries/dlv_1/retry", headers=auth).status_code == 404


def test_a_system_sees_which_of_its_recipients_are_suppressed(api: Api) -> None:
    _, auth = api.key()
    message = mail_to(api, auth, "ana")
    (row,) = api.client.get(f"/v1/messages/{message}", headers=auth).json()["deliveries"]
    now = api.parts.now()
    for address in (row["recipient"], "stranger@x.example"):
        op = partial(suppress, address=address, reason="left", source="person", now=now, expires_at=None)
        api.parts.ledger.write(op)
    (listed,) = api.client.get("/v1/suppressions", headers=auth).json()["data"]
    assert (listed["address"], listed["reason"], listed["until"]) == (row["recipient"].lower(), "left", None)
    taken_off = f"/v1/suppressions/{row['recipient']}"
    problem(api.client.delete(taken_off, headers=auth), 403, "missing-scope")
    assert api.client.get("/v1/suppressions", headers=auth).json()["data"] == [listed]


WAYS_AROUND: list[tuple[str, dict[str, Any] | None]] = [
    ("release", None),
    ("retry", None),
    ("reroute", {"route": "auto"}),
    ("resend", {"address": "victim@calderon.example"}),
]


def held_key(api: Api) -> dict[str, str]:
    credential, auth = api.key()
    held = update(Credential).where(col(Credential.id) == credential.id).values(held=True)
    api.parts.ledger.write(lambda session: session.execute(held))
    return auth


def delivery_path(api: Api, auth: dict[str, str], message: str) -> str:
    (row,) = api.client.get(f"/v1/messages/{message}", headers=auth).json()["deliveries"]
    return f"/v1/deliveries/{row['id']}"


@pytest.mark.parametrize("before", ["held", "cancelled"])
@pytest.mark.parametrize(("way", "body"), WAYS_AROUND)
def test_a_key_that_is_held_finds_no_way_around_the_person(
    api: Api, before: str, way: str, body: dict[str, Any] | None
) -> None:
    """A held mail that was given up, and is sent to another address then, would have left."""
    auth = held_key(api)
    path = delivery_path(api, auth, mail_to(api, auth, "ana"))
    if before == "cancelled":
        assert api.client.post(f"{path}/cancel", headers=auth).json()["done"]
    problem(api.client.post(f"{path}/{way}", headers=auth, json=body), 403, "missing-scope")


def test_a_key_that_is_held_does_not_fix_what_was_suppressed(api: Api) -> None:
    auth, now = held_key(api), api.parts.now()
    op = partial(suppress, address="ana@calderon.example", reason="left", source="person", now=now, expires_at=None)
    api.parts.ledger.write(op)
    mail_to(api, auth, "ana")
    body = {"fixes": [{"from": "ana@calderon.example", "to": "victim@calderon.example"}]}
    (row,) = api.client.post("/v1/fixes", headers=auth, json=body).json()["data"]
    assert row["ready"] == 1
    problem(api.client.post("/v1/fixes", headers=auth, json=body | {"send": True}), 403, "missing-scope")


@pytest.mark.parametrize(("way", "body"), WAYS_AROUND)
def test_a_key_does_not_send_mail_of_a_sender_whom_nobody_confirmed(
    settings: Settings,
    database: Database,
    ledger: Ledger,
    keys: Keys,
    now: datetime,
    way: str,
    body: dict[str, Any] | None,
) -> None:
    holding = settings.model_copy(update={"unverified_senders": "hold"})
    with opened(holding, database, ledger, keys, now) as api:
        _, auth = api.key(senders=("boss@northwind.de",))
        path = delivery_path(api, auth, api.send(auth, **{"from": "boss@northwind.de"})["id"])
        told = problem(api.client.post(f"{path}/{way}", headers=auth, json=body), 403, "sender-not-allowed")
        assert "not confirmed" in told["detail"]


def test_nobody_who_left_a_stream_is_sent_its_mail_over_the_api(api: Api) -> None:
    credential, auth = api.key()
    api.parts.ledger.write(lambda session: set_stream(session, credential.id, "Order news"))
    path = delivery_path(api, auth, mail_to(api, auth, "ana"))
    other = delivery_path(api, auth, mail_to(api, auth, "anna"))
    api.parts.ledger.write(lambda session: leave(session, path.rpartition("/")[2], "the link in a mail", api.now))
    for name, body in (("retry", None), ("release", None), ("reroute", {"route": "auto"})):
        answer = api.client.post(f"{path}/{name}", headers=auth, json=body)
        assert answer.json().get("done") is False, answer.text
        assert answer.json()["delivery"]["state"] == "suppressed"
    answer = api.client.post(f"{other}/resend", headers=auth, json={"address": "ana@calderon.example"})
    assert "has unsubscribed from Order news" in answer.text
    assert answer.status_code >= 400
