"""The outbox: claims due deliveries with a lease, attempts each over the route, and records the answer."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from gatepost.database import AWAY
from gatepost.gateway.accept import Gate
from gatepost.gateway.dsn_parameters import DSN_TRIGGER, NO_REQUEST, DsnRequest
from gatepost.gateway.pace import Pace, Site
from gatepost.gateway.retry import next_attempt
from gatepost.gateway.send import Sent
from gatepost.ledger import LedgerClosed
from gatepost.model import Message
from gatepost.reply import Reply
from gatepost.store.claims import claim, claim_chosen
from gatepost.store.deliveries import Claim, Result, record_reply
from gatepost.store.messages import RawLost, get_message, raw_of
from gatepost.store.suppressions import SANDBOX
from gatepost.tokens import return_path
from gatepost.words import DeliveryState

LEASE = timedelta(minutes=30)
IDLE = 0.5
CROWDED = 0.05
GRACE = 10.0
RECORD_AGAIN = 1.0
CONTENTS_KEPT = 8

log = structlog.get_logger("outbox")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One mail to one recipient as a route gets it.

    `mail_from` is the signed return path of this delivery, or empty for a notification of ours; `dsn` is what to ask
    the next server for.
    """

    claim: Claim
    mail_from: str
    content: bytes
    dsn: DsnRequest = NO_REQUEST

    @property
    def recipient(self) -> str:
        """Whom it goes to."""
        return self.claim.recipient


@dataclass(frozen=True, slots=True)
class Route:
    """A way out: its name, one attempt over it, and whether it retries as the sandbox does.

    `pace` limits the deliveries for each destination; `places` those of all, where the settings' number is not meant.
    """

    name: str
    attempt: Callable[[Outgoing], Awaitable[Sent]]
    sandbox: bool = False
    pace: Pace | None = None
    places: int = 0


