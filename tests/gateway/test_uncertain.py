"""A mail that may have arrived: a person decides, or the settings, after an hour and never for ever."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlmodel import Session

from gatepost.gateway.accept import Gate, accept
from gatepost.gateway.uncertain import TIMES, settle, settling
from gatepost.model import Delivery, Message
from gatepost.reply import Reply
from gatepost.store.accounts import create_account
from gatepost.store.channels import create_channel
from gatepost.store.claims import claim
from gatepost.store.deliveries import Result, deliveries_of, delivery_events, record_report
from gatepost.store.messages import get_message
from gatepost.store.rows import insert_row
from gatepost.store.sent_copies import CopyState, note_sent, settle_copy
from gatepost.store.uncertain import FOUND
from gatepost.words import DeliveryState
from tests.gateway.conftest import Submit
from tests.rows import copies_of, record_reply

HOUR = timedelta(hours=1, minutes=1)
LOST = Result(DeliveryState.UNCERTAIN, Reply(None, "4.4.2", "lost after the dot"), "mx.example", "relay", None)


def retrying(gate: Gate) -> Gate:
    return replace(gate, settings=gate.settings.model_copy(update={"uncertain": "retry"}))


def lose(gate: Gate, now: datetime) -> None:
    """Every due delivery is lost after its final dot."""
    for taken in gate.ledger.write(lambda s: claim(s, 10, timedelta(minutes=30), now)):
        gate.ledger.write(lambda s, taken=taken: record_reply(s, taken, LOST, now))  # type: ignore[misc]


@pytest.fixture
def lost(gate: Gate, submit: Submit, now: datetime) -> str:
    """A message in doubt."""
    message_id = accept(gate, submit(), now).result(10)
    lose(gate, now)
    return message_id


def row_of(gate: Gate, message_id: str) -> Delivery:
    with gate.database.session() as session:
        (row,) = deliveries_of(session, message_id)
        return row


def test_by_default_a_person_decides(gate: Gate, lost: str, now: datetime) -> None:
    assert settle(gate, now + 9 * HOUR) == 0
    assert row_of(gate, lost).state == DeliveryState.UNCERTAIN


def test_the_policy_sends_again_after_an_hour_and_not_for_ever(gate: Gate, lost: str, now: datetime) -> None:
    policy = retrying(gate)
    assert settle(policy, now + timedelta(minutes=59)) == 0
    for turn in range(1, TIMES + 1):
        now += HOUR
        assert settle(policy, now) == 1, turn
        assert row_of(gate, lost).state == DeliveryState.QUEUED
        lose(gate, now)
    assert settle(policy, now + HOUR) == 0
    with gate.database.session() as session:
        history = delivery_events(session, row_of(gate, lost).id)
    assert sum("by the policy for uncertain deliveries" in line.text for line in history) == TIMES
    assert row_of(gate, lost).state == DeliveryState.UNCERTAIN


def test_a_copy_in_a_mailbox_leaves_it_to_a_person(gate: Gate, lost: str, now: datetime) -> None:
    with gate.database.session() as session:
        sent = get_message(session, lost)
        assert sent
        header = sent.message_id
    copy = Message(
        id="msg_copy", direction="in", digest="x", message_id=header, at=now, size=1, snippet="", subject="Order"
    )
    gate.ledger.write(lambda s: insert_row(s, copy))
    policy = retrying(gate)
    for _ in range(3):
        assert settle(policy, now + HOUR) == 0
    with gate.database.session() as session:
        history = delivery_events(session, row_of(gate, lost).id)
    assert [line.text for line in history].count(FOUND) == 1
    assert row_of(gate, lost).state == DeliveryState.UNCERTAIN


def test_a_bounce_ends_the_doubt(gate: Gate, lost: str, now: datetime) -> None:
    row = row_of(gate, lost)
    refused = Reply(550, "5.1.1", "no such user")
    gate.ledger.write(lambda s: record_report(s, row, DeliveryState.BOUNCED, refused, "mx.example", True, now))
    assert settle(retrying(gate), now + HOUR) == 0
    assert row_of(gate, lost).state == DeliveryState.BOUNCED


def test_rounds_settle_while_they_are_open(gate: Gate, lost: str, now: datetime) -> None:
    async def scenario() -> None:
        async with settling(retrying(gate), lambda: now + HOUR):
            for _ in range(400):
                if row_of(gate, lost).state == DeliveryState.QUEUED:
                    return
                await asyncio.sleep(0.05)
        raise AssertionError("it was not settled")

    asyncio.run(scenario())


def test_a_copy_that_the_provider_kept_is_noted_and_it_is_not_sent_again(gate: Gate, lost: str, now: datetime) -> None:
    """Complaint 27: looked for in Sent before anything else."""

    def keep(session: Session) -> None:
        channel = create_channel(session, name="Box", address="box@shop.example", now=now)
        account = create_account(
            session, gate.keys, channel_id=channel.id, host="imap.shop.example", port=993, security="tls",
            username="box@shop.example", secret="s", now=now,
        )  # fmt: skip
        note_sent(session, lost, account.id, "", now, sure=False)
        (copy,) = copies_of(session, lost)
        settle_copy(session, copy, CopyState.FOUND, "It was there already, in Sent", now)

    gate.ledger.write(keep)
    assert settle(retrying(gate), now + HOUR) == 0
    assert row_of(gate, lost).state == DeliveryState.UNCERTAIN
    with gate.database.session() as session:
        assert FOUND in [line.text for line in delivery_events(session, row_of(gate, lost).id)]
