"""The API of working by mail: who follows, and agents' addresses; for operators only."""

from typing import Any

import pytest
from sqlmodel import Session

from gatepost.store.agents import addresses_of
from gatepost.store.credentials import DESK_SCOPE, SYSTEM_SCOPES
from gatepost.store.users import create_user, set_memberships
from tests.web.api_rig import Api, arrive, desk_address, problem, question
from tests.web.api_rig import api as api
from tests.web.test_openapi import description, fits

HELP = "help@shop.example"


@pytest.fixture
def auth(api: Api) -> dict[str, str]:
    """A key of an operator, at a desk with a conversation, an agent who works there, and one who does not."""
    channel = desk_address(api)
    arrive(api, question(), HELP)

    def op(session: Session) -> None:
        for name, homes in (("marta", [channel.id]), ("olga", [])):
            user = create_user(session, email=f"{name}@shop.example", name=name.title(), role="agent", now=api.now)
            set_memberships(session, user.id, homes)

    api.parts.ledger.write(op)
    return api.key(DESK_SCOPE)[1]


def ask(api: Api, auth: dict[str, str], method: str, path: str, described: str, body: Any = None) -> Any:
    """An answer that is as the description says."""
    answer = api.client.request(method, f"/v1{path}", headers=auth, json=body)
    fits(description(api), method, f"/v1{described}", answer)
    return answer


def test_a_user_follows_and_follows_no_more(api: Api, auth: dict[str, str]) -> None:
    one, path = "/conversations/{id}/followers/{address}", "/conversations/1/followers"
    done = ask(api, auth, "PUT", f"{path}/Marta@shop.example", one)
    assert done.json()["data"] == [{"email": "marta@shop.example", "name": "Marta"}]
    assert ask(api, auth, "GET", path, "/conversations/{id}/followers").json() == done.json()
    refused = ask(api, auth, "PUT", f"{path}/olga@shop.example", one)
    assert "does not work in the mailbox" in problem(refused, 422, "refused")["detail"]
    assert ask(api, auth, "DELETE", f"{path}/marta@shop.example", one).json()["data"] == []
    problem(ask(api, auth, "PUT", f"{path}/nobody@shop.example", one), 404, "not-found")
    problem(api.client.get("/v1/conversations/99/followers", headers=auth), 404, "not-found")


def test_an_agents_address_is_asked_for_and_removed(api: Api, auth: dict[str, str]) -> None:
    own, path = "/agents/{id}/addresses", "/agents/marta@shop.example/addresses"
    asked = ask(api, auth, "POST", path, own, {"address": "Marta@home.example"})
    assert asked.status_code == 202
    assert asked.json()["addresses"] == [{"address": "marta@home.example", "confirmed_at": None}]
    again = ask(api, auth, "POST", path, own, {"address": "marta@home.example"})
    assert "less than a minute" in problem(again, 422, "invalid-fields")["detail"]
    ours = ask(api, auth, "POST", path, own, {"address": HELP})
    assert "a mailbox of yours" in problem(ours, 422, "invalid-fields")["detail"]
    changed = ask(api, auth, "PUT", "/agents/marta@shop.example", "/agents/{id}", {"follows_assigned": False})
    assert not changed.json()["follows_assigned"]
    listed = ask(api, auth, "GET", "/agents", "/agents").json()["data"]
    assert [row["email"] for row in listed] == ["marta@shop.example", "olga@shop.example"]
    gone = ask(api, auth, "DELETE", f"{path}/Marta@home.example", own + "/{address}")
    assert gone.json()["addresses"] == []
    problem(ask(api, auth, "DELETE", f"{path}/marta@home.example", own + "/{address}"), 404, "not-found")
    with api.parts.database.session() as session:
        assert not addresses_of(session, "usr_0")


@pytest.mark.parametrize("path", ["/v1/agents", "/v1/automatic-mail/stopped", "/v1/conversations/1/followers"])
def test_a_key_of_a_system_may_not(api: Api, path: str) -> None:
    _, poor = api.key(*SYSTEM_SCOPES)
    problem(api.client.get(path, headers=poor), 403, "missing-scope")
