"""Receiving and placing over a real store: each mail ends in one outcome, in the right conversation, and says why."""

from datetime import timedelta

from sqlmodel import Session

from gatepost.blobs import Content
from gatepost.database import Database
from gatepost.ids import new_id
from gatepost.model import Message
from gatepost.store import conversations, deliveries, messages
from gatepost.threading.intake import Arriving, Received, receive, store_arrival
from gatepost.threading.reading import read
from gatepost.tokens import reply_address, return_path
from gatepost.words import Outcome, Strength
from tests.rows import put_deliveries
from tests.threading.office import ANA, BEN, EVE, Office, mail, reply


def test_new_mail_makes_a_conversation_in_its_mailbox(office: Office) -> None:
    received = office.receive(mail("Ana Ruiz <ana@calderon.example>"))
    assert received.outcome == Outcome.PLACED
    conversation = office.conversation(received)
    assert (conversation.number, conversation.requester, conversation.messages) == (1, ANA, 1)
    assert conversation.channel_id
    assert conversation.snippet == "Hello there"
    assert "refers to none that we know" in received.why


def test_an_answer_to_relayed_mail_opens_its_conversation(office: Office) -> None:
    origin = office.relay([ANA, BEN], [ANA, BEN])
    received = office.receive(reply())
    conversation = office.conversation(received)
    assert conversation.origin_id == origin
    assert office.shown(received) == ["order-1@shop.example", "2@calderon.example"]
    assert office.people(received) == [ANA, BEN]
    assert "In-Reply-To matched the relayed mail" in received.why
    second = office.receive(reply(BEN, header_id="3@calderon.example"))
    assert second.conversation_id == received.conversation_id
    third = office.receive(reply(ANA, to="3@calderon.example", header_id="4@calderon.example"))
    assert third.conversation_id == received.conversation_id
    assert "In-Reply-To matched message 3 of #1" in third.why


def test_recipients_who_could_not_see_each_other_never_share_a_conversation(office: Office) -> None:
    office.relay(["list@shop.example"], [ANA, EVE])
    first, second = office.receive(reply(ANA)), office.receive(reply(EVE, header_id="e@evil.example"))
    assert first.conversation_id != second.conversation_id
    assert office.people(first) == [ANA]
    assert office.people(second) == [EVE]
    again = office.receive(reply(ANA, header_id="9@calderon.example"))
    assert again.conversation_id == first.conversation_id


def test_a_stranger_with_the_right_id_gets_his_own_linked_conversation(office: Office) -> None:
    office.relay([ANA], [ANA])
    known = office.receive(reply())
    received = office.receive(reply(EVE, to="2@calderon.example", header_id="e@evil.example"))
    assert received.conversation_id != known.conversation_id
    assert office.conversation(received).claims_id == known.conversation_id
    assert office.people(known) == [ANA]


def test_a_customer_who_fails_authentication_waits_for_review(office: Office) -> None:
    office.relay([ANA], [ANA])
    known = office.receive(reply())
    received = office.receive(reply(ANA, "2@calderon.example", "x@y.example"), strength=Strength.FAILING)
    assert received.outcome == Outcome.REVIEW
    assert received.conversation_id != known.conversation_id


def test_an_unproven_answer_joins_marked_and_a_proven_one_does_not(office: Office) -> None:
    office.relay([ANA], [ANA])
    assert not office.message(office.receive(reply())).verified
    proven = office.receive(reply(ANA, "2@calderon.example", "3@calderon.example"), strength=Strength.ALIGNED)
    assert office.message(proven).verified


def test_a_reply_address_leads_back_without_any_reference(office: Office) -> None:
    first = office.receive(mail())
    conversation = office.conversation(first)
    row_id = new_id("msg")

    def op(session: Session) -> None:
        message = Message(
            id=row_id,
            direction="out",
            digest=row_id,
            message_id="a@shop.example",
            at=office.now,
            size=1,
            conversation_id=conversation.id,
        )
        messages.put_message(session, message, Content(b"x", None, 1))
        put_deliveries(session, row_id, [ANA], office.now)

    office.ledger.write(op)
    token = f"{reply_address(office.desk.keys, row_id)}@{office.desk.settings.replies}"
    second = office.receive(mail(header_id="2@calderon.example"), recipient=token)
    assert second.conversation_id == first.conversation_id
    assert "Reply address matched message 2 of #1" in second.why
    stolen = office.receive(mail(EVE, header_id="3@evil.example"), recipient=token)
    assert stolen.conversation_id != first.conversation_id
    assert office.conversation(stolen).claims_id == first.conversation_id
    assert office.conversation(stolen).channel_id == conversation.channel_id, "seen by those who can join them"


def test_an_answer_to_a_return_path_is_seen_in_the_senders_mailbox(office: Office) -> None:
    origin = office.relay([ANA], [ANA])
    with office.ledger.database.session() as session:
        (delivery,) = deliveries.deliveries_of(session, origin)
    address = f"{return_path(office.desk.keys, delivery.id)}@{office.desk.settings.bounces}"
    received = office.receive(mail(ANA, "Re: Your order", "2@calderon.example"), recipient=address)
    assert office.conversation(received).origin_id == origin
    assert office.conversation(received).channel_id == office.conversation(office.receive(mail())).channel_id


