"""The outbox: claims due deliveries with a lease, attempts each over the route, and records the answer."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from gatepost.database import AWAY
from gatepost.gateway.accept import Gate
from gatepost.gateway.dsn_parameters import NO_REQUEST, NULL_PATH, DsnRequest
from gatepost.gateway.outbox_contents import Contents, Octets
from gatepost.gateway.outbox_unsure import Doubts
from gatepost.gateway.pace import Pace, Site
from gatepost.gateway.retry import next_attempt
from gatepost.gateway.send import Sent
from gatepost.ledger import LedgerClosed
from gatepost.model import Message
from gatepost.reply import Reply
from gatepost.rounds import Looks, is_past
from gatepost.store.claims import claim_some, next_due, renew
from gatepost.store.deliveries import Claim, Result
from gatepost.store.messages import RawLost, get_message
from gatepost.store.records import Answer, record_replies
from gatepost.store.suppressions import SANDBOX
from gatepost.tokens import return_path
from gatepost.words import DeliveryState

LEASE = timedelta(minutes=2)
RENEWED_AFTER = timedelta(seconds=30)
IDLE = 0.25
CROWDED = 0.05
GRACE = 10.0
RECORD_AGAIN = 1.0
RECORD_FOR = timedelta(minutes=30)

log = structlog.get_logger("outbox")


class ClaimLost(Exception):
    """Another process has taken the delivery meanwhile: nothing is sent, and nothing recorded."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One mail to one recipient as a route gets it.

    `mail_from` is the signed return path of this delivery, or empty for a notification of ours; `dsn` is what to ask
    the next server for.
    """

    claim: Claim
    mail_from: str
    content: Octets
    dsn: DsnRequest = NO_REQUEST

    @property
    def recipient(self) -> str:
        """Whom it goes to."""
        return self.claim.recipient


@dataclass(frozen=True, slots=True)
class Route:
    """A way out: its name, one attempt over it, and whether it retries as the sandbox does.

    `pace` limits the deliveries for each destination; `places` those that are in hand, where the settings' number is
    not meant: a route may let them wait for their turn.
    """

    name: str
    attempt: Callable[[Outgoing], Awaitable[Sent]]
    sandbox: bool = False
    pace: Pace | None = None
    places: int = 0


@dataclass(frozen=True, slots=True)
class Reserved:
    """Places in the outbox for a mail that is not stored yet, and until when its lease will last."""

    places: int
    sites: tuple[Site, ...]
    lease_until: datetime


class Outbox:
    """One sending loop; `wake` may be called from any thread, everything else from the loop's."""

    def __init__(self, gate: Gate, route: Route, clock: Callable[[], datetime]) -> None:
        self.gate = gate
        self.route = route
        self.clock = clock
        self.tasks: dict[asyncio.Task[None], tuple[Claim, datetime]] = {}
        self.reserved = 0
        self.news = asyncio.Event()
        self.looks = Looks(gate.database)
        self.loop: asyncio.AbstractEventLoop | None = None
        self.contents = Contents(gate)
        self.full: set[str] = set()
        self.behind = False
        """Whether more was due at the last claim than there were places for."""
        self.doubts = Doubts(gate.ledger, LEASE)

    def wake(self) -> None:
        """There may be something to send."""
        if self.loop and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.news.set)

    def reserve(self, recipients: Sequence[str]) -> Reserved | None:
        """Places for a new mail's recipients, to be given back by `hand`; None where one of them has to wait."""
        if self.loop is None or len(recipients) > self.free():
            return None
        sites = self.places_at(recipients)
        if sites is None:
            return None
        self.reserved += len(recipients)
        return Reserved(len(recipients), tuple(sites), self.clock() + LEASE)

    def places_at(self, recipients: Sequence[str]) -> list[Site] | None:
        """A place taken at each recipient's destination; None, and nothing taken, where one has no room."""
        pace, sites = self.pace, list[Site]()
        if pace is None:
            return sites
        for site in map(pace.site, recipients):
            if pace.closed(site) or not pace.room(site):
                free_all(sites)
                return None
            site.busy += 1
            sites.append(site)
        return sites

    def hand(self, reserved: Reserved, claims: Sequence[Claim], content: Octets | None) -> None:
        """Send what was stored for places that were reserved; without claims they are only given back."""
        free_all(reserved.sites)
        self.reserved -= reserved.places
        for taken in claims:
            self.begin(taken, content)

    async def run(self) -> None:
        """Send until cancelled."""
        self.loop = asyncio.get_running_loop()
        renewing = asyncio.create_task(self.renew_now_and_then())
        try:
            while True:
                known = len(self.full)
                self.news.clear()
                claims = await self.claim_some()
                for taken, content in claims:
                    self.begin(taken, content)
                if not claims and len(self.full) <= known:
                    await self.wait_for_news()
        finally:
            self.loop = None
            renewing.cancel()
            await self.stop()

    @property
    def pace(self) -> Pace | None:
        """The pace for each destination, where there is one."""
        return self.route.pace if self.route.pace and self.route.pace.by_destination else None

    def begin(self, taken: Claim, content: Octets | None) -> None:
        """Start one delivery; its place at the destination is taken at once, before the next claim."""
        site = self.pace.site(taken.recipient) if self.pace else None
        if site:
            site.busy += 1
        task = asyncio.create_task(self.deliver(taken, site, content))
        self.tasks[task] = (taken, self.clock())
        task.add_done_callback(lambda task: self.finished(task, site))

    def free(self) -> int:
        """How many more deliveries may begin now."""
        return self.places - len(self.tasks) - self.reserved

    @property
    def places(self) -> int:
        """How many deliveries may be in hand."""
        return self.route.places or self.gate.settings.deliveries_at_once

    async def claim_some(self) -> list[tuple[Claim, Octets | None]]:
        """As many due deliveries as there are free places, with their mails; none when the database is in trouble."""
        pace, now, free = self.pace, self.clock(), self.free()
        if free <= 0:
            self.behind = True
            return []
        if not self.behind and not self.doubts.noted and not await self.something_due(now):
            return []
        with self.holding(free if self.behind else 0):  # else there is hardly anything to find
            try:
                passed = {domain for domain in self.full if not (pace and pace.has_room(domain))}
                choose = pace.choose if pace else None
                own = [taken.delivery_id for taken, _ in self.tasks.values()]
                claims, self.full = await self.doubts.commit(
                    lambda session: claim_some(session, free, LEASE, now, choose, passed, own), own, now
                )
            except LedgerClosed:
                raise asyncio.CancelledError from None
            except Exception as error:
                log.warning("claiming failed, trying again", error=str(error))
                return []
            self.behind = len(claims) >= free
            return await self.contents.of(claims)

    async def something_due(self, now: datetime) -> bool:
        """Whether there may be something to claim: to look costs nobody the right to write, which a claim takes."""
        try:
            return await asyncio.to_thread(self.look, now)
        except Exception:
            return True  # whatever it is, claiming meets it too, and tells it

    def look(self, now: datetime) -> bool:
        if not self.looks.worth(now):
            return False
        with self.gate.database.session() as session:
            due = next_due(session)
        if is_past(due, now):
            return True
        self.looks.looked(now, due)
        return False

    @contextmanager
    def holding(self, places: int) -> Iterator[None]:
        """Keep places free while it is found out what for, so that new mail does not take them too."""
        self.reserved += places
        try:
            yield
        finally:
            self.reserved -= places

    async def wait_for_news(self) -> None:
        with suppress(TimeoutError):  # not wait_for, which can swallow a cancellation (before Python 3.12)
            async with asyncio.timeout(IDLE):
                await self.news.wait()
        if self.full:  # looking past their queues costs: not for each single end of a delivery
            await asyncio.sleep(CROWDED)

    def finished(self, task: asyncio.Task[None], site: Site | None) -> None:
        del self.tasks[task]
        if site:
            site.busy -= 1
        if self.full or (self.behind and self.free() * 4 >= self.places):  # a claim for each single place costs more
            self.news.set()
        if not task.cancelled() and task.exception():
            log.error("a delivery's result was not recorded; it is tried again", error=str(task.exception()))

    async def deliver(self, taken: Claim, site: Site | None = None, content: Octets | None = None) -> None:
        """One attempt and its record."""
        unwritten = self.gate.unwritten
        try:
            result = await self.attempt(taken, site, content)
            unwritten.ids.add(taken.delivery_id)
            if not await self.record(Answer(taken, result, self.clock())):
                log.warning("a result came after its lease had been lost", delivery=taken.delivery_id)
        except ClaimLost:
            log.warning("a delivery was taken over before it was begun", delivery=taken.delivery_id)
        finally:
            unwritten.written(taken.delivery_id)

    async def record(self, answer: Answer) -> bool:
        """Write a result, once the database is there and has room: a forgotten one would send the mail twice."""
        while True:
            try:
                return await self.gate.ledger.gather(record_replies, answer)
            except AWAY as error:
                if self.clock() >= answer.now + RECORD_FOR:
                    raise
                log.warning("a result waits for the database", delivery=answer.claim.delivery_id, error=str(error))
                await asyncio.sleep(RECORD_AGAIN)

    async def attempt(self, taken: Claim, site: Site | None = None, content: Octets | None = None) -> Result:
        """Send over the route; whatever goes wrong on our side is temporary. Raises ClaimLost."""
        pace = self.route.pace
        if pace and site and (sent := pace.suspended(site)):
            return decide(taken, sent, self.route, self.gate.settings.retry_days, self.clock())
        address = f"{return_path(self.gate.keys, taken.delivery_id)}@{self.gate.settings.bounces}"
        try:
            octets = await self.contents.load(taken.message_id) if content is None else content
            request = await self.request(taken)
            outgoing = Outgoing(taken, "" if request.null_path else address, octets, request)
            sent = await self.route.attempt(outgoing)
            if pace and site:
                pace.learn(site, sent)
        except ClaimLost:
            raise
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
        null_path = bool(found and found.trigger in NULL_PATH)
        return DsnRequest(asked.get("ret", ""), asked.get("envid", ""), taken.notify, taken.orcpt, null_path)

    def find_message(self, message_id: str) -> Message | None:
        with self.gate.database.session() as session:
            return get_message(session, message_id)

    async def renew_now_and_then(self) -> None:
        """Keep the leases of what takes long: short ones let another process take over soon after one has died."""
        while True:
            await asyncio.sleep(RENEWED_AFTER.total_seconds())
            now = self.clock()
            long = [taken for taken, since in self.tasks.values() if now - since >= RENEWED_AFTER]
            with suppress(*AWAY, LedgerClosed):
                await self.gate.ledger.commit(lambda session, long=long, now=now: renew(session, long, now + LEASE))  # type: ignore[misc]

    async def stop(self) -> None:
        """Let what is under way end within 10 s.

        What does not is cancelled: after its final dot it is recorded as uncertain, else it is due again at once.
        """
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=GRACE)
        left = [taken for taken, _ in self.tasks.values() if taken.delivery_id not in self.gate.unwritten.ids]
        now = self.clock()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        with suppress(*AWAY, LedgerClosed):
            await self.gate.ledger.commit(lambda session: renew(session, left, now))


def free_all(sites: Sequence[Site]) -> None:
    for site in sites:
        site.busy -= 1


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
