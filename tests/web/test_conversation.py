"""The inbox and a conversation as people see and use them."""

import pytest
from sqlmodel import select

from gatepost.model import Conversation, Message
from gatepost.store import conversations
from tests.web.conftest import Site


def number(site: Site) -> str:
    return f"/inbox/{site.conversation}"


def conversation(site: Site) -> Conversation:
    with site.parts.database.session() as session:
        found = conversations.by_number(session, site.conversation)
    assert found
    return found


def test_the_list_shows_who_what_and_what_went_wrong(site: Site) -> None:
    page = site.client("ben@example.org").get("/inbox").text
    for text in ("Broken parcel", "Carol", "Here it is", "1 of 2 not delivered", "unread"):
        assert text in page
    assert "<html" not in site.client("ben@example.org").get("/inbox?part=list").text


@pytest.mark.parametrize(("query", "found"), [
    ("broken", True), ("CAROL", True), ("customer.example", True), ("#1", True), ("here it", True),
    ("100%", False), ("_roken", False), ("\\", False), ("nobody", False), ("\x00", True),
])  # fmt: skip
def test_search_finds_subject_people_text_and_number(site: Site, query: str, found: bool) -> None:
    page = site.client("ben@example.org").get("/inbox", params={"q": query, "part": "list"}).text
    assert ("Broken parcel" in page) is found
    assert found or "Nothing found" in page


def test_tabs_hold_what_they_say(site: Site) -> None:
    agent = site.client("ben@example.org")
    assert "Broken parcel" in agent.get("/inbox?tab=failed&part=list").text
    assert "Broken parcel" not in agent.get("/inbox?tab=mine&part=list").text
    agent.post(f"{number(site)}/assign", data={"assignee": site.agent})
    assert "Broken parcel" in agent.get("/inbox?tab=mine&part=list").text
    assert "Broken parcel" not in agent.get("/inbox?tab=unassigned&part=list").text
    agent.post(f"{number(site)}/close", data={})
    assert "Broken parcel" not in agent.get("/inbox?part=list").text
    assert "Broken parcel" in agent.get("/inbox?tab=closed&part=list").text
    assert "Broken parcel" in agent.get("/inbox?tab=nonsense&q=broken&part=list").text
    agent.post(f"{number(site)}/reopen", data={})
    assert conversation(site).state == "open"


def test_a_failure_is_told_below_the_message_and_beside_the_name(site: Site) -> None:
    page = site.client("ben@example.org").get(number(site)).text
    assert "Could not be delivered to some recipients" in page
    assert "1 delivered" in page
    assert page.count('class="rcpt-warn"') == 1
    assert "bad@customer.example: not delivered. Show why" in page
    assert '<a href="/delivery-codes/5.1.1" title="What this code means">550 5.1.1</a> as the server said' in page
    assert "Verified sender" in page
    assert "the mail refers to none that we know" in page


def test_the_text_of_mail_cannot_act(site: Site) -> None:
    page = site.client("ben@example.org").get(number(site)).text
    assert "It &lt;came&gt; broken" in page
    assert '<a href="https://example.com/photo" target="_blank" rel="noopener noreferrer">' in page
    assert 'sandbox="allow-same-origin allow-popups allow-popups-to-escape-sandbox"' in page
    assert "allow-scripts" not in page


def test_html_mail_is_cleaned_and_has_a_policy_of_its_own(site: Site) -> None:
    answer = site.client("ben@example.org").get(f"/m/{site.inbound}/body")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'")
    assert "sandbox allow-same-origin" in policy
    assert "script" not in answer.text
    assert "onerror" not in answer.text
    assert "evil.example" not in answer.text
    assert "<b>there</b>" in answer.text


def test_an_attachment_is_only_ever_saved(site: Site) -> None:
    agent = site.client("ben@example.org")
    page = agent.get(number(site)).text
    path = page.split('class="file" href="')[1].split('"')[0]
    answer = agent.get(path)
    assert answer.content.strip() == b"<html>evil</html>"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"
    disposition = answer.headers["content-disposition"]
    assert disposition.startswith("attachment; ")
    assert disposition.count('"') == 2
    assert "/" not in disposition
    assert agent.get(path.rsplit("/", 1)[0] + "/0").status_code == 404


def test_the_events_drawer_has_the_raw_answers(site: Site) -> None:
    agent = site.client("ben@example.org")
    drawer = agent.get(f"{number(site)}/events", headers={"HX-Request": "true"}).text
    assert drawer.lstrip().startswith("<aside")
    assert "550 5.1.1 as the server said (mx.customer.example)" in drawer
    assert "Email notification: Agent reply" in drawer
    assert "<html" in agent.get(f"{number(site)}/events").text


