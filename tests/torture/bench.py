"""What most scenarios begin with: a store, a sink, an installation that relays to it; and killing at chosen moments."""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass, field

from sqlmodel import Session

from gatepost.parts import clock
from gatepost.store.deliveries import end_leases
from tests.fakes.dns import dns_server
from tests.torture.backends import store
from tests.torture.product import Gatepost, installed
from tests.torture.run import Run
from tests.torture.sink import Sink, sinking

PLACES = 20
STRIKE_SECONDS = 30


@asynccontextmanager
async def relaying(run: Run, sink: Sink, url: str | None = None, **settings: object) -> AsyncIterator[Gatepost]:
    """An installation on the run's store that relays to the sink; it does not run yet. `url` names another database."""
    with store(run) if url is None else nullcontext(url) as database_url, dns_server({}) as dns:
        async with sinking(sink):
            given = {
                "route": "relay",
                "relay": f"smtp://127.0.0.1:{sink.port}",
                "relay_tls": "none",
                "dns_servers": [dns.address],
                "deliveries_at_once": PLACES,
                **settings,
            }
            with installed(run.folder / "product", database_url, **given) as product:
                yield product


@dataclass(slots=True)
class Killer:
    """Kills the server once each time it is armed and told to strike, and starts it again."""

    product: Gatepost
    dice: random.Random
    armed: bool = False
    struck: asyncio.Event = field(default_factory=asyncio.Event)
    starts: list[float] = field(default_factory=list)
    kills: int = 0

    def strike(self) -> None:
        """SIGKILL at once, if armed."""
        if self.armed:
            self.armed = False
            self.kills += 1
            os.killpg(self.product.pid, signal.SIGKILL)
            self.struck.set()

    def strike_within(self, seconds: float) -> None:
        """SIGKILL at a random moment within so many seconds, if armed."""
        if self.armed:
            asyncio.get_running_loop().call_later(self.dice.uniform(0, seconds), self.strike)

    async def round(self) -> None:
        """Wait for a strike and start anew; without one in time it strikes by itself."""
        self.struck.clear()
        self.armed = True
        with suppress(TimeoutError):
            async with asyncio.timeout(STRIKE_SECONDS):
                await self.struck.wait()
        self.strike()
        await self.again()

    async def again(self) -> None:
        """Take away what is left of the process, and start it."""
        await asyncio.to_thread(self.product.kill)
        self.starts.append(await asyncio.to_thread(self.product.start))

    @property
    def slowest_start(self) -> float:
        """The longest time from a start until all ports took connections, in seconds."""
        return max(self.starts, default=0.0)


def free_leases(product: Gatepost) -> None:
    """Let the leases of a dead process run out now, as they do by themselves in time."""

    def op(session: Session) -> None:
        end_leases(session, clock())
        session.commit()

    with product.database() as database, database.session() as session:
        op(session)
