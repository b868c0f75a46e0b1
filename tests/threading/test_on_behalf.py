"""An agent forwards a customer's mail (forward-to-create, complaint 38): whose conversation it is, and who may not."""

from datetime import datetime

import pytest

from gatepost.acts import Actor
from gatepost.gateway.accept import Gate
from gatepost.mail import parse
from gatepost.store.conversations import participants
from gatepost.store.corrections import carry_out
from gatepost.store.handed_over import customer_of, take_back
from gatepost.store.users import set_memberships
from gatepost.threading.forwarded import original_author
from gatepost.threading.intake import Received
from gatepost.words import Strength
from tests.gateway.agent_rig import ANA, EVE, MARTA, SUPPORT, Rig, make_rig
from tests.gateway.conftest import gate as gate

BLOCKS = {
    "Gmail": "---------- Forwarded message\nFrom: Zoe Lamb <{0}>\nDate: Mon\nSubject: Lamp\nTo: <m@h.example>\n",
    "Outlook": "From: Zoe Lamb <{0}>\nSent: Monday\nTo: Marta\nSubject: Lamp\n",
    "Outlook, German": "Von: Zoe Lamb <{0}>\nGesendet: Montag\nAn: Marta\nBetreff: Lampe\n",
    "Thunderbird": "-------- Forwarded Message\nSubject: Lamp\nDate: Mon\nFrom: Zoe Lamb <{0}>\nTo: m@h.example\n",
    "Apple": "Begin forwarded message:\n\n> From: Zoe Lamb <{0}>\n> Subject: Lamp\n> Date: Monday\n> To: Marta\n",
    "Japanese": "差出人： Zoe Lamb <{0}>\n送信日時： 月曜日\n宛先： Marta\n件名： Lamp\n",
}
ZOE = "zoe@lamb.example"


@pytest.fixture
def rig(gate: Gate, now: datetime) -> Rig:
    return make_rig(gate, now)


def forward(
    rig: Rig, text: str = "", *, from_: str = MARTA, strength: Strength = Strength.ALIGNED, extra: str = ""
) -> Received:
    """Marta forwards what Zoe wrote to her."""
    body = text or "Please take care\n\n" + BLOCKS["Gmail"].format(ZOE) + "\nMy lamp is broken\n"
    head = f"From: Marta Home <{from_}>\nTo: {SUPPORT}\nSubject: Fwd: Lamp\nMessage-ID: <f1@home.example>\n{extra}"
    raw = f"{head}Content-Type: text/plain; charset=utf-8\n\n{body}".replace("\n", "\r\n").encode()
    return rig.mail_in(raw, strength=strength, envelope_from=from_)


def people(rig: Rig, received: Received) -> list[tuple[str, str]]:
    with rig.gate.database.session() as session:
        return [(row.address, row.role) for row in participants(session, received.conversation_id or "")]


@pytest.mark.parametrize("program", BLOCKS)
def test_the_conversation_is_the_customers(rig: Rig, program: str) -> None:
    received = forward(rig, "FYI\n\n" + BLOCKS[program].format(ZOE) + "\nMy lamp is broken\n")
    assert rig.conversation(received.conversation_id or "").requester == ZOE
    assert people(rig, received) == [(ZOE, "requester")]
    message = rig.message(received)
    assert (message.from_address, message.user_id) == (MARTA, rig.marta.id), "who really wrote is kept"
    assert customer_of(message) == (ZOE, "Zoe Lamb")
    assert f"Marta forwarded it: the customer is {ZOE}" in str(message.why[-1]["text"])


def test_an_attached_mail_names_its_author(rig: Rig) -> None:
    raw = (
        f"From: {MARTA}\r\nTo: {SUPPORT}\r\nSubject: Fwd\r\nMessage-ID: <f2@home.example>\r\nMIME-Version: 1.0\r\n"
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nSee below\r\n"
        f"--b\r\nContent-Type: message/rfc822\r\n\r\nFrom: Zoe <{ZOE}>\r\nSubject: Lamp\r\n\r\nFrom: {EVE}\r\n--b--\r\n"
    ).encode()
    assert rig.conversation(rig.mail_in(raw).conversation_id or "").requester == ZOE