def test_an_answer_goes_out_to_the_chosen_recipients(site: Site) -> None:
    agent = site.client("ben@example.org")
    data = {"to": "carol@customer.example", "cc": "dora@customer.example, eve@customer.example", "text": "On its way."}
    assert agent.post(f"{number(site)}/reply", data=data).status_code == 303
    with site.parts.database.session() as session:
        sent = session.exec(select(Message).where(Message.user_id == site.agent)).one()
    assert [shown["address"] for shown in sent.recipients_shown] == [
        "carol@customer.example",
        "dora@customer.example",
        "eve@customer.example",
    ]
    assert sent.conversation_id == conversation(site).id
    assert "On its way." in agent.get(number(site)).text


@pytest.mark.parametrize(("data", "problem"), [
    ({"to": "carol@customer.example", "text": "  \n "}, "Write something before you send."),
    ({"text": "Hello"}, "Choose at least one recipient."),
    ({"to": "carol@customer.example", "cc": "not an address", "text": "Hello"}, "the @ is missing"),
    ({"to": "a@b.example\r\nBcc: x@y.example", "text": "Hello"}, "a@b.example"),
])  # fmt: skip
def test_an_answer_that_cannot_go_out_keeps_what_was_written(site: Site, data: dict[str, str], problem: str) -> None:
    answer = site.client("ben@example.org").post(f"{number(site)}/reply", data=data)
    assert answer.status_code == 422
    assert problem in answer.text
    assert data["text"].strip() in answer.text
    with site.parts.database.session() as session:
        assert not session.exec(select(Message).where(Message.user_id == site.agent)).all()


def test_a_note_is_kept_and_never_sent(site: Site) -> None:
    agent = site.client("ben@example.org")
    assert agent.post(f"{number(site)}/note", data={"text": ""}).status_code == 422
    assert agent.post(f"{number(site)}/note", data={"text": "Call <her>"}).status_code == 303
    page = agent.get(number(site)).text
    assert "Call &lt;her&gt;" in page
    assert "note, only agents see it" in page
    with site.parts.database.session() as session:
        note = session.exec(select(Message).where(Message.kind == "note")).one()
    assert agent.get(f"/messages/{note.id}").status_code == 200


def test_a_conversation_is_given_only_to_who_works_there(site: Site) -> None:
    admin = site.client("ada@example.org")
    answer = admin.post(f"/inbox/{site.foreign}/assign", data={"assignee": site.agent})
    assert answer.status_code == 422
    assert "does not work in this mailbox" in answer.text
    assert admin.post(f"{number(site)}/assign", data={"assignee": site.agent}).status_code == 303
    assert conversation(site).assignee_id == site.agent
    assert admin.post(f"{number(site)}/assign", data={"assignee": ""}).status_code == 303
    assert conversation(site).assignee_id is None


def test_reading_marks_as_read(site: Site) -> None:
    agent = site.client("ben@example.org")
    assert "row-link unread" in agent.get("/inbox?part=list").text
    agent.get(number(site))
    site.parts.ledger.write(lambda session: None)
    assert "row-link unread" not in agent.get("/inbox?part=list").text


def test_the_list_stays_as_it_was_while_one_acts(site: Site) -> None:
    answer = site.client("ben@example.org").post(f"{number(site)}/close?tab=failed&q=broken", data={})
    assert answer.headers["location"] == f"{number(site)}?tab=failed&q=broken"


def test_messages_and_the_sandbox_show_what_became_of_mail(site: Site) -> None:
    agent = site.client("ben@example.org")
    listed = agent.get("/messages?show=failed&q=bad@customer").text
    assert "1 of 2 not delivered" in listed
    page = agent.get(f"/messages/{site.message}").text
    for text in ("Could not be delivered to some recipients", "Every attempt", "Attempt 1", "550 5.1.1"):
        assert text in page
    assert "Subject" in agent.get(f"/messages/{site.message}?view=headers").text
    assert "Broken parcel" in agent.get(f"/messages/{site.message}?view=source").text
    assert "<html" not in agent.get(f"/messages/{site.message}?part=deliveries").text
    kept = agent.get(f"/sandbox/{site.kept}").text
    assert "550 5.1.1 as the server said" in kept
    assert agent.get(f"/m/{site.message}/source").content.startswith(b"From: support@example.org")


def test_the_empty_sandbox_teaches_the_magic_recipients(site: Site) -> None:
    page = site.client("ada@example.org").get("/sandbox?q=nothing-like-this").text
    assert "No kept mail has" in page
    for local in ("unknown", "full", "spam", "big", "gone", "slow", "bounce-later", "autoreply", "code+"):
        assert f"{local}" in page
