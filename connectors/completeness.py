"""Whether every mail on a server is here: what it lists beside what we have, by folder and day; values only."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum

from gatepost.connectors.left_out import Reason
from gatepost.model import Completeness

NO_DAY = date(1970, 1, 1)
UIDS_SHOWN = 20


class Fate(StrEnum):
    """What became of a mail that a server lists."""

    STORED = "stored"
    SKIPPED = "skipped"
    WAITING = "waiting"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Here:
    """What we have of a folder: UIDs stored, and those put aside or left out with the reason."""

    stored: frozenset[int] = frozenset()
    skipped: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a folder was read when the comparison began.

    Of mail up to `import_until` only that since `since` is wanted (None: all of it); while `importing`, what is wanted
    of it waits for its turn. Mail up to `floor_uid` was left out when the folder was found. Mail of the days in `stuck`
    waited at the comparison before, and a whole pass has gone by since: it does not wait, it is missing.
    """

    last_uid: int
    import_until: int = 0
    since: datetime | None = None
    importing: bool = False
    floor_uid: int = 0
    stuck: frozenset[date] = frozenset()


@dataclass(frozen=True, slots=True)
class Day:
    """The sums of one folder and day; `on_server` is the sum of the other four, `reasons` counts why any is skipped."""

    folder: str
    day: date
    on_server: int
    stored: int
    skipped: int
    waiting: int
    missing: int
    reasons: dict[str, int]
    uids: list[int]


def judge(uid: int, at: datetime | None, here: Here, reach: Reach) -> tuple[Fate, str]:
    """What became of one listed mail, and of one that is skipped, why."""
    if uid in here.skipped:
        return Fate.SKIPPED, here.skipped[uid]
    if uid in here.stored:
        return Fate.STORED, ""
    if uid > reach.last_uid:
        return Fate.MISSING if day_of(at) in reach.stuck else Fate.WAITING, ""
    if uid <= reach.floor_uid:
        return Fate.SKIPPED, Reason.OLDER
    if uid <= reach.import_until:
        if reach.since and at and at < reach.since:
            return Fate.SKIPPED, Reason.OLDER
        if reach.importing:
            return Fate.WAITING, ""
    return Fate.MISSING, ""


def days_of(folder: str, listed: Mapping[int, datetime | None], here: Here, reach: Reach) -> list[Day]:
    """The days of a folder, oldest first; mail whose server does not say when it came stands at 1970-01-01."""
    days: dict[date, list[tuple[int, Fate, str]]] = {}
    for uid, at in sorted(listed.items()):
        fate, why = judge(uid, at, here, reach)
        days.setdefault(day_of(at), []).append((uid, fate, why))
    return [sums(folder, day, days[day]) for day in sorted(days)]


def day_of(at: datetime | None) -> date:
    """The day of arrival in the ledger."""
    return at.astimezone(UTC).date() if at else NO_DAY


def missing_of(listed: Mapping[int, datetime | None], here: Here, reach: Reach) -> list[int]:
    """Every UID that is missing, ascending."""
    return [uid for uid in sorted(listed) if judge(uid, listed[uid], here, reach)[0] == Fate.MISSING]


def sums(folder: str, day: date, judged: Iterable[tuple[int, Fate, str]]) -> Day:
    """One day; at most the first 20 missing UIDs are named."""
    rows = list(judged)
    count = Counter(fate for _, fate, _ in rows)
    reasons = Counter(why for _, fate, why in rows if fate == Fate.SKIPPED)
    missing = [uid for uid, fate, _ in rows if fate == Fate.MISSING]
    return Day(
        folder,
        day,
        len(rows),
        count[Fate.STORED],
        count[Fate.SKIPPED],
        count[Fate.WAITING],
        len(missing),
        dict(reasons),
        missing[:UIDS_SHOWN],
    )


def not_chosen(folder: str, messages: int) -> Day:
    """A folder that is not read, by choice."""
    return unread(folder, messages, {Reason.FOLDER: messages} if messages else {})


def shown_twice(folder: str) -> Day:
    """A folder that is not read because its mail lies in others, where it is counted."""
    return unread(folder, 0, {Reason.SHOWN_TWICE: 0})


def unread(folder: str, messages: int, reasons: dict[str, int]) -> Day:
    return Day(folder, NO_DAY, messages, 0, messages, 0, 0, reasons, [])


def by_folder(days: Iterable[Day | Completeness]) -> list[Day]:
    """The sums of each folder over all its days, in the order in which folders come; 20 missing UIDs at the most."""
    groups: dict[str, list[Day | Completeness]] = {}
    for day in days:
        groups.setdefault(day.folder, []).append(day)
    return [whole(folder, group) for folder, group in groups.items()]


def whole(folder: str, days: Sequence[Day | Completeness]) -> Day:
    reasons: Counter[str] = Counter()
    for day in days:
        reasons.update(day.reasons)
    return Day(
        folder,
        NO_DAY,
        sum(day.on_server for day in days),
        sum(day.stored for day in days),
        sum(day.skipped for day in days),
        sum(day.waiting for day in days),
        sum(day.missing for day in days),
        dict(reasons),
        [uid for day in days for uid in day.uids][:UIDS_SHOWN],
    )
