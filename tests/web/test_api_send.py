"""Sending by the API: what goes out is what was asked for, and what does not fit is pointed at."""

from base64 import b64encode
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from gatepost.gateway.send_data import canonical
from gatepost.mail import Mail, parse, part_content
from gatepost.model import Message
from gatepost.store.deliveries import deliveries_of
from gatepost.store.messages import get_message, raw_of
from gatepost.tokens import read_message_id
from gatepost.web.api_requests import SEND, spelled_out
from tests.web.api_rig import RAW, SIMPLE, Api, pointers, problem
from tests.web.api_rig import api as api

PDF = b"%PDF-1.7 \x00\xff"


def stored(api: Api, message_id: str) -> tuple[Message, Mail, list[str]]:
    with api.parts.database.session() as session:
        message = get_message(session, message_id)
        assert message is not None
        recipients = [row.recipient for row in deliveries_of(session, message_id)]
        return message, parse(raw_of(session, message.raw_id, api.parts.blobs)), recipients


def refused(api: Api, code: str = "invalid-fields", status: int = 422, **fields: Any) -> dict[str, Any]:
    """The problem that a simple mail with these fields besides or instead is."""
    _, auth = api.key()
    body = {name: value for name, value in (SIMPLE | fields).items() if value is not ...}
    return problem(api.client.post("/v1/messages", json=body, headers=auth), status, code)


def test_a_simple_mail(api: Api) -> None:
    credential, auth = api.key()
    sent = api.send(auth)
    message, mail, recipients = stored(api, sent["id"])
    assert recipients == ["ana@calderon.example"]
    assert (message.trigger, message.credential_id) == ("api", credential.id)
    assert message.snippet == "Thank you."
    assert [(box.name, str(box.address)) for box in mail.from_] == [("Shop", "orders@shop.example")]
    assert (mail.subject, mail.text.strip(), mail.html) == ("Order 1", "Thank you.", None)
    assert mail.message_id == sent["message_id"]
    assert read_message_id(api.parts.keys, sent["message_id"]) == sent["id"]
    (delivery,) = sent["deliveries"]
    assert (delivery["recipient"], delivery["state"]) == ("ana@calderon.example", "queued")


def test_everything_that_a_mail_can_have(api: Api) -> None:
    _, auth = api.key()
    sent = api.send(
        auth,
        to=["Ana Calderón <ana@calderon.example>", {"address": "ben@calderon.example"}],
        cc=["cleo@x.example"],
        bcc=["spy@x.example", "ana@calderon.example"],
        subject="Größe",
        text="schön",
        html="<p>schön</p>",
        reply_to=["Desk <desk@shop.example>", "two@shop.example"],
        in_reply_to="<first@x.example>",
        references=["zero@x.example", "<first@x.example>"],
        headers={"X-Order": "17 ü", "List-Unsubscribe": "<https://shop.example/u/1>"},
        attachments=[{"name": "Rëchnung.pdf", "content_type": "application/pdf", "content": b64encode(PDF).decode()}],
    )
    message, mail, recipients = stored(api, sent["id"])
    assert recipients == ["ana@calderon.example", "ben@calderon.example", "cleo@x.example", "spy@x.example"]
    assert [(box.name, str(box.address)) for box in mail.to] == [
        ("Ana Calderón", "ana@calderon.example"),
        ("", "ben@calderon.example"),
    ]
    assert mail.header("bcc") is None
    assert (mail.subject, mail.text.strip()) == ("Größe", "schön")
    assert "schön" in (mail.html or "")
    assert [str(box.address) for box in mail.reply_to] == ["desk@shop.example", "two@shop.example"]
    assert mail.in_reply_to == ("first@x.example",)
    assert mail.references == ("zero@x.example", "first@x.example")
    assert mail.header("List-Unsubscribe") == "<https://shop.example/u/1>"
    (file,) = mail.attachments
    assert (file.name, file.content_type) == ("Rëchnung.pdf", "application/pdf")
    with api.parts.database.session() as session:
        found = part_content(parse(raw_of(session, message.raw_id, api.parts.blobs)), file.index)
    assert found is not None
    assert found[1] == PDF


