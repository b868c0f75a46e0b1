"""Whether every mail on a server is here: what it lists beside what we have, by folder and day; values only."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum

NO_DAY = date(1970, 1, 1)
UIDS_SHOWN = 20
TOO_LARGE = "larger than the limit, only the header is here"
NOT_HANDED = "the server lists it, but does not hand it over"
UNREADABLE = "set aside as unreadable, kept as it came"
OLDER = "there before the mailbox was connected, left out by choice"
FOLDER = "the folder is not chosen"
SHOWN_TWICE = "shows mail of other folders again"


class Standing(StrEnum):
    """Where a mail that a server lists stands with us."""

    STORED = "stored"
    SKIPPED = "skipped"
    WAITING = "waiting"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Known:
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
    """The sums of one folder and day; `on_server` is the sum of the other four."""

    folder: str
    day: date
    on_server: int
    stored: int
    skipped: int
    waiting: int
    missing: int
    reasons: dict[str, int]
    uids: list[int]


def judge(uid: int, at: datetime | None, known: Known, reach: Reach) -> tuple[Standing, str]:
    """Where one listed mail stands, and for one that is skipped, why."""
    if uid in known.skipped:
        return Standing.SKIPPED, known.skipped[uid]
    if uid in known.stored:
        return Standing.STORED, ""
    if uid > reach.last_uid:
        return Standing.MISSING if day_of(at) in reach.stuck else Standing.WAITING, ""
    if uid <= reach.floor_uid:
        return Standing.SKIPPED, OLDER
    if uid <= reach.import_until:
        if reach.since and at and at < reach.since:
            return Standing.SKIPPED, OLDER
        if reach.importing:
            return Standing.WAITING, ""
    return Standing.MISSING, ""


def compare(folder: str, listed: Mapping[int, datetime | None], known: Known, reach: Reach) -> list[Day]:
    """The days of a folder, oldest first; mail whose server does not say when it came stands at 1970-01-01."""
    days: dict[date, list[tuple[int, Standing, str]]] = {}
    for uid, at in sorted(listed.items()):
        standing, why = judge(uid, at, known, reach)
        days.setdefault(day_of(at), []).append((uid, standing, why))
    return [sums(folder, day, days[day]) for day in sorted(days)]


def day_of(at: datetime | None) -> date:
    """The day of arrival in the ledger."""
    return at.astimezone(UTC).date() if at else NO_DAY


def missing_of(listed: Mapping[int, datetime | None], known: Known, reach: Reach) -> list[int]:
    """Every UID that is missing, ascending."""
    return [uid for uid in sorted(listed) if judge(uid, listed[uid], known, reach)[0] == Standing.MISSING]


def sums(folder: str, day: date, judged: Iterable[tuple[int, Standing, str]]) -> Day:
    """One day; at most the first 20 missing UIDs are named."""
    rows = list(judged)
    count = Counter(standing for _, standing, _ in rows)
    reasons = Counter(why for _, standing, why in rows if standing == Standing.SKIPPED)
    missing = [uid for uid, standing, _ in rows if standing == Standing.MISSING]
    return Day(
        folder,
        day,
        len(rows),
        count[Standing.STORED],
        count[Standing.SKIPPED],
        count[Standing.WAITING],
        len(missing),
        dict(reasons),
        missing[:UIDS_SHOWN],
    )


def not_chosen(folder: str, messages: int, why: str = "") -> Day:
    """A folder that is not read, by choice."""
    reasons = {why or FOLDER: messages} if messages or why else {}
    return Day(folder, NO_DAY, messages, 0, messages, 0, 0, reasons, [])


def reason_of(why: str, octets: int) -> str:
    """Why an arrival was put aside, as one of few reasons that can be counted."""
    if why.startswith("larger than the limit"):
        return TOO_LARGE
    return UNREADABLE if octets else NOT_HANDED
