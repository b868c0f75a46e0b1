"""Several routes behind one outbox: by sender, by recipient, by a person's choice; one in trouble delays no other."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import text

from gatepost.gateway import routes
from gatepost.gateway.accept import Gate, accept
from gatepost.gateway.outbox import LEASE, ClaimLost
from gatepost.gateway.route_config import as_row, check_config, seal_secrets
from gatepost.gateway.routes import way_out
from gatepost.gateway.rules import read_rule
from gatepost.gateway.send import Sent
from gatepost.ids import new_id
from gatepost.parts import clock
from gatepost.reply import Reply
from gatepost.resolver import dns_resolver
from gatepost.store.claims import claim
from gatepost.store.deliveries import delivery_events
from gatepost.store.routes import delete_route, put_route
from gatepost.store.transcripts import transcripts_of
from gatepost.words import DeliveryState
from tests.fakes.dns import Zone, dns_server
from tests.fakes.smtp import FakeServer, Script, smtp_server
from tests.gateway.conftest import Submit
from tests.gateway.test_outbox import relaying, sending
from tests.gateway.test_pace import until

ZONE: Zone = {"direct.test": {"MX": ["10 mx.direct.test."]}, "mx.direct.test": {"A": ["127.0.0.1"]}}


def add(gate: Gate, name: str, kind: str, rules: Sequence[str], account: str = "", **given: str) -> None:
    """Make a route as the command line does."""
    config, secrets = check_config(kind, given, here=True)
    route_id = new_id("rte")
    sealed = seal_secrets(gate.keys, route_id, secrets)
    values: dict[str, Any] = {
        "kind": kind,
        "config": as_row(config),
        "secret_sealed": sealed,
        "rules": [read_rule(rule) for rule in rules],
    }
    values |= {"account_id": account or None, "now": clock(), "route_id": route_id}
    gate.ledger.write(lambda session: put_route(session, name, **values))


async def queue(gate: Gate, submit: Submit, *recipients: str, **more: Any) -> str:
    return await asyncio.wrap_future(accept(gate, submit(recipients=recipients, **more), clock()))


def recipients(server: FakeServer) -> list[str]:
    return sorted(to for mail in server.mails for to in mail.recipients)


BOSS = "From: boss@other.example\r\nTo: ana@calderon.example\r\nSubject: Hi\r\n"


def test_each_mail_takes_its_route(gate: Gate, submit: Submit) -> None:
    async def scenario() -> None:
        async with AsyncExitStack() as stack:
            usual, boss, system = [await stack.enter_async_context(smtp_server()) for _ in range(3)]
            straight = await stack.enter_async_context(smtp_server(address=("127.0.0.1", 0)))
            relay = relaying(gate, usual.host_port)
            changed = {"private_hosts": True, "direct_port": straight.port}
            relay = replace(relay, settings=relay.settings.model_copy(update=changed))
            dns = stack.enter_context(dns_server(ZONE))
            add(relay, "boss", "relay", ["sender:other.example"], url=f"smtp://{boss.host_port}", tls="none")
            add(relay, "direct", "direct", ["recipient:direct.test"])
            add(relay, "sandbox", "sandbox", ["recipient:unknown@trial.test"])
            route = await stack.enter_async_context(way_out(relay, dns_resolver([dns.address]), lambda: "", clock))
            await stack.enter_async_context(sending(relay, route))
            one = await queue(relay, submit, "ana@direct.test", "ben@x.example", "unknown@trial.test")
            two = await queue(relay, submit, "ana@direct.test", header=BOSS, mail_from="boss@other.example")
            rows = {row.recipient: row for row in await until(relay, one, DeliveryState.DELIVERED, 2)}
            await until(relay, one, DeliveryState.FAILED, 1)
            await until(relay, two, DeliveryState.DELIVERED, 1)
            assert recipients(straight) == ["TO:<ana@direct.test>"]
            assert recipients(usual) == ["TO:<ben@x.example>"]
            assert recipients(boss) == ["TO:<ana@direct.test>"]
            assert rows["ana@direct.test"].route == "direct"
            assert rows["ben@x.example"].route == "relay"
            with relay.database.session() as session:
                history = delivery_events(session, rows["ana@direct.test"].id)
                said = transcripts_of(session, rows["ana@direct.test"].id)
            assert said[history[-1].id].startswith(
                "* route direct: the recipient's domain direct.test has the rule recipient:direct.test\n"
            )
            add(relay, "system", "relay", ["credential:Shop"], url=f"smtp://{system.host_port}", tls="none")
            await asyncio.sleep(1.1)
            three = await queue(relay, submit, "ben@x.example")
            (row,) = await until(relay, three, DeliveryState.DELIVERED, 1)
            assert row.route == "system"
            relay.ledger.write(lambda session: delete_route(session, "system", clock()))

    asyncio.run(scenario())


def test_a_person_chooses_for_one_delivery(gate: Gate, submit: Submit) -> None:
    async def scenario() -> None:
        async with smtp_server() as usual, smtp_server() as other:
            relay = relaying(gate, usual.host_port)
            add(relay, "other", "relay", [], url=f"smtp://{other.host_port}", tls="none")
            message_id = await queue(relay, submit, "ana@x.example", "ben@x.example", "eve@x.example")
            relay.ledger.write(lambda s: s.execute(text("UPDATE delivery SET via='other' WHERE recipient LIKE 'ana%'")))
            relay.ledger.write(lambda s: s.execute(text("UPDATE delivery SET via='gone' WHERE recipient LIKE 'ben%'")))
            async with way_out(relay, dns_resolver([]), lambda: "", clock) as route, sending(relay, route):
                rows = await until(relay, message_id, DeliveryState.DELIVERED, 3)
            assert recipients(other) == ["TO:<ana@x.example>"]
            assert recipients(usual) == ["TO:<ben@x.example>", "TO:<eve@x.example>"]
            assert {row.recipient: row.route for row in rows}["ana@x.example"] == "other"

    asyncio.run(scenario())


def test_a_relay_that_is_away_delays_no_other_route(gate: Gate, submit: Submit) -> None:
    async def scenario() -> None:
        async with smtp_server(Script(delays={"CONNECT": 600})) as mute, smtp_server() as usual:
            relay = relaying(gate, usual.host_port)
            add(relay, "mute", "relay", ["recipient:slow.test"], url=f"smtp://{mute.host_port}", tls="none")
            async with way_out(relay, dns_resolver([]), lambda: "", clock) as route, sending(relay, route):
                await queue(relay, submit, *(f"n{n}@slow.test" for n in range(200)))
                message_id = await queue(relay, submit, "ana@x.example")
                await until(relay, message_id, DeliveryState.DELIVERED, 1)
                assert mute.connections <= 20
                assert usual.connections == 1
                for task in asyncio.all_tasks() - {asyncio.current_task()}:
                    if "deliver" in repr(task):
                        task.cancel()

    asyncio.run(scenario())


def test_after_a_long_wait_what_another_process_took_is_not_sent(
    gate: Gate, submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []

    async def scenario() -> None:
        monkeypatch.setattr(routes, "SURE_SECONDS", -1)
        ours, *_ = gate.ledger.write(lambda s: claim(s, 1, LEASE, clock()))
        through = routes.in_turn(gate)

        async def attempt() -> Sent:
            begun.append(ours.delivery_id)
            return Sent(Reply(250, None, "ok"), "relay", None, "dot")

        await through([ours], attempt)
        with pytest.raises(ClaimLost):
            await through([ours, replace(ours, fence=ours.fence - 1)], attempt)

    asyncio.run(queue(gate, submit, "ana@x.example"))
    asyncio.run(scenario())
    assert len(begun) == 1


def test_without_routes_nothing_changes(gate: Gate, submit: Submit, now: datetime) -> None:
    async def scenario() -> None:
        async with smtp_server() as server:
            relay = relaying(gate, server.host_port)
            async with way_out(relay, dns_resolver([]), lambda: "", clock) as route, sending(relay, route):
                assert (route.name, route.sandbox, route.pace and route.pace.by_destination) == ("relay", False, False)
                (row,) = await until(relay, await queue(relay, submit, "ana@x.example"), DeliveryState.DELIVERED, 1)
                assert row.route == "relay"
                with relay.database.session() as session:
                    assert "* route" not in "".join(transcripts_of(session, row.id).values())

    asyncio.run(scenario())
