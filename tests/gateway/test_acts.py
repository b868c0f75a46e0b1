import asyncio
from datetime import datetime

from gatepost.acts import Actor
from gatepost.failures import summarise
from gatepost.gateway import acts
from gatepost.gateway.accept import Gate, accept
from gatepost.gateway.send_pool import Pool
from gatepost.gateway.ways import relay_route
from gatepost.ledger import Ledger
from gatepost.mail import parse
from gatepost.parts import clock
from gatepost.seal import Keys
from gatepost.store.credentials import create_credential
from gatepost.store.deliveries import deliveries_of, delivery_events
from gatepost.store.events import message_events
from gatepost.store.messages import get_message
from gatepost.store.queue import Which
from gatepost.store.suppressions import suppress
from gatepost.words import DeliveryState
from tests.fakes.smtp import Script, smtp_server
from tests.gateway.conftest import Submit
from tests.gateway.test_outbox import ended, relaying, sending, until

ANA = Actor("Ana Admin", "usr_ana")


def test_mail_of_a_held_credential_is_accepted_and_waits_for_a_person(
    gate: Gate, ledger: Ledger, keys: Keys, submit: Submit, now: datetime
) -> None:
    credential, _ = ledger.write(
        lambda s: create_credential(
            s, keys, kind="smtp", name="New shop", senders=["shop.example"], held=True, tag="trial", now=now
        )
    )
    message_id = accept(gate, submit(sender=credential), now).result()
    with gate.database.session() as session:
        (row,) = deliveries_of(session, message_id)
        (line,) = delivery_events(session, row.id)
        (event,) = message_events(session, message_id)
    assert (row.state, row.next_attempt_at, line.state) == (DeliveryState.HELD, None, DeliveryState.HELD)
    assert "New shop" in row.text
    assert row.text == line.text
    assert (event.data["tag"], event.data["held"]) == ("trial", row.text)

    async def scenario() -> None:
        async with smtp_server(Script()) as server:
            relay = relaying(gate, server.host_port)
            pool = Pool()
            async with sending(relay, relay_route(relay, pool)):
                which = Which(credential=credential.id)
                done = await asyncio.to_thread(acts.perform, gate.database, gate.ledger, "release", which, ANA, clock())
                assert done.changed == 1
                rows = await until(relay, message_id, ended)
            await pool.close()
        assert [row.state for row in rows] == [DeliveryState.DELIVERED]
        assert len(server.mails) == 1

    asyncio.run(scenario())


def test_a_suppressed_address_is_told_and_not_written_to(gate: Gate, submit: Submit, now: datetime) -> None:
    gate.ledger.write(
        lambda s: suppress(
            s, "Ana@x.example", "The address does not exist", source="dialogue", now=now, expires_at=None
        )
    )
    message_id = accept(gate, submit(recipients=("ana@X.example", "ben@x.example")), now).result()
    with gate.database.session() as session:
        states = {row.recipient: row for row in deliveries_of(session, message_id)}
        kinds = [event.kind for event in message_events(session, message_id)]
    ana = states["ana@x.example"]
    assert (ana.state, states["ben@x.example"].state) == (DeliveryState.SUPPRESSED, DeliveryState.QUEUED)
    assert all(part in ana.text for part in ("since 2026-11-22", "does not exist", "remove it"))
    assert kinds == ["message.queued", "delivery.suppressed"]


def test_complaints_26_29_and_31_one_refusal_stops_nobody_else_and_is_never_called_sent(
    gate: Gate, submit: Submit
) -> None:
    async def scenario() -> None:
        replies = {"RCPT": ["250 2.1.5 ok", "554 5.7.1 refused", "250 2.1.5 ok"]}
        async with smtp_server(Script(replies=replies)) as server:
            relay = relaying(gate, server.host_port)
            pool = Pool()
            async with sending(relay, relay_route(relay, pool)):
                recipients = tuple(f"{name}@x.example" for name in ("ana", "ben", "cara"))
                message_id = await asyncio.wrap_future(accept(relay, submit(recipients=recipients), clock()))
                rows = await until(relay, message_id, ended)
            await pool.close()
        assert sorted(row.state for row in rows) == ["delivered", "delivered", "failed"]
        assert len(server.mails) == 2
        failure = summarise(rows)
        assert failure
        assert (failure.scope, failure.sentence) == ("some", "Could not be delivered to some recipients")
        assert [row.code for row in failure.failed] == [554]

    asyncio.run(scenario())


def test_a_corrected_address_gets_the_same_message_id_over_the_wire(gate: Gate, submit: Submit) -> None:
    async def scenario() -> None:
        async with smtp_server(Script(replies={"RCPT": ["550 5.1.1 no such user", "250 2.1.5 ok"]})) as server:
            relay = relaying(gate, server.host_port)
            pool = Pool()
            async with sending(relay, relay_route(relay, pool)):
                submission = submit(recipients=("ana@calderon.exmaple",))
                message_id = await asyncio.wrap_future(accept(relay, submission, clock()))
                (row,) = await until(relay, message_id, ended)
                await asyncio.to_thread(acts.resend, gate.ledger, row.id, "ana@calderon.example", ANA, clock())
                rows = await until(relay, message_id, ended)
            await pool.close()
        assert {row.recipient: row.state for row in rows} == {
            "ana@calderon.exmaple": DeliveryState.CANCELLED,
            "ana@calderon.example": DeliveryState.DELIVERED,
        }
        (mail,) = server.mails
        with gate.database.session() as session:
            stored = get_message(session, message_id)
        assert stored
        assert parse(mail.content).message_id == stored.message_id

    asyncio.run(scenario())