def test_html_alone_gets_its_text(api: Api) -> None:
    _, auth = api.key()
    answer = api.client.post(
        "/v1/messages",
        json={"from": "a@shop.example", "to": ["b@x.example"], "html": "<p>Hello <b>you</b></p>"},
        headers=auth,
    )
    _, mail, _ = stored(api, answer.json()["id"])
    assert mail.text.strip() == "Hello you"


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({"from": ...}, ["#/from"]),
        ({"from": "x"}, ["#/from/address"]),
        ({"from": "a@shop.example, b@shop.example"}, ["#/from/address"]),
        ({"from": {"address": "a@shop.example", "mail": 1}}, ["#/from/mail"]),
        ({"to": "ana@calderon.example"}, ["#/to"]),
        ({"to": ["ana@calderon.example", "ana@"]}, ["#/to/1/address"]),
        ({"to": []}, ["#/to"]),
        ({"cc": [{"name": "x"}]}, ["#/cc/0/address"]),
        ({"to": ["a@x.example\r\nBcc: b@x.example"]}, ["#/to/0/address"]),
        ({"to": [{"address": "a@x.example", "name": "A\r\nBcc: b@x.example"}]}, ["#/to/0/name"]),
        ({"subject": "x\r\nBcc: b@x.example"}, ["#/subject"]),
        ({"subject": "x" * 501}, ["#/subject"]),
        ({"subject": 7}, ["#/subject"]),
        ({"text": ...}, ["#/text"]),
        ({"in_reply_to": "<a b>\r\n"}, ["#/in_reply_to"]),
        ({"references": ["ok@x", "<a>\r\nX: y"]}, ["#/references/1"]),
        ({"headers": {"Bcc": "b@x.example"}}, ["#/headers/Bcc"]),
        ({"headers": {"X-A/b~c": "x"}}, ["#/headers/X-A~1b~0c"]),
        ({"headers": {"DKIM-Signature": "x", "received": "y", "X-Gatepost-A": "z"}}, 3),
        ({"headers": {"X-A": "x\r\nBcc: b@x.example"}}, ["#/headers/X-A"]),
        ({"headers": {"X-A": "x\ny"}}, ["#/headers/X-A"]),
        ({"headers": {"X-A:\r\nBcc": "b@x.example"}}, 1),
        ({"attachments": [{"name": "a", "content": "%%%"}]}, ["#/attachments/0/content"]),
        ({"attachments": [{"name": "a\r\nX: y", "content": "YQ=="}]}, ["#/attachments/0/name"]),
        ({"attachments": [{"name": "a", "content_type": "a/b\r\nX: y", "content": "YQ=="}]}, 1),
        ({"attachments": [{"content": "YQ=="}]}, ["#/attachments/0/name"]),
        ({"colour": "red", "cC": []}, ["#/colour", "#/cC"]),
    ],
)
def test_what_does_not_fit_is_pointed_at(api: Api, fields: dict[str, Any], wanted: list[str] | int) -> None:
    found = pointers(refused(api, **fields))
    assert (len(found) if isinstance(wanted, int) else found) == wanted


def test_nothing_is_half_done_when_a_mail_does_not_fit(api: Api) -> None:
    refused(api, to=["x"])
    with api.parts.database.session() as session:
        assert get_message(session, "") is None
    _, auth = api.key()
    assert api.client.get("/v1/messages", headers=auth).json()["data"] == []


def test_too_many_recipients(api: Api) -> None:
    many = [f"u{n}@x.example" for n in range(api.parts.settings.recipients_submission + 1)]
    assert pointers(refused(api, to=many)) == ["#/to"]


