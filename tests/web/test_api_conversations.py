"""Conversations by the API: which ones a key sees, what it reads there, and answering as the desk."""

from datetime import timedelta
from typing import Any

from gatepost.mail import parse
from gatepost.model import Conversation
from gatepost.store.channels import get_channel
from gatepost.store.conversations import add_note, get_conversation
from gatepost.store.messages import get_message, raw_of
from gatepost.store.users import create_user
from tests.web.api_rig import Api, arrive, desk_address, pointers, problem, question
from tests.web.api_rig import api as api


def get(api: Api, path: str, auth: dict[str, str]) -> Any:
    answer = api.client.get(path, headers=auth)
    assert answer.status_code == 200, answer.text
    return answer.json()


def asked(api: Api, subject: str = "Where is it?", to: str = "help@shop.example") -> str:
    """A question of Ana's as a new conversation; its id."""
    received = arrive(api, question(subject, to=to), to)
    assert received.conversation_id
    return received.conversation_id


def test_an_answer_to_the_keys_own_mail_is_seen_by_that_key_alone(api: Api) -> None:
    desk_address(api, "desk@other.example")
    _, auth = api.key(senders=["shop.example"])
    sent = api.send(auth)
    arrive(api, question(references=sent["message_id"], to="desk@other.example"), "desk@other.example")
    (shown,) = get(api, "/v1/conversations", auth)["data"]
    assert shown["requester"] == "ana@calderon.example"
    assert shown["channel"] == "desk@other.example"
    mails = get(api, f"/v1/conversations/{shown['id']}/messages", auth)["data"]
    assert [(mail["direction"], mail["id"] == sent["id"]) for mail in mails] == [("out", True), ("in", False)]
    assert mails[0]["deliveries"][0]["recipient"] == "ana@calderon.example"
    assert mails[1]["text"] == "I am waiting."
    assert mails[1]["from"] == {"address": "ana@calderon.example", "name": "Ana"}
    assert mails[1]["why"]
    _, other = api.key(senders=["shop.example"])
    assert get(api, "/v1/conversations", other)["data"] == []
    answer = api.client.post(f"/v1/conversations/{shown['id']}/replies", json={"text": "Hi"}, headers=auth)
    assert "desk@other.example" in problem(answer, 403, "sender-not-allowed")["detail"]


def test_mailboxes_that_a_key_may_send_as_are_seen(api: Api) -> None:
    desk_address(api)
    desk_address(api, "bills@shop.example")
    asked(api, "One")
    asked(api, "Two", "bills@shop.example")
    _, domain = api.key(senders=["shop.example"])
    _, address = api.key(senders=["bills@shop.example"])
    _, parent = api.key(senders=["example"])
    subjects = [
        [row["subject"] for row in get(api, "/v1/conversations", auth)["data"]] for auth in (domain, address, parent)
    ]
    assert subjects == [["Two", "One"], ["Two"], []]


def test_by_id_and_by_number(api: Api) -> None:
    desk_address(api)
    identifier = asked(api)
    _, auth = api.key()
    one = get(api, f"/v1/conversations/{identifier}", auth)
    assert one == get(api, f"/v1/conversations/{one['number']}", auth)
    assert one["participants"][0]["address"] == "ana@calderon.example"
    assert one["created_at"] == "2026-11-22T10:30:00Z"


def test_pages_and_filters(api: Api) -> None:
    desk_address(api)
    _, auth = api.key()
    for number in range(5):
        asked(api, f"Q{number}")
    found: list[str] = []
    after = ""
    for _ in range(3):
        page = get(api, f"/v1/conversations?limit=2{after}", auth)
        found += [row["subject"] for row in page["data"]]
        after = f"&after={page['next']}"
    assert found == ["Q4", "Q3", "Q2", "Q1", "Q0"]
    assert page["next"] is None
    assert len(get(api, "/v1/conversations?limit=5", auth)["data"]) == 5
    assert get(api, "/v1/conversations?limit=5", auth)["next"] is None
    assert get(api, "/v1/conversations?state=closed", auth)["data"] == []
    assert get(api, "/v1/conversations?failed=true", auth)["data"] == []
    assert len(get(api, "/v1/conversations?failed=false&state=open", auth)["data"]) == 5


def row_of(api: Api, identifier: str) -> Conversation:
    with api.parts.database.session() as session:
        found = get_conversation(session, identifier)
        assert found is not None
        return found


