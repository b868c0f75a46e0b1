"""The header block of a mail or a part (RFC 5322 section 2.2) split into fields: linear, capped, never raising."""

import re
from dataclasses import dataclass

from gatepost.mail_charset import decode_text

BLOCK_LIMIT = 256 * 1024
FIELD_LIMIT = 16 * 1024
FIELDS_LIMIT = 1000

FIELD = re.compile(rb"([!-9;-~]{1,200})[ \t]*:[ \t]*")
BLANK_LINE = re.compile(rb"\n\r?\n")
CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]+")

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Header:
    """The fields in order, the offset at which the body starts, and what was wrong."""

    fields: Headers
    body: int
    defects: tuple[str, ...] = ()


def read_header(raw: bytes, start: int = 0, end: int | None = None) -> Header:
    """Split the header block at raw[start:end]; values are unfolded text with encoded words still encoded.

    Octets that are not UTF-8 are read as Windows-1252. A line that is no field is passed over when a field follows it,
    else the body starts there.
    """
    end = len(raw) if end is None else end
    block_end, body = _block(raw, start, end)
    defects: dict[str, None] = {}
    if body - start > BLOCK_LIMIT:
        block_end = start + BLOCK_LIMIT
        defects["header block too large"] = None
    lines = raw[start:block_end].split(b"\n")
    fields, used = _fields(lines, defects)
    if used < len(lines):  # the body began without a blank line
        body = start + sum(len(line) + 1 for line in lines[:used])
        defects["no blank line after the header"] = None
    return Header(tuple(fields), min(body, end), tuple(defects))


def _block(raw: bytes, start: int, end: int) -> tuple[int, int]:
    """(end of the header block, start of the body)."""
    for opening in (b"\n", b"\r\n"):
        if raw.startswith(opening, start, end):
            return start, start + len(opening)
    found = BLANK_LINE.search(raw, start, end)
    return (found.start(), found.end()) if found else (end, end)


def _fields(lines: list[bytes], defects: dict[str, None]) -> tuple[list[tuple[str, str]], int]:
    """The fields, and how many lines belong to the header."""
    fields: list[tuple[str, str]] = []
    name = b""
    value: list[bytes] = []
    size = 0
    for number, line in enumerate(lines):
        if line[:1] in (b" ", b"\t") and (name or number):
            size += len(line)
            if size <= FIELD_LIMIT:
                value.append(line.rstrip(b"\r"))
            continue
        found = FIELD.match(line)
        if not found:
            if value and value[-1].rstrip().endswith(b";") and b"=" in line:  # a parameter that lost its indent
                size += len(line)
                value += [b" ", line.rstrip(b"\r")] if size <= FIELD_LIMIT else []
                continue
            if _is_passed_over(lines, number, defects):
                continue
            _add(fields, name, value, size, defects)
            return fields, number
        _add(fields, name, value, size, defects)
        name, size = found[1], len(line)
        value = [_cut(line[found.end() :]).rstrip(b"\r")]
    _add(fields, name, value, size, defects)
    return fields, len(lines)


def _is_passed_over(lines: list[bytes], number: int, defects: dict[str, None]) -> bool:
    """Whether a line that is no field stands inside the header: an mbox "From " line, an empty rest, or garbage."""
    line = lines[number].strip()
    following = lines[number + 1] if number + 1 < len(lines) else b""
    if (number == 0 and line.startswith((b"From ", b">From "))) or not (line or following):
        return True
    if FIELD.match(following) or following.strip() == b"" == line:
        defects["a header line is no field"] = None
        return True
    return False


def _add(fields: list[tuple[str, str]], name: bytes, value: list[bytes], size: int, defects: dict[str, None]) -> None:
    if not name:
        return
    if len(fields) >= FIELDS_LIMIT:
        defects["too many header fields"] = None
        return
    if size > FIELD_LIMIT:
        defects["a header field is too long"] = None
    octets = value[0] if len(value) == 1 else b"".join(value)
    fields.append((name.decode("ascii"), _text(octets)))


def _cut(octets: bytes) -> bytes:
    """At most FIELD_LIMIT octets, cut at a comma or blank where there is one: half an address is another address."""
    if len(octets) <= FIELD_LIMIT:
        return octets
    kept = octets[:FIELD_LIMIT]
    at = max(kept.rfind(b","), kept.rfind(b" "))
    return kept[:at] if at > FIELD_LIMIT // 2 else kept


def _text(octets: bytes) -> str:
    text = decode_text(octets, None)
    return (text if text.isprintable() else CONTROLS.sub(" ", text)).strip()


def first(fields: Headers, name: str) -> str | None:
    """The value of the first field of that name, whatever its case."""
    wanted = name.lower()
    for field, value in fields:
        if field.lower() == wanted:
            return value
    return None
