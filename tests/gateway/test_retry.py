"""The schedule of attempts."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.gateway.retry import enough, next_attempt, words
from gatepost.reply import Reply

START = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
FULL = Reply(452, "4.2.2", "full")
DAYS = timedelta(days=5)


def test_five_minutes_doubling_to_the_longest() -> None:
    gaps = [next_attempt(FULL, n, START, START, lifetime=DAYS, jitter=0.5)[0] for n in range(1, 8)]
    assert [(gap - START).total_seconds() for gap in gaps if gap] == [300, 600, 1200, 2400, 4000, 4000, 4000]


def test_the_sandbox_is_quick() -> None:
    gaps = [next_attempt(FULL, n, START, START, lifetime=DAYS, sandbox=True)[0] for n in range(1, 5)]
    assert [(gap - START).total_seconds() for gap in gaps if gap] == [2, 4, 8, 16]


def test_why_is_a_sentence() -> None:
    assert (
        next_attempt(FULL, 3, START, START, lifetime=DAYS)[1]
        == "attempt 3 was answered for now only; next one in 20 min"
    )


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (Reply(250, "2.0.0", "ok"), "delivered"),
        (Reply(550, "5.1.1", "no"), "permanent"),
        (Reply(None, "5.1.2", "gone"), "permanent"),
    ],
)
def test_the_end(reply: Reply, why: str) -> None:
    assert next_attempt(reply, 1, START, START, lifetime=DAYS) == (None, why)


def test_the_last_attempt_is_at_the_end_of_the_lifetime() -> None:
    late = START + DAYS - timedelta(seconds=60)
    assert next_attempt(FULL, 90, START, late, lifetime=DAYS)[0] == START + DAYS
    assert next_attempt(FULL, 91, START, START + DAYS, lifetime=DAYS) == (None, "expired")


def test_age_alone_expires_nothing() -> None:
    """The clock jumped ten days, or the machine was off: a mail is tried as often as in half of its lifetime."""
    later = START + timedelta(days=10)
    due, why = next_attempt(FULL, 3, START, later, lifetime=DAYS, jitter=0.5)
    assert due == later + timedelta(minutes=20)
    assert why.startswith("attempt 3")
    assert 40 < enough(DAYS) < 90
    assert next_attempt(FULL, enough(DAYS) - 1, START, later, lifetime=DAYS)[0] is not None
    assert next_attempt(FULL, enough(DAYS), START, later, lifetime=DAYS) == (None, "expired")
    assert enough(timedelta(seconds=1)) == 2


def test_unknown_trouble_is_tried_again() -> None:
    assert next_attempt(Reply(None), 1, START, START, lifetime=DAYS)[0] is not None


@given(st.integers(-5, 10**9), st.floats(0, 1), st.integers(0, 5 * 86400 - 1), st.booleans())
def test_every_temporary_reply_has_a_later_time(attempts: int, jitter: float, age: int, sandbox: bool) -> None:
    now = START + timedelta(seconds=age)
    due, _ = next_attempt(FULL, attempts, START, now, lifetime=DAYS, sandbox=sandbox, jitter=jitter)
    assert due is not None
    assert now < due <= START + DAYS
    assert (due - now).total_seconds() <= 4400


def test_spans_in_words() -> None:
    spans = [0, 4, 300, 4000, 7200]
    assert [words(timedelta(seconds=s)) for s in spans] == ["0 s", "4 s", "5 min", "1 h 7 min", "2 h"]
