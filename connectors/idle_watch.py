"""The watch over many mailboxes: one thread with a selector hears them all, a few threads open what must be opened."""

import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import structlog
from sqlmodel import Session

from gatepost.connectors.idle import Left, News
from gatepost.connectors.idle_open import Opened, open_mailbox
from gatepost.connectors.poll import backoff
from gatepost.connectors.polling import Polling
from gatepost.connectors.trouble import LATER, Nonsense, Trouble, explain, recognise
from gatepost.ids import new_id
from gatepost.ledger import LedgerClosed
from gatepost.store import idling
from gatepost.store.idling import Mailbox, Note, Word

OPENING = 8
LOGIN_MOST = 5
"""Watching connections with one login: a third of what Gmail allows; the rest is for reading and other programs."""
LEASE = timedelta(minutes=2)
CLAIM_SECONDS = 15.0
TICK_SECONDS = 1.0
GAP_SECONDS = 1.0
LAZY_SECONDS = 10.0
STEADY_SECONDS = 60.0
CROWDED_SECONDS = 300.0
NEVER = float("inf")

log = structlog.get_logger("gatepost.idle")


@dataclass(slots=True)
class Watched:
    """A mailbox, its connection if there is one, and when it is to be opened, left, or told of (monotonic seconds)."""

    mailbox: Mailbox
    opened: Opened | None = None
    opening: bool = False
    open_at: float = 0.0
    leave_at: float = NEVER
    since: float = 0.0
    failures: int = 0
    told_at: float = -NEVER
    tell_at: float = NEVER
    word: Word = Word.WAITING
    why: str = ""


