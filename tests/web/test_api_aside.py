"""Side conversations and the undoing of a forward over the API."""

from typing import Any

from sqlmodel import Session

from gatepost.store.credentials import SYSTEM_SCOPES
from gatepost.store.handed_over import reason
from gatepost.store.messages import get_message
from gatepost.store.users import create_user
from tests.web.api_rig import Api, arrive, desk_address, pointers, problem, question
from tests.web.api_rig import api as api
from tests.web.test_openapi import description, fits

HELP = "help@shop.example"
SIDE = {"to": ["maker@lamps.example"], "subject": "Spare part", "text": "Have you one?"}


def ask(api: Api, auth: dict[str, str], method: str, what: str, body: Any = None, number: int = 1) -> Any:
    """An answer that is as the description says."""
    answer = api.client.request(method, f"/v1/conversations/{number}/{what}", headers=auth, json=body)
    fits(description(api), method, f"/v1/conversations/{{id}}/{what}", answer)
    return answer


def test_a_third_person_is_asked_and_both_lead_to_each_other(api: Api) -> None:
    desk_address(api)
    arrive(api, question(), HELP)
    _, auth = api.key(*SYSTEM_SCOPES)
    asked = ask(api, auth, "POST", "sides", SIDE)
    assert asked.status_code == 202
    assert (asked.json()["number"], asked.json()["requester"]) == (2, "maker@lamps.example")
    listed = ask(api, auth, "GET", "sides").json()
    assert ([one["number"] for one in listed["data"]], listed["about"]) == ([2], None)
    assert ask(api, auth, "GET", "sides", number=2).json() == {"data": [], "about": 1}
    (mail,) = api.client.get("/v1/conversations/2/messages", headers=auth).json()["data"]
    assert [row["recipient"] for row in mail["deliveries"]] == ["maker@lamps.example"]


def test_what_cannot_be_asked_says_why(api: Api) -> None:
    desk_address(api)
    arrive(api, question(), HELP)
    _, auth = api.key()
    customer = ask(api, auth, "POST", "sides", SIDE | {"to": ["ana@calderon.example"]})
    assert "takes part in this conversation" in problem(customer, 422, "refused")["detail"]
    wrong = ask(api, auth, "POST", "sides", SIDE | {"subject": "two\nlines", "to": ["nobody"]})
    assert pointers(problem(wrong, 422, "invalid-fields")) == ["#/to/0", "#/subject"]
    _, other = api.key(senders=["other.example"])
    problem(ask(api, other, "POST", "sides", SIDE), 404, "not-found")
    problem(ask(api, other, "GET", "sides"), 404, "not-found")
    _, reader = api.key("conversations:read")
    problem(ask(api, reader, "POST", "sides", SIDE), 403, "missing-scope")


def test_a_forward_for_a_customer_is_undone_once(api: Api) -> None:
    desk_address(api)
    mail = arrive(api, question(), HELP).message_id or ""
    _, auth = api.key()
    plain = ask(api, auth, "POST", "take-back", {"message": mail})
    assert "No agent forwarded" in problem(plain, 422, "refused")["detail"]

    def forward(session: Session) -> None:
        user = create_user(session, email="ben@shop.example", name="Ben", role="agent", now=api.now)
        session.flush()
        message = get_message(session, mail)
        assert message
        message.user_id, message.why = user.id, [reason("carol@customer.example", "Carol", "Ben forwarded it")]
        session.add(message)

    api.parts.ledger.write(forward)
    assert ask(api, auth, "POST", "take-back", {"message": mail}).json()["requester"] == "ana@calderon.example"
    problem(ask(api, auth, "POST", "take-back", {"message": mail}), 422, "refused")
    problem(ask(api, auth, "POST", "take-back", {"message": "msg_x"}), 422, "refused")
