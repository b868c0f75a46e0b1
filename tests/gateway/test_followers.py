"""Mail that a limited child cannot read: followers and agents are told, and nothing is sent that nobody saw."""

from datetime import datetime

import pytest

from gatepost.acts import Actor
from gatepost.gateway.accept import Gate
from gatepost.gateway.budget import READING
from gatepost.store.deleted import delete
from tests.gateway.agent_rig import Rig, make_rig

MUCH = "A line of a long mail.\r\n" * 5000


@pytest.fixture
def rig(gate: Gate, now: datetime) -> Rig:
    """A conversation that Marta follows."""
    rig = make_rig(gate, now)
    first = rig.customer("Hello")
    rig.follow()
    rig.assign(first.conversation_id or "")
    rig.customer("Where is it?", f"References: <{rig.message(first).message_id}>\r\n")
    rig.follow()
    return rig


def test_a_long_mail_is_read_in_a_child_and_copied(rig: Rig) -> None:
    rig.customer(
        f"Look at all this.\r\n{MUCH}", f"References: <{rig.message_ids(rig.copy_row().conversation_id)[0]}>\r\n"
    )
    rig.follow()
    assert "Look at all this.\nA line of a long mail." in rig.sent("agent copy")[-1][1].text


@pytest.mark.usefixtures("unreadable")
def test_a_copy_of_what_cannot_be_read_says_so(rig: Rig) -> None:
    rig.customer(MUCH, f"References: <{rig.message_ids(rig.copy_row().conversation_id)[0]}>\r\n")
    rig.follow()
    copy = rig.sent("agent copy")[-1][1].text
    assert "The text of this mail cannot be shown: Reading it took longer than" in copy
    assert "A line of a long mail" not in copy


@pytest.mark.usefixtures("unreadable")
def test_an_agents_mail_that_cannot_be_read_sends_nothing_and_he_is_told(rig: Rig) -> None:
    rig.answer(f"It is on its way.\r\n{MUCH}")
    rig.follow()
    assert rig.sent("agent reply") == []
    ((_, told, _),) = rig.sent("agent receipt")
    assert "Nothing was done, and nothing was sent. Your mail cannot be read." in told.text


def test_large_mail_is_read_and_answered_within_the_memory_for_it(rig: Rig) -> None:
    budget = rig.gate.budget
    budget.most = 0
    rig.customer(2 * MUCH, f"References: <{rig.message_ids(rig.copy_row().conversation_id)[0]}>\r\n")
    rig.follow()
    for_copy = budget.most
    assert 2 * len(MUCH) * READING < for_copy < 3 * len(MUCH) * READING
    rig.answer(f"It is on its way.\r\n{4 * MUCH}")
    rig.follow()
    assert rig.sent("agent reply")
    assert budget.most > 2 * for_copy - READING * len(MUCH)
    assert budget.taken == 0


def test_nobody_is_told_of_what_was_deleted_meanwhile(rig: Rig) -> None:
    key, told = rig.copy_row().conversation_id, len(rig.sent("agent copy"))
    rig.customer("Buy this.", f"References: <{rig.message_ids(key)[0]}>\r\n")
    rig.gate.ledger.write(lambda session: delete(session, key, Actor("Kim"), rig.now, spam=True))
    rig.follow()
    assert len(rig.sent("agent copy")) == told
