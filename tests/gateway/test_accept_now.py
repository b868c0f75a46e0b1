"""From the door to its sending without a queue: places are given back, whatever happens in between."""

import asyncio
import threading

import pytest
from sqlalchemy import text

from gatepost.gateway.accept import Gate
from gatepost.gateway.accept_now import accept_now
from gatepost.gateway.outbox import Outbox, Outgoing, Route
from gatepost.gateway.send import Sent
from gatepost.parts import clock
from gatepost.reply import Reply
from gatepost.store.deliveries import deliveries_of
from gatepost.words import DeliveryState
from tests.gateway.conftest import Submit


class Taken:
    """A way out that keeps what it got."""

    def __init__(self) -> None:
        self.mails: list[Outgoing] = []

    async def attempt(self, outgoing: Outgoing) -> Sent:
        self.mails.append(outgoing)
        return Sent(Reply(250, "2.0.0", "ok"), "here", None, "dot")


async def started(gate: Gate, taken: Taken) -> tuple[Outbox, asyncio.Task[None]]:
    outbox = Outbox(gate, Route("relay", taken.attempt), clock)
    task = asyncio.create_task(outbox.run())
    await asyncio.sleep(0)
    return outbox, task


async def stopped(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_what_is_stored_while_sending_ends_is_not_begun(gate: Gate, submit: Submit) -> None:
    """It would be sent without anybody to record it, and sent again by the next process."""

    async def scenario() -> None:
        taken, go_on = Taken(), threading.Event()
        outbox, task = await started(gate, taken)
        blocked = gate.ledger.submit(lambda session: go_on.wait(10))
        accepting = asyncio.create_task(accept_now(outbox, submit(recipients=("ana@x.example",)), clock()))
        while not outbox.reserved:
            await asyncio.sleep(0.01)
        task.cancel()
        while outbox.loop:  # it ends; the last that it writes waits behind the mail
            await asyncio.sleep(0.01)
        go_on.set()
        await stopped(task)
        message_id = await accepting
        await asyncio.wrap_future(blocked)
        await asyncio.sleep(0)
        assert (taken.mails, outbox.tasks, outbox.reserved) == ([], {}, 0)
        with gate.database.session() as session:
            (row,) = deliveries_of(session, message_id)
            assert (row.state, bool(row.lease_until)) == (DeliveryState.SENDING, True)

    asyncio.run(scenario())


def test_a_mail_that_cannot_be_stored_gives_its_places_back(gate: Gate, submit: Submit) -> None:
    async def scenario() -> None:
        taken = Taken()
        outbox, task = await started(gate, taken)
        gate.ledger.write(lambda session: session.execute(text("ALTER TABLE delivery RENAME TO elsewhere")))
        with pytest.raises(Exception, match="delivery"):
            await accept_now(outbox, submit(recipients=("ana@x.example", "ben@x.example")), clock())
        assert (outbox.reserved, outbox.tasks, taken.mails) == (0, {}, [])
        await stopped(task)

    asyncio.run(scenario())


def test_whoever_does_not_wait_for_his_answer_keeps_no_place(gate: Gate, submit: Submit) -> None:
    async def scenario() -> None:
        taken, go_on = Taken(), threading.Event()
        outbox, task = await started(gate, taken)
        gate.ledger.submit(lambda session: go_on.wait(10))
        accepting = asyncio.create_task(accept_now(outbox, submit(recipients=("ana@x.example",)), clock()))
        while not outbox.reserved:
            await asyncio.sleep(0.01)
        accepting.cancel()
        await asyncio.gather(accepting, return_exceptions=True)
        assert (outbox.reserved, outbox.tasks) == (0, {})
        go_on.set()
        await stopped(task)

    asyncio.run(scenario())
