"""Mail that was deleted does not come back, and nothing new is lost for it."""

from datetime import timedelta

import pytest
from sqlmodel import Session, select

from gatepost.acts import Actor
from gatepost.ids import new_id
from gatepost.model import Arrival, Event, Message, Raw
from gatepost.store import channels
from gatepost.store.deleted import delete, restore
from gatepost.store.purge import purge
from gatepost.threading.intake import Arriving, Received, receive, store_arrival
from gatepost.threading.reading import read
from gatepost.words import Strength
from tests.threading.office import ANA, BEN, EVE, SUPPORT, Office, mail, reply

KIM = Actor("Kim", "usr_kim")
ANSWER = mail(ANA, "Re: Hello", "2@calderon.example", "In-Reply-To: <1@calderon.example>")


def deleted(office: Office, received: Received, *, ever: bool = False) -> Received:
    key = received.conversation_id or ""
    office.ledger.write(lambda session: delete(session, key, KIM, office.now))
    if ever:
        office.ledger.write(lambda session: purge(session, key, KIM, office.now))
    return received


def fetched(office: Office, raw: bytes, channel_id: str | None = None, inlet: str = "imap") -> Received:
    """A mail that lies in a mailbox, or in a file."""
    arriving = Arriving(raw, inlet, channel_id=channel_id, receipt=new_id("arr"))

    def op(session: Session) -> Received:
        arrival = store_arrival(session, arriving, office.desk.blobs.keep(raw), office.now)
        return receive(session, office.desk, arrival, read(raw, None), office.now)

    return office.ledger.write(op)


def mailbox(office: Office, address: str) -> str:
    return office.ledger.write(lambda s: channels.create_channel(s, name=address, address=address, now=office.now).id)


def octets(office: Office) -> list[bytes | None]:
    with office.ledger.database.session() as session:
        return list(session.exec(select(Raw.data)))


def kinds(office: Office, received: Received) -> list[tuple[str, str]]:
    with office.ledger.database.session() as session:
        where = Event.conversation_id == received.conversation_id
        rows = session.exec(select(Event).where(where).order_by(Event.seq)).all()  # type: ignore[arg-type]
        return [(row.kind, str(row.data.get("why", ""))) for row in rows]


@pytest.mark.parametrize("ever", [False, True])
@pytest.mark.parametrize("inlet", ["imap", "import"])
def test_deleted_mail_does_not_come_back(office: Office, ever: bool, inlet: str) -> None:
    """Uploaded again, under another UIDVALIDITY, in a second mailbox, or in the same file."""
    first = deleted(office, office.receive(mail()), ever=ever)
    for channel_id in (None, mailbox(office, "sales@shop.example")):
        again = fetched(office, mail(), channel_id, inlet)
        assert (again.message_id, again.conversation_id) == (first.message_id, first.conversation_id)
        assert again.why.startswith("#1 was deleted by Kim on 2026-11-22")
        assert office.conversation(first).state == ("purged" if ever else "deleted")
    assert (octets(office) == [None, None, None]) == ever


def test_what_is_deleted_for_ever_says_nothing_any_more(office: Office) -> None:
    first = deleted(office, office.receive(mail(f"Ana Calderon <{ANA}>")), ever=True)
    message, conversation = office.message(first), office.conversation(first)
    assert (message.subject, message.snippet, message.from_name, message.purged_at) == ("", "", "", office.now)
    assert (message.message_id, message.from_address) == ("1@calderon.example", ANA)
    assert (conversation.subject, conversation.snippet, conversation.messages) == ("", "", 1)
    assert [one["text"] for one in message.why] == [
        "#1 was deleted by Kim on 2026-11-22, and for ever on 2026-11-22; what it said is gone"
    ]
    with office.ledger.database.session() as session:
        assert "deleted by Kim" in session.exec(select(Arrival.outcome_why)).one()


