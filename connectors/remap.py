"""Recognising mail after its folder was numbered anew (another UIDVALIDITY), without downloading it again."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from gatepost.mail import headers_of

FIELDS = ("message-id", "date", "from", "subject")
HEADER_LIMIT = 256 * 1024


@dataclass(frozen=True, slots=True)
class Place:
    """A mail's place: its UID, what recognises it (empty: nothing does), its octets and date as its server says."""

    uid: int
    fingerprint: str
    size: int
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Remap:
    """New UIDs by the old ones that they continue, UIDs that are not known, and old ones that are nowhere any more."""

    moved: dict[int, int]
    unknown: tuple[int, ...]
    gone: tuple[int, ...]


def fingerprint(header: bytes, gm_msgid: str = "") -> str:
    """What recognises a mail: Gmail's own id, else its Message-ID, Date, From and Subject; empty where it has none.

    `header` is a header, or a whole mail: the same whether the server sent all of it or those fields alone.
    """
    return known_by((), gm_msgid) if gm_msgid else known_by(headers_of(header[:HEADER_LIMIT]))


def known_by(fields: Iterable[tuple[str, str]], gm_msgid: str = "") -> str:
    """As `fingerprint`, by header fields that were read already."""
    if gm_msgid:
        return f"gm:{gm_msgid}"
    found: dict[str, str] = {}
    for name, value in fields:
        lower = name.lower()
        if lower in FIELDS:
            found.setdefault(lower, " ".join(value.split()))
    if not found:
        return ""
    known = hashlib.sha256()
    for field in FIELDS:
        known.update(found.get(field, "").encode("utf-8", "surrogateescape") + b"\0")
    return known.hexdigest()[:32]


def remap(old: Iterable[Place], new: Iterable[Place]) -> Remap:
    """Pair places by fingerprint and size, in the order of UIDs; what is left of a fingerprint is paired without size.

    Sizes are estimates at some servers, so they only tell mails with the same header apart.
    """
    places = sorted(new, key=lambda place: place.uid)
    waiting = by_key(old, exact=True)
    moved = dict(pairs(waiting, places, exact=True))
    rest = by_key((place for group in waiting.values() for place in group), exact=False)
    moved |= dict(pairs(rest, [place for place in places if place.uid not in moved], exact=False))
    gone = tuple(sorted(place.uid for group in rest.values() for place in group))
    return Remap(moved, tuple(place.uid for place in places if place.uid not in moved), gone)


def by_key(places: Iterable[Place], *, exact: bool) -> dict[tuple[str, int], list[Place]]:
    """Places by what recognises them, the last first."""
    found: defaultdict[tuple[str, int], list[Place]] = defaultdict(list)
    for place in sorted(places, key=lambda place: -place.uid):
        found[key_of(place, exact)].append(place)
    return found


def pairs(old: dict[tuple[str, int], list[Place]], new: Iterable[Place], *, exact: bool) -> Iterator[tuple[int, int]]:
    """(new UID, old UID), taking the old ones away."""
    for place in new:
        group = old.get(key_of(place, exact)) if place.fingerprint else None
        if group:
            yield place.uid, group.pop().uid


def key_of(place: Place, exact: bool) -> tuple[str, int]:
    return place.fingerprint, place.size if exact else 0
