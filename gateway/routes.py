"""The one way out that the outbox sees: for each delivery it chooses a route, and goes over it.

Rules are read at most once a second and only while mail is sent; without rules nothing is looked up at all.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog

from gatepost.gateway.accept import Gate
from gatepost.gateway.account_way import Through, account_way
from gatepost.gateway.given_id import given_id, kept_in_mind
from gatepost.gateway.outbox import ClaimLost, Outgoing, Route
from gatepost.gateway.pace import RelayPace
from gatepost.gateway.route_ways import relay_way
from gatepost.gateway.routes_pace import RoutesPace
from gatepost.gateway.rules import DEFAULT, Rules, Sender, choose
from gatepost.gateway.send import Sent
from gatepost.gateway.send_pool import Pool
from gatepost.gateway.stream_mark import is_marked
from gatepost.gateway.streams import personal
from gatepost.gateway.token_source import Tokens
from gatepost.gateway.uncertain import settling
from gatepost.gateway.ways import DIRECT_PLACES, direct_route, relay_route, sandbox_route
from gatepost.model import Route as Row
from gatepost.reply import clean_text
from gatepost.resolver import Resolver
from gatepost.store.claims import holds
from gatepost.store.deliveries import Claim
from gatepost.store.other_ids import keep_other_id
from gatepost.store.routes import list_routes, rules_of, sender_of

log = structlog.get_logger("routes")

FRESH = 1.0
SURE_SECONDS = 2.0
SENDERS_KEPT = 2000
BY_SENDER = ("sender:", "credential:")


@dataclass(frozen=True, slots=True)
class Way:
    """A route in use, and whether it is direct sending, which has a pace for each destination."""

    route: Route
    directly: bool = False


@dataclass(frozen=True, slots=True)
class Book:
    """The routes and rules as they were read; `by_sender`: whether a rule asks whose mail it is."""

    rows: Mapping[str, Row] = field(default_factory=dict)
    rules: Rules = field(default_factory=dict)
    by_sender: bool = False


@dataclass(slots=True)
class Ways:
    """What choosing keeps: the parts that routes are made of, those made so far, and the rules."""

    gate: Gate
    pool: Pool
    resolver: Resolver
    mx: Callable[[], str]
    clock: Callable[[], datetime]
    pace: RoutesPace
    tokens: Tokens
    book: Book = field(default_factory=Book)
    read_at: float = -1e9
    reading: asyncio.Task[None] | None = None
    made: dict[str, tuple[datetime | None, Way]] = field(default_factory=dict)
    senders: OrderedDict[str, Sender] = field(default_factory=OrderedDict)


@asynccontextmanager
async def way_out(
    gate: Gate, resolver: Resolver, mx: Callable[[], str], clock: Callable[[], datetime]
) -> AsyncIterator[Route]:
    """The route that the outbox is given; connections are closed with the context."""
    pool = Pool()
    pace = RoutesPace(time.monotonic, direct=gate.settings.route == "direct")
    ways = Ways(gate, pool, resolver, mx, clock, pace, Tokens(gate))
    default = built_in(ways, gate.settings.route)
    places = DIRECT_PLACES * gate.settings.deliveries_at_once

    async def attempt(outgoing: Outgoing) -> Sent:
        if is_marked(outgoing.content):
            content, taken = outgoing.content, outgoing.claim.delivery_id
            async with gate.budget.share(len(content)):  # not in the thread: who has a share may wait for one
                own = await asyncio.to_thread(personal, gate, content, taken, clock())
            outgoing = replace(outgoing, content=own)
        book = await current(ways)
        if not book.rows and not outgoing.claim.via:
            sent, directly = await default.route.attempt(outgoing), default.directly
        else:
            name, why = await chosen(ways, book, outgoing)
            going = way(ways, book, name)
            sent, directly = await over(going, ways, outgoing, why), going.directly
        if sent.reply.positive and not directly:
            await keep_given_id(gate, outgoing.claim.message_id, sent, clock())
        return sent

    with suppress(Exception):  # a database that is away is told of by who claims
        await current(ways)  # whether there are several routes decides how many deliveries of one are begun
    try:
        async with settling(gate, clock):
            yield Route(gate.settings.route, attempt, default.route.sandbox, pace, places)
    finally:
        await pool.close()


async def keep_given_id(gate: Gate, message_id: str, sent: Sent, now: datetime) -> None:
    """Keep the id that the next server gave the mail, where its yes names one, so that answers and bounces find it."""
    header_id = given_id(sent.remote_host.partition(" ")[0], sent.reply.text)
    if header_id:
        await kept_in_mind(gate, lambda session: keep_other_id(session, header_id, message_id, "answer", now))


async def current(ways: Ways) -> Book:
    """The book, read anew by one for all where it is older than a second."""
    if ways.reading is None and time.monotonic() - ways.read_at >= FRESH:
        ways.reading = asyncio.create_task(read(ways))
    if ways.reading:
        await asyncio.shield(ways.reading)
    return ways.book


async def read(ways: Ways) -> None:
    """Read routes and rules. In trouble with the database the old ones stay in force, where they were read before."""
    try:
        ways.book = await asyncio.to_thread(load, ways.gate)
        ways.pace.use(several=bool(ways.book.rows))
    except Exception as error:
        if ways.read_at < 0:
            raise
        log.warning("the routes could not be read, the known ones stay", error=str(error))
    finally:
        ways.reading = None
    ways.read_at = time.monotonic()


def load(gate: Gate) -> Book:
    with gate.database.session() as session:
        rows = list_routes(session)
        session.expunge_all()
    rules = rules_of(rows)
    return Book({row.name: row for row in rows}, rules, any(rule.startswith(BY_SENDER) for rule in rules))


async def chosen(ways: Ways, book: Book, outgoing: Outgoing) -> tuple[str, str]:
    """The name of the route that a delivery takes, and why: what a person chose, else what the rules say."""
    default, via = ways.gate.settings.route, outgoing.claim.via
    if via and (via in book.rows or via in (default, "sandbox", "direct")):
        return via, "a person chose it for this delivery"
    sender = await whose(ways, outgoing.claim.message_id) if book.by_sender else Sender()
    name, why = choose(book.rules, sender, outgoing.recipient)
    gone = f"the route {via} that a person chose is gone; " if via else ""
    return (default if name == DEFAULT else name), gone + why


async def whose(ways: Ways, message_id: str) -> Sender:
    """Whose mail a message is, looked up once for all its recipients."""
    if message_id not in ways.senders:
        while len(ways.senders) >= SENDERS_KEPT:
            ways.senders.popitem(last=False)
        ways.senders[message_id] = await asyncio.to_thread(look_up, ways.gate, message_id)
    return ways.senders[message_id]


def look_up(gate: Gate, message_id: str) -> Sender:
    with gate.database.session() as session:
        return Sender(*sender_of(session, message_id))


def way(ways: Ways, book: Book, name: str) -> Way:
    """A route by its name, made when it is first used and again after it was changed."""
    row = book.rows.get(name)
    version = row.updated_at if row else None
    known = ways.made.get(name)
    if known and known[0] == version:
        return known[1]
    made = built_in(ways, name) if row is None or row.kind in ("sandbox", "direct") else of_row(ways, row)
    ways.made[name] = (version, made)
    return made


def built_in(ways: Ways, name: str) -> Way:
    """A route that needs no row: that of the settings, the sandbox, or direct sending."""
    gate = ways.gate
    if name == "sandbox":
        return Way(sandbox_route(gate, ways.mx, ways.clock))
    if name == "direct":
        return Way(direct_route(gate, ways.pool, ways.resolver, ways.mx, ways.clock, ways.pace), directly=True)
    return relay(gate, relay_route(gate, ways.pool))


def of_row(ways: Ways, row: Row) -> Way:
    """A route that people made."""
    if row.kind == "account":
        return Way(Route(row.name, account_way(ways.gate, row, ways.pool, ways.clock, in_turn(ways.gate))))
    return relay(ways.gate, Route(row.name, relay_way(ways.gate, row, ways.pool, ways.tokens)))


def relay(gate: Gate, route: Route) -> Way:
    """A relay in use, at which each delivery waits for its turn."""
    through = in_turn(gate)

    async def attempt(outgoing: Outgoing) -> Sent:
        return await through([outgoing.claim], lambda: route.attempt(outgoing))

    return Way(replace(route, attempt=attempt))


def in_turn(gate: Gate) -> Through:
    """The pace of one server: who waited long there, makes sure before he begins that the deliveries are still his."""
    pace = RelayPace(time.monotonic, gate.settings.deliveries_at_once, gate.unwritten)

    async def through(claims: Sequence[Claim], attempt: Callable[[], Awaitable[Sent]]) -> Sent:
        since = time.monotonic()

        async def attempt_now() -> Sent:
            if time.monotonic() - since > SURE_SECONDS:
                await asyncio.to_thread(make_sure, gate, claims)
            sent = await attempt()
            gate.unwritten.ids.update(claim.delivery_id for claim in claims)  # before its place is given back
            return sent

        return await pace.through(attempt_now)

    return through


def make_sure(gate: Gate, claims: Sequence[Claim]) -> None:
    """After a long wait, of a process that was stopped for example, another one may have one. Raises ClaimLost."""
    with gate.database.session() as session:
        if not all(holds(session, taken) for taken in claims):
            raise ClaimLost


async def over(way: Way, ways: Ways, outgoing: Outgoing, why: str) -> Sent:
    """One attempt over a route, with the reason on top of what was said."""
    sent = ways.pace.closed_to_direct(outgoing.recipient) if way.directly else None
    if sent is None:
        sent = await way.route.attempt(outgoing)
        ways.pace.taught(outgoing.recipient, sent, directly=way.directly)
    note = f"* route {way.route.name}: {clean_text(why)}"
    return replace(sent, route=way.route.name, transcript=f"{note}\n{sent.transcript}".rstrip())
