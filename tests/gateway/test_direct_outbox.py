"""The direct route as serving wires it: the outbox, the pace by server group, and a dead site beside a live one."""

import asyncio
from dataclasses import replace
from pathlib import Path

from gatepost.gateway.accept import Gate, accept
from gatepost.gateway.routes import way_out
from gatepost.parts import clock
from gatepost.resolver import dns_resolver
from gatepost.words import DeliveryState
from tests.fakes.dns import Zone, dns_server
from tests.fakes.smtp import Script, smtp_server
from tests.gateway.conftest import Submit
from tests.gateway.test_outbox import sending
from tests.gateway.test_pace import until

ZONE: Zone = {
    "live.test": {"MX": ["10 mx.live.test."]},
    "alive.test": {"MX": ["10 mx.live.test."]},
    "mx.live.test": {"A": ["127.0.0.1"]},
    "dead.test": {"MX": ["10 mx.dead.test."]},
    "mx.dead.test": {"A": ["127.0.0.9"]},
    "mute.test": {"MX": ["10 mx.mute.test."]},
    "mx.mute.test": {"A": ["127.0.0.2"]},
}


def test_dead_and_mute_sites_delay_nobody(gate: Gate, submit: Submit, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            smtp_server() as live,
            smtp_server(Script(delays={"CONNECT": 600}), ("127.0.0.2", live.port)) as mute,
        ):
            changed = {"route": "direct", "direct_port": live.port, "deliveries_at_once": 4}
            direct = replace(gate, settings=gate.settings.model_copy(update=changed))
            with dns_server(ZONE) as dns:
                queued = [
                    await asyncio.wrap_future(accept(direct, submit(recipients=recipients), clock()))
                    for recipients in (
                        tuple(f"n{n}@mute.test" for n in range(300)),
                        tuple(f"n{n}@dead.test" for n in range(300)),
                        ("a@live.test", "b@alive.test", "c@live.test"),
                    )
                ]
                async with way_out(direct, dns_resolver([dns.address]), str, clock) as route, sending(direct, route):
                    rows = await until(direct, queued[2], DeliveryState.DELIVERED, 3)
                    assert {row.remote_host for row in rows} == {"mx.live.test [127.0.0.1]"}
                    assert {row.route for row in rows} == {"direct"}
                    dead = await until(direct, queued[1], DeliveryState.DELAYED, 300)
                    assert all("refused the connection" in row.text for row in dead)
                    assert sum("not tried" in row.text for row in dead) >= 290
                    assert mute.connections <= 5
                    assert route.pace
                    assert route.pace.site("x@live.test") is route.pace.site("y@alive.test")
                    for task in asyncio.all_tasks() - {asyncio.current_task()}:
                        if "deliver" in repr(task):
                            task.cancel()

    asyncio.run(scenario())