class Watch:
    """Watches up to `most` mailboxes until the polling stops: `run` is its thread, `post` wakes it from others."""

    def __init__(self, polling: Polling, most: int) -> None:
        self.polling, self.most = polling, most
        self.holder = new_id("idl")
        self.mailboxes: dict[str, Watched] = {}
        self.unread: set[str] = set()
        self.pending: set[str] = set()
        self.notes: list[Note] = []
        self.claiming = self.over = False
        self.ticked = self.claimed_at = self.held_at = -NEVER
        self.calls: list[Callable[[], None]] = []
        self.lock = threading.Lock()
        self.selector = selectors.DefaultSelector()
        self.ear, self.mouth = socket.socketpair()
        for end in (self.ear, self.mouth):
            end.setblocking(False)
        self.selector.register(self.ear, selectors.EVENT_READ, None)
        self.pool = ThreadPoolExecutor(OPENING, "idle")

    def post(self, call: Callable[[], None]) -> bool:
        """Have something done in the thread that watches; False where that has ended."""
        with self.lock:
            if self.over:
                return False
            self.calls.append(call)
            with suppress(OSError):
                self.mouth.send(b".")
            return True

    def run(self) -> None:
        """Watch; at the end everything is closed and given back."""
        try:
            while not (self.polling.stop.is_set() or self.polling.ledger.closing):
                self.hear()
                now = time.monotonic()
                if now - self.ticked >= TICK_SECONDS:
                    self.ticked = now
                    self.tick(now)
                self.tell(now)
        except LedgerClosed:
            pass
        finally:
            self.end()

    def hear(self) -> None:
        """Wait for something to happen, and read what has come."""
        soonest = min((self.mailboxes[key].tell_at for key in self.pending), default=NEVER)
        wait = 0.0 if self.unread else min(TICK_SECONDS, max(0.0, soonest - time.monotonic()))
        for key, _ in self.selector.select(wait):
            if key.data is None:
                with suppress(OSError):
                    self.ear.recv(65_536)
            else:
                self.unread.add(key.data)
        keys, self.unread = self.unread, set()
        for watched in [self.mailboxes[key] for key in keys if key in self.mailboxes]:
            self.guarded(watched, self.read)
        self.answer_calls()

    def answer_calls(self, *, last: bool = False) -> None:
        """Do what other threads asked for; `last`: nothing is taken any more."""
        with self.lock:
            self.over = last
            calls, self.calls = self.calls, []
        for call in calls:
            call()

    def guarded(self, watched: Watched, act: Callable[[Watched], None]) -> None:
        """Do something for a mailbox; what goes wrong ends its connection."""
        try:
            act(watched)
        except LedgerClosed:
            raise
        except Exception as error:
            self.lost(watched, error)

    def read(self, watched: Watched) -> None:
        """Take what a server has sent, to the last line before its end."""
        if watched.opened is None:
            return
        try:
            if watched.opened.client.wire.receive():
                self.unread.add(watched.mailbox.id)
        finally:
            self.listen(watched, watched.opened)

    def listen(self, watched: Watched, opened: Opened) -> None:
        now = time.monotonic()
        for line in opened.client.wire.whole_lines():
            self.say(opened, opened.talk.take(line, now))
        news = opened.talk.take_news()
        if news is News.MAIL:
            self.tell_soon(watched, max(now, watched.told_at + GAP_SECONDS))
        elif news is News.CHANGED:
            self.tell_soon(watched, now + LAZY_SECONDS)
        if opened.talk.watching:
            self.note(watched, Word.IDLE if opened.talk.idles else Word.ASKING, "")

    def say(self, opened: Opened, octets: bytes) -> None:
        """Send a few octets without waiting. Raises Left where they are not taken."""
        if octets and opened.client.wire.sock.send(octets) != len(octets):
            raise Left("it does not take what is said")

    def tell_soon(self, watched: Watched, at: float) -> None:
        watched.tell_at = min(watched.tell_at, at)
        self.pending.add(watched.mailbox.id)

    def tell(self, now: float) -> None:
        """Make due what has news, and write down how watching goes; then the pollers are woken."""
        ids = [key for key in self.pending if self.mailboxes[key].tell_at <= now]
        for key in ids:
            self.mailboxes[key].told_at, self.mailboxes[key].tell_at = now, NEVER
        self.pending.difference_update(ids)
        notes, self.notes = self.notes, []
        if not (ids or notes):
            return
        at, rest = self.polling.clock(), timedelta(seconds=self.polling.poll_seconds)

        def op(session: Session) -> None:
            idling.note_all(session, self.holder, notes, at + rest)
            idling.make_due(session, ids, at)

        self.write(op, lambda _: self.polling.bell.ring(len(ids)), lambda: self.tell_again(ids, notes))

    def tell_again(self, ids: Iterable[str], notes: Iterable[Note]) -> None:
        """What could not be written is written later: the database was away."""
        self.notes = [*notes, *self.notes]
        for watched in [self.mailboxes[key] for key in ids if key in self.mailboxes]:
            self.tell_soon(watched, time.monotonic() + LAZY_SECONDS)

    def write(self, op: Callable[[Session], Any], then: Callable[[Any], object], failed: Callable[[], None]) -> None:
        """Have something written; `then` gets its result in the writer's thread, `failed` is called in ours."""

        def done(future: Future[Any]) -> None:
            if error := future.exception():
                log.warning("idle.not_written", error=type(error).__name__)
                self.post(failed)
            else:
                then(future.result())

        self.polling.ledger.submit(op).add_done_callback(done)

    def tick(self, now: float) -> None:
        """What is due because time has passed."""
        if self.mailboxes and now - self.held_at > LEASE.total_seconds():
            self.hold([])  # the database is away: another process may have them by now
        for watched in list(self.mailboxes.values()):
            self.guarded(watched, lambda each: self.tick_one(each, now))
        if not self.claiming and now - self.claimed_at >= CLAIM_SECONDS:
            self.claiming, self.claimed_at = True, now
            at, process = self.polling.clock(), self.polling.ledger.database.process
            self.write(
                lambda session: idling.keep_watching(session, self.holder, at, at + LEASE, self.most, process),
                lambda found: self.post(lambda: self.held(found, now)),
                self.not_held,
            )

    def tick_one(self, watched: Watched, now: float) -> None:
        opened = watched.opened
        if opened is None:
            if not watched.opening and now >= watched.open_at:
                self.open(watched, now)
            return
        if now >= watched.leave_at:
            self.close(watched)
            watched.open_at = now
            return
        if now - watched.since > STEADY_SECONDS:
            watched.failures = 0
        self.say(opened, opened.talk.tick(now))

    def held(self, mailboxes: Iterable[Mailbox], claimed_at: float) -> None:
        """What is ours to watch, as it was claimed at a moment."""
        self.claiming, self.held_at = False, claimed_at
        self.hold(mailboxes)

    def not_held(self) -> None:
        self.claiming = False

    def hold(self, mailboxes: Iterable[Mailbox]) -> None:
        """Watch these and no others; one that was changed meanwhile is opened anew."""
        found = {mailbox.id: mailbox for mailbox in mailboxes}
        for key in self.mailboxes.keys() - found.keys():
            self.close(self.mailboxes.pop(key))
            self.pending.discard(key)
        for key, mailbox in found.items():
            watched = self.mailboxes.setdefault(key, Watched(mailbox))
            before, watched.mailbox = watched.mailbox, mailbox
            if mailbox.since is None or before.since is None:
                watched.mailbox = replace(mailbox, since=mailbox.since or before.since)
            elif mailbox.since != before.since:
                self.close(watched)
                watched.open_at, watched.failures = 0.0, 0

    def open(self, watched: Watched, now: float) -> None:
        """Have a mailbox opened by another thread, unless its login has its connections already."""
        login = watched.mailbox.login
        same = [each for each in self.mailboxes.values() if each.mailbox.login == login]
        if sum(each.opening or each.opened is not None for each in same) >= LOGIN_MOST:
            watched.open_at = now + CROWDED_SECONDS
            self.note(watched, Word.WAITING, f"{LOGIN_MOST} connections of this login are open already.")
            return
        watched.opening = True
        self.pool.submit(self.open_apart, watched)

    def open_apart(self, watched: Watched) -> None:
        try:
            opened = open_mailbox(self.polling, watched.mailbox.id)
        except Exception as error:
            self.post(lambda error=error: self.lost(watched, error))  # type: ignore[misc]
        else:
            if not self.post(lambda: self.guarded(watched, lambda each: self.begin(each, opened))):
                opened.client.wire.shutdown()

    def begin(self, watched: Watched, opened: Opened) -> None:
        """A mailbox has been opened: say the first words, and hear what came along with the last answer."""
        now = time.monotonic()
        watched.opening, watched.since, watched.leave_at = False, now, now + opened.lasts
        if self.mailboxes.get(watched.mailbox.id) is not watched:
            opened.client.wire.shutdown()
            return
        watched.opened = opened
        self.selector.register(opened.client.wire.sock, selectors.EVENT_READ, watched.mailbox.id)
        self.say(opened, opened.talk.begin(now))
        self.read(watched)

    def lost(self, watched: Watched, error: Exception) -> None:
        """A connection ended, or could not be made: again later, the longer the more often it happens."""
        trouble = trouble_of(error, watched)
        self.close(watched)
        watched.opening = False
        watched.failures += 1
        wait = max(backoff(watched.failures, trouble.lasting, self.polling.jitter()).total_seconds(), trouble.wait)
        watched.open_at = time.monotonic() + wait
        log.info("idle.lost", account=watched.mailbox.id, failures=watched.failures, wait=round(wait), why=trouble.what)
        if self.mailboxes.get(watched.mailbox.id) is watched:
            self.note(watched, Word.WAITING, trouble.what)

    def close(self, watched: Watched) -> None:
        """Take leave and close, without waiting for an answer."""
        opened, watched.opened = watched.opened, None
        if opened is None:
            return
        with suppress(KeyError, ValueError):
            self.selector.unregister(opened.client.wire.sock)
        with suppress(Exception):
            self.say(opened, opened.talk.farewell())
        opened.client.wire.shutdown()

    def note(self, watched: Watched, word: Word, why: str) -> None:
        if (watched.word, watched.why) != (word, why):
            watched.word, watched.why = word, why
            self.notes.append(Note(watched.mailbox.id, word, why, self.polling.clock()))

    def end(self) -> None:
        """Close everything and let others watch."""
        self.pool.shutdown(wait=False, cancel_futures=True)
        self.hold([])
        self.answer_calls(last=True)
        self.selector.close()
        for end in (self.ear, self.mouth):
            end.close()
        with suppress(Exception):
            self.polling.ledger.write(lambda s: idling.give_back(s, self.holder, self.polling.clock()))


def trouble_of(error: Exception, watched: Watched) -> Trouble:
    """What ended a connection, in words for people."""
    if isinstance(error, Trouble):
        return error
    host = watched.mailbox.login.rpartition("@")[2]
    if isinstance(error, Left):
        known = recognise(str(error))
        return known or Trouble("server", f"{host} ended the connection.", LATER)
    trouble = explain("idle", error, host, 0, "tls")
    if trouble.broken and not isinstance(error, Nonsense):
        log.warning("idle.broke", account=watched.mailbox.id, exc_info=error)
    return trouble