def test_a_new_mail_restores_what_was_deleted(office: Office) -> None:
    first = deleted(office, office.receive(mail()))
    again = office.receive(ANSWER)
    assert again.conversation_id == first.conversation_id
    assert (office.conversation(first).state, office.conversation(first).deleted_at) == ("open", None)
    assert ("conversation.restored", "a new mail came for it") in kinds(office, first)


def test_spam_does_not_restore_itself(office: Office) -> None:
    """However well its sender proves himself; what he writes next is seen as any new mail is."""
    first = office.receive(mail(), strength=Strength.ALIGNED)
    key = first.conversation_id or ""
    office.ledger.write(lambda session: delete(session, key, KIM, office.now, spam=True))
    again = office.receive(ANSWER, strength=Strength.ALIGNED)
    assert again.conversation_id != key
    assert "#1 was deleted by Kim on 2026-11-22, as spam" in again.why
    assert [office.conversation(one).state for one in (first, again)] == ["deleted", "open"]
    office.ledger.write(lambda session: restore(session, key, KIM, office.now))
    third = office.receive(mail(ANA, "Re: Hello", "3@calderon.example", "In-Reply-To: <1@calderon.example>"))
    assert third.conversation_id == key


def test_who_deleted_it_is_not_told_to_other_mailboxes(office: Office) -> None:
    """A number in the subject is anybody's guess."""
    mailbox(office, "sales@shop.example")
    deleted(office, office.receive(mail()), ever=True)
    there = office.receive(mail(EVE, "[#1] Hello", "2@evil.example"), recipient="sales@shop.example")
    copy = office.receive(mail(), recipient="sales@shop.example")
    said = [str(one["text"]) for received in (there, copy) for one in office.message(received).why]
    assert "#1 was deleted" in said[0]
    assert not [text for text in said if "Kim" in text]
    own = office.receive(mail(EVE, "[#1] Hello", "3@evil.example"))
    assert "deleted by Kim" in str(office.message(own).why)


def test_an_automatic_answer_restores_nothing(office: Office) -> None:
    first = deleted(office, office.receive(mail()))
    office.receive(ANSWER.replace(b"Subject:", b"Auto-Submitted: auto-replied\r\nSubject:"))
    assert office.conversation(first).state == "deleted"


def test_a_new_mail_for_what_is_gone_begins_anew_and_says_why(office: Office) -> None:
    first = deleted(office, office.receive(mail()), ever=True)
    again = office.receive(ANSWER)
    assert again.conversation_id != first.conversation_id
    assert again.why == (
        "A new conversation: what it refers to is not here any more, "
        "#1 was deleted by Kim on 2026-11-22, and for ever on 2026-11-22"
    )
    assert office.conversation(again).claims_id is None
    third = office.receive(mail(ANA, "Re: Hello", "3@calderon.example", "In-Reply-To: <2@calderon.example>"))
    assert third.conversation_id == again.conversation_id


def test_an_answer_to_our_token_is_seen_by_the_same_people(office: Office) -> None:
    """Written to the reply address alone it names no mailbox: the deleted conversation still knows whose it was."""
    first = deleted(office, office.receive(mail()), ever=True)
    again = office.receive(ANSWER, recipient="nobody@shop.example")
    assert office.conversation(again).channel_id == office.conversation(first).channel_id


def test_an_answer_to_relayed_mail_begins_with_it_again(office: Office) -> None:
    office.relay([ANA], [ANA])
    first = deleted(office, office.receive(reply()), ever=True)
    again = office.receive(reply(header_id="3@calderon.example"))
    assert again.conversation_id != first.conversation_id
    assert office.conversation(again).origin_id == office.conversation(first).origin_id


def test_mail_without_an_id_on_another_day_is_another_mail(office: Office) -> None:
    raw = b"\r\n".join(line for line in mail().split(b"\r\n") if not line.startswith(b"Message-ID"))
    first = deleted(office, office.receive(raw), ever=True)
    office.now += timedelta(days=3)
    assert office.receive(raw).conversation_id != first.conversation_id


