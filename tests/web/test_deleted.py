"""Deleting on the pages: one conversation or some, back, for ever after a preview; and who may."""

from sqlalchemy import update
from sqlmodel import Session, col, select

from gatepost.model import Conversation, Delivery, Event
from gatepost.words import DeliveryState
from tests.web.conftest import Site

ADA, BEN = "ada@example.org", "ben@example.org"


def state(site: Site, number: int) -> tuple[str, bool]:
    with site.parts.database.session() as session:
        row = session.exec(select(Conversation).where(Conversation.number == number)).one()
        return row.state, row.spam


def test_a_conversation_is_deleted_and_restored_from_its_page(site: Site) -> None:
    client, page = site.client(BEN), f"/inbox/{site.conversation}"
    done = client.post(f"{page}/delete", data={})
    assert done.headers["location"] == page
    text = client.get(page).text
    assert f"#{site.conversation} was deleted by Ben on 2026-11-22." in text
    assert "is deleted for ever on" in text
    assert "Restore" in text
    assert "composer" not in text
    assert "Broken parcel" not in client.get("/inbox?part=list").text
    assert "Broken parcel" not in client.get("/inbox?part=list&tab=failed").text
    assert "Broken parcel" not in client.get("/inbox?part=list&q=parcel").text
    assert "Broken parcel" in client.get("/inbox?part=list&tab=deleted").text
    for act in ("close", "note", "reply"):
        answer = client.post(f"{page}/{act}", data={"text": "Hello", "to": "carol@customer.example"})
        assert "restore it first" in answer.text
    client.post(f"{page}/restore", data={})
    assert state(site, site.conversation) == ("open", False)
    events = client.get(f"{page}/events").text
    assert "Restored" in events


def test_some_are_chosen_in_the_list_and_taken_back(site: Site) -> None:
    client = site.client(ADA)
    chosen = client.get("/inbox?select=1").text
    assert f'name="number" value="{site.foreign}"' in chosen
    numbers = [str(site.conversation), str(site.foreign)]
    done = client.post("/inbox/selected?tab=failed", data={"act": "spam", "number": numbers})
    assert done.headers["location"] == f"/inbox?tab=failed&did=spam&numbers={numbers[0]}%2C{numbers[1]}"
    assert "2 conversations marked as spam" in client.get(done.headers["location"]).text
    assert state(site, site.foreign) == ("deleted", True)
    client.post("/inbox/selected", data={"act": "restore", "number": numbers})
    assert state(site, site.foreign) == ("open", False)
    client.post(f"/inbox/{numbers[0]}/delete", data={})
    told = client.post("/inbox/selected", data={"act": "spam", "number": numbers}).headers["location"]
    assert told == f"/inbox?did=spam&numbers={numbers[1]}"  # what was deleted before is not taken back with it
    assert client.post("/inbox/selected", data={"act": "burn", "number": numbers}).status_code == 422


def test_nobody_deletes_what_he_may_not_see(site: Site) -> None:
    client = site.client(BEN)
    mixed = [str(site.conversation), str(site.foreign)]
    for act in ("delete", "spam", "restore", "purge"):
        assert client.post("/inbox/selected", data={"act": act, "number": mixed}).status_code == 404
    for path in ("delete", "restore"):
        assert client.post(f"/inbox/{site.foreign}/{path}", data={}).status_code == 404
        foreign = {"Sec-Fetch-Site": "cross-site"}
        assert client.post(f"/inbox/{site.conversation}/{path}", data={}, headers=foreign).status_code == 403
    assert client.post("/inbox/selected", data={"act": "delete"}, headers=foreign).status_code == 403
    assert state(site, site.conversation) == state(site, site.foreign) == ("open", False)


def test_only_admins_delete_for_ever_after_a_preview(site: Site) -> None:
    ben, ada, number = site.client(BEN), site.client(ADA), str(site.conversation)
    ben.post(f"/inbox/{number}/delete", data={})
    assert ben.get(f"/inbox/purge?numbers={number}").status_code == 403
    assert ben.post("/inbox/purge", data={"number": number}).status_code == 403
    there = ada.post("/inbox/selected", data={"act": "purge", "number": number}).headers["location"]
    page = ada.get(there).text
    assert "Delete for ever: 1 conversation, 2 mails, 0 attachments" in page
    assert state(site, site.conversation) == ("deleted", False)
    before = ada.get(f"/messages/{site.message}").text
    assert "It &lt;came&gt; broken" in before
    done = ada.post("/inbox/purge", data={"number": number})
    assert "1 conversation deleted for ever" in ada.get(done.headers["location"]).text
    assert "What this mail said was deleted for ever" in ada.get(f"/messages/{site.message}").text
    assert "It &lt;came&gt; broken" not in ada.get(f"/messages/{site.message}").text
    assert ada.get(f"/m/{site.inbound}/source").status_code == 404
    text = ben.get(f"/inbox/{number}").text
    assert "Broken parcel" not in text
    assert "and for ever on 2026-11-22" in text
    assert "550" in text
    assert ben.post(f"/inbox/{number}/restore", data={}).status_code == 409
    assert "Broken parcel" not in ada.get("/inbox?tab=deleted").text


def test_what_is_still_to_be_sent_is_told_and_stays(site: Site) -> None:
    ada, number = site.client(ADA), str(site.conversation)

    def held(session: Session) -> None:
        mine = update(Delivery).where(col(Delivery.message_id) == site.message)
        session.execute(mine.values(state=DeliveryState.HELD))

    site.parts.ledger.write(held)
    ada.post(f"/inbox/{number}/delete", data={})
    page = ada.get(f"/inbox/purge?numbers={number}").text
    assert "1 mail is still to be sent" in page
    assert 'action="/inbox/purge"' not in page
    refused = ada.post("/inbox/purge", data={"number": number})
    assert refused.status_code == 409
    assert "not sent to everybody yet" in refused.text
    with site.parts.database.session() as session:
        assert "conversation.purged" not in session.exec(select(Event.kind)).all()
