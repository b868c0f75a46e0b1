"""Agents by mail: copies for followers, their answers, notes and commands, and all that is not theirs."""

from datetime import datetime, timedelta

import pytest
from sqlmodel import Session

from gatepost.acts import Actor
from gatepost.gateway.accept import Gate
from gatepost.gateway.agent_mail import own_words, release
from gatepost.gateway.answer import answer
from gatepost.store.conversations import add_note, participants
from gatepost.store.deleted import delete
from gatepost.store.followers import follow, set_follows_assigned
from gatepost.store.users import create_user, disable_user, set_memberships
from gatepost.threading.quoted import Quoted
from gatepost.tokens import read_agent_address
from gatepost.words import Outcome, Strength
from tests.gateway.agent_rig import ANA, EVE, MARTA, SUPPORT, Rig, make_rig


@pytest.fixture
def rig(gate: Gate, now: datetime) -> Rig:
    return make_rig(gate, now)


@pytest.fixture
def conversation_id(rig: Rig) -> str:
    """A conversation that is Marta's, with one mail that she got a copy of."""
    first = rig.customer("Hello")
    assert first.conversation_id
    rig.follow()
    rig.assign(first.conversation_id)
    rig.customer("Where is my order 81?", f"References: <{rig.message(first).message_id}>\r\n")
    rig.follow()
    return first.conversation_id


def test_a_follower_gets_the_message_and_is_told_who_sees_the_answer(rig: Rig, conversation_id: str) -> None:
    ((row, mail, recipients),) = rig.sent("agent copy")
    assert recipients == [MARTA]
    assert row.conversation_id is None, "a copy is no message of the conversation"
    assert "YOUR ANSWER GOES TO: Ana Ruiz <ana@calderon.example>" in mail.text
    assert "Where is my order 81?" in mail.text
    assert rig.reply_to("private") in mail.text
    assert mail.header("Auto-Submitted") == "auto-generated"
    (address,) = [box.address for box in mail.reply_to]
    assert address
    assert len(address.local) <= 64
    assert read_agent_address(rig.gate.keys, address.local) == (row.id, "public")
    with rig.gate.database.session() as session:
        assert [one.address for one in participants(session, conversation_id)] == [ANA]


def test_nobody_gets_a_copy_who_does_not_follow_or_may_not_read(rig: Rig) -> None:
    first = rig.customer()
    assert first.conversation_id
    rig.follow()
    assert rig.sent() == [], "nobody follows"
    rig.gate.ledger.write(lambda s: follow(s, rig.marta.id, first.conversation_id or "", True, rig.now))
    rig.customer("More", f"References: <{rig.message(first).message_id}>\r\n")
    rig.follow()
    assert len(rig.sent("agent copy")) == 1
    rig.gate.ledger.write(lambda s: set_memberships(s, rig.marta.id, []))
    rig.customer("Even more", f"References: <{rig.message(first).message_id}>\r\n")
    rig.follow()
    assert len(rig.sent("agent copy")) == 1


def test_who_wants_no_mail_of_assigned_conversations_gets_none(rig: Rig) -> None:
    first = rig.customer()
    rig.gate.ledger.write(lambda s: set_follows_assigned(s, rig.marta.id, False))
    rig.assign(first.conversation_id or "")
    rig.follow()
    assert rig.sent() == []


def test_a_copy_leaves_out_what_the_customer_repeats_of_our_mail_whatever_marks_it(
    rig: Rig, conversation_id: str
) -> None:
    words = "Please send us a photo of its plug and of the label below it"
    answer(rig.gate, conversation_id=conversation_id, user_id=None, to=[ANA], cc=[], text=words, now=rig.now)
    ((sent, _, _),) = rig.sent("agent reply")
    rig.customer(f"It is attached.\r\n\r\n{words}", f"In-Reply-To: <{sent.message_id}>\r\n")
    rig.follow()
    copy = rig.sent("agent copy")[-1][1]
    assert "It is attached." in copy.text
    assert "photo of its plug" not in copy.text


def test_a_public_answer_goes_to_the_customer_as_the_desk(rig: Rig, conversation_id: str) -> None:
    ((_, copy, _),) = rig.sent("agent copy")
    quoted = "\r\n".join("> " + line for line in copy.text.splitlines())
    text = (
        f"It is on its way.\r\nWrite to {MARTA} if not.\r\n\r\n-- \r\nMarta, mobile 0151\r\n\r\n"
        f"On Sun, Nov 22, 2026, Ana via Shop wrote:\r\n{quoted}"
    )
    received = rig.answer(text)
    assert (received.outcome, received.conversation_id) == (Outcome.PLACED, None)
    rig.follow()
    ((row, mail, recipients),) = rig.sent("agent reply")
    assert recipients == [ANA]
    assert [(box.name, str(box.address)) for box in mail.from_] == [("Marta (Shop)", SUPPORT)]
    assert mail.text.strip() == f"It is on its way.\nWrite to {SUPPORT} if not.\n\n-- \nShop Ltd"
    whole = str(mail.headers) + mail.text
    for secret in (MARTA, rig.reply_to("public"), rig.reply_to("private"), "0151"):
        assert secret not in whole
    assert (row.conversation_id, row.user_id) == (conversation_id, rig.marta.id)
    rig.follow()
    assert len(rig.sent("agent reply")) == 1, "nothing is done twice"