def test_the_order_of_arrival_does_not_matter(office: Office) -> None:
    """A mail that answers one we have not seen yet leaves a ghost, which leads the earlier one here."""
    later = office.receive(mail(ANA, "Re: x", "2@calderon.example", "References: <1@calderon.example>"))
    earlier = office.receive(mail(ANA, "x", "1@calderon.example", "References: <0@calderon.example>"))
    assert earlier.conversation_id == later.conversation_id
    assert "Message-ID matched an id that #1 refers to" in earlier.why
    stranger = office.receive(mail(EVE, "x", "0@calderon.example"))
    assert stranger.conversation_id != later.conversation_id
    third = office.receive(mail(ANA, "Re: x", "3@calderon.example", "In-Reply-To: <1@calderon.example>"))
    assert third.conversation_id == later.conversation_id


def test_the_same_mail_is_received_once(office: Office) -> None:
    first = office.receive(mail())
    again = office.receive(mail())
    assert (again.message_id, again.conversation_id) == (first.message_id, first.conversation_id)
    traced = b"Received: from elsewhere\r\n" + mail()
    other_way = office.receive(traced)
    assert other_way.message_id == first.message_id
    assert "one more view" in other_way.why
    assert office.conversation(first).messages == 1


def test_mail_that_had_lain_elsewhere_keeps_its_date(office: Office, database: Database) -> None:
    """Imported newest first, a conversation is in the order of its mails, and its list shows the newest."""
    newest = mail(ANA, "Re: x", "2@c", "In-Reply-To: <1@c>", "Date: Fri, 20 Nov 2026 10:00:00 +0000")
    oldest = mail(ANA, "x", "1@c", "Date: Thu, 19 Nov 2026 10:00:00 +0000").replace(b"Hello there", b"First")

    def op(session: Session, raw: bytes) -> Received:
        arriving = Arriving(raw, "import")
        arrival = store_arrival(session, arriving, office.desk.blobs.keep(raw), office.now)
        return receive(session, office.desk, arrival, read(raw, None), office.now)

    received = office.ledger.write(lambda session: op(session, newest))
    office.ledger.write(lambda session: op(session, oldest))
    third = mail(ANA, "Re: x", "3@c", "In-Reply-To: <2@c>", "Date: Thu, 19 Nov 2026 11:00:00 +0000")
    office.ledger.write(lambda session: op(session, third.replace(b"Hello there", b"Between")))
    assert office.shown(received) == ["1@c", "3@c", "2@c"]
    conversation = office.conversation(received)
    assert conversation.snippet == "Hello there"
    assert conversation.updated_at.day == 20


def test_an_answer_fetched_after_somebody_looked_is_new(office: Office) -> None:
    """Written before an agent looked and fetched after it, it would else never be shown as unread."""
    first = office.receive(mail())
    written = office.now + timedelta(minutes=1)
    office.now += timedelta(minutes=3)
    lines = ("In-Reply-To: <1@calderon.example>", f"Date: {written:%a, %d %b %Y %H:%M:%S} +0000")
    raw = mail(ANA, "Re: Hello", "2@calderon.example", *lines)

    def op(session: Session) -> Received:
        arrival = store_arrival(session, Arriving(raw, "imap"), office.desk.blobs.keep(raw), office.now)
        return receive(session, office.desk, arrival, read(raw, None), office.now)

    received = office.ledger.write(op)
    assert received.conversation_id == first.conversation_id
    assert office.message(received).at == written.replace(microsecond=0)
    assert office.conversation(received).updated_at == office.now


def test_a_forged_copy_that_came_first_does_not_swallow_the_true_one(office: Office) -> None:
    forged = office.receive(mail(), strength=Strength.FAILING)
    assert forged.outcome == Outcome.REVIEW
    office.now += timedelta(minutes=5)
    true = office.receive(b"Received: from elsewhere\r\n" + mail(), strength=Strength.ALIGNED)
    assert true.outcome == Outcome.PLACED
    assert true.message_id != forged.message_id


def test_a_script_that_says_the_same_every_day_is_heard_every_day(office: Office) -> None:
    raw = b"From: cron@shop.example\r\nSubject: Backup failed\r\n\r\nNo space left\r\n"
    first = office.receive(raw)
    assert office.receive(raw).message_id == first.message_id, "a client that tries again within 48 h"
    office.now += timedelta(hours=49)
    second = office.receive(raw)
    assert second.outcome == Outcome.PLACED
    assert second.message_id != first.message_id


def test_octets_that_are_no_mail_are_quarantined(office: Office) -> None:
    received = office.receive(b"\x00\x01\x02 nothing here")
    assert received.outcome == Outcome.QUARANTINED
    assert received.message_id is None


def test_an_automatic_answer_joins_without_opening(office: Office) -> None:
    first = office.receive(mail())

    def close(session: Session) -> None:
        conversation = conversations.get_conversation(session, first.conversation_id or "")
        assert conversation is not None
        conversations.set_state(session, conversation, "closed", None, office.now)

    office.ledger.write(close)
    lines = ("In-Reply-To: <1@calderon.example>", "Auto-Submitted: auto-replied")
    received = office.receive(mail(ANA, "Out of office", "2@calderon.example", *lines))
    assert received.outcome == Outcome.AUTOMATIC
    assert received.conversation_id == first.conversation_id
    assert office.conversation(first).state == "closed"
    person = office.receive(mail(ANA, "Re: Hello", "3@calderon.example", "In-Reply-To: <1@calderon.example>"))
    assert person.conversation_id == first.conversation_id
    assert office.conversation(first).state == "open"


def test_an_automatic_answer_to_relayed_mail_makes_no_conversation(office: Office) -> None:
    office.relay([ANA], [ANA])
    raw = mail(ANA, "Away", "9@x", "In-Reply-To: <order-1@shop.example>", "Auto-Submitted: auto-replied")
    received = office.receive(raw)
    assert (received.outcome, received.conversation_id) == (Outcome.AUTOMATIC, None)
    assert received.message_id
