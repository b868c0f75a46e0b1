"""What an agent sends from another mail program is found in Sent, and stands in its conversation as ours."""

from dataclasses import replace
from datetime import timedelta
from itertools import count

from sqlmodel import Session

from gatepost.store import conversations
from gatepost.store.deliveries import deliveries_of
from gatepost.store.events import events_after
from gatepost.store.fsck import fsck
from gatepost.threading.intake import Arriving, Received, receive, store_arrival
from gatepost.threading.reading import read
from gatepost.words import Outcome
from tests.threading.office import ANA, BEN, SUPPORT, Office, mail, reply

NUMBERS = count(1)


def sent(office: Office, raw: bytes, **changes: object) -> Received:
    """A mail of the mailbox's Sent folder."""
    arriving = Arriving(raw, "imap", SUPPORT, receipt=f"imap:{next(NUMBERS)}", sent=True)
    arriving, content = replace(arriving, **changes), office.desk.blobs.keep(raw)  # type: ignore[arg-type]

    def op(session: Session) -> Received:
        arrival = store_arrival(session, arriving, content, office.now)
        return receive(session, office.desk, arrival, read(raw, None), office.now)

    return office.ledger.write(op)


def written(to: str, header_id: str, *lines: str) -> bytes:
    fields = [f"From: Support <{SUPPORT}>", f"To: {to}", "Subject: Re: Hello", f"Message-ID: <{header_id}>", *lines]
    return ("\r\n".join(fields) + "\r\n\r\nWe look into it.\r\n").encode()


def test_an_answer_stands_in_its_conversation_as_ours(office: Office) -> None:
    asked = office.receive(mail())
    answered = sent(office, written(ANA, "a@shop.example", "In-Reply-To: <1@calderon.example>"))
    assert (answered.outcome, answered.conversation_id) == (Outcome.PLACED, asked.conversation_id)
    message = office.message(answered)
    assert (message.direction, message.trigger, message.verified) == ("out", "mailbox", True)
    assert message.recipients_shown == [{"field": "to", "address": ANA, "name": ""}]
    assert office.people(answered) == [ANA]
    with office.ledger.database.session() as session:
        assert deliveries_of(session, message.id) == []
        kinds = [event.kind for event in events_after(session, 0)]
    assert kinds == ["conversation.created", "message.received", "message.written"]


def test_the_customers_next_answer_joins_it(office: Office) -> None:
    begun = sent(office, written(f"{ANA}, {BEN}", "a@shop.example"))
    assert office.conversation(begun).requester == ANA
    assert office.people(begun) == [ANA, BEN]
    answer = office.receive(reply(BEN, "a@shop.example", "b@calderon.example"))
    assert answer.conversation_id == begun.conversation_id
    assert office.shown(begun) == ["a@shop.example", "b@calderon.example"]


def test_it_reopens_no_closed_conversation(office: Office) -> None:
    asked = office.receive(mail())
    conversation = office.conversation(asked)
    office.ledger.write(lambda session: conversations.set_state(session, conversation, "closed", None, office.now))
    sent(office, written(ANA, "a@shop.example", "In-Reply-To: <1@calderon.example>"))
    assert office.conversation(asked).state == "closed"


def test_the_same_mail_again_is_one_message(office: Office) -> None:
    raw = written(ANA, "a@shop.example")
    first, second = sent(office, raw), sent(office, raw)
    assert first.message_id == second.message_id
    assert office.conversation(first).messages == 1


def test_a_sender_address_that_is_no_mailbox_of_ours_is_nobody_who_asks(office: Office) -> None:
    raw = written(ANA, "a@shop.example").replace(SUPPORT.encode(), b"jo.private@shop.example")
    assert office.people(sent(office, raw)) == [ANA]


def test_mail_to_ourselves_alone_makes_no_conversation(office: Office) -> None:
    received = sent(office, written(SUPPORT, "a@shop.example"))
    assert (received.outcome, received.conversation_id) == (Outcome.PLACED, None)


def test_the_vacation_answer_of_another_program_begins_no_conversation(office: Office) -> None:
    received = sent(office, written(ANA, "a@shop.example", "Auto-Submitted: auto-replied"))
    assert received.conversation_id is None


def test_the_store_is_consistent_with_it(office: Office) -> None:
    office.receive(mail())
    sent(office, written(ANA, "a@shop.example", "In-Reply-To: <1@calderon.example>"))
    with office.ledger.database.session() as session:
        assert fsck(session, office.desk.blobs, office.now + timedelta(hours=2)) == []
