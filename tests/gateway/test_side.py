"""Side conversations: a third person is asked about a conversation, and the customer never sees it."""

from datetime import datetime
from functools import partial

import pytest

from gatepost.acts import Actor
from gatepost.gateway.accept import Gate
from gatepost.gateway.answer import NoAnswer, answer_recipients
from gatepost.gateway.side import ask_aside
from gatepost.store import corrections
from gatepost.store.conversations import by_number, participants
from gatepost.store.corrections import NotPossible
from gatepost.store.credentials import create_credential
from gatepost.store.sides import parent_of, sides_of
from gatepost.store.users import set_memberships
from tests.gateway.agent_rig import ANA, SUPPORT, Rig, make_rig

MAKER = "maker@lamps.example"


@pytest.fixture
def rig(gate: Gate, now: datetime) -> Rig:
    return make_rig(gate, now)


@pytest.fixture
def asked(rig: Rig) -> tuple[str, str]:
    """The customer's conversation, and the side one in which a maker of lamps was asked."""
    first = rig.customer("My lamp, secret code 4711, is broken")
    assert first.conversation_id
    return first.conversation_id, ask(rig, first.conversation_id)


def ask(rig: Rig, conversation_id: str, to: str = MAKER) -> str:
    number = ask_aside(
        rig.gate,
        conversation_id=conversation_id,
        user_id=rig.marta.id,
        to=[to],
        subject="Spare part",
        text="Have you one?",
        now=rig.now,
    )
    with rig.gate.database.session() as session:
        found = by_number(session, number)
        assert found
        return found.id


def people(rig: Rig, conversation_id: str) -> set[str]:
    with rig.gate.database.session() as session:
        return {row.address for row in participants(session, conversation_id)}


def test_it_is_a_linked_conversation_and_tells_nothing_of_the_other(rig: Rig, asked: tuple[str, str]) -> None:
    parent, side = asked
    ((row, mail, recipients),) = rig.sent("agent reply")
    assert recipients == [MAKER]
    assert mail.subject == "Spare part"
    assert row.conversation_id == side
    whole = str(mail.headers) + mail.text
    assert "4711" not in whole
    assert ANA not in whole
    for told in rig.message_ids(parent):
        assert told not in whole, "an id would lead answers into the customer's conversation"
    assert people(rig, parent) == {ANA}
    assert people(rig, side) == {MAKER}
    with rig.gate.database.session() as session:
        found = parent_of(session, side)
        assert found
        assert found.id == parent
        assert [one.id for one in sides_of(session, parent)] == [side]


def test_the_answers_come_back_into_it_and_the_customer_is_never_among_the_recipients(
    rig: Rig, asked: tuple[str, str]
) -> None:
    parent, side = asked
    ((_, mail, _),) = rig.sent("agent reply")
    (reply_to,) = [str(box.address) for box in mail.reply_to]
    raw = (
        f"From: Maker <{MAKER}>\r\nTo: {reply_to}\r\nSubject: Re: Spare part\r\nMessage-ID: <m1@lamps.example>\r\n"
        f"In-Reply-To: <{mail.message_id}>\r\n\r\nYes, 5 EUR\r\n"
    )
    assert rig.mail_in(raw.encode(), reply_to, envelope_from=MAKER).conversation_id == side
    head = f"From: {MAKER}\r\nTo: {SUPPORT}\r\nMessage-ID: <m2@lamps.example>\r\n"
    late = f"{head}References: {mail.header('References')}\r\n\r\nAnd a bulb\r\n"
    assert rig.mail_in(late.encode(), envelope_from=MAKER).conversation_id == side
    rig.customer("Any news?", f"References: <{rig.message_ids(parent)[0]}>\r\n")
    with rig.gate.database.session() as session:
        in_parent = answer_recipients(session, parent, rig.gate.settings)
        in_side = answer_recipients(session, side, rig.gate.settings)
    assert [one.address for one in in_parent] == [ANA]
    assert [one.address for one in in_side] == [MAKER]


def test_the_customer_gets_in_by_no_id_of_it(rig: Rig, asked: tuple[str, str]) -> None:
    _, side = asked
    ((_, mail, _),) = rig.sent("agent reply")
    guessed = rig.customer("I know your ids", f"References: <{mail.message_id}>\r\n")
    assert guessed.conversation_id != side


@pytest.mark.parametrize("turned", [False, True])
def test_the_two_are_never_merged_nor_mail_moved_between_them(rig: Rig, asked: tuple[str, str], turned: bool) -> None:
    source, target = reversed(asked) if turned else asked
    with pytest.raises(NotPossible, match="side conversation"):
        rig.gate.ledger.write(lambda s: corrections.carry_out(s, source, target, None, Actor("Marta"), rig.now))


@pytest.mark.parametrize(("to", "why"), [(ANA, "takes part"), (SUPPORT, "an address of yours"), ("nobody", "nobody:")])
def test_who_cannot_be_asked(rig: Rig, asked: tuple[str, str], to: str, why: str) -> None:
    with pytest.raises(NoAnswer, match=why):
        ask(rig, asked[0], to)
    assert len(rig.sent("agent reply")) == 1


def test_who_does_not_work_here_asks_nobody(rig: Rig, asked: tuple[str, str]) -> None:
    rig.gate.ledger.write(lambda session: set_memberships(session, rig.marta.id, []))
    with pytest.raises(NoAnswer, match="no mailbox"):
        ask(rig, asked[0], "other@lamps.example")


def test_a_system_asks_as_the_mailbox_that_it_may_write_as(rig: Rig) -> None:
    conversation_id = rig.customer().conversation_id or ""
    credential, _ = rig.gate.ledger.write(
        lambda session: create_credential(
            session, rig.gate.keys, kind="api", name="Shop", senders=["shop.example"], now=rig.now
        )
    )
    asking = partial(
        ask_aside,
        rig.gate,
        conversation_id=conversation_id,
        to=[MAKER],
        subject="Spare part",
        text="Have you one?",
        now=rig.now,
    )
    asking(user_id=None, credential=credential)
    ((row, mail, recipients),) = rig.sent("api")
    assert (recipients, [str(box.address) for box in mail.from_]) == ([MAKER], [SUPPORT])
    assert row.credential_id == credential.id
    with pytest.raises(NoAnswer, match="does not work here"):
        asking(user_id="usr_gone")
