"""What is attached in a winmail.dat (MS-OXTNEF): names, types and places of the files; total, linear and capped."""

from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct

from gatepost.mail_charset import decode_text

SIGNATURE = b"\x78\x9f\x3e\x22"
START = 6
MOST_ATTRIBUTES = 2000
MOST_FILES = 100
MOST_PROPERTIES = 500
MOST_NAME = 1000
ATTRIBUTE, LONG, PAIR, TAG = Struct("<BII"), Struct("<I"), Struct("<II"), Struct("<HH")
CHECKSUM = 2

CODE_PAGE, TITLE, DATA, RENDERING, PROPERTIES = 0x9007, 0x8010, 0x800F, 0x9002, 0x9005
"""The attributes that matter here, without their types (section 2.1.3.2)."""

DATA_OF, LONG_NAME, SHORT_NAME, MIME_TAG, CONTENT_ID = 0x3701, 0x3707, 0x3704, 0x370E, 0x3712
WANTED = frozenset((DATA_OF, LONG_NAME, SHORT_NAME, MIME_TAG, CONTENT_ID))
"""Properties of an attachment (MS-OXPROPS): its content, its names, what MIME said of it."""

TEXT, UNICODE, OBJECT, BINARY = 0x1E, 0x1F, 0x0D, 0x0102
VARIABLE = frozenset((TEXT, UNICODE, OBJECT, BINARY))
FIXED = {0: 0, 1: 0, 2: 4, 3: 4, 4: 4, 5: 8, 6: 8, 7: 8, 10: 4, 11: 4, 20: 8, 64: 8, 72: 16}
"""How many octets a value of each type takes, padded (section 2.1.3.4)."""

SEVERAL, NAMED = 0x1000, 0x8000
INTERFACE = 16
"""An object begins with the id of its interface; a mail that is attached is a winmail.dat of its own behind it."""


@dataclass(frozen=True, slots=True)
class File:
    """An attached file: its place in the octets, and what is written of it; each text may be empty."""

    start: int
    end: int
    name: str
    content_type: str
    content_id: str


Place = tuple[int, int, int]
"""The type of a value, where it starts and where it ends."""


def read_tnef(octets: bytes) -> tuple[tuple[File, ...], bool]:
    """The attached files in order, at most 100, and whether all was read: not where it is cut, damaged or too much."""
    if not octets.startswith(SIGNATURE):
        return (), False
    found: list[dict[int, Place]] = []
    charset, at = "cp1252", START
    for name, start, end in _attributes(octets):
        at = end + CHECKSUM
        if name == CODE_PAGE and end - start >= LONG.size:
            charset = _charset(LONG.unpack_from(octets, start)[0])
        elif name == RENDERING:
            found.append({})
        elif found and name == TITLE:
            found[-1].setdefault(SHORT_NAME, (TEXT, start, end))
        elif found and name == DATA:
            found[-1][DATA_OF] = (BINARY, start, end)
        elif found and name == PROPERTIES:
            for number, place in _properties(octets, start, end):
                if number != DATA_OF or DATA_OF not in found[-1]:
                    found[-1][number] = place
        if len(found) > MOST_FILES:
            break
    files = (_file(octets, one, charset) for one in found[:MOST_FILES] if DATA_OF in one)
    return tuple(files), at >= len(octets)


def _attributes(octets: bytes) -> Iterator[tuple[int, int, int]]:
    """(number, start, end) of each attribute, up to the first that does not fit."""
    at = START
    for _ in range(MOST_ATTRIBUTES):
        if at + ATTRIBUTE.size > len(octets):
            return
        level, number, size = ATTRIBUTE.unpack_from(octets, at)
        start = at + ATTRIBUTE.size
        if level not in (1, 2) or start + size > len(octets):
            return
        yield number & 0xFFFF, start, start + size
        at = start + size + CHECKSUM


def _properties(octets: bytes, at: int, end: int) -> Iterator[tuple[int, Place]]:
    """Number and place of the first value of each wanted property, up to the first that does not fit."""
    count = LONG.unpack_from(octets, at)[0] if at + LONG.size <= end else 0
    at += LONG.size
    for _ in range(min(count, MOST_PROPERTIES)):
        if at + TAG.size > end:
            return
        kind, number = TAG.unpack_from(octets, at)
        at = _after_name(octets, at + TAG.size, end) if number >= NAMED else at + TAG.size
        first, after = _value(octets, at, end, kind)
        if first < 0:
            return
        if number in WANTED and kind in VARIABLE:
            size = LONG.unpack_from(octets, first - LONG.size)[0]
            skipped = INTERFACE if kind == OBJECT and size >= INTERFACE else 0
            yield number, (kind, first + skipped, first + size)
        at = after


def _after_name(octets: bytes, at: int, end: int) -> int:
    """Where the name of a named property ends: a set of names, then a number or a padded text."""
    at += INTERFACE
    if at + PAIR.size > end:
        return end
    by_text, size = PAIR.unpack_from(octets, at)
    return at + PAIR.size + (_padded(size) if by_text else 0)


def _value(octets: bytes, at: int, end: int, kind: int) -> tuple[int, int]:
    """(where the first value starts, where the next property does); (-1, -1) for what does not fit or is unknown."""
    count, single = 1, kind & ~SEVERAL
    if kind & SEVERAL or single in VARIABLE:
        if at + LONG.size > end:
            return -1, -1
        count = LONG.unpack_from(octets, at)[0]
        at += LONG.size
    if single in VARIABLE:
        return _texts(octets, at, end, count)
    size = FIXED.get(single, -1)
    after = at + size * count
    return (at, after) if size >= 0 and after <= end else (-1, -1)


def _texts(octets: bytes, at: int, end: int, count: int) -> tuple[int, int]:
    """As `_value`, where each value says how long it is and is padded."""
    first = at + LONG.size
    if not 1 <= count <= MOST_PROPERTIES:
        return -1, -1
    for _ in range(count):
        if at + LONG.size > end:
            return -1, -1
        size = LONG.unpack_from(octets, at)[0]
        if at + LONG.size + size > end:
            return -1, -1
        at += LONG.size + _padded(size)
    return first, at


def _padded(size: int) -> int:
    return size + -size % 4


def _charset(code_page: int) -> str:
    return {65001: "utf-8", 10000: "macintosh"}.get(code_page, f"cp{code_page}")


def _file(octets: bytes, one: dict[int, Place], charset: str) -> File:
    _, start, end = one[DATA_OF]
    texts = {number: _text(octets, place, charset) for number, place in one.items() if number != DATA_OF}
    name = texts.get(LONG_NAME) or texts.get(SHORT_NAME) or ""
    return File(start, end, name, texts.get(MIME_TAG, "").lower(), texts.get(CONTENT_ID, ""))


def _text(octets: bytes, place: Place, charset: str) -> str:
    kind, start, end = place
    written = octets[start : min(end, start + MOST_NAME)]
    if kind == UNICODE:
        return written.decode("utf-16-le", "replace").partition("\0")[0]
    return decode_text(written.partition(b"\0")[0], charset)
