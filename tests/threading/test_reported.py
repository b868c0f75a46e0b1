"""What reports change: exactly the deliveries that they prove or name."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import update
from sqlmodel import Session

from gatepost.database import Database
from gatepost.model import Message
from gatepost.reply import Reply
from gatepost.store import claims, deliveries
from gatepost.store.deliveries import Result
from gatepost.store.messages import RawLost, raw_of
from gatepost.tokens import mint_message_id, return_path
from gatepost.words import DeliveryState, Outcome
from tests.rows import record_reply
from tests.threading.office import ANA, BEN, EVE, SUPPORT, Office, mail, reply


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


def signed_id(office: Office, delivery_id: str) -> str:
    """The Message-ID that we would have minted for the mail of a delivery."""
    with office.ledger.database.session() as session:
        delivery = deliveries.get_delivery(session, delivery_id)
        assert delivery is not None
        return mint_message_id(office.desk.keys, delivery.message_id, office.desk.settings.domain)


@pytest.fixture
def delivered(office: Office) -> Callable[[list[str]], dict[str, str]]:
    """Relays a mail that is delivered to all; delivery ids by recipient."""

    def make(recipients: list[str]) -> dict[str, str]:
        message_id = office.relay(recipients, recipients)

        def op(session: Session) -> dict[str, str]:
            for claim in claims.claim(session, 9, timedelta(minutes=1), office.now):
                result = Result(DeliveryState.DELIVERED, Reply(250, "2.0.0", "ok"), "mx", "relay", None)
                record_reply(session, claim, result, office.now)
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


def test_a_bounce_of_what_was_deleted_for_ever_says_it_not_again(
    office: Office, database: Database, delivered: Callable[[list[str]], dict[str, str]]
) -> None:
    ids = delivered([ANA])
    office.ledger.write(lambda session: session.execute(update(Message).values(purged_at=office.now)))
    recipient = f"{return_path(office.desk.keys, ids[ANA])}@{office.desk.settings.bounces}"
    received = office.receive(dsn(ANA), recipient=recipient)
    assert state(database, ids[ANA])[0] == DeliveryState.BOUNCED
    message = office.message(received)
    assert (message.subject, message.snippet, message.purged_at) == ("", "", office.now)
    with database.session() as session, pytest.raises(RawLost, match="was deleted for ever"):
        raw_of(session, message.raw_id, office.desk.blobs)


def test_a_bounce_known_by_its_returned_id_only_is_marked_as_reported(
    office: Office, database: Database, delivered: Callable[[list[str]], dict[str, str]]
) -> None:
    ids = delivered([ANA, BEN])
    office.receive(dsn(BEN, signed_id(office, ids[BEN])), recipient=SUPPORT)
    assert state(database, ids[BEN]) == (DeliveryState.BOUNCED, 550, True)
    assert state(database, ids[ANA])[0] == DeliveryState.DELIVERED


def test_a_bounce_naming_an_id_that_can_be_guessed_is_only_shown(
    office: Office, database: Database, delivered: Callable[[list[str]], dict[str, str]]
) -> None:
    ids = delivered([ANA])
    received = office.receive(dsn(ANA), recipient=SUPPORT)
    assert received.outcome == Outcome.REPORT
    assert state(database, ids[ANA])[0] == DeliveryState.DELIVERED
    with database.session() as session:
        assert deliveries.delivery_events(session, ids[ANA])[-1].source == "unproven report"


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
    office.receive(dsn(BEN, signed_id(office, ids[BEN])), recipient=SUPPORT)
    assert state(database, ids[BEN]) == (DeliveryState.QUEUED, None, False)

    def refuse(session: Session) -> None:
        for claim in claims.claim(session, 9, timedelta(minutes=1), office.now):
            said = Result(DeliveryState.FAILED, Reply(552, "5.2.2", "Mailbox full"), "mx", "relay", None)
            record_reply(session, claim, said, office.now)

    office.ledger.write(refuse)
    again = dsn(BEN, signed_id(office, ids[BEN])).replace(b"Sorry", b"Sorry again")
    office.receive(again, recipient=SUPPORT)
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