@pytest.mark.parametrize("ever", [False, True])
@pytest.mark.parametrize("first", [Strength.FAILING, Strength.NONE])
def test_a_forged_copy_that_was_deleted_hides_no_true_mail(office: Office, first: Strength, ever: bool) -> None:
    """A forger, or a forwarder that breaks SPF, is first; what its author then sends is shown."""
    forged = deleted(office, office.receive(mail(), strength=first), ever=ever)
    true = office.receive(mail(), strength=Strength.ALIGNED)
    assert true.conversation_id != forged.conversation_id
    assert office.receive(mail(), strength=Strength.ALIGNED).message_id == true.message_id
    assert office.conversation(true).state == "open"
    assert mail() in octets(office)
    again = fetched(office, mail())
    assert again.conversation_id == true.conversation_id


def test_the_same_forgery_does_not_come_back(office: Office) -> None:
    forged = deleted(office, office.receive(mail(), strength=Strength.FAILING))
    again = office.receive(mail(), recipient="support+shop@shop.example", strength=Strength.FAILING)
    assert again.conversation_id == fetched(office, mail()).conversation_id == forged.conversation_id


def test_who_was_written_to_sees_it_whoever_else_deleted_it(office: Office) -> None:
    """Fetched into the other mailbox after the first one's people had deleted it."""
    raw = mail().replace(b"To: ", b"To: sales@shop.example, ")
    sales = mailbox(office, "sales@shop.example")
    first = deleted(office, office.receive(raw), ever=True)
    there = fetched(office, raw, sales)
    assert (office.conversation(there).channel_id, office.conversation(there).state) == (sales, "open")
    assert office.conversation(first).state == "purged"
    assert fetched(office, raw, sales).conversation_id == there.conversation_id


def test_who_never_got_it_gets_what_is_sent_to_them(office: Office) -> None:
    """One mailbox's people delete a mail before it is delivered to the other: those get their own conversation."""
    sales = mailbox(office, "sales@shop.example")
    first = deleted(office, office.receive(mail(), strength=Strength.ALIGNED))
    there = office.receive(mail(), recipient="sales@shop.example", strength=Strength.ALIGNED)
    assert there.conversation_id != first.conversation_id
    assert (office.conversation(there).channel_id, office.conversation(there).state) == (sales, "open")


def test_what_another_mailbox_has_too_stays_there(office: Office) -> None:
    """One mail for two mailboxes that must not see each other's conversations is stored once."""
    mailbox(office, "sales@shop.example")
    first, content = office.receive(mail()), office.desk.blobs.keep(ANSWER)

    def op(session: Session) -> list[Received]:
        stored, found = "", []
        for recipient in (SUPPORT, "sales@shop.example"):
            arriving = Arriving(ANSWER, "mx", recipient, ANA)
            arrival = store_arrival(session, arriving, content, office.now, stored)
            stored = arrival.raw_id
            found.append(receive(session, office.desk, arrival, read(ANSWER, None), office.now))
        return found

    one, other = office.ledger.write(op)
    assert (one.conversation_id, other.conversation_id) != (first.conversation_id, first.conversation_id)
    deleted(office, one, ever=True)
    assert octets(office) == [None, ANSWER]
    deleted(office, other, ever=True)
    assert octets(office) == [None, None]


def test_a_restored_conversation_is_what_it_was(office: Office) -> None:
    first = deleted(office, office.receive(mail(BEN)))
    office.ledger.write(lambda session: restore(session, first.conversation_id or "", KIM, office.now))
    row = office.conversation(first)
    assert (row.state, row.deleted_at, row.deleted_by, row.deleted_from) == ("open", None, "", "")
    with office.ledger.database.session() as session:
        assert session.exec(select(Message.purged_at)).one() is None
