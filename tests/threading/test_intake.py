"""Receiving and placing over a real store: each mail ends in one outcome, in the right conversation, and says why."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from sqlmodel import Session

from gatepost.blobs import Blobs, Content
from gatepost.database import Database
from gatepost.ids import new_id
from gatepost.ledger import Ledger
from gatepost.model import Conversation, Credential, Message
from gatepost.reply import Reply
from gatepost.seal import Keys
from gatepost.settings import Settings
from gatepost.store import channels, conversations, deliveries, messages
from gatepost.store.arrivals import get_arrival
from gatepost.store.credentials import create_credential
from gatepost.store.deliveries import Result
from gatepost.threading.intake import Arriving, Desk, Received, read, receive, store_arrival
from gatepost.tokens import mint_message_id, reply_address, return_path
from gatepost.words import DeliveryState, Outcome, Strength

SUPPORT = "support@shop.example"
ANA, BEN, EVE = "ana@calderon.example", "ben@calderon.example", "eve@evil.example"


@dataclass
class Office:
    """One desk with a mailbox, and short ways to receive and to send."""

    ledger: Ledger
    desk: Desk
    now: datetime
    credential: Credential

    def receive(
        self, raw: bytes, *, recipient: str = SUPPORT, strength: Strength = Strength.NONE, **k: str
    ) -> Received:
        envelope_from = "" if b"MAILER-DAEMON" in raw else "someone@calderon.example"
        arriving = Arriving(raw, "mx", recipient, envelope_from, strength=strength)
        reading = read(raw, arriving.envelope_from)
        content = self.desk.blobs.keep(raw)

        def op(session: Session) -> Received:
            arrival = store_arrival(session, arriving, content, self.now)
            received = receive(session, self.desk, arrival, reading, self.now)
            kept = get_arrival(session, arrival.id)
            assert kept is not None
            session.refresh(kept)
            assert kept.outcome == received.outcome
            return received

        return self.ledger.write(op)

    def relay(self, to: list[str], recipients: list[str], header_id: str = "order-1@shop.example") -> str:
        """A mail that a system had sent through us."""
        row_id = new_id("msg")

        def op(session: Session) -> str:
            shown = [{"field": "to", "address": address, "name": ""} for address in to]
            message = Message(
                id=row_id,
                direction="out",
                digest=row_id,
                message_id=header_id,
                subject="Your order",
                from_address=SUPPORT,
                recipients_shown=shown,
                at=self.now,
                size=1,
                credential_id=self.credential.id,
            )
            messages.put_message(session, message, Content(b"x", None, 1))
            deliveries.put_deliveries(session, row_id, recipients, self.now)
            return row_id

        return self.ledger.write(op)

    def conversation(self, received: Received) -> Conversation:
        assert received.conversation_id
        with self.ledger.database.session() as session:
            row = conversations.get_conversation(session, received.conversation_id)
            assert row is not None
            return row

    def people(self, received: Received) -> list[str]:
        with self.ledger.database.session() as session:
            return [row.address for row in conversations.participants(session, received.conversation_id or "")]

    def shown(self, received: Received) -> list[str]:
        with self.ledger.database.session() as session:
            conversation = self.conversation(received)
            return [row.message_id for row in messages.conversation_messages(session, conversation)]

    def message(self, received: Received) -> Message:
        with self.ledger.database.session() as session:
            row = messages.get_message(session, received.message_id or "")
            assert row is not None
            return row


@pytest.fixture
def office(settings: Settings, ledger: Ledger, keys: Keys, now: datetime) -> Office:
    def op(session: Session) -> Credential:
        channels.create_channel(session, name="Support", address=SUPPORT, now=now)
        return create_credential(session, keys, kind="smtp", name="Shop", senders=["shop.example"], now=now)[0]

    return Office(ledger, Desk(settings, keys, Blobs(settings.path(settings.var))), now, ledger.write(op))


def mail(sender: str = ANA, subject: str = "Hello", header_id: str = "1@calderon.example", *lines: str) -> bytes:
    fields = [f"From: {sender}", f"To: {SUPPORT}", f"Subject: {subject}", f"Message-ID: <{header_id}>", *lines]
    return ("\r\n".join(fields) + "\r\n\r\nHello there\r\n").encode()


def reply(sender: str = ANA, to: str = "order-1@shop.example", header_id: str = "2@calderon.example") -> bytes:
    return mail(sender, "Re: Your order", header_id, f"In-Reply-To: <{to}>")


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
        deliveries.put_deliveries(session, row_id, [ANA], office.now)

    office.ledger.write(op)
    token = f"{reply_address(office.desk.keys, row_id)}@{office.desk.settings.replies}"
    second = office.receive(mail(header_id="2@calderon.example"), recipient=token)
    assert second.conversation_id == first.conversation_id
    assert "Reply address matched message 2 of #1" in second.why
    stolen = office.receive(mail(EVE, header_id="3@evil.example"), recipient=token)
    assert stolen.conversation_id != first.conversation_id


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


def dsn(about: str, returned_id: str = "order-1@shop.example", action: str = "failed") -> bytes:
    return (
        "From: MAILER-DAEMON@mx.calderon.example\r\nTo: x@y.example\r\nSubject: Undelivered Mail\r\n"
        'MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nSorry\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.calderon.example\r\n\r\n"
        f"Final-Recipient: rfc822; {about}\r\nAction: {action}\r\nStatus: 5.1.1\r\n"
        "Diagnostic-Code: smtp; 550 5.1.1 user unknown\r\n\r\n"
        f"--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <{returned_id}>\r\n\r\n--b--\r\n"
    ).encode()


@pytest.fixture
def delivered(office: Office) -> Callable[[list[str]], dict[str, str]]:
    """Relays a mail that is delivered to all; delivery ids by recipient."""

    def make(recipients: list[str]) -> dict[str, str]:
        message_id = office.relay(recipients, recipients)

        def op(session: Session) -> dict[str, str]:
            for claim in deliveries.claim(session, 9, timedelta(minutes=1), office.now):
                result = Result(DeliveryState.DELIVERED, Reply(250, "2.0.0", "ok"), "mx", "relay", None)
                deliveries.record_reply(session, claim, result, office.now)
            return {row.recipient: row.id for row in deliveries.deliveries_of(session, message_id)}

        return office.ledger.write(op)

    return make


def state(database: Database, delivery_id: str) -> tuple[str, int | None, bool]:
    with database.session() as session:
        row = deliveries.get_delivery(session, delivery_id)
        assert row is not None
        return row.state, row.code, row.reported


def test_a_bounce_at_the_signed_return_path_changes_just_that_recipient(
    office: Office, database: Database, delivered: Callable[[list[str]], dict[str, str]]
) -> None:
    ids = delivered([ANA, BEN])
    path = f"{return_path(office.desk.keys, ids[ANA])}@{office.desk.settings.bounces}"
    received = office.receive(dsn("someone.else@forwarded.example"), recipient=path)
    assert received.outcome == Outcome.REPORT
    assert state(database, ids[ANA]) == (DeliveryState.BOUNCED, 550, False)
    assert state(database, ids[BEN])[0] == DeliveryState.DELIVERED


def test_a_bounce_known_by_its_returned_id_only_is_marked_as_reported(
    office: Office, database: Database, delivered: Callable[[list[str]], dict[str, str]]
) -> None:
    ids = delivered([ANA, BEN])
    office.receive(dsn(BEN), recipient=SUPPORT)
    assert state(database, ids[BEN]) == (DeliveryState.BOUNCED, 550, True)
    assert state(database, ids[ANA])[0] == DeliveryState.DELIVERED


def test_strangers_cannot_bury_a_conversation_under_ids_that_they_only_reference(office: Office) -> None:
    for number in range(70):
        office.receive(mail(EVE, "Mine", f"{number}@evil.example", "References: <root@calderon.example>"))
    own = office.receive(mail(ANA, "Hello", "a@calderon.example", "References: <root@calderon.example>"))
    received = office.receive(mail(ANA, "Re: Hello", "b@calderon.example", "References: <root@calderon.example>"))
    assert received.conversation_id == own.conversation_id
    stranger = office.receive(mail(BEN, "Re: Hello", "c@calderon.example", "References: <root@calderon.example>"))
    assert stranger.conversation_id != own.conversation_id
    assert len(office.message(stranger).why) <= 61


def test_a_signed_id_that_many_got_does_not_prove_which_of_them_writes(office: Office) -> None:
    for to, verified in (([ANA], True), ([ANA, BEN], False)):
        row_id = office.relay(to, to, f"news-{len(to)}@shop.example")
        minted = mint_message_id(office.desk.keys, row_id, office.desk.settings.domain)
        received = office.receive(reply(ANA, minted, f"{len(to)}@calderon.example"))
        assert office.conversation(received).origin_id == row_id
        assert office.message(received).verified is verified


def test_a_forged_bounce_neither_stops_a_mail_nor_hides_what_its_server_said(
    office: Office, database: Database
) -> None:
    message_id = office.relay([ANA, BEN], [ANA, BEN])
    with database.session() as session:
        ids = {row.recipient: row.id for row in deliveries.deliveries_of(session, message_id)}
    office.receive(dsn(BEN), recipient=SUPPORT)
    assert state(database, ids[BEN]) == (DeliveryState.QUEUED, None, False)

    def refuse(session: Session) -> None:
        for claim in deliveries.claim(session, 9, timedelta(minutes=1), office.now):
            said = Result(DeliveryState.FAILED, Reply(552, "5.2.2", "Mailbox full"), "mx", "relay", None)
            deliveries.record_reply(session, claim, said, office.now)

    office.ledger.write(refuse)
    office.receive(dsn(BEN).replace(b"Sorry", b"Sorry again"), recipient=SUPPORT)
    assert state(database, ids[BEN]) == (DeliveryState.FAILED, 552, False)


def test_an_unproven_report_names_few(office: Office, database: Database) -> None:
    everybody = [f"u{number}@calderon.example" for number in range(30)]
    message_id = office.relay(everybody, everybody)
    more = "".join(f"\r\nFinal-Recipient: rfc822; {address}\r\nAction: failed\r\n" for address in everybody)
    office.receive(dsn(BEN).replace(b"user unknown\r\n", b"user unknown\r\n" + more.encode()), recipient=SUPPORT)
    with database.session() as session:
        rows = deliveries.deliveries_of(session, message_id)
        assert sum(len(deliveries.delivery_events(session, row.id)) for row in rows) == 10


def test_reports_do_not_keep_a_return_path_fresh(
    office: Office, database: Database, delivered: Callable[[list[str]], dict[str, str]]
) -> None:
    ids = delivered([ANA])
    path = f"{return_path(office.desk.keys, ids[ANA])}@{office.desk.settings.bounces}"
    office.now += timedelta(days=5)
    office.receive(dsn(ANA, "other@x", "delayed"), recipient=path)
    office.now += timedelta(days=5)
    office.receive(dsn(ANA, "other@x"), recipient=path)
    assert state(database, ids[ANA])[0] == DeliveryState.DELIVERED


def test_a_bounce_of_foreign_mail_changes_nothing_and_is_kept(
    office: Office, database: Database, delivered: Callable[[list[str]], dict[str, str]]
) -> None:
    ids = delivered([ANA])
    received = office.receive(dsn(ANA, "foreign@elsewhere.example"), recipient=SUPPORT)
    assert received.outcome == Outcome.REPORT
    assert "no mail that we sent" in received.why
    assert received.message_id
    assert state(database, ids[ANA])[0] == DeliveryState.DELIVERED


def test_a_delay_notice_leaves_the_state(
    office: Office, database: Database, delivered: Callable[[list[str]], dict[str, str]]
) -> None:
    ids = delivered([ANA])
    path = f"{return_path(office.desk.keys, ids[ANA])}@{office.desk.settings.bounces}"
    office.receive(dsn(ANA, action="delayed"), recipient=path)
    assert state(database, ids[ANA])[0] == DeliveryState.DELIVERED
    with database.session() as session:
        assert deliveries.delivery_events(session, ids[ANA])[-1].source == "return path"
