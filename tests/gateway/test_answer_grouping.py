"""Complaint 45: what we send is grouped by the customer's mail program, also where a relay rewrites our Message-ID."""

from datetime import datetime

import pytest

from gatepost.compose import REFERENCES_LIMIT
from gatepost.gateway.accept import Gate
from gatepost.gateway.answer import answer
from gatepost.mail import Mail
from gatepost.store.conversations import participants
from gatepost.threading.subject import base_subject
from tests.gateway.agent_rig import ANA, SUPPORT, Rig, make_rig


@pytest.fixture
def rig(gate: Gate, now: datetime) -> Rig:
    return make_rig(gate, now)


def answered(rig: Rig, conversation_id: str, text: str = "Soon") -> Mail:
    """The newest answer of ours, as it was sent."""
    answer(rig.gate, conversation_id=conversation_id, user_id=None, to=[ANA], cc=[], text=text, now=rig.now)
    return rig.sent("agent reply")[-1][1]


def test_complaint_45_the_anchor_leads_back_where_a_relay_rewrites_our_message_id(rig: Rig) -> None:
    first = rig.customer("Hello")
    sent = answered(rig, first.conversation_id or "")
    rewritten = "In-Reply-To: <0100018f@relay.example>\r\nReferences: <{}> <0100018f@relay.example>\r\n"
    reply = rig.customer("Thanks", rewritten.format(sent.references[0]))
    assert reply.conversation_id == first.conversation_id
    again = answered(rig, first.conversation_id or "")
    assert again.references[0] == sent.references[0], "one root for all that we send"
    assert "0100018f@relay.example" in again.references, "the id by which the customer knows our mail"


def test_complaint_45_a_long_exchange_keeps_root_subject_and_a_bounded_chain(rig: Rig) -> None:
    """Gmail groups by References and base subject, Outlook by In-Reply-To, Apple Mail by the root."""
    received = rig.customer("Hello")
    conversation_id = received.conversation_id or ""
    roots, subjects, chain = set(), set(), ""
    for number in range(12):
        sent = answered(rig, conversation_id, f"Answer {number}")
        assert sent.in_reply_to == (rig.message(received).message_id,)
        assert len(sent.references) <= REFERENCES_LIMIT
        roots.add(sent.references[0])
        subjects.add((sent.subject, base_subject(sent.subject).text))
        chain = " ".join(f"<{header_id}>" for header_id in (*sent.references, sent.message_id))
        received = rig.customer(f"More {number}", f"In-Reply-To: <{sent.message_id}>\r\nReferences: {chain}\r\n")
        assert received.conversation_id == conversation_id
    assert len(roots) == 1
    assert subjects == {("Re: Order", "Order")}


def test_complaint_16_a_mailbox_of_ours_in_cc_does_not_take_part(rig: Rig) -> None:
    conversation_id = rig.customer("Hello").conversation_id or ""
    answer(rig.gate, conversation_id=conversation_id, user_id=None, to=[ANA], cc=[SUPPORT], text="Soon", now=rig.now)
    with rig.gate.database.session() as session:
        assert [person.address for person in participants(session, conversation_id)] == [ANA]