def test_a_mail_that_would_be_too_large(api: Api) -> None:
    content = b64encode(b"x" * (api.parts.settings.message_size * 3 // 4)).decode()
    refused(api, "too-large", 413, attachments=[{"name": "a", "content": content}])


@pytest.mark.parametrize("sender", ["eve@evil.example", "a@sub.shop.example", {"address": "x@shop.example.evil"}])
def test_a_key_sends_only_as_its_senders(api: Api, sender: Any) -> None:
    body = refused(api, "sender-not-allowed", 403, **{"from": sender})
    assert pointers(body) == ["#/from"]
    assert "shop.example" in body["detail"]


def post_raw(api: Api, raw: bytes, query: str = "from=orders@shop.example&to=ana@calderon.example") -> Any:
    _, auth = api.key()
    headers = auth | {"Content-Type": "message/rfc822; charset=us-ascii"}
    return api.client.post(f"/v1/messages?{query}", content=raw, headers=headers)


def test_a_whole_mail_with_its_envelope_in_the_query(api: Api) -> None:
    answer = post_raw(api, RAW, "from=orders@shop.example&to=ana@calderon.example&to=hidden%40x.example")
    assert answer.status_code == 202, answer.text
    message, mail, recipients = stored(api, answer.json()["id"])
    assert recipients == ["ana@calderon.example", "hidden@x.example"]
    assert message.envelope_from == "orders@shop.example"
    assert (mail.subject, mail.text.strip()) == ("Raw", "Hello")


def test_a_whole_mail_in_base64(api: Api) -> None:
    _, auth = api.key()
    body = {"raw": b64encode(RAW).decode(), "to": ["ana@calderon.example"]}
    answer = api.client.post("/v1/messages", json=body, headers=auth)
    assert answer.status_code == 202, answer.text
    message, mail, _ = stored(api, answer.json()["id"])
    assert (message.envelope_from, mail.subject) == ("", "Raw")
    for fields, wanted in (({"subject": "x"}, ["#/subject"]), ({"raw": "*"}, ["#/raw"]), ({"to": ["x"]}, ["#/to/0"])):
        answer = api.client.post("/v1/messages", json=body | fields, headers=auth)
        assert pointers(problem(answer, 422, "invalid-fields")) == wanted


@pytest.mark.parametrize(
    ("raw", "query", "status", "code"),
    [
        (RAW, "from=orders@shop.example", 422, "invalid-fields"),
        (RAW, "to=x", 422, "invalid-fields"),
        (RAW, "to=a@x.example&cc=b@x.example", 422, "invalid-fields"),
        (RAW, "from=eve@evil.example&to=a@x.example", 403, "sender-not-allowed"),
        (RAW.replace(b"orders@shop.example", b"eve@evil.example"), "to=a@x.example", 403, "sender-not-allowed"),
        (b"no mail at all", "to=a@x.example", 422, "refused"),
        (b"From: a@shop.example\r\n" + b"Received: x\r\n" * 60 + b"\r\n", "to=a@x.example", 422, "refused"),
    ],
)
def test_a_whole_mail_that_may_not_go_out(api: Api, raw: bytes, query: str, status: int, code: str) -> None:
    problem(post_raw(api, raw, query), status, code)


def test_the_same_key_and_request_make_one_mail(api: Api) -> None:
    _, auth = api.key()
    headers = auth | {"Idempotency-Key": "order-17"}
    first = api.client.post("/v1/messages", json=SIMPLE, headers=headers)
    api.now += timedelta(hours=1)
    again = api.client.post("/v1/messages", json=SIMPLE, headers=headers)
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert again.headers["location"] == first.headers["location"] == f"/v1/messages/{first.json()['id']}"
    answer = api.client.post("/v1/messages", json=SIMPLE | {"text": "Another"}, headers=headers)
    problem(answer, 422, "idempotency-key-reused")
    assert len(api.client.get("/v1/messages", headers=auth).json()["data"]) == 1
    _, other = api.key()
    mine = api.client.post("/v1/messages", json=SIMPLE, headers=other | {"Idempotency-Key": "order-17"})
    assert mine.json()["id"] != first.json()["id"], "keys belong to the credential"


@pytest.mark.parametrize("key", ["", "x" * 256, "two words", "tab\tbed", "\xfc"])
def test_a_wrong_idempotency_key(api: Api, key: str) -> None:
    _, auth = api.key()
    headers = {b"Authorization": auth["Authorization"].encode(), b"Idempotency-Key": key.encode("latin-1")}
    body = problem(api.client.post("/v1/messages", json=SIMPLE, headers=headers), 400, "malformed")
    assert body["errors"][0]["header"] == "Idempotency-Key"


def test_the_longest_idempotency_key(api: Api) -> None:
    _, auth = api.key()
    api.send(auth, extra={"Idempotency-Key": "~" * 255})


@given(st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_any_text_as_an_address_is_spelled_out_or_refused(text: str) -> None:
    person = spelled_out(text)
    assert set(person) <= {"address", "name"}
    assert all("\r" not in value and "\n" not in value for value in person.values()) or person == {"address": text}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from([*SIMPLE, "raw", "cc", "headers", "attachments", "x"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(JSON)
@settings(max_examples=200, deadline=None)
def test_any_json_is_a_request_or_a_validation_error(value: Any) -> None:
    with suppress(ValidationError):
        sent = SEND.validate_python(value)
        assert sent.to is not None


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n", "\r\r\n"])
def test_no_line_end_hides_a_second_from(api: Api, end: str) -> None:
    """What is sent has CRLF for a bare CR, so a bare CR ends a line when the From is checked."""
    _, auth = api.key("messages:send")
    raw = f"From: orders@shop.example\r\nX-A: 1{end}From: ceo@bank.example\r\n\r\nHello\r\n".encode()
    headers = auth | {"Content-Type": "message/rfc822"}
    answer = api.client.post("/v1/messages?to=ana@calderon.example", content=raw, headers=headers)
    if answer.status_code == 202:
        with api.parts.database.session() as session:
            message = session.get_one(Message, answer.json()["id"])
            sent = canonical(raw_of(session, message.raw_id, api.parts.blobs))
        assert b"From: ceo" not in sent.partition(b"\r\n\r\n")[0]
    else:
        problem(answer, 403, "sender-not-allowed")