def test_the_answer_goes_to_the_customer_and_tells_nothing_of_the_agent(rig: Rig) -> None:
    received = forward(rig, extra="References: <zoe-1@lamb.example>\n")
    conversation_id = received.conversation_id or ""
    from gatepost.gateway.answer import answer, answer_recipients

    with rig.gate.database.session() as session:
        found = answer_recipients(session, conversation_id, rig.gate.settings)
    assert [(one.field, one.address, one.name) for one in found] == [("to", ZOE, "Zoe Lamb")]
    answer(
        rig.gate, conversation_id=conversation_id, user_id=rig.marta.id, to=[ZOE], cc=[], text="It comes", now=rig.now
    )
    ((_, mail, recipients),) = rig.sent("agent reply")
    assert recipients == [ZOE]
    assert mail.in_reply_to == ("zoe-1@lamb.example",)
    assert "home.example" not in str(mail.headers) + mail.text
    back = rig.mail_in(
        f"From: {ZOE}\r\nTo: {SUPPORT}\r\nSubject: Re: Lamp\r\nMessage-ID: <z2@lamb.example>\r\n"
        f"In-Reply-To: <{mail.message_id}>\r\n\r\nThanks\r\n".encode()
    )
    assert back.conversation_id == conversation_id


@pytest.mark.parametrize(
    "changed",
    [
        {"strength": Strength.NONE},
        {"strength": Strength.TOKEN},
        {"strength": Strength.FAILING},
        {"from_": EVE},
        {"from_": "marta@shop.example"},
        {"extra": "Auto-Submitted: auto-replied\n"},
        {"text": "Nothing is forwarded here\n"},
        {"text": BLOCKS["Gmail"].format(SUPPORT)},
        {"text": BLOCKS["Gmail"].format(MARTA)},
        {"text": "From: Zoe Lamb\nSent: Monday\nTo: ben@other.example\nSubject: Lamp\n"},
        {"text": "Kto: Zoe <zoe@lamb.example>\nKam: Marta\nCo: Lamp\n"},
    ],
)
def test_nobody_else_writes_in_anothers_name(rig: Rig, changed: dict[str, str]) -> None:
    """Complaint 38: not a stranger, not who only claims to be the agent, and never by a guess."""
    received = forward(rig, **changed)  # type: ignore[arg-type]
    message = rig.message(received)
    assert message.user_id is None
    if received.conversation_id:
        assert rig.conversation(received.conversation_id).requester == message.from_address


def test_an_agent_hands_over_only_to_a_mailbox_that_he_works_in(rig: Rig) -> None:
    rig.gate.ledger.write(lambda session: set_memberships(session, rig.marta.id, []))
    assert rig.conversation(forward(rig).conversation_id or "").requester == MARTA


def test_an_answer_of_the_agent_that_quotes_is_no_hand_over(rig: Rig) -> None:
    """In a conversation in which he takes part he is what he was."""
    first = forward(rig, "My own question\n")
    received = forward(rig, extra="In-Reply-To: <f1@home.example>\n")
    assert received.conversation_id == first.conversation_id
    assert rig.message(received).user_id is None


def test_it_is_undone(rig: Rig) -> None:
    received = forward(rig)
    message = rig.message(received)
    assert rig.gate.ledger.write(lambda session: take_back(session, message, Actor("Marta"), rig.now))
    assert rig.conversation(received.conversation_id or "").requester == MARTA
    assert people(rig, received) == [(MARTA, "requester")]
    assert customer_of(rig.message(received)) is None
    assert not rig.gate.ledger.write(lambda session: take_back(session, message, Actor("Marta"), rig.now)), "once"


def test_who_has_written_since_stays_when_it_is_undone(rig: Rig) -> None:
    received = forward(rig, extra="References: <zoe-1@lamb.example>\n")
    head = f"From: {ZOE}\r\nTo: {SUPPORT}\r\nMessage-ID: <z3@l>\r\n"
    raw = f"{head}References: <zoe-1@lamb.example>\r\n\r\nHi\r\n"
    assert rig.mail_in(raw.encode()).conversation_id == received.conversation_id
    message = rig.message(received)
    rig.gate.ledger.write(lambda session: take_back(session, message, Actor("Marta"), rig.now))
    assert {address for address, _ in people(rig, received)} == {MARTA, ZOE}


def test_moved_it_takes_the_customer_along(rig: Rig) -> None:
    received, other = forward(rig), rig.customer()
    source, target = received.conversation_id or "", other.conversation_id or ""
    rig.gate.ledger.write(lambda s: carry_out(s, source, target, None, Actor("Marta"), rig.now))
    assert {address for address, _ in people(rig, other)} == {ANA, ZOE}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "From: a@b.example\n",
        "A: 1\nB: 2\nC: 3\n",
        "From: x\n" * 5000,
        "From: <a@b.example>, <c@d.example>\nTo: x\nSubject: y\n",
    ],
)
def test_no_author_is_guessed(text: str) -> None:
    assert original_author(parse(f"From: m@h.example\r\n\r\n{text}".encode())) is None
