"""The API changes how a mailbox sends and tries it, as the page does."""

from dataclasses import replace

import pytest
from sqlmodel import Session
from starlette.applications import Starlette
from starlette.testclient import TestClient

from gatepost.connectors.probe import Probe, Step
from gatepost.gateway.account_login import NotTaken
from gatepost.store import accounts
from gatepost.store.channels import create_channel
from gatepost.web.api import routes
from tests.web.api_rig import Api, pointers, problem
from tests.web.api_rig import api as api

PATH = "/v1/mailboxes/sales@shop.example"


@pytest.fixture
def auth(api: Api) -> dict[str, str]:
    """A key for the desk, and a connected mailbox."""

    def fill(session: Session) -> None:
        channel = create_channel(session, name="Sales", address="sales@shop.example", now=api.now)
        accounts.create_account(
            session, api.parts.keys, channel_id=channel.id, host="imap.shop.example", port=993, security="tls",
            username="sales@shop.example", secret="pw", now=api.now,
        )  # fmt: skip

    api.parts.ledger.write(fill)
    return api.key("desk:manage")[1]


def test_how_a_mailbox_sends_is_changed_and_what_is_not_named_stays(api: Api, auth: dict[str, str]) -> None:
    before = api.client.get(f"{PATH}/sending", headers=auth).json()
    assert (before["over_account"], before["route"], before["failed"]) == (False, None, [])
    body = {"smtp_host": "SMTP.shop.example", "over_account": True, "two_way": True, "password": "pw"}
    after = api.client.post(f"{PATH}/sending", headers=auth, json=body).json()
    assert (after["smtp_host"], after["smtp_port"], after["smtp_security"]) == ("smtp.shop.example", 587, "starttls")
    assert (after["over_account"], bool(after["route"]), after["two_way"]) == (True, True, True)
    off = api.client.post(f"{PATH}/sending", headers=auth, json={"over_account": False, "again": True}).json()
    assert (off["over_account"], off["smtp_host"], off["two_way"]) == (False, "smtp.shop.example", True)


@pytest.mark.parametrize(("body", "field"), [
    ({"over_account": True}, "#/over_account"), ({"smtp_host": "no host"}, "#/smtp_host"),
    ({"smtp_port": 0}, "#/smtp_port"), ({"sent_copy": "some"}, "#/sent_copy"), ({"secret": "x"}, "#/secret"),
])  # fmt: skip
def test_what_does_not_fit_names_the_field(api: Api, auth: dict[str, str], body: dict[str, object], field: str) -> None:
    told = problem(api.client.post(f"{PATH}/sending", headers=auth, json=body), 422, "invalid-fields")
    assert pointers(told) == [field]


def test_the_stored_password_goes_to_another_server_only_when_it_is_given_again(api: Api, auth: dict[str, str]) -> None:
    for body in ({"smtp_host": "evil.example"}, {"smtp_host": "evil.example", "password": "guess"}):
        told = problem(api.client.post(f"{PATH}/sending", headers=auth, json=body), 422, "invalid-fields")
        assert pointers(told) == ["#/password"]
        assert "guess" not in str(told)
    assert api.client.get(f"{PATH}/sending", headers=auth).json()["smtp_host"] == ""
    body = {"smtp_host": "smtp.shop.example", "smtp_security": "tls", "password": "pw"}
    assert api.client.post(f"{PATH}/sending", headers=auth, json=body).status_code == 200
    told = problem(api.client.post(f"{PATH}/sending", headers=auth, json={"smtp_security": "starttls"}), 422,
                   "invalid-fields")  # fmt: skip
    assert pointers(told) == ["#/password"]
    assert api.client.post(f"{PATH}/sending", headers=auth, json={"smtp_port": 466}).status_code == 200


def test_another_server_is_tried_before_it_is_saved(api: Api, auth: dict[str, str]) -> None:
    found: list[NotTaken | None] = [NotTaken("smtp_port", "Nobody answers.", passing=True)]
    app = replace(api.parts, try_server=lambda account, server, password: found[0])
    body = {"smtp_host": "smtp.shop.example", "password": "pw"}
    with TestClient(Starlette(routes=routes(app)), base_url="http://127.0.0.1:8025") as client:
        told = problem(client.post(f"{PATH}/sending", headers=auth, json=body), 422, "invalid-fields")
        assert pointers(told) == ["#/smtp_port"]
        assert "`anyway` saves it" in str(told)
        found[0] = NotTaken("smtp_host", "The certificate is not trusted.")
        told = problem(client.post(f"{PATH}/sending", headers=auth, json={**body, "anyway": True}), 422,
                       "invalid-fields")  # fmt: skip
        assert "anyway" not in str(told)
        found[0] = NotTaken("smtp_port", "Nobody answers.", passing=True)
        answer = client.post(f"{PATH}/sending", headers=auth, json={**body, "anyway": True})
        assert (answer.status_code, answer.json()["smtp_host"]) == (200, "smtp.shop.example")


def test_a_mailbox_is_tried_step_by_step(api: Api, auth: dict[str, str]) -> None:
    found = Probe((Step("login", True, "Logged in."), Step("sent", False, "No folder.", "Name one.")), "Sent")
    app = replace(api.parts, try_account=lambda account_id, round_trip: found)
    with TestClient(Starlette(routes=routes(app)), base_url="http://127.0.0.1:8025") as client:
        told = client.post(f"{PATH}/test", headers=auth, json={}).json()
        assert (told["ok"], told["sent_folder"], told["steps"][1]["fix"]) == (False, "Sent", "Name one.")
        refused = problem(client.post(f"{PATH}/test", headers=auth, json={"round_trip": True}), 422, "invalid-fields")
        assert pointers(refused) == ["#/round_trip"]
    _, other = api.key("messages:read")
    assert api.client.get(f"{PATH}/sending", headers=other).status_code == 403
