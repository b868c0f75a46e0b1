"""The pace for each destination site: how many deliveries at once, fewer after trouble, none while nobody answers.

A site is the group of servers that take a domain's mail, or a relay. All is kept in memory: it is learned anew fast.
"""

import asyncio
import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from gatepost.gateway.send import Sent
from gatepost.gateway.unwritten import Unwritten
from gatepost.reply import Reply, clean_text

FIRST = 5.0
MOST = 20.0
CLOSING = 5
"""So many failed connections in a row close a site."""
CLOSED_FIRST = 60.0
CLOSED_LONGEST = 600.0
RELAY_CLOSED = (5.0, 60.0)
"""Seconds; a relay is the only way and our own, so it is tried again sooner."""
KEPT = 20_000
T = TypeVar("T")


@dataclass(slots=True)
class Site:
    """Where a site stands: deliveries at once, under way, failed connections in a row, closed until when (seconds)."""

    name: str
    limit: float = FIRST
    busy: int = 0
    failures: int = 0
    shrunk: bool = False
    closed_until: float = 0.0
    closed_for: float = 0.0
    trouble: str = ""


class Pace:
    """The sites of one outbox, from any thread; `time` is a clock in seconds that never goes back."""

    by_destination = True

    def __init__(self, time: Callable[[], float]) -> None:
        self.time = time
        self.closing = (CLOSED_FIRST, CLOSED_LONGEST)
        self.lock = threading.Lock()
        self.sites: OrderedDict[str, Site] = OrderedDict()
        self.groups: OrderedDict[str, str] = OrderedDict()

    def site(self, recipient: str) -> Site:
        """The site of a recipient: that of the servers which its domain was last found to have, or of its domain."""
        domain = recipient.rpartition("@")[2].lower()
        with self.lock:
            return kept(self.sites, self.groups.get(domain, domain), Site, lambda site: not site.busy)

    def join(self, domain: str, group: str) -> None:
        """A domain's mail is taken by this group of servers; domains of one group share its pace."""
        with self.lock:
            if self.groups.get(domain) != group and (site := self.sites.pop(domain, None)):
                site.name = group  # what is under way there counts
                self.sites.setdefault(group, site)
            kept(self.groups, domain, lambda _: group)
            self.groups[domain] = group

    def room(self, site: Site) -> int:
        """How many more deliveries may begin there now. A closed site takes some too: they are answered at once."""
        limit = MOST if self.closed(site) else site.limit
        return max(int(limit) - site.busy, 0)

    def closed(self, site: Site) -> bool:
        """Whether nothing is tried there for now."""
        return self.time() < site.closed_until

    def choose(self, due: Sequence[tuple[str, str]], free: int) -> tuple[list[str], set[str]]:
        """Of due (id, recipient) the ids to begin with, at most `free`, and the domains that have no room for more."""
        begun: Counter[str] = Counter()
        chosen: list[str] = []
        crowded: set[str] = set()
        for delivery_id, recipient in due:
            site = self.site(recipient)
            if begun[site.name] >= self.room(site):
                crowded.add(recipient.rpartition("@")[2].lower())
            elif len(chosen) < free:
                begun[site.name] += 1
                chosen.append(delivery_id)
        return chosen, crowded

    def has_room(self, domain: str) -> bool:
        """Whether a delivery to this domain may begin."""
        return self.room(self.site(f"@{domain}")) > 0

    def suspended(self, site: Site) -> Sent | None:
        """What a delivery to a closed site is answered at once, with the reason; None where it may be tried."""
        if not self.closed(site):
            return None
        seconds = round(site.closed_until - self.time())
        text = (
            f"not tried, because nobody answered there a moment ago ({site.trouble}); nothing is tried for {seconds} s"
        )
        return Sent(Reply(None, "4.4.1", clean_text(text)), "", None, "connect")

    def learn(self, site: Site, sent: Sent) -> None:
        """What an attempt's end says of the site: success lets more begin; 421, 4.7.x and no connection let fewer."""
        if unreachable(sent):
            site.failures += 1
            self.shrink(site, sent)
            if site.failures >= CLOSING or (site.closed_for and site.limit <= 1):
                self.close(site)
            return
        site.failures, site.closed_for = 0, 0.0
        if overloaded(sent.reply):
            self.shrink(site, sent)
        elif sent.reply.positive:
            site.limit = min(MOST, site.limit + (1 / site.limit if site.shrunk else 1))

    def shrink(self, site: Site, sent: Sent) -> None:
        site.limit, site.shrunk, site.trouble = max(1.0, site.limit - 1), True, str(sent.reply)

    def close(self, site: Site) -> None:
        """Try nothing for a while, twice as long each time; then one delivery tries."""
        if self.closed(site):
            return
        first, longest = self.closing
        site.closed_for = min(max(2 * site.closed_for, first), longest)
        site.closed_until = self.time() + site.closed_for
        site.limit = 1.0


class RelayPace(Pace):
    """The pace of a relay, which is one site for all: who sends waits for his turn there, in the loop.

    What is `unwritten` takes a place too: a crash sends at most `most` mails twice, however slow the database is.
    """

    def __init__(self, time: Callable[[], float], most: int, unwritten: Unwritten | None = None) -> None:
        super().__init__(time)
        self.closing = RELAY_CLOSED
        self.most = most
        self.unwritten = unwritten or Unwritten()
        self.unwritten.waiting.add(self)
        self.relay = Site("")
        self.waiting: deque[asyncio.Future[None]] = deque()

    def room(self, site: Site) -> int:
        """How many more deliveries may begin now; with what is unwritten no more than the settings allow."""
        return min(super().room(site), max(self.most - site.busy - len(self.unwritten.ids), 0))

    async def through(self, attempt: Callable[[], Awaitable[Sent]]) -> Sent:
        """One attempt in its turn, or what a closed relay answers; what it says of the relay is learned."""
        await self.enter()
        try:
            sent = self.suspended(self.relay)
            if sent is None:
                sent = await attempt()
                self.learn(self.relay, sent)
            return sent
        finally:
            self.leave()

    async def enter(self) -> None:
        """Wait for a place, in the order of asking."""
        if not self.waiting and self.room(self.relay):
            self.relay.busy += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self.waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self.leave()
            raise

    def leave(self) -> None:
        """Give a place back."""
        self.relay.busy -= 1
        self.let_in()

    def let_in(self) -> None:
        """Let in whom there is room for."""
        while self.waiting and self.room(self.relay):
            turn = self.waiting.popleft()
            if not turn.done():  # who was cancelled waits no more
                self.relay.busy += 1
                turn.set_result(None)


def unreachable(sent: Sent) -> bool:
    """Whether no server of the site could be spoken with, or even be found."""
    asked = bool(sent.remote_host) or sent.reply.status == "4.4.3"
    return sent.stage == "connect" and asked and sent.reply.temporary


def overloaded(reply: Reply) -> bool:
    """Whether a server asks for less: 421, or a temporary refusal for reasons of policy (RFC 3463 section 3.8)."""
    return reply.code == 421 or (reply.temporary and (reply.status or "").startswith("4.7."))


def kept(places: OrderedDict[str, T], key: str, new: Callable[[str], T], idle: Callable[[T], bool] = bool) -> T:
    """The value of a key, made if it is new; where there are too many, the one that was longest not asked for goes."""
    if key not in places:
        oldest = next(iter(places), None)
        if oldest is not None and len(places) >= KEPT and idle(places[oldest]):
            del places[oldest]
        places[key] = new(key)
    places.move_to_end(key)
    return places[key]
