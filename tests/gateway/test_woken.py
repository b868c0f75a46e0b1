"""Who looks when: at what another process committed, at what is due by now; and nobody reads anything without that."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import event
from sqlmodel import Session

from gatepost.database import Database, open_database
from gatepost.gateway import desk
from gatepost.gateway.accept import Gate, accept
from gatepost.gateway.outbox import Outbox, Outgoing, Route
from gatepost.gateway.send import Sent
from gatepost.gateway.webhooks import Rounds, caller_of
from gatepost.ledger import Ledger
from gatepost.reply import Reply
from gatepost.store.claims import claim
from gatepost.store.conversations import create_conversation, get_conversation
from gatepost.store.deliveries import Result
from gatepost.store.events import add_event
from gatepost.store.shelf import snooze
from gatepost.store.webhook_calls import CallResult, claim_calls, put_calls, record_call
from gatepost.store.webhooks import create_webhook
from gatepost.words import DeliveryState
from tests.gateway.conftest import Submit
from tests.rows import record_reply

MINUTE = timedelta(minutes=1)
LATER = Reply(450, "4.2.1", "come again")


@pytest.fixture
def elsewhere(gate: Gate) -> Iterator[Gate]:
    """What another process has of the same installation: it wakes nobody here."""
    database = open_database(gate.database.url)
    ledger = Ledger(database).start()
    yield replace(gate, database=database, ledger=ledger)
    ledger.close()
    database.close()


@contextmanager
def reading_nothing(database: Database) -> Iterator[None]:
    """No connection of the pool is used meanwhile."""
    used = list[object]()

    def note(*connection: object) -> None:
        used.append(connection)

    event.listen(database.engine, "checkout", note)
    yield
    event.remove(database.engine, "checkout", note)
    assert used == []


def outbox_of(gate: Gate, now: datetime) -> Outbox:
    async def attempt(outgoing: Outgoing) -> Sent:
        raise AssertionError

    return Outbox(gate, Route("test", attempt), lambda: now)


def delayed(session: Session, until: datetime, now: datetime) -> None:
    """What is due was tried, and is due again at a time."""
    for taken in claim(session, 10, MINUTE, now):
        record_reply(session, taken, Result(DeliveryState.DELAYED, LATER, "mx.example", "relay", until), now)


def test_the_outbox_finds_what_another_process_took(gate: Gate, elsewhere: Gate, submit: Submit, now: datetime) -> None:
    outbox = outbox_of(gate, now)
    assert not outbox.look(now)
    with reading_nothing(gate.database):
        assert not outbox.look(now)
    accept(elsewhere, submit(), now).result(10)
    assert [outbox.look(now), outbox.look(now)] == [True, True]  # until it is claimed


def test_the_outbox_knows_when_the_next_delivery_is_due(gate: Gate, submit: Submit, now: datetime) -> None:
    accept(gate, submit(), now).result(10)
    gate.ledger.write(lambda session: delayed(session, now + MINUTE / 4, now))
    outbox = outbox_of(gate, now)
    assert not outbox.look(now)
    with reading_nothing(gate.database):
        assert not outbox.look(now + MINUTE / 5)
    assert outbox.look(now + MINUTE / 4)


def test_the_outbox_knows_when_a_lease_ends(gate: Gate, submit: Submit, now: datetime) -> None:
    accept(gate, submit(), now).result(10)
    gate.ledger.write(lambda session: claim(session, 10, MINUTE / 4, now))
    outbox = outbox_of(gate, now)
    assert [outbox.look(now), outbox.look(now + MINUTE / 5), outbox.look(now + MINUTE / 4)] == [False, False, True]


def happen(gate: Gate, now: datetime) -> None:
    gate.ledger.write(lambda session: add_event(session, "message.queued", now=now, message_id="msg_1"))


def hooked(gate: Gate, now: datetime) -> Rounds:
    """The rounds over one webhook."""
    url = "https://hooks.example.org/"
    gate.ledger.write(lambda s: create_webhook(s, gate.keys, url=url, kinds=(), credential_id=None, now=now))
    return Rounds(caller_of(gate), ThreadPoolExecutor(1), lambda: now)


def test_webhooks_hear_of_what_another_process_wrote(gate: Gate, elsewhere: Gate, now: datetime) -> None:
    found = hooked(gate, now)
    assert not found.look(now)
    with reading_nothing(gate.database):
        assert not found.look(now)
    happen(elsewhere, now)
    assert [found.look(now), found.look(now)] == [True, True]  # until it is read into calls


def test_webhooks_know_when_the_next_call_is_due(gate: Gate, now: datetime) -> None:
    found = hooked(gate, now)
    happen(gate, now)
    gate.ledger.write(lambda session: put_calls(session, 100, now))
    (taken,) = gate.ledger.write(lambda session: claim_calls(session, 1, MINUTE, now))
    assert not found.look(now)  # it is under way
    failed = CallResult("delayed", 500, "", now + MINUTE / 4)
    gate.ledger.write(lambda session: record_call(session, taken, failed, now))
    assert not found.look(now)
    with reading_nothing(gate.database):
        assert not found.look(now + MINUTE / 5)
    assert found.look(now + MINUTE / 4)


def test_the_desk_opens_what_was_snoozed_when_its_time_comes(
    gate: Gate, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "ROUND_SECONDS", 0.02)
    times = [now]

    def put_aside(session: Session) -> str:
        made = create_conversation(session, subject="Order", requester="ana@calderon.example", channel_id=None, now=now)
        snooze(session, made, now + MINUTE, None, now)
        return made.id

    def state_of(conversation_id: str) -> str:
        with gate.database.session() as session:
            found = get_conversation(session, conversation_id)
            return found.state if found else ""

    async def scenario() -> None:
        async with desk.following(gate, lambda: times[0]):
            snoozed = await gate.ledger.commit(put_aside)
            await asyncio.sleep(0.2)
            assert state_of(snoozed) == "closed"
            times[0] += MINUTE
            for _ in range(600):
                if state_of(snoozed) == "open":
                    return
                await asyncio.sleep(0.02)
        raise AssertionError("it stays closed")

    asyncio.run(scenario())
