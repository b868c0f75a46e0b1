"""The API tells how mailboxes are connected, as the pages do."""

from datetime import timedelta

from sqlmodel import Session

from gatepost.store import approvals, attempts
from gatepost.store.accounts import create_account
from gatepost.store.channels import create_channel
from tests.web.api_rig import Api
from tests.web.api_rig import api as api

PATH = "/v1/mailboxes/sales@shop.example/connection"


def fill(session: Session, api: Api) -> None:
    """A mailbox whose last login was refused, and whose approval is waited for."""
    now, keys = api.now, api.parts.keys
    channel = create_channel(session, name="Sales", address="sales@shop.example", now=now)
    create_account(
        session,
        keys,
        channel_id=channel.id,
        host="imap.shop.example",
        port=993,
        security="tls",
        username="sales@shop.example",
        secret="pw",
        now=now,
    )
    attempts.begin_attempt(
        session,
        keys,
        state="c-1",
        browser="b",
        provider="microsoft",
        channel_id=channel.id,
        address="sales@shop.example",
        flow="{}",
        now=now,
    )
    attempt = attempts.take_attempt(session, "c-1", "b", now + timedelta(minutes=1))
    assert attempt is not None
    attempts.note_result(session, attempt, "microsoft_admin_approval", "", now)
    approvals.ask_approval(
        session,
        channel_id=channel.id,
        provider="microsoft",
        address="sales@shop.example",
        tenant="shop.example",
        user_id=None,
        now=now,
    )


def test_a_mailbox_tells_login_approval_and_refusal(api: Api) -> None:
    api.parts.ledger.write(lambda session: fill(session, api))
    _, auth = api.key("desk:manage")
    found = api.client.get(PATH, headers=auth).json()
    assert (found["login"]["auth"], found["login"]["state"]) == ("password", "connecting")
    assert found["approval"]["organisation"] == "shop.example"
    assert found["approval"]["approved_at"] is None
    assert (found["refusal"]["key"], found["refusal"]["who"]) == ("microsoft_admin_approval", "it")
    assert "approval link" in found["refusal"]["steps"][0]
    listed = api.client.get("/v1/mailboxes", headers=auth).json()["data"]
    assert found in listed
    assert "adminconsent" not in str(listed)


def test_it_wants_its_scope_and_a_mailbox(api: Api) -> None:
    _, auth = api.key("messages:read")
    assert api.client.get("/v1/mailboxes", headers=auth).status_code == 403
    _, auth = api.key("desk:manage")
    assert api.client.get("/v1/mailboxes/nobody@shop.example/connection", headers=auth).status_code == 404