def test_a_private_answer_becomes_a_note(rig: Rig, conversation_id: str) -> None:
    rig.answer("He calls every week.", role="private")
    rig.follow()
    assert rig.sent("agent reply") == []
    assert rig.notes(conversation_id) == ["He calls every week."]


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"strength": Strength.NONE}, "nothing proves that"),
        ({"strength": Strength.TOKEN}, "nothing proves that"),
        ({"strength": Strength.FAILING}, "authentication of marta@home.example failed"),
        ({"from_": EVE}, "no confirmed address of Marta"),
        ({"from_": "marta@shop.example"}, "no confirmed address of Marta"),
    ],
)
def test_what_is_not_proven_waits_and_the_agent_is_told(
    rig: Rig, conversation_id: str, changed: dict[str, str], why: str
) -> None:
    received = rig.answer("Send me the money", **changed)  # type: ignore[arg-type]
    assert received.outcome == Outcome.REVIEW
    assert why in received.why
    rig.follow()
    assert rig.sent("agent reply") == []
    ((_, mail, recipients),) = rig.sent("agent mail waits")
    assert recipients == [MARTA]
    assert why in mail.text


def test_one_act_releases_it_once_without_its_commands(rig: Rig, conversation_id: str) -> None:
    received = rig.answer("#close\nIt is sent.", strength=Strength.NONE)
    message_id = received.message_id or ""
    release(rig.gate, message_id, Actor("Marta", rig.marta.id), rig.now, rig.marta)
    with pytest.raises(ValueError, match="does not wait any more"):
        release(rig.gate, message_id, Actor("Marta", rig.marta.id), rig.now, rig.marta)
    rig.follow()
    ((_, mail, _),) = rig.sent("agent reply")
    assert "It is sent." in mail.text
    assert rig.conversation(conversation_id).state == "open"
    assert rig.message(received).outcome == Outcome.PLACED


def test_access_is_checked_when_the_mail_arrives_and_when_it_is_acted_upon(rig: Rig, conversation_id: str) -> None:
    early = rig.answer("Before")
    rig.gate.ledger.write(lambda s: set_memberships(s, rig.marta.id, []))
    late = rig.answer("After")
    assert (early.outcome, late.outcome) == (Outcome.PLACED, Outcome.REVIEW)
    assert "may not answer in this mailbox any more" in late.why
    rig.follow()
    assert rig.sent("agent reply") == []
    with pytest.raises(ValueError, match="may not answer"):
        release(rig.gate, late.message_id or "", Actor("Marta", rig.marta.id), rig.now, rig.marta)


def test_a_disabled_agent_and_an_old_address_do_nothing(rig: Rig, conversation_id: str) -> None:
    rig.now += timedelta(days=31)
    assert "ran out" in rig.answer("Late").why
    rig.now -= timedelta(days=31)
    rig.gate.ledger.write(lambda s: disable_user(s, rig.marta.id, rig.now))
    assert rig.answer("Again").outcome == Outcome.REVIEW


def test_complaint_18_automatic_mail_of_an_agent_is_never_passed_on(rig: Rig, conversation_id: str) -> None:
    absent = rig.answer("I am away", extra="Auto-Submitted: auto-replied\r\n")
    empty = rig.answer("I am away again", envelope_from="")
    assert (absent.outcome, empty.outcome) == (Outcome.AUTOMATIC, Outcome.AUTOMATIC)
    rig.follow()
    assert rig.sent("agent reply") == []
    assert rig.sent("agent mail waits") == []
    assert rig.notes(conversation_id) == []


def test_complaint_36_the_answer_to_a_note_stays_a_note(rig: Rig, conversation_id: str) -> None:
    def op(session: Session) -> None:
        other = create_user(session, email="ben@shop.example", name="Ben", role="admin", now=rig.now)
        add_note(session, rig.conversation(conversation_id), other, "He is difficult", rig.now)

    rig.gate.ledger.write(op)
    rig.follow()
    _, mail, _ = rig.sent("agent copy")[-1]
    assert "YOUR ANSWER BECOMES A NOTE" in mail.text
    assert [str(box.address) for box in mail.reply_to] == [rig.reply_to("private")]
    rig.answer("He is", role="private")
    rig.answer("He is indeed", role="public")
    rig.follow()
    assert rig.sent("agent reply") == [], "there is nobody whom the copy had named"
    assert sorted(rig.notes(conversation_id)) == ["He is", "He is difficult", "He is indeed"]


