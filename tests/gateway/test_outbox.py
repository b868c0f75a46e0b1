import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from gatepost.gateway import outbox, retry
from gatepost.gateway.accept import Gate, accept
from gatepost.gateway.outbox import Outbox, Outgoing, Route
from gatepost.gateway.send import Sent
from gatepost.gateway.send_pool import Pool
from gatepost.gateway.ways import relay_route, sandbox_route
from gatepost.ledger import Ledger
from gatepost.ledger_apart import read_trouble, trouble_of
from gatepost.model import Delivery, DeliveryEvent
from gatepost.parts import clock
from gatepost.reply import Reply
from gatepost.settings import Settings
from gatepost.store.deliveries import deliveries_of, delivery_events
from gatepost.store.messages import RawLost
from gatepost.store.records import record_replies
from gatepost.tokens import read_return_path
from gatepost.words import WAITING, DeliveryState
from tests.fakes.smtp import Script, smtp_server
from tests.gateway.conftest import Submit
from tests.rows import sandbox_mails

Done = Callable[[list[Delivery]], bool]


@asynccontextmanager
async def sending(gate: Gate, route: Route) -> AsyncIterator[Outbox]:
    outbox = Outbox(gate, route, clock)
    task = asyncio.create_task(outbox.run())
    try:
        yield outbox
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def rows_of(gate: Gate, message_id: str) -> tuple[list[Delivery], list[list[DeliveryEvent]]]:
    with gate.database.session() as session:
        rows = list(deliveries_of(session, message_id))
        return rows, [list(delivery_events(session, row.id)) for row in rows]


async def until(gate: Gate, message_id: str, done: Done) -> list[Delivery]:
    for _ in range(400):
        rows, _events = await asyncio.to_thread(rows_of, gate, message_id)
        if done(rows):
            return rows
        await asyncio.sleep(0.05)
    raise AssertionError([(row.recipient, row.state, row.text) for row in rows])


def ended(rows: list[Delivery]) -> bool:
    return not any(row.state in WAITING for row in rows)


def relaying(gate: Gate, host_port: str) -> Gate:
    settings = Settings(home=gate.settings.home, route="relay", relay=f"smtp://{host_port}", relay_tls="none")
    return replace(gate, settings=settings)


def test_one_transaction_per_recipient_each_with_its_own_return_path(gate: Gate, submit: Submit) -> None:
    async def scenario() -> None:
        script = Script(replies={"RCPT": ["250 2.1.5 ok", "550 5.1.1 no such user"]})
        async with smtp_server(script) as server:
            relay = relaying(gate, server.host_port)
            pool = Pool()
            async with sending(relay, relay_route(relay, pool)):
                submission = submit(recipients=("ana@x.example", "ben@x.example"))
                message_id = await asyncio.wrap_future(accept(relay, submission, clock()))
                rows = await until(relay, message_id, ended)
            await pool.close()
        assert sorted(row.state for row in rows) == [DeliveryState.DELIVERED, DeliveryState.FAILED]
        failed = next(row for row in rows if row.state == DeliveryState.FAILED)
        assert (failed.code, failed.status, failed.text) == (550, "5.1.1", "no such user")
        assert "127.0.0.1" in failed.remote_host
        (mail,) = server.mails
        local, _, bounces = mail.mail_from.partition("<")[2].partition(">")[0].partition("@")
        assert bounces == relay.settings.bounces
        assert read_return_path(gate.keys, local) in {row.id for row in rows}

    asyncio.run(scenario())


def test_a_temporary_answer_is_tried_again_later(gate: Gate, submit: Submit) -> None:
    async def scenario() -> None:
        async with smtp_server(Script(replies={"RCPT": ["451 4.7.1 greylisted"]})) as server:
            relay = relaying(gate, server.host_port)
            pool = Pool()
            async with sending(relay, relay_route(relay, pool)):
                message_id = await asyncio.wrap_future(accept(relay, submit(), clock()))
                rows = await until(relay, message_id, lambda rows: rows[0].state == DeliveryState.DELAYED)
            await pool.close()
        assert rows[0].attempts == 1
        assert rows[0].next_attempt_at
        assert rows[0].next_attempt_at - rows[0].updated_at > timedelta(minutes=4)

    asyncio.run(scenario())


