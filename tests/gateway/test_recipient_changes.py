"""Complaint 35: what is said before an answer goes to new people, leaves some out, or tells that a mail came blind."""

from datetime import datetime

import pytest

from gatepost.gateway.accept import Gate
from gatepost.gateway.answer import answer_recipients, answered_message, own_addresses
from gatepost.gateway.recipient_changes import came_blind, changes, people_named
from gatepost.store.messages import conversation_messages
from tests.gateway.agent_rig import ANA, SUPPORT, Rig, make_rig

BEN, NEW = "ben@calderon.example", "maker@lamps.example"


@pytest.fixture
def rig(gate: Gate, now: datetime) -> Rig:
    return make_rig(gate, now)


def written(rig: Rig, to: str, number: int = 1) -> str:
    """Ana writes to these; the conversation."""
    head = f"From: Ana <{ANA}>\r\nTo: {to}\r\nSubject: Order\r\nMessage-ID: <{number}@calderon.example>\r\n"
    return rig.mail_in(f"{head}\r\nHello\r\n".encode()).conversation_id or ""


def said(rig: Rig, conversation_id: str, *chosen: str) -> list[str]:
    """What is said of an answer to these."""
    with rig.gate.database.session() as session:
        known = people_named(conversation_messages(session, rig.conversation(conversation_id)))
        return changes(known, answer_recipients(session, conversation_id, rig.gate.settings), chosen)


def blind(rig: Rig, conversation_id: str) -> bool:
    with rig.gate.database.session() as session:
        answered = answered_message(session, rig.conversation(conversation_id))
        return came_blind(answered, own_addresses(session), rig.gate.settings)


def test_complaint_35_who_is_new_or_left_out_is_named(rig: Rig) -> None:
    conversation_id = written(rig, f"{SUPPORT}, {BEN}")
    assert said(rig, conversation_id, ANA, BEN.upper()) == []
    new, left = said(rig, conversation_id, ANA, NEW)
    assert new.startswith(f"{NEW} is new in this conversation")
    assert left == f"{BEN} is left out, who was in To of the last message"


def test_complaint_35_a_mail_that_names_none_of_us_came_blind(rig: Rig) -> None:
    assert not blind(rig, written(rig, f"{SUPPORT}, {BEN}", 1))
    assert blind(rig, written(rig, BEN, 2))
    assert not blind(rig, written(rig, f"{BEN}, r+x@{rig.gate.settings.replies}", 3))
    assert not blind(rig, written(rig, "undisclosed-recipients:;", 4)), "nobody is told by an answer"