def test_complaint_36_in_doubt_it_is_private(rig: Rig, conversation_id: str) -> None:
    both = f"{rig.reply_to('public')}>, <{rig.reply_to('private')}"
    address = rig.reply_to("public")
    raw = (
        f"From: <{MARTA}>\r\nTo: <{both}>\r\nSubject: Re: Order\r\nMessage-ID: <1@home>\r\n\r\nFor whom?\r\n"
    ).encode()
    rig.mail_in(raw, address, Strength.ALIGNED, MARTA)
    rig.follow()
    assert rig.sent("agent reply") == []
    assert rig.notes(conversation_id) == ["For whom?"]


def test_complaint_35_the_answer_goes_to_those_who_were_named_and_to_nobody_else(
    rig: Rig, conversation_id: str
) -> None:
    first = rig.copy_row()
    raw = (
        f"From: Ben <ben@calderon.example>\r\nTo: {SUPPORT}\r\nCc: spy@evil.example\r\nSubject: Re: Order\r\n"
        f"References: <{rig.message_ids(conversation_id)[0]}>\r\nMessage-ID: <2@c>\r\n\r\nMe too\r\n"
    ).encode()
    rig.mail_in(raw)
    assert [one["address"] for one in first.people] == [ANA]
    rig.answer("Only for Ana")
    rig.follow()
    ((_, _, recipients),) = rig.sent("agent reply")
    assert recipients == [ANA]


def test_a_mail_with_nothing_but_quotes_is_not_sent(rig: Rig, conversation_id: str) -> None:
    ((_, copy, _),) = rig.sent("agent copy")
    rig.answer("\r\n".join("> " + line for line in copy.text.splitlines()))
    rig.follow()
    assert rig.sent("agent reply") == []
    ((_, mail, recipients),) = rig.sent("agent receipt")
    assert recipients == [MARTA]
    assert "no text of its own" in mail.text


def test_who_answers_what_was_deleted_is_told(rig: Rig, conversation_id: str) -> None:
    rig.answer("Late")
    rig.gate.ledger.write(lambda s: delete(s, conversation_id, Actor("Kim"), rig.now))
    rig.follow()
    assert rig.sent("agent reply") == []
    ((_, mail, recipients),) = rig.sent("agent receipt")
    assert recipients == [MARTA]
    assert "Nothing was done, and nothing was sent. #1 was deleted by Kim on" in mail.text


def test_commands_are_done_and_told_and_never_sent(rig: Rig, conversation_id: str) -> None:
    rig.answer("#assign nobody\n#tag billing\n#close\n\nIt is sent.")
    rig.follow()
    ((_, mail, _),) = rig.sent("agent reply")
    assert mail.text.startswith("It is sent.")
    assert "#" not in mail.text
    after = rig.conversation(conversation_id)
    assert (after.state, after.assignee_id, after.tags) == ("closed", None, ["billing"])
    ((_, receipt, recipients),) = rig.sent("agent receipt")
    assert recipients == [MARTA]
    for said in ("Your answer went to ana@calderon.example.", "assigned to nobody", "Tagged: billing.", "is closed"):
        assert said in receipt.text
    assert receipt.header("Auto-Submitted") == "auto-replied"


def test_a_wrong_command_does_nothing_at_all_and_says_what_is_wrong(rig: Rig, conversation_id: str) -> None:
    for text, why in (("#close\n#frobnicate\nHi", "#frobnicate is no command"), ("#assign zoe\nHi", "#assign zoe")):
        before = len(rig.sent("agent receipt"))
        rig.answer(text)
        rig.follow()
        _, receipt, _ = rig.sent("agent receipt")[before]
        assert why in receipt.text
        assert "Nothing was done" in receipt.text
    assert rig.sent("agent reply") == []
    assert rig.conversation(conversation_id).state == "open"


def test_snoozed_it_opens_again_by_itself(rig: Rig, conversation_id: str) -> None:
    rig.answer("#snooze 2d")
    rig.follow()
    assert rig.conversation(conversation_id).state == "closed"
    rig.follow(days=1, hours=23)
    assert rig.conversation(conversation_id).state == "closed"
    rig.follow(hours=2)
    assert rig.conversation(conversation_id).state == "open"


def test_a_note_by_command_is_not_sent_though_the_address_is_public(rig: Rig, conversation_id: str) -> None:
    rig.answer("#note Careful\nwith him")
    rig.follow()
    assert rig.sent("agent reply") == []
    assert rig.notes(conversation_id) == ["Careful\nwith him"]


def test_an_address_with_a_backslash_stands_in_place_of_the_agents() -> None:
    found = Quoted("write to EVE@home.example", "", ())
    assert own_words(found, {"eve@home.example": r'"a\1b"@gatepost.test'}) == r'write to "a\1b"@gatepost.test'
