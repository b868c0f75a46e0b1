"""Encoded words (RFC 2047) both ways, and names made safe to show."""

import binascii
import re
from collections.abc import Iterator
from itertools import groupby

from gatepost.mail_charset import decode_text
from gatepost.reply import is_shown

WORD = re.compile(r"=\?([!->@-~]{1,60})\?([BbQq])\?([^?]*)\?=")
NOT_BASE64 = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"))
Q_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
WORD_OCTETS = 42
NAME_LIMIT = 250
BREAKS = "\t\r\n\v\f"


def decode_words(text: str) -> str:
    """Header text with its encoded words decoded: total, linear; blanks between two words vanish (section 6.2)."""
    if "=?" not in text:
        return text
    out: list[str] = []
    for is_word, pieces in groupby(_split(text), key=lambda piece: piece[0] != ""):
        found = list(pieces)
        out += _decode_run(found) if is_word else (octets.decode("utf-8", "replace") for _, octets in found)
    return "".join(out)


def _split(text: str) -> Iterator[tuple[str, bytes]]:
    """(charset, octets) per encoded word and ("", text as UTF-8) per stretch between them."""
    end = 0
    for found in WORD.finditer(text):
        between = text[end : found.start()]
        if between and (end == 0 or not between.isspace()):
            yield "", between.encode("utf-8", "replace")
        yield found[1].partition("*")[0].lower() or "us-ascii", _word_octets(found[2], found[3])
        end = found.end()
    if end < len(text):
        yield "", text[end:].encode("utf-8", "replace")


def _decode_run(words: list[tuple[str, bytes]]) -> Iterator[str]:
    """Words of one charset are decoded together: some senders split a character between two words."""
    for charset, same in groupby(words, key=lambda word: word[0]):
        octets = [word[1] for word in same]
        stateful = charset.startswith(("iso-2022", "hz"))
        yield from (decode_text(part, charset) for part in (octets if stateful else [b"".join(octets)]))


def _word_octets(encoding: str, text: str) -> bytes:
    octets = text.encode("utf-8", "replace")
    if encoding in "Bb":
        return decode_base64(octets)
    return binascii.a2b_qp(octets.replace(b"_", b" "), header=False)


def decode_base64(octets: bytes) -> bytes:
    """Base64 read tolerantly: foreign octets are skipped, missing padding is added, a lone last digit is dropped."""
    try:
        return binascii.a2b_base64(octets, strict_mode=False)
    except binascii.Error:
        digits = octets.translate(None, NOT_BASE64)
        if len(digits) % 4 == 1:
            digits = digits[:-1]
        return binascii.a2b_base64(digits + b"=" * (-len(digits) % 4))


def clean_name(text: str, limit: int = NAME_LIMIT) -> str:
    """A display name on one line without control, bidi and zero-width characters."""
    if len(text) > limit * 4:
        text = text[: limit * 4]
    if not (text.isascii() and text.isprintable()):
        text = "".join(" " if c in BREAKS else c for c in text if c in BREAKS or is_shown(c))
    return " ".join(text.split())[:limit]


def encode_words(text: str) -> str:
    """Unstructured or phrase text as encoded words in UTF-8, at most 75 characters each, separated by blanks."""
    words: list[str] = []
    chunk = b""
    for char in text:
        octets = char.encode("utf-8", "replace")
        if len(chunk) + len(octets) > WORD_OCTETS:
            words.append(_encode_word(chunk))
            chunk = b""
        chunk += octets
    return " ".join([*words, _encode_word(chunk)] if chunk else words)


def _encode_word(octets: bytes) -> str:
    plain = sum(octet in Q_SAFE or octet == 32 for octet in octets)
    if plain + 3 * (len(octets) - plain) <= 60:
        quoted = "".join("_" if o == 32 else chr(o) if o in Q_SAFE else f"={o:02X}" for o in octets)
        return f"=?utf-8?q?{quoted}?="
    return f"=?utf-8?b?{binascii.b2a_base64(octets, newline=False).decode()}?="
