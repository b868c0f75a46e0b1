"""When a delivery is tried again (RFC 5321 section 4.5.4.1): one pure function."""

from datetime import datetime, timedelta
from functools import cache

from gatepost.reply import Reply

FIRST = 300.0
LONGEST = 4000.0
SPREAD = 0.2
LIFETIME = timedelta(days=5)
SANDBOX_LONGEST = 64.0
MOST_ASKED = 1000


def next_attempt(
    reply: Reply,
    attempts: int,
    created_at: datetime,
    now: datetime,
    *,
    lifetime: timedelta = LIFETIME,
    sandbox: bool = False,
    jitter: float = 0.5,
) -> tuple[datetime | None, str]:
    """The time of the next attempt after `attempts` of them (at least one) ended in `reply`, and why.

    None with `delivered`, `permanent` or `expired` ends the delivery; the last attempt is at the end of the lifetime,
    or later where there were not `enough` of them.
    `jitter` from 0 to 1 spreads the times by a tenth either way, so that mails that failed together part.
    """
    if reply.positive:
        return None, "delivered"
    if reply.permanent:
        return None, "permanent"
    end = created_at + lifetime
    if now >= end and attempts >= enough(lifetime, sandbox):
        return None, "expired"
    seconds = sandbox_delay(attempts) if sandbox else delay(attempts) * (1 + SPREAD * (jitter - 0.5))
    due = now + timedelta(seconds=seconds)
    due = min(due, end) if now < end else due
    return due, f"attempt {attempts} was answered for now only; next one in {words(due - now)}"


@cache
def enough(lifetime: timedelta, sandbox: bool = False) -> int:
    """The attempts without which a mail does not expire: as many as half of its lifetime has.

    Its age alone proves nothing: the clock may have jumped, or the machine been off.
    """
    attempts, seconds = 1, 0.0
    while seconds < lifetime.total_seconds() / 2 and attempts < MOST_ASKED:
        seconds += sandbox_delay(attempts) if sandbox else delay(attempts)
        attempts += 1
    return attempts


def delay(attempts: int) -> float:
    """Seconds after the n-th attempt: 5 minutes, doubling, at most 4,000 s."""
    return min(FIRST * 2.0 ** (min(max(attempts, 1), 16) - 1), LONGEST)


def sandbox_delay(attempts: int) -> float:
    """Seconds after the n-th attempt in the sandbox: 2, 4, 8, at most 64."""
    return min(2.0 ** min(max(attempts, 1), 16), SANDBOX_LONGEST)


def words(span: timedelta) -> str:
    """A time span for people: `4 s`, `5 min`, `1 h 7 min`."""
    seconds = max(round(span.total_seconds()), 0)
    if seconds < 120:
        return f"{seconds} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min" if minutes % 60 else f"{minutes // 60} h"
