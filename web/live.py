"""Live events: one task reads what is new in the history and tells the open pages whose reader may see it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel import Session

from gatepost.database import Database
from gatepost.model import Event
from gatepost.rounds import Looks
from gatepost.store import pages, users
from gatepost.store.events import events_after, last_seq
from gatepost.store.settled import Horizon, mark
from gatepost.web.access import access_any
from gatepost.web.clock import clock

STEP = 0.25
CHECK_EVERY = 40
WAITING = 200
MISSED = 200
AT_ONCE = 500
LATE = 200
"""So many events back one may still appear when the first page listens."""

News = tuple[str, str]
"""A kind (`conversation`, `message`, `account`, or `all`) and what it is about: a number or an id."""


@dataclass(eq=False, slots=True)
class Listener:
    """An open page: the login it belongs to, and what it has not been told yet; None ends it."""

    login: str
    news: asyncio.Queue[News | None] = field(default_factory=lambda: asyncio.Queue(WAITING))


class Live:
    """The open pages of this process. `run` is started with the application and ends with it."""

    def __init__(self, database: Database, now: Callable[[], datetime] = clock) -> None:
        self.database = database
        self.now = now
        self.listeners: set[Listener] = set()
        self.seq: int | None = None
        self.told: frozenset[int] = frozenset()
        self.horizon = Horizon()
        self.looks = Looks(database)
        self.ended = False

    async def run(self) -> None:
        """Look every 250 ms, as long as somebody listens and something is committed; never ends by itself."""
        step = 0
        while True:
            await asyncio.sleep(STEP)
            if not self.listeners:
                self.seq, self.horizon, self.looks = None, Horizon(), Looks(self.database)
            if self.seq is None:
                continue
            step += 1
            logins = frozenset(listener.login for listener in self.listeners)
            try:
                self.seq, news = await asyncio.to_thread(self.read, self.seq, logins, step % CHECK_EVERY == 0)
            except Exception:  # noqa: S112 - the database may be away for a while: the next look tries again
                continue
            self.tell(news, logins)

    def read(self, seq: int, logins: frozenset[str], check: bool) -> tuple[int, dict[str, set[News]] | None]:
        """What is new since `seq` for each login that still holds; None when there is nothing and no check is due.

        With several writers an event may appear after one with a higher number. So the position only moves to where
        nothing can appear any more; what was told beyond it is remembered, and told once.
        """
        now = self.now()
        if not (check or self.looks.worth(now)):
            return seq, None
        with self.database.session() as session:
            edge = self.horizon.move(mark(session))
            found = events_after(session, seq, AT_ONCE)
            events = [event for event in found if event.seq not in self.told]
            if len(found) == AT_ONCE:
                edge = min(edge, found[-1].seq or 0)
            seq = max(seq, edge)
            self.told = frozenset(event.seq for event in found if event.seq and event.seq > seq)
            news = news_for(session, events, logins, now) if events or check else None
        if len(found) < AT_ONCE and not check:
            self.looks.looked(now, None)
        return seq, news

    def start(self, newest: int) -> tuple[int, frozenset[int]]:
        """The position to begin at, a little back, and the events since that pages have already."""
        with self.database.session() as session:
            base = max(newest - LATE, 0)
            there = events_after(session, base, LATE)
            return base, frozenset(event.seq for event in there if event.seq and event.seq <= newest)

    def read_missed(self, login: str, after: int) -> tuple[int, set[News]]:
        """The position now, and what one login missed since its page was made; too much is told as `all`."""
        with self.database.session() as session:
            newest = last_seq(session)
            events = events_after(session, after, MISSED + 1) if 0 <= after < newest else ()
            if len(events) > MISSED:
                return newest, {("all", "")}
            return newest, news_for(session, events, frozenset({login}), self.now()).get(login, set())

    def tell(self, news: dict[str, set[News]] | None, logins: frozenset[str]) -> None:
        """Hand out; a page whose login ended, or that does not read, is ended: it will ask again from the start.

        One that came while the news of `logins` was being read looks at everything.
        """
        if news is None:
            return
        for listener in list(self.listeners):
            items = news.get(listener.login, None if listener.login in logins else {("all", "")})
            try:
                if items is None:
                    raise asyncio.QueueFull
                for item in sorted(items):
                    listener.news.put_nowait(item)
            except asyncio.QueueFull:
                self.drop(listener)

    def drop(self, listener: Listener) -> None:
        """End a page's stream."""
        self.listeners.discard(listener)
        while not listener.news.empty():
            listener.news.get_nowait()
        listener.news.put_nowait(None)

    def close(self) -> None:
        """End all streams."""
        self.ended = True
        for listener in list(self.listeners):
            self.drop(listener)

    async def listen(self, login: str, after: int) -> AsyncIterator[News]:
        """What concerns one login since the position `after`, until the login ends."""
        listener = Listener(login)
        if self.ended:
            return
        self.listeners.add(listener)
        try:
            newest, missed = await asyncio.to_thread(self.read_missed, login, after)
            if self.seq is None:
                seq, told = await asyncio.to_thread(self.start, newest)
                if self.seq is None:
                    self.seq, self.told = seq, told
            for found in sorted(missed):
                yield found
            while item := await listener.news.get():
                yield item
        finally:
            self.listeners.discard(listener)


def news_for(session: Session, events: Sequence[Event], logins: frozenset[str], now: datetime) -> dict[str, set[News]]:
    """What each login that still holds may hear of these events."""
    heard: dict[str, set[News]] = {}
    subjects = subjects_of(session, events)
    for login in logins:
        known = users.session_by_hash(session, login, now)
        if not known:
            continue
        user = known[1]
        channels = users.memberships(session, user.id)
        heard[login] = {item for item, homes in subjects if access_any(user, channels, homes, "read")}
    return heard


def subjects_of(session: Session, events: Sequence[Event]) -> list[tuple[News, list[str | None]]]:
    """What events are about, with the channels whose readers may know."""
    by_message = pages.conversations_by_message(session, {event.message_id for event in events if event.message_id})
    wanted = {event.conversation_id for event in events if event.conversation_id}
    keys = pages.keys_of(session, wanted.union(*by_message.values()))
    subjects: list[tuple[News, list[str | None]]] = []
    for event in events:
        named = {event.conversation_id or "", *by_message.get(event.message_id or "", [])}
        shown = [keys[conversation_id] for conversation_id in sorted(named) if conversation_id in keys]
        subjects += [(("conversation", str(number)), homes) for number, homes in shown]
        if event.message_id:
            everywhere = [home for _, homes in shown for home in homes]
            subjects.append((("message", event.message_id), [event.channel_id, *everywhere]))
        if event.kind.startswith(("account.", "channel.", "connect.")):
            subjects.append((("account", event.channel_id or ""), [event.channel_id]))
    return subjects
