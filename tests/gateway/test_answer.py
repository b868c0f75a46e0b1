from datetime import datetime

import pytest
from sqlmodel import Session

from gatepost.database import Database
from gatepost.gateway.accept import Gate
from gatepost.gateway.answer import NoAnswer, answer, answer_recipients
from gatepost.ledger import Ledger
from gatepost.mail import Mail, parse
from gatepost.model import User
from gatepost.store.channels import channel_by_address, create_channel, set_aliases
from gatepost.store.conversations import get_conversation
from gatepost.store.messages import get_message, raw_of
from gatepost.store.users import create_user
from gatepost.threading.intake import Arriving, Desk, receive, store_arrival
from gatepost.threading.reading import read
from gatepost.tokens import read_message_id, read_reply_address

SUPPORT = "support@shop.example"
RAW = (
    b"From: Ana Ruiz <ana@calderon.example>\r\nTo: support@shop.example, ben@calderon.example\r\n"
    b"Cc: help@shop.example, Carla <carla@calderon.example>\r\nSubject: Wrong rate\r\n"
    b"Message-ID: <1@calderon.example>\r\nReferences: <0@calderon.example>\r\n\r\nHello\r\n"
)


@pytest.fixture
def user(ledger: Ledger, now: datetime) -> User:
    def op(session: Session) -> User:
        channel = create_channel(session, name="Shop", address=SUPPORT, footer="Shop Ltd", now=now)
        set_aliases(session, channel.id, ["help@shop.example"])
        return create_user(session, email="marta@shop.example", name="Marta", role="agent", now=now)

    return ledger.write(op)


@pytest.fixture
def conversation_id(gate: Gate, user: User, now: datetime) -> str:
    desk = Desk(gate.settings, gate.keys, gate.blobs)
    arriving = Arriving(RAW, "mx", SUPPORT, "ana@calderon.example")

    def op(session: Session) -> str:
        arrival = store_arrival(session, arriving, desk.blobs.keep(RAW), now)
        return receive(session, desk, arrival, read(RAW, "ana@calderon.example"), now).conversation_id or ""

    return gate.ledger.write(op)


def sent(database: Database, gate: Gate, message_id: str) -> Mail:
    with database.session() as session:
        message = get_message(session, message_id)
        assert message is not None
        return parse(raw_of(session, message.raw_id, gate.blobs))


def test_recipients_are_proposed_with_a_reason_and_never_us(
    gate: Gate, database: Database, conversation_id: str
) -> None:
    with database.session() as session:
        found = answer_recipients(session, conversation_id, gate.settings)
    assert [(row.field, row.address, row.why) for row in found] == [
        ("to", "ana@calderon.example", "wrote the last message"),
        ("cc", "ben@calderon.example", "was in To of the last message"),
        ("cc", "carla@calderon.example", "was in Cc of the last message"),
    ]


def test_an_unproven_mail_brings_nobody_new_into_the_answer(
    gate: Gate, database: Database, conversation_id: str, now: datetime
) -> None:
    raw = (
        b"From: ana@calderon.example\r\nTo: support@shop.example\r\nCc: spy@evil.example\r\nSubject: Re: Wrong rate\r\n"
        b"Message-ID: <2@calderon.example>\r\nIn-Reply-To: <1@calderon.example>\r\n\r\nMe too\r\n"
    )
    desk = Desk(gate.settings, gate.keys, gate.blobs)

    def op(session: Session) -> str | None:
        arriving = Arriving(raw, "mx", SUPPORT, "ana@calderon.example")
        arrival = store_arrival(session, arriving, desk.blobs.keep(raw), now)
        return receive(session, desk, arrival, read(raw, "ana@calderon.example"), now).conversation_id

    assert gate.ledger.write(op) == conversation_id
    with database.session() as session:
        found = answer_recipients(session, conversation_id, gate.settings)
    assert [row.address for row in found] == ["ana@calderon.example"]


def test_an_answer_threads_at_the_customer(
    gate: Gate, database: Database, user: User, conversation_id: str, now: datetime
) -> None:
    message_id = answer(
        gate,
        conversation_id=conversation_id,
        user_id=user.id,
        to=["ana@calderon.example"],
        cc=["carla@calderon.example"],
        text="You are right.\r\n",
        now=now,
    )
    mail = sent(database, gate, message_id)
    assert [(box.name, str(box.address)) for box in mail.from_] == [("Marta (Shop)", SUPPORT)]
    written = [(box.name, str(box.address)) for box in (*mail.to, *mail.cc)]
    assert written == [("Ana Ruiz", "ana@calderon.example"), ("Carla", "carla@calderon.example")]
    assert mail.subject == "Re: Wrong rate"
    assert mail.in_reply_to == ("1@calderon.example",)
    assert mail.references[1:] == ("0@calderon.example", "1@calderon.example")
    assert read_message_id(gate.keys, mail.message_id or "") == message_id
    assert mail.text.strip() == "You are right.\n\n-- \nShop Ltd"
    reply_to = mail.reply_to[0].address
    assert reply_to is not None
    assert reply_to.domain == gate.settings.replies
    assert read_reply_address(gate.keys, reply_to.local) == message_id
    again = answer(
        gate, conversation_id=conversation_id, user_id=None, to=["ana@calderon.example"], cc=[], text="x", now=now
    )
    assert sent(database, gate, again).references[:2] == (mail.references[0], mail.message_id), (
        "a stable anchor, our first mail"
    )
    with database.session() as session:
        conversation = get_conversation(session, conversation_id)
        assert conversation is not None
        assert conversation.messages == 3


@pytest.mark.parametrize(
    ("to", "text", "words"),
    [
        (["ana@calderon.example"], "  \n", "empty"),
        ([], "x", "at least one recipient"),
        (["ana"], "x", "ana"),
        (["a@x.example\r\nBcc: e@evil.example"], "x", "Bcc"),
    ],
)
def test_what_the_agent_can_mend_is_named(
    gate: Gate, user: User, conversation_id: str, now: datetime, to: list[str], text: str, words: str
) -> None:
    with pytest.raises(NoAnswer, match=words):
        answer(gate, conversation_id=conversation_id, user_id=user.id, to=to, cc=[], text=text, now=now)


def test_a_mailbox_that_is_switched_off_never_sends(
    gate: Gate, ledger: Ledger, user: User, conversation_id: str, now: datetime
) -> None:
    def switch_off(session: Session) -> None:
        channel = channel_by_address(session, SUPPORT)
        assert channel is not None
        channel.state = "inactive"
        session.add(channel)

    ledger.write(switch_off)
    with pytest.raises(NoAnswer, match="switched off"):
        answer(gate, conversation_id=conversation_id, user_id=user.id, to=["a@x.example"], cc=[], text="x", now=now)