def test_an_answer_goes_out_as_the_desk_and_threads(api: Api) -> None:
    channel = desk_address(api)
    identifier = asked(api)
    credential, auth = api.key()
    api.now += timedelta(minutes=1)
    path = f"/v1/conversations/{identifier}/replies"
    answer = api.client.post(path, json={"text": "It is on its way."}, headers=auth)
    assert answer.status_code == 202, answer.text
    sent = answer.json()
    assert [row["recipient"] for row in sent["deliveries"]] == ["ana@calderon.example", "ben@calderon.example"]
    with api.parts.database.session() as session:
        message = get_message(session, sent["id"])
        assert message is not None
        mail = parse(raw_of(session, message.raw_id, api.parts.blobs))
        assert get_channel(session, channel.id) is not None
    assert (message.conversation_id, message.credential_id, message.trigger) == (identifier, credential.id, "api")
    assert str(mail.from_[0].address) == "help@shop.example"
    assert mail.subject == "Re: Where is it?"
    assert mail.in_reply_to == (b"Where is it?".hex() + "@calderon.example",)
    assert answer.headers["location"] == f"/v1/messages/{sent['id']}"
    assert get(api, answer.headers["location"], auth)["conversation_id"] == identifier
    assert [row["direction"] for row in get(api, f"/v1/conversations/{identifier}/messages", auth)["data"]] == [
        "in",
        "out",
    ]


def test_an_answer_to_chosen_people_and_only_once(api: Api) -> None:
    desk_address(api)
    identifier = asked(api)
    _, auth = api.key()
    path, headers = f"/v1/conversations/{identifier}/replies", auth | {"Idempotency-Key": "k"}
    body = {"text": "Hi", "to": ["ana@calderon.example"], "cc": ["boss@x.example"]}
    first = api.client.post(path, json=body, headers=headers)
    again = api.client.post(path, json=body, headers=headers)
    assert [row["recipient"] for row in first.json()["deliveries"]] == ["ana@calderon.example", "boss@x.example"]
    assert again.json() == first.json()
    assert ("idempotent-replayed" in first.headers, again.headers["idempotent-replayed"]) == (False, "true")
    other = api.client.post(path, json=body | {"text": "Ho"}, headers=headers)
    problem(other, 422, "idempotency-key-reused")
    assert row_of(api, identifier).messages == 2


def test_an_answer_that_does_not_fit(api: Api) -> None:
    desk_address(api)
    identifier = asked(api)
    _, auth = api.key()
    path = f"/v1/conversations/{identifier}/replies"
    for body, wanted in (
        ({}, ["#/text"]),
        ({"text": ""}, ["#/text"]),
        ({"text": "x", "to": ["a"]}, ["#/to/0"]),
        ({"text": "x", "to": []}, ["#/to"]),
        ({"text": "x", "cc": ["a@x.example"]}, ["#"]),
        ({"text": "x", "html": "x"}, ["#/html"]),
    ):
        answer = api.client.post(path, json=body, headers=auth)
        assert pointers(problem(answer, 422, "invalid-fields")) == wanted
    problem(api.client.post(path, json={"text": "  "}, headers=auth), 422, "refused")
    assert row_of(api, identifier).messages == 1


def test_notes_are_the_agents_own(api: Api) -> None:
    desk_address(api)
    identifier = asked(api)
    conversation = row_of(api, identifier)

    def note(session: Any) -> None:
        user = create_user(session, email="ben@example.org", name="Ben", role="agent", now=api.now)
        add_note(session, conversation, user, "Between us", api.now)

    api.parts.ledger.write(note)
    _, auth = api.key()
    answer = api.client.get(f"/v1/conversations/{identifier}/messages", headers=auth)
    assert len(answer.json()["data"]) == 1
    assert "Between us" not in answer.text


def test_a_long_conversation_is_paged_from_the_oldest(api: Api) -> None:
    desk_address(api)
    identifier = asked(api, "A")
    _, auth = api.key()
    for number in range(3):
        api.now += timedelta(minutes=1)
        api.client.post(f"/v1/conversations/{identifier}/replies", json={"text": f"No. {number}"}, headers=auth)
    path = f"/v1/conversations/{identifier}/messages"
    whole = get(api, path, auth)
    first = get(api, f"{path}?limit=3", auth)
    second = get(api, f"{path}?limit=3&after={first['next']}", auth)
    assert first["data"] + second["data"] == whole["data"]
    assert (len(second["data"]), second["next"], whole["next"]) == (1, None, None)