class Outbox:
    """One sending loop; `wake` may be called from any thread."""

    def __init__(self, gate: Gate, route: Route, clock: Callable[[], datetime]) -> None:
        self.gate = gate
        self.route = route
        self.clock = clock
        self.tasks: set[asyncio.Task[None]] = set()
        self.news = asyncio.Event()
        self.loop: asyncio.AbstractEventLoop | None = None
        self.contents: dict[str, asyncio.Task[bytes]] = {}
        self.full: set[str] = set()

    def wake(self) -> None:
        """There may be something to send."""
        if self.loop and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.news.set)

    async def run(self) -> None:
        """Send until cancelled."""
        self.loop = asyncio.get_running_loop()
        try:
            while True:
                known = len(self.full)
                claims = await self.claim_some()
                for taken in claims:
                    self.begin(taken)
                if not claims and len(self.full) <= known:
                    await self.wait_for_news()
        finally:
            await self.stop()

    def begin(self, taken: Claim) -> None:
        """Start one delivery; its place at the destination is taken at once, before the next claim."""
        site = self.route.pace.site(taken.recipient) if self.route.pace else None
        if site:
            site.busy += 1
        task = asyncio.create_task(self.deliver(taken, site))
        self.tasks.add(task)
        task.add_done_callback(lambda task: self.finished(task, site))

    async def claim_some(self) -> list[Claim]:
        """As many due deliveries as there are free places; none when the database is in trouble."""
        free = (self.route.places or self.gate.settings.deliveries_at_once) - len(self.tasks)
        pace, now = self.route.pace, self.clock()
        if pace and pace.one:
            free = min(free, pace.room(pace.site("")))
        if free <= 0:
            return []
        try:
            if pace is None or pace.one:
                return await self.gate.ledger.commit(lambda session: claim(session, free, LEASE, now))
            return await self.claim_paced(pace, free, now)
        except LedgerClosed:
            raise asyncio.CancelledError from None
        except Exception as error:
            log.warning("claiming failed, trying again", error=str(error))
            return []

    async def claim_paced(self, pace: Pace, free: int, now: datetime) -> list[Claim]:
        """Due deliveries whose destinations have room; the domains that have none are passed over next time too."""
        passed = {domain for domain in self.full if not pace.has_room(domain)}
        claims, self.full = await self.gate.ledger.commit(
            lambda session: claim_chosen(session, free, LEASE, now, pace.choose, passed)
        )
        return claims

    async def wait_for_news(self) -> None:
        with suppress(TimeoutError):  # not wait_for, which can swallow a cancellation (before Python 3.12)
            async with asyncio.timeout(IDLE):
                await self.news.wait()
        if self.full:  # looking past their queues costs: not for each single end of a delivery
            await asyncio.sleep(CROWDED)
        self.news.clear()

    def finished(self, task: asyncio.Task[None], site: Site | None) -> None:
        self.tasks.discard(task)
        if site:
            site.busy -= 1
        self.news.set()
        if not task.cancelled() and task.exception():
            log.error("a delivery's result was not recorded; it is tried again", error=str(task.exception()))

    async def deliver(self, taken: Claim, site: Site | None = None) -> None:
        """One attempt and its record."""
        result = await self.attempt(taken, site)
        if not await self.record(taken, result, self.clock()):
            log.warning("a result came after its lease had been lost", delivery=taken.delivery_id)

    async def record(self, taken: Claim, result: Result, now: datetime) -> bool:
        """Write a result, once the database is there: a forgotten one would send the mail twice."""
        while True:
            try:
                return await self.gate.ledger.commit(lambda session: record_reply(session, taken, result, now))
            except AWAY as error:
                if self.clock() >= now + LEASE:
                    raise
                log.warning("a result waits for the database", delivery=taken.delivery_id, error=str(error))
                await asyncio.sleep(RECORD_AGAIN)

    async def attempt(self, taken: Claim, site: Site | None = None) -> Result:
        """Send over the route; whatever goes wrong on our side is temporary."""
        pace = self.route.pace
        if pace and site and (sent := pace.suspended(site)):
            return decide(taken, sent, self.route, self.gate.settings.retry_days, self.clock())
        address = f"{return_path(self.gate.keys, taken.delivery_id)}@{self.gate.settings.bounces}"
        try:
            content = await self.content(taken.message_id)
            request = await self.request(taken)
            outgoing = Outgoing(taken, "" if request.null_path else address, content, request)
            sent = await self.route.attempt(outgoing)
            if pace and site:
                pace.learn(site, sent)
        except RawLost as error:
            sent = Sent(Reply(None, "4.3.0", str(error)), "", None, "connect")
        except Exception:
            log.exception("an attempt failed by a fault of ours", delivery=taken.delivery_id)
            sent = Sent(Reply(None, "4.3.0", "Internal trouble while sending; it is tried again"), "", None, "connect")
        return decide(taken, sent, self.route, self.gate.settings.retry_days, self.clock())

    async def request(self, taken: Claim) -> DsnRequest:
        """What this recipient's submission asked to be told; looked up only where there is something."""
        if not taken.notify and not taken.orcpt:
            return NO_REQUEST
        found = await asyncio.to_thread(self.find_message, taken.message_id)
        asked = found.dsn if found else {}
        null_path = bool(found and found.trigger == DSN_TRIGGER)
        return DsnRequest(asked.get("ret", ""), asked.get("envid", ""), taken.notify, taken.orcpt, null_path)

    def find_message(self, message_id: str) -> Message | None:
        with self.gate.database.session() as session:
            return get_message(session, message_id)

    async def content(self, message_id: str) -> bytes:
        """A mail's octets, read once for all its recipients under way."""
        if message_id not in self.contents:
            while len(self.contents) >= CONTENTS_KEPT:
                self.contents.pop(next(iter(self.contents)))
            self.contents[message_id] = asyncio.create_task(asyncio.to_thread(self.load, message_id))
        try:
            return await asyncio.shield(self.contents[message_id])
        except Exception:
            self.contents.pop(message_id, None)
            raise

    def load(self, message_id: str) -> bytes:
        with self.gate.database.session() as session:
            return raw_of(session, message_id, self.gate.blobs)

    async def stop(self) -> None:
        """Let what is under way end within 10 s; what does not is tried again when its lease has run out."""
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=GRACE)
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


def decide(taken: Claim, sent: Sent, route: Route, days: float, now: datetime) -> Result:
    """The state that follows from an attempt's answer, and when it is tried again."""
    lifetime, name = timedelta(days=days), sent.route or route.name
    due, why = next_attempt(
        sent.reply,
        taken.attempts + 1,
        taken.created_at,
        now,
        lifetime=lifetime,
        sandbox=name == SANDBOX if sent.route else route.sandbox,
        jitter=random.random(),  # noqa: S311  spreads retries, keeps no secret
    )
    if sent.uncertain:
        state, due = DeliveryState.UNCERTAIN, None
    elif sent.reply.positive:
        state = DeliveryState.DELIVERED
    elif due:
        state = DeliveryState.DELAYED
    else:
        state = DeliveryState.EXPIRED if why == "expired" else DeliveryState.FAILED
    return Result(state, sent.reply, sent.remote_host, name, due, sent.transcript, sent.told_on)
