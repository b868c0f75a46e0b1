"""The API tells of completeness, import and ends as the pages do."""

from datetime import timedelta

import pytest
from sqlmodel import Session

from gatepost.model import OAuthClient
from gatepost.store import accounts, completeness
from gatepost.store.channels import create_channel
from tests.web.api_rig import Api
from tests.web.api_rig import api as api

PATH = "/v1/mailboxes/sales@shop.example"


def fill(session: Session, api: Api) -> None:
    now = api.now
    channel = create_channel(session, name="Sales", address="sales@shop.example", now=now)
    account = accounts.create_account(
        session, api.parts.keys, channel_id=channel.id, host="imap.shop.example", port=993, security="tls",
        username="sales@shop.example", secret="pw", now=now, import_choice="asking",
    )  # fmt: skip
    row = {
        "folder": "INBOX", "day": now.date(), "on_server": 5, "stored": 3, "skipped": 1, "waiting": 0, "missing": 1,
        "reasons": {"the folder is not chosen": 1}, "uids": [17],
    }  # fmt: skip
    completeness.keep_comparison(session, account, [row], next_at=now + timedelta(days=1), now=now)
    client = OAuthClient(
        provider="google", client_id="c", secret_sealed=b"", secret_expires_at=now + timedelta(days=5), created_at=now,
        updated_at=now,
    )  # fmt: skip
    session.add(client)


def test_completeness_is_told_by_day_and_can_be_asked_for(api: Api) -> None:
    api.parts.ledger.write(lambda session: fill(session, api))
    _, auth = api.key("desk:manage")
    found = api.client.get(f"{PATH}/completeness", headers=auth).json()
    assert (found["on_server"], found["stored"], found["missing"]) == (5, 3, 1)
    assert found["days"][0]["uids"] == [17]
    asked = api.client.post(f"{PATH}/completeness", headers=auth)
    assert asked.status_code == 200
    assert asked.json()["next_at"] <= found["checked_at"]


def test_an_import_is_chosen_and_paused(api: Api) -> None:
    api.parts.ledger.write(lambda session: fill(session, api))
    _, auth = api.key("desk:manage")
    assert api.client.get(f"{PATH}/import", headers=auth).json()["choice"] == "asking"
    chosen = api.client.post(f"{PATH}/import", headers=auth, json={"choice": "days", "days": 30}).json()
    assert (chosen["choice"], chosen["state"]) == ("days", "running")
    assert api.client.post(f"{PATH}/import", headers=auth, json={"act": "pause"}).json()["state"] == "paused"


@pytest.mark.parametrize("body", [{}, {"choice": "all", "act": "pause"}, {"choice": "days"}, {"choice": "some"}])
def test_what_cannot_be_chosen_names_the_field(api: Api, body: dict[str, str]) -> None:
    api.parts.ledger.write(lambda session: fill(session, api))
    _, auth = api.key("desk:manage")
    answer = api.client.post(f"{PATH}/import", headers=auth, json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"].startswith("#/")


def test_ends_are_listed(api: Api) -> None:
    api.parts.ledger.write(lambda session: fill(session, api))
    _, auth = api.key("desk:manage")
    (end,) = [one for one in api.client.get("/v1/expiries", headers=auth).json()["data"] if one["name"] == "Google"]
    assert (end["what"], end["state"], end["renews_itself"]) == ("Client secret", "urgent", False)


def test_it_wants_its_scope_and_a_connected_mailbox(api: Api) -> None:
    _, auth = api.key("messages:read")
    assert api.client.get("/v1/expiries", headers=auth).status_code == 403
    _, auth = api.key("desk:manage")
    assert api.client.get("/v1/mailboxes/nobody@shop.example/import", headers=auth).status_code == 404
