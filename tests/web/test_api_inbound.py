"""The API of mail that was set aside: listed, shown and decided about, agents' mail as well; for operators only."""

import pytest
from sqlmodel import Session

from gatepost.blobs import Content
from gatepost.model import AgentCopy, AgentMail, Arrival, Message
from gatepost.store.agents import ask_agent, confirm_address, put_agent_mail, put_copy
from gatepost.store.arrivals import get_arrival, settle
from gatepost.store.credentials import DESK_SCOPE, SYSTEM_SCOPES
from gatepost.store.messages import get_message, put_message
from gatepost.store.users import create_user, set_memberships
from gatepost.threading.intake import Arriving, Desk, receive, store_arrival
from gatepost.threading.reading import read
from gatepost.words import Outcome, Strength
from tests.web.api_rig import Api, desk_address, problem, question
from tests.web.api_rig import api as api
from tests.web.test_openapi import description, fits

ANA = "ana@calderon.example"


def come(api: Api, subject: str, outcome: Outcome = Outcome.REVIEW) -> str:
    """A mail whose authentication failed, or that could not be read; its arrival's id."""
    raw = question(subject)
    desk = Desk(api.parts.settings, api.parts.keys, api.parts.blobs)

    def op(session: Session) -> str:
        arriving = Arriving(raw, "mx", "help@shop.example", ANA, strength=Strength.FAILING)
        arrival = store_arrival(session, arriving, Content(raw, None, len(raw)), api.now)
        if outcome == Outcome.REVIEW:
            receive(session, desk, arrival, read(raw, ANA), api.now)
        else:
            settle(session, arrival.id, outcome, "It took more than 2 s", None)
        return arrival.id

    return api.parts.ledger.write(op)


def found(api: Api, arrival_id: str) -> Arrival:
    with api.parts.database.session() as session:
        row = get_arrival(session, arrival_id)
        assert row
        return row


def test_what_waits_is_listed_page_by_page_and_shown(api: Api) -> None:
    desk_address(api)
    _, auth = api.key(DESK_SCOPE)
    ids = [come(api, f"Question {number}") for number in range(3)]
    first = api.client.get("/v1/inbound?limit=2", headers=auth)
    fits(description(api), "GET", "/v1/inbound", first)
    assert [row["id"] for row in first.json()["data"]] == [ids[2], ids[1]]
    assert first.json()["waiting"] == {"quarantined": 0, "review": 3, "unlinked": 0}
    rest = api.client.get(f"/v1/inbound?limit=2&after={first.json()['next']}", headers=auth).json()
    assert ([row["id"] for row in rest["data"]], rest["next"]) == ([ids[0]], None)
    one = api.client.get(f"/v1/inbound/{ids[0]}", headers=auth)
    fits(description(api), "GET", "/v1/inbound/{id}", one)
    assert one.json()["from"]["address"] == ANA
    assert {"name": "Subject", "value": "Question 0"} in one.json()["headers"]
    problem(api.client.get("/v1/inbound/arr_0", headers=auth), 404, "not-found")


def test_mail_is_let_in_or_kept_out_once(api: Api) -> None:
    desk_address(api)
    _, auth = api.key(DESK_SCOPE)
    one, other = come(api, "One"), come(api, "Other")
    done = api.client.post(f"/v1/inbound/{one}/release", json={}, headers=auth)
    fits(description(api), "POST", "/v1/inbound/{id}/release", done)
    assert (done.json()["outcome"], done.json()["why"]) == ("placed", "Released from review by Shop")
    out = api.client.post(f"/v1/inbound/{other}/keep-out", headers=auth)
    fits(description(api), "POST", "/v1/inbound/{id}/keep-out", out)
    assert out.json()["decided"] == "kept_out"
    for path in (f"{one}/release", f"{other}/release"):
        problem(api.client.post(f"/v1/inbound/{path}", json={}, headers=auth), 422, "refused")


