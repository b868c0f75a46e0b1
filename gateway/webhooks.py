"""Tells other systems what happened: events become calls, calls are made at least once and in order, beside the mail.

Nothing here is waited for by mail: it reads the history afterwards, on threads of its own.
"""

import asyncio
import ipaddress
import json
import random
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import structlog

from gatepost.database import Database
from gatepost.gateway.accept import Gate
from gatepost.gateway.webhook_signature import sign
from gatepost.http import Answer, Guard, HttpError, HttpRefused, is_global, request
from gatepost.ledger import Ledger, LedgerClosed
from gatepost.reply import HIDDEN, clean_text
from gatepost.rounds import Looks, alongside
from gatepost.seal import Keys, SealError, unseal
from gatepost.store.settled import Horizon, mark
from gatepost.store.webhook_calls import (
    CallClaim,
    CallResult,
    claim_calls,
    has_work,
    next_call,
    prune_calls,
    put_calls,
    record_call,
)
from gatepost.store.webhooks import secret_place
from gatepost.webhook_payload import event_id

BACKOFF = (5, 60, 300, 1800, 3600, 7200, 14400, 21600, 36000, 36000, 43200)
"""Seconds after each failed attempt; together two days."""

LEASE = timedelta(minutes=2)
AT_ONCE = 4
"""Calls of one webhook under way."""

THREADS = 16
IDLE = 0.5
GRACE = 2.0
ANSWER_SHOWN = 500
URL_LIMIT = 2000
PRUNE_EVERY = timedelta(hours=1)

log = structlog.get_logger("webhooks")


@dataclass(frozen=True, slots=True)
class Caller:
    """What calling needs; `guard` says which addresses may be called, and how long a call may take."""

    database: Database
    ledger: Ledger
    keys: Keys
    guard: Guard
    backoff: tuple[float, ...] = BACKOFF
    lease: timedelta = LEASE


def caller_of(gate: Gate) -> Caller:
    """Ten seconds a call, public addresses by https only, unless `private_hosts` allows others."""
    return Caller(gate.database, gate.ledger, gate.keys, Guard(private=gate.settings.private_hosts))


def check_url(url: str, private: bool) -> str:
    """The address of a webhook as people type it. Raises ValueError with a sentence."""
    url = url.strip()
    if len(url) > URL_LIMIT or not url.isascii() or " " in url or HIDDEN.search(url):
        raise ValueError("The address must be a plain web address of at most 2,000 characters.")
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError("This is not a web address; write it as https://hooks.example.org/path.") from None
    if parts.scheme not in (("https", "http") if private else ("https",)) or not host:
        raise ValueError("The address must start with https:// and name a host.")
    if parts.username is not None or parts.fragment:
        raise ValueError("The address must be without user, password and #fragment.")
    if not private and is_inside(host):
        raise ValueError("The address is a private one; private_hosts in the settings allows that.")
    return url


