"""Bars of a mailbox's completeness, as numbers that a template draws: values only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from gatepost.connectors.completeness import NO_DAY

HEIGHT = 100
LEAST = 3
WORDS = ("stored", "skipped", "waiting", "missing")
MOST_MONTHS = 60


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a bar: what it counts, where it begins (from above) and how high it is, in 0..100."""

    word: str
    count: int
    top: float
    height: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One day or month, its label, how many mails, and its pieces from the ground up."""

    start: date
    label: str
    on_server: int
    missing: int
    parts: tuple[Part, ...]


def by_day(rows: Sequence[Mapping[str, Any]], today: date, days: int) -> list[Bar]:
    """A bar for each of the last days, also those without mail."""
    known = {row["day"]: row for row in rows}
    wanted = [today - timedelta(days=back) for back in range(days - 1, -1, -1)]
    return bars([(day, f"{day:%d %b %Y}", known.get(day, {})) for day in wanted])


def by_month(rows: Sequence[Mapping[str, Any]]) -> list[Bar]:
    """A bar for each month from the first mail to the last, at most the last sixty; mail without a time is left out."""
    months: dict[date, dict[str, int]] = {}
    for row in rows:
        if row["day"] != NO_DAY:
            sums = months.setdefault(row["day"].replace(day=1), dict.fromkeys((*WORDS, "on_server"), 0))
            for word in sums:
                sums[word] += row[word]
    if not months:
        return []
    first, last = min(months), max(months)
    wanted = [date(at // 12, at % 12 + 1, 1) for at in range(number(first), number(last) + 1)][-MOST_MONTHS:]
    return bars([(month, f"{month:%B %Y}", months.get(month, {})) for month in wanted])


def number(month: date) -> int:
    return month.year * 12 + month.month - 1


def bars(rows: Sequence[tuple[date, str, Mapping[str, Any]]]) -> list[Bar]:
    """The bars beside each other; the highest fills the height, and what is missing can always be seen."""
    highest = max((row.get("on_server", 0) for _, _, row in rows), default=0) or 1
    return [bar_of(start, label, row, highest) for start, label, row in rows]


def bar_of(start: date, label: str, row: Mapping[str, Any], highest: int) -> Bar:
    parts, top = [], float(HEIGHT)
    for word in WORDS:
        count = row.get(word, 0)
        if count:
            least, kept = (LEAST, 0) if word == "missing" else (1, LEAST if row.get("missing") else 0)
            height = min(top - kept, max(least, HEIGHT * count / highest))
            top -= height
            parts.append(Part(word, count, round(top, 2), round(height, 2)))
    return Bar(start, label, row.get("on_server", 0), row.get("missing", 0), tuple(parts))