def test_unreadable_mail_is_read_again_or_discarded_with_a_reason(api: Api) -> None:
    desk_address(api)
    _, auth = api.key(DESK_SCOPE)
    one, other = (come(api, subject, Outcome.QUARANTINED) for subject in ("One", "Other"))
    assert api.client.post(f"/v1/inbound/{one}/again", headers=auth).json()["outcome"] == "review"
    problem(api.client.post(f"/v1/inbound/{other}/discard", json={"reason": " "}, headers=auth), 422, "refused")
    done = api.client.post(f"/v1/inbound/{other}/discard", json={"reason": "torn"}, headers=auth)
    assert done.json()["decided"] == "discarded"
    belongs = api.client.post(f"/v1/inbound/{other}/belongs", json={"delivery": "dlv_0"}, headers=auth)
    problem(belongs, 422, "refused")


@pytest.fixture
def of_agent(api: Api) -> str:
    """A mail to an agent's reply address that waits in review; its arrival's id."""
    channel = desk_address(api)
    talk = come(api, "Talk")
    now = api.now

    def op(session: Session) -> str:
        user = create_user(session, email="marta@shop.example", name="Marta", role="agent", now=now)
        set_memberships(session, user.id, [channel.id])
        ask_agent(session, user.id, "marta@home.example", "t", now)
        confirm_address(session, "t", now)
        about = get_arrival(session, talk)
        copied = get_message(session, (about.message_id if about else None) or "")
        assert copied
        copy = AgentCopy(
            message_id=copied.id,
            conversation_id=copied.conversation_id or "",
            user_id=user.id,
            answers_id=copied.id,
            expires_at=now,
        )
        put_copy(session, copy)
        raw = b"From: marta@home.example\r\n\r\nIt is sent\r\n"
        arriving = Arriving(raw, "mx", "p+x@reply.gatepost.test", "marta@home.example")
        arrival = store_arrival(session, arriving, Content(raw, None, len(raw)), now)
        mail = Message(
            id="msg_" + "0" * 32,
            direction="in",
            digest="d",
            message_id="",
            raw_id=arrival.raw_id,
            at=now,
            size=len(raw),
            outcome=Outcome.REVIEW,
            channel_id=channel.id,
        )
        put_message(session, mail, None)
        put_agent_mail(session, AgentMail(message_id=mail.id, copy_id=copy.message_id, role="public"))
        settle(session, arrival.id, Outcome.REVIEW, "A mail as Marta waits for a look", mail.id)
        return arrival.id

    return api.parts.ledger.write(op)


def test_an_agents_mail_is_let_in_without_a_conversation_named(api: Api, of_agent: str) -> None:
    _, auth = api.key(DESK_SCOPE)
    into = api.client.post(f"/v1/inbound/{of_agent}/release", json={"into": True}, headers=auth)
    assert "his reply address" in problem(into, 422, "refused")["detail"]
    assert api.client.post(f"/v1/inbound/{of_agent}/release", json={}, headers=auth).json()["outcome"] == "placed"
    assert found(api, of_agent).outcome_why == "Released by Shop"
    again = api.client.post(f"/v1/inbound/{of_agent}/release", json={}, headers=auth)
    problem(again, 422, "refused")


def test_an_agents_mail_is_kept_out_for_good(api: Api, of_agent: str) -> None:
    _, auth = api.key(DESK_SCOPE)
    assert api.client.post(f"/v1/inbound/{of_agent}/keep-out", headers=auth).json()["decided"] == "kept_out"
    for act in ("release", "keep-out"):
        problem(api.client.post(f"/v1/inbound/{of_agent}/{act}", json={}, headers=auth), 422, "refused")


def test_a_key_of_a_system_may_not(api: Api) -> None:
    _, auth = api.key(*SYSTEM_SCOPES)
    problem(api.client.get("/v1/inbound", headers=auth), 403, "missing-scope")