def test_what_is_not_sent_when_sending_ends_is_due_at_once(
    gate: Gate, submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lease would keep another process from it."""
    monkeypatch.setattr(outbox, "GRACE", 0.1)

    async def scenario() -> None:
        begun = asyncio.Event()

        async def attempt(outgoing: Outgoing) -> Sent:
            begun.set()
            await asyncio.sleep(600)
            raise AssertionError

        message_id = await asyncio.wrap_future(accept(gate, submit(recipients=("ana@x.example",)), clock()))
        async with sending(gate, Route("test", attempt)):
            await begun.wait()
        (row,), _ = rows_of(gate, message_id)
        assert row.state == DeliveryState.SENDING
        assert row.lease_until is not None
        assert row.lease_until <= clock()

    asyncio.run(scenario())


def test_a_connection_lost_after_the_dot_is_uncertain_and_not_tried_again(gate: Gate, submit: Submit) -> None:
    async def scenario() -> None:
        async with smtp_server(Script(cut=["DOT"])) as server:
            relay = relaying(gate, server.host_port)
            pool = Pool()
            async with sending(relay, relay_route(relay, pool)):
                message_id = await asyncio.wrap_future(accept(relay, submit(), clock()))
                rows = await until(relay, message_id, ended)
            await pool.close()
        assert rows[0].state == DeliveryState.UNCERTAIN
        assert rows[0].next_attempt_at is None

    asyncio.run(scenario())


def test_the_sandbox_lets_nothing_leave_and_shows_every_state(
    gate: Gate, submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "SANDBOX_LONGEST", 0.2)

    async def scenario() -> None:
        names = ("anybody", "unknown", "full", "gone", "code+451-4.7.1")
        async with sending(gate, sandbox_route(gate, lambda: "", clock)):
            recipients = tuple(f"{name}@x.example" for name in names)
            message_id = await asyncio.wrap_future(accept(gate, submit(recipients=recipients), clock()))

            def settled(rows: list[Delivery]) -> bool:
                return all(row.state not in WAITING or row.recipient.startswith("code") for row in rows)

            rows = await until(gate, message_id, settled)
        found = {row.recipient.split("@")[0]: row for row in rows}
        assert found["anybody"].state == DeliveryState.DELIVERED
        assert (found["unknown"].state, found["unknown"].code) == (DeliveryState.FAILED, 550)
        assert (found["full"].state, found["full"].attempts) == (DeliveryState.DELIVERED, 3)
        assert (found["gone"].state, found["gone"].code) == (DeliveryState.FAILED, None)
        assert found["code+451-4.7.1"].state in WAITING
        _rows, events = rows_of(gate, message_id)
        assert [
            len(history) for row, history in zip(_rows, events, strict=True) if row.recipient.startswith("full")
        ] == [3]
        with gate.database.session() as session:
            kept = sandbox_mails(session)
        assert {mail.recipient for mail in kept} == set(recipients)

    asyncio.run(scenario())


def test_a_fault_of_ours_is_temporary(gate: Gate, submit: Submit) -> None:
    async def scenario() -> None:
        faults = iter([ValueError("bug"), RawLost("gone")])

        async def broken(outgoing: object) -> object:
            raise next(faults)

        async with sending(gate, Route("broken", broken)):  # type: ignore[arg-type]
            message_id = await asyncio.wrap_future(accept(gate, submit(), clock()))
            rows = await until(gate, message_id, lambda rows: rows[0].attempts == 1)
        assert rows[0].state == DeliveryState.DELAYED
        assert "bug" not in rows[0].text

    asyncio.run(scenario())


def test_what_is_due_at_the_end_of_its_life_expires(gate: Gate, submit: Submit, now: datetime) -> None:
    async def scenario() -> None:
        async with smtp_server(Script(replies={"RCPT": ["451 4.7.1 not now"]})) as server:
            relay = relaying(gate, server.host_port)
            pool = Pool()
            long_ago = clock() - timedelta(days=6)
            message_id = await asyncio.wrap_future(accept(relay, submit(), long_ago))
            relay.ledger.write(lambda session: session.connection().execute(text("UPDATE delivery SET attempts = 100")))
            async with sending(relay, relay_route(relay, pool)):
                rows = await until(relay, message_id, ended)
            await pool.close()
        assert rows[0].state == DeliveryState.EXPIRED

    asyncio.run(scenario())


def test_a_result_waits_for_a_database_that_is_away(
    gate: Gate, submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mail was delivered: forgetting that would send it a second time when the lease runs out."""
    monkeypatch.setattr(outbox, "RECORD_AGAIN", 0.05)
    attempts: list[str] = []

    def rename(old: str, new: str) -> None:
        gate.ledger.write(lambda session: session.execute(text(f"ALTER TABLE {old} RENAME TO {new}")) and None)

    async def attempt(outgoing: Outgoing) -> Sent:
        attempts.append(outgoing.recipient)
        await asyncio.to_thread(rename, "delivery_event", "hidden")
        asyncio.get_running_loop().call_later(
            0.3, lambda: asyncio.ensure_future(asyncio.to_thread(rename, "hidden", "delivery_event"))
        )
        return Sent(Reply(250, "2.0.0", "ok"), "mx.x.example", None, "dot")

    async def scenario() -> None:
        async with sending(gate, Route("relay", attempt)):
            submission = submit(recipients=("ana@x.example",))
            message_id = await asyncio.wrap_future(accept(gate, submission, clock()))
            for _ in range(400):
                with gate.database.session() as session:
                    (row,) = deliveries_of(session, message_id)
                if row.state == DeliveryState.DELIVERED:
                    return
                await asyncio.sleep(0.05)
            raise AssertionError(row.state)

    asyncio.run(scenario())
    assert attempts == ["ana@x.example"]


class Cramped(Ledger):
    """As one whose writing process finds no room for the first two results."""

    left = 2

    async def gather(self, many: Any, item: Any) -> Any:
        if many is record_replies and self.left:
            self.left -= 1
            raise read_trouble(trouble_of(OperationalError("", None, OSError(28, "database or disk is full"))))
        return await super().gather(many, item)


def test_a_result_waits_for_room(gate: Gate, submit: Submit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "RECORD_AGAIN", 0.05)
    attempts: list[str] = []

    async def attempt(outgoing: Outgoing) -> Sent:
        attempts.append(outgoing.recipient)
        return Sent(Reply(250, "2.0.0", "ok"), "mx.x.example", None, "dot")

    async def scenario() -> None:
        cramped = replace(gate, ledger=Cramped(gate.database).start())
        async with sending(cramped, Route("relay", attempt)):
            message_id = await asyncio.wrap_future(accept(cramped, submit(recipients=("ana@x.example",)), clock()))
            await until(cramped, message_id, lambda rows: rows[0].state == DeliveryState.DELIVERED)
        await asyncio.to_thread(cramped.ledger.close)

    asyncio.run(scenario())
    assert attempts == ["ana@x.example"]
