"""Structured MIME fields: a value with parameters (RFC 2045 section 5.1, RFC 2183, RFC 2231), linear and total."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from gatepost.mail_charset import decode_text
from gatepost.mail_words import clean_name, decode_words

VALUE_LIMIT = 4096
PARAMETERS_LIMIT = 100
SPECIAL = re.compile(r'\\.|[;"]', re.DOTALL)
QUOTED_PAIR = re.compile(r'\\(["\\])')
TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,127}/[a-z0-9!#$&^_.+-]{1,127}")
UNSAFE_IN_NAMES = re.compile(r'[/\\:*?"<>|]')


@dataclass(frozen=True, slots=True)
class Structured:
    """A value in lower case and its parameters by lower-case name, decoded."""

    value: str = ""
    params: Mapping[str, str] = field(default_factory=dict)


NOTHING = Structured()


def read_structured(text: str | None) -> Structured:
    """The value and parameters of a Content-Type or Content-Disposition; total, the first of equal names wins."""
    if not text:
        return NOTHING
    pieces = _split(text[:VALUE_LIMIT])
    if len(pieces) == 1:
        return Structured(_bare(pieces[0]).lower())
    params: dict[str, str] = {}
    for piece in pieces[1:]:
        name, equals, value = piece.partition("=")
        name = name.strip().lower()
        if equals and name and name not in params and len(params) < PARAMETERS_LIMIT:
            params[name] = _value(value.strip(), keep_blanks="name" in name)
    return Structured(_bare(pieces[0]).lower(), _join_continuations(params) if "*" in text else params)


def _split(text: str) -> list[str]:
    """Split at the semicolons that are not quoted; a quote that is never closed counts as none."""
    pieces: list[str] = []
    start = 0
    quoted = False
    for found in SPECIAL.finditer(text):
        if found[0] == '"':
            quoted = not quoted
        elif found[0] == ";" and not quoted:
            pieces.append(text[start : found.start()])
            start = found.end()
    rest = text[start:]
    return pieces + (rest.split(";") if quoted else [rest])


def _bare(text: str) -> str:
    """The first word of a value, without comment and quotes; a missing semicolon after it is forgiven."""
    words = text.partition("(")[0].replace('"', " ").split(maxsplit=1)
    return words[0] if words else ""


def _value(text: str, *, keep_blanks: bool) -> str:
    if text[:1] == '"':
        body = text[1:]
        end = next((m.start() for m in SPECIAL.finditer(body) if m[0] == '"'), len(body))
        return QUOTED_PAIR.sub(r"\1", body[:end])
    if keep_blanks:
        return text
    return text.split(maxsplit=1)[0] if text else ""


def _join_continuations(params: dict[str, str]) -> dict[str, str]:
    """Put `name*0*=..., name*1=...` and `name*=...` together (RFC 2231 sections 3 and 4)."""
    joined: dict[str, str] = {name: value for name, value in params.items() if "*" not in name}
    sections: dict[str, list[tuple[int, bool, str]]] = {}
    for name, value in params.items():
        base, star, rest = name.partition("*")
        if star and base:
            number = rest.rstrip("*")
            sections.setdefault(base, []).append(
                (
                    int(number) if number.isascii() and number.isdigit() and len(number) < 4 else 0,
                    rest[-1:] in ("*", ""),
                    value,
                )
            )
    for base, found in sections.items():
        joined[base] = _decode_sections(sorted(found))
    return joined


def _decode_sections(sections: list[tuple[int, bool, str]]) -> str:
    charset: str | None = None
    octets = b""
    for index, (_, extended, value) in enumerate(sections):
        if extended and index == 0 and value.count("'") >= 2:
            charset, _, value = value.split("'", 2)
        octets += unquote_to_bytes(value) if extended else value.encode("utf-8", "replace")
    return decode_text(octets, charset)


def content_type(structured: Structured, default: str = "text/plain") -> str:
    """The media type, or the default where the field is missing or malformed."""
    return structured.value if TYPE.fullmatch(structured.value) else default


def file_name(disposition: Structured, type_: Structured) -> str | None:
    """The file name of a part made safe: no path, no control, bidi or zero-width characters, at most 200 characters."""
    written = disposition.params.get("filename") or type_.params.get("name")
    return clean_file_name(decode_words(written)) or None if written else None


def clean_file_name(name: str) -> str:
    """A file name without path, controls, bidi or zero-width characters; the ending survives shortening."""
    name = UNSAFE_IN_NAMES.sub("_", clean_name(name, 1000).replace("\\", "/").rpartition("/")[2])
    name = name.strip(". ")
    if len(name) <= 200:
        return name
    stem, dot, ending = name.rpartition(".")
    return f"{stem[: 199 - len(ending)]}.{ending}" if dot and len(ending) <= 20 else name[:200]
