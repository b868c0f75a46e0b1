"""Mail of ours that comes back from a Sent folder is no mail of its own, whatever id its server gave it."""

from collections.abc import Callable

import pytest
from sqlalchemy import text
from sqlmodel import Session

from gatepost.store.accounts import create_account
from gatepost.store.channels import channel_by_address
from gatepost.store.deliveries import deliveries_of
from gatepost.store.other_ids import keep_other_id
from gatepost.store.sent_copies import note_sent
from gatepost.threading.intake import Arriving, Received, receive, store_arrival
from gatepost.threading.reading import read
from gatepost.words import Outcome, Strength
from tests.rows import copies_of, other_ids_of
from tests.threading.office import ANA, SUPPORT, Office
from tests.threading.test_reported import dsn

OURS = "order-1@shop.example"
THEIRS = "AM0PR01MB1@outlook.example"


def account_of(office: Office) -> str:
    def op(session: Session) -> str:
        channel = channel_by_address(session, SUPPORT)
        assert channel
        return create_account(
            session, office.desk.keys, channel_id=channel.id, host="imap.shop.example", port=993, security="tls",
            username=SUPPORT, secret="s", now=office.now,
        ).id  # fmt: skip

    return office.ledger.write(op)


def sent_over(office: Office, account_id: str) -> str:
    """A mail that went out over the account."""
    message_id = office.relay([ANA], [ANA])
    office.ledger.write(lambda session: note_sent(session, message_id, account_id, "", office.now))
    return message_id


def copy(header_id: str, *, date: str = "Sun, 22 Nov 2026 10:00:00 +0000", more: str = "", who: str = SUPPORT) -> bytes:
    head = f"From: {who}\r\nTo: {ANA}\r\nSubject: Your order\r\nDate: {date}\r\nMessage-ID: <{header_id}>\r\n"
    return f"{head}{more}\r\nHello\r\n".encode()


def come_back(office: Office, account_id: str, raw: bytes, *, sent: bool = True) -> Received:
    """A mail fetched from the account."""
    arriving = Arriving(raw, "imap", account_id=account_id, receipt=f"imap:{hash(raw)}", sent=sent)
    content, reading = office.desk.blobs.keep(raw), read(raw, None)

    def op(session: Session) -> Received:
        arrival = store_arrival(session, arriving, content, office.now)
        return receive(session, office.desk, arrival, reading, office.now)

    return office.ledger.write(op)


def state_of(office: Office, message_id: str) -> tuple[str, str]:
    with office.ledger.database.session() as session:
        (row,) = copies_of(session, message_id)
        return row.state, row.header_id


def answer_to(header_id: str) -> bytes:
    head = f"From: {ANA}\r\nTo: {SUPPORT}\r\nSubject: Re: Your order\r\nMessage-ID: <a1@calderon.example>\r\n"
    return f"{head}In-Reply-To: <{header_id}>\r\n\r\nThanks\r\n".encode()


def test_its_own_id_is_enough_in_sent_and_nowhere_else(office: Office) -> None:
    account_id = account_of(office)
    message_id = sent_over(office, account_id)
    received = come_back(office, account_id, copy(OURS))
    assert (received.outcome, received.message_id, received.conversation_id) == (Outcome.PLACED, message_id, None)
    assert state_of(office, message_id) == ("found", OURS)
    inbox = come_back(office, account_id, copy(OURS, more="X-Other: 1\r\n"), sent=False)
    assert inbox.message_id != message_id
    stranger = come_back(office, account_id, copy(OURS, who="boss@shop.example"))
    assert stranger.message_id != message_id


@pytest.mark.parametrize("field", ["Delivered-To", "X-Original-To", "X-Delivered-To"])
def test_what_a_server_delivered_into_sent_is_a_strangers(office: Office, field: str) -> None:
    """Mail to `support+Sent@` lands in the folder Sent at some servers: it is neither our copy nor our agent's."""
    account_id = account_of(office)
    message_id = sent_over(office, account_id)
    raw = copy(OURS, more=f"{field}: support+Sent@shop.example\r\n")
    forged = come_back(office, account_id, raw)
    assert forged.message_id != message_id
    assert state_of(office, message_id)[0] == "due"
    message = office.message(forged)
    assert (message.direction, message.verified) == ("in", False)


@pytest.mark.parametrize(
    "make",
    [
        lambda date: copy(THEIRS, more=f"X-Google-Original-Message-ID: <{OURS}>\r\n"),
        lambda date: copy(THEIRS, date=date),
    ],
    ids=["the first id is kept", "same sender, subject and second"],
)
def test_an_id_that_the_server_gave_is_learned_and_answers_match(office: Office, make: Callable[[str], bytes]) -> None:
    account_id = account_of(office)
    message_id = sent_over(office, account_id)
    received = come_back(office, account_id, make(f"{office.now:%a, %d %b %Y %H:%M:%S} +0000"))
    assert received.message_id == message_id
    with office.ledger.database.session() as session:
        assert [(row.header_id, row.source) for row in other_ids_of(session, message_id)] == [(THEIRS, "sent folder")]
    answered = office.conversation(office.receive(answer_to(THEIRS), strength=Strength.ALIGNED))
    assert answered.origin_id == message_id


@pytest.mark.parametrize("where", ["answer", "sent folder"])
def test_complaint_09_an_answer_to_the_id_that_a_server_gave_our_mail_joins(office: Office, where: str) -> None:
    """SES and Outlook rewrite our Message-ID: what the server said, or the copy in Sent shows, leads back."""
    account_id = account_of(office)
    message_id = sent_over(office, account_id)
    if where == "answer":
        office.ledger.write(lambda session: keep_other_id(session, THEIRS, message_id, where, office.now))
    else:
        come_back(office, account_id, copy(THEIRS, date=f"{office.now:%a, %d %b %Y %H:%M:%S} +0000"))
    first = office.receive(answer_to(THEIRS), strength=Strength.ALIGNED)
    assert office.conversation(first).origin_id == message_id
    stranger = office.receive(answer_to("AM0PR01MB2@outlook.example").replace(b"<a1@", b"<a2@"))
    assert stranger.conversation_id != first.conversation_id


def test_two_that_look_alike_are_not_guessed(office: Office) -> None:
    account_id = account_of(office)
    one, two = sent_over(office, account_id), office.relay([ANA], [ANA], "order-2@shop.example")
    office.ledger.write(lambda session: note_sent(session, two, account_id, "", office.now))
    received = come_back(office, account_id, copy(THEIRS, date=f"{office.now:%a, %d %b %Y %H:%M:%S} +0000"))
    assert received.message_id not in (one, two)


def test_a_bounce_that_names_the_id_of_the_next_server_finds_its_delivery(office: Office) -> None:
    message_id = sent_over(office, account_of(office))
    office.ledger.write(lambda session: keep_other_id(session, THEIRS, message_id, "answer", office.now))
    office.ledger.write(lambda session: session.execute(text("UPDATE delivery SET state = 'delivered'")))
    office.receive(dsn(ANA, THEIRS))
    with office.ledger.database.session() as session:
        (row,) = deliveries_of(session, message_id)
    assert (row.state, row.reported) == ("bounced", True)
