"""Authentication-Results (RFC 8601): ours written, forgeries of ours stripped, one trusted host's read."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gatepost.gateway.canonical import NotMail, split_mail, with_crlf

TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~/@:-]+")
LEXEME = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?$)|[;=]|[^\s;="]+', re.DOTALL)
"""A quoted string may be long, for what a sender wrote may stand in it; one that never ends takes all the rest."""
NAME = b"authentication-results"
MOST_VALUE = 4096
MOST_METHODS = 50


@dataclass(frozen=True, slots=True)
class MethodResult:
    """What one method found, such as `dkim=pass header.d=example.com`; names and results in lower case."""

    method: str
    result: str
    properties: tuple[tuple[str, str], ...] = ()

    def get(self, name: str) -> str:
        """The value of a property such as `header.d`, or an empty text."""
        return next((value for key, value in self.properties if key == name), "")


def compose_results(authserv_id: str, results: Sequence[MethodResult]) -> str:
    """The value of the field, folded; a value that is no token is quoted, so that nothing in it adds a result."""
    if not results:
        return f"{_value(authserv_id)}; none"
    return ";\r\n\t".join([_value(authserv_id), *(_method(result) for result in results)])


def _method(result: MethodResult) -> str:
    words = [f"{name}={_value(value)}" for name, value in result.properties if value]
    return " ".join([f"{result.method}={result.result}", *words])


def _value(text: str) -> str:
    shown = "".join(char if 32 <= ord(char) < 127 else "?" for char in text[:320])
    if TOKEN.fullmatch(shown):
        return shown
    escaped = shown.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def strip_results(raw: bytes, authserv_id: str) -> bytes:
    """The mail without the Authentication-Results fields that claim to be ours (RFC 8601 section 5).

    Octets that are not a header block come back as they are.
    """
    try:
        fields, _ = split_mail(raw)
    except NotMail:
        return raw
    ours = {value for name, value in fields if name.lower() == NAME and _may_be_of(_text(value), authserv_id)}
    if not ours:
        return raw
    kept = [name + b":" + value for name, value in fields if name.lower() != NAME or value not in ours]
    end = raw.find(b"\r\n\r\n")
    return b"".join(kept) + (raw[end + 2 :] if end >= 0 else b"")


def with_results(raw: bytes, results: str, authserv_id: str) -> bytes:
    """The mail as it leaves the store: without fields that claim to be ours, and with ours on top, if there is one.

    What is stored stays as it was received.
    """
    kept = strip_results(with_crlf(raw), authserv_id)
    return b"Authentication-Results: " + results.encode("ascii", "replace") + b"\r\n" + kept if results else kept


def trusted_results(headers: Iterable[tuple[str, str]], authserv_id: str) -> tuple[MethodResult, ...]:
    """What the topmost Authentication-Results field of this host says; nothing without a host or such a field.

    Only the topmost counts: those below may have come with the mail.
    """
    if not authserv_id:
        return ()
    named = (value for name, value in headers if name.strip().lower() == NAME.decode())
    return next((read_results(value) for value in named if _is_of(value, authserv_id)), ())


def read_results(value: str) -> tuple[MethodResult, ...]:
    """The results in a field's value (RFC 8601 section 2.2); what is not understood ends the reading."""
    groups: list[list[str]] = [[]]
    for lexeme in LEXEME.findall(_without_comments(value)):
        if lexeme == ";":
            groups.append([])
        else:
            groups[-1].append(lexeme)
    found = []
    for group in groups[1 : MOST_METHODS + 1]:
        result = _read_method(group)
        if result is None:
            break
        found.append(result)
    return tuple(found)


def _read_method(words: list[str]) -> MethodResult | None:
    if len(words) < 3 or words[1] != "=":
        return None
    triples = [words[at : at + 3] for at in range(3, len(words) - 2, 3)]
    properties = tuple((name.lower(), _unquoted(value)) for name, equals, value in triples if equals == "=")
    return MethodResult(words[0].lower().partition("/")[0], words[2].lower(), properties)


def _is_of(value: str, authserv_id: str) -> bool:
    lexemes = LEXEME.findall(_without_comments(value))
    return bool(lexemes) and _unquoted(lexemes[0]).lower() == authserv_id.lower()


def _may_be_of(value: str, authserv_id: str) -> bool:
    """Whether a field is of this host, or too long to tell."""
    return len(value) > MOST_VALUE or _is_of(value, authserv_id)


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') and len(text) > 1 else text


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _without_comments(value: str) -> str:
    """The text without comments, which nest; parentheses in quoted strings are text (RFC 5322 section 3.2.2)."""
    depth, quoted, escaped, kept = 0, False, False, []
    for char in value[:MOST_VALUE]:
        if escaped:
            escaped = False
        elif char == "\\":
            escaped = True
        elif char == '"' and not depth:
            quoted = not quoted
        elif char == "(" and not quoted:
            depth += 1
        elif char == ")" and depth and not quoted:
            depth -= 1
            kept.append(" ")
            continue
        if not depth:
            kept.append(char)
    return "".join(kept)