def is_inside(host: str) -> bool:
    """Whether a host is written as an address that is not public; names are looked up with each call."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return not is_global(host)


def make_call(caller: Caller, claim: CallClaim, now: datetime) -> CallResult:
    """One attempt and what follows from it. Never raises."""
    try:
        secrets = [unseal(caller.keys, secret_place(claim.webhook_id), claim.secret_sealed).decode()]
        if claim.old_secret_sealed:
            secrets.append(unseal(caller.keys, secret_place(claim.webhook_id), claim.old_secret_sealed).decode())
        answer = post(claim, secrets, caller.guard, now)
    except HttpRefused as error:
        return CallResult("failed", None, str(error))
    except HttpError as error:
        return after(claim, None, str(error), caller.backoff, now)
    except SealError as error:
        return after(claim, None, f"The secret cannot be read: {error}", caller.backoff, now)
    except Exception:
        log.exception("a webhook's call failed by a fault of ours", webhook=claim.webhook_id)
        return after(claim, None, "Internal trouble; it is tried again.", caller.backoff, now)
    return after(claim, answer.status, shown_answer(answer), caller.backoff, now)


def post(claim: CallClaim, secrets: list[str], guard: Guard, now: datetime) -> Answer:
    """The request as Standard Webhooks wants it. Raises HttpError."""
    body = json.dumps(claim.payload, separators=(",", ":")).encode()
    event, timestamp = event_id(claim.seq), int(now.timestamp())
    headers = {
        "content-type": "application/json",
        "webhook-id": event,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(secrets, event, timestamp, body),
    }
    return request("POST", claim.url, content=body, headers=headers, guard=guard)


def after(claim: CallClaim, status: int | None, answer: str, backoff: tuple[float, ...], now: datetime) -> CallResult:
    """What follows from an answer: 2xx is done, 410 ends the webhook, all else is tried again for two days."""
    if status is not None and 200 <= status < 300:
        return CallResult("delivered", status, answer)
    if status == 410:
        return CallResult("failed", status, answer, disable="The receiver answered 410 Gone: it wants no more calls")
    if claim.attempts >= len(backoff):
        return CallResult("failed", status, answer)
    spread = 0.9 + 0.2 * random.random()  # noqa: S311  spreads retries, keeps no secret
    return CallResult("delayed", status, answer, now + timedelta(seconds=backoff[claim.attempts] * spread))


def shown_answer(answer: Answer) -> str:
    """The beginning of what was answered, safe to show."""
    return clean_text(answer.body[: ANSWER_SHOWN * 4].decode("utf-8", "replace"))[:ANSWER_SHOWN]


@asynccontextmanager
async def calling_webhooks(caller: Caller, clock: Callable[[], datetime]) -> AsyncIterator[None]:
    """Webhooks are called while this context is open; what is under way at its end has two seconds more."""
    threads = ThreadPoolExecutor(THREADS, thread_name_prefix="webhook")
    rounds = Rounds(caller, threads, clock)
    try:
        async with alongside(rounds.run()):
            yield
    finally:
        await rounds.stop()
        threads.shutdown(wait=False, cancel_futures=True)


class Rounds:
    """The loop that reads events into calls and makes those that are due, on threads that nobody else uses."""

    def __init__(self, caller: Caller, threads: Executor, clock: Callable[[], datetime]) -> None:
        self.caller = caller
        self.threads = threads
        self.clock = clock
        self.horizon = Horizon()
        self.looks = Looks(caller.database)
        self.under_way: set[asyncio.Task[None]] = set()
        self.news = asyncio.Event()
        self.pruned = clock()

    async def run(self) -> None:
        """Round after round; trouble with the database is waited out."""
        while True:
            self.news.clear()
            busy = False
            try:
                busy = await self.round()
            except LedgerClosed:
                return
            except Exception:
                log.exception("a round of webhooks failed; the next one tries again")
            if not busy:
                with suppress(TimeoutError):  # not wait_for, which can swallow a cancellation (before Python 3.12)
                    async with asyncio.timeout(IDLE):
                        await self.news.wait()

    async def round(self) -> bool:
        """Put what happened into calls and begin those that are due; True when there is more to do at once."""
        now, ledger = self.clock(), self.caller.ledger
        if now - self.pruned > PRUNE_EVERY:
            self.pruned = now
            await ledger.commit(lambda session: prune_calls(session, now))
        if not await asyncio.to_thread(self.look, now):
            return False
        horizon = self.horizon.seq
        read = await ledger.commit(lambda session: put_calls(session, horizon, now))
        for claim in await ledger.commit(lambda session: claim_calls(session, AT_ONCE, self.caller.lease, now)):
            task = asyncio.create_task(self.call(claim))
            self.under_way.add(task)
            task.add_done_callback(self.finished)
        return bool(read)

    def look(self, now: datetime) -> bool:
        """Whether there is anything to do, found out without writing."""
        if not self.looks.worth(now):
            return False
        with self.caller.database.session() as session:
            self.horizon.move(mark(session))
            if has_work(session, self.horizon.seq, now):
                return True
            self.looks.looked(now, now if self.horizon.behind else next_call(session))
            return False

    async def call(self, claim: CallClaim) -> None:
        """One call and its record."""
        loop = asyncio.get_running_loop()
        result = await loop.run_in_executor(self.threads, make_call, self.caller, claim, self.clock())
        now = self.clock()
        if not await self.caller.ledger.commit(lambda session: record_call(session, claim, result, now)):
            log.info("a call's result came after its lease had been lost", webhook=claim.webhook_id)

    def finished(self, task: asyncio.Task[None]) -> None:
        self.under_way.discard(task)
        self.news.set()
        if not task.cancelled() and task.exception():
            log.error("a call was not recorded; it is made again", error=str(task.exception()))

    async def stop(self) -> None:
        """Let what is under way end; what does not is called again when its lease has run out."""
        if self.under_way:
            await asyncio.wait(self.under_way, timeout=GRACE)
        for task in self.under_way:
            task.cancel()
        await asyncio.gather(*self.under_way, return_exceptions=True)
