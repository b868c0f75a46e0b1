"""Content transfer encodings (RFC 2045 section 6) undone tolerantly, and sizes told without decoding."""

import binascii
import re
from io import BytesIO
from itertools import islice

from gatepost.mail_words import decode_base64

ENCODINGS = {
    "base64": "base64",
    "b": "base64",
    "quoted-printable": "quoted-printable",
    "quotedprintable": "quoted-printable",
    "qp": "quoted-printable",
    "x-uuencode": "uuencode",
    "x-uue": "uuencode",
    "uuencode": "uuencode",
    "uue": "uuencode",
}
IDENTITY = frozenset({"", "7bit", "8bit", "binary", "7-bit", "8-bit", "none"})
MOST_LINES = 1_000_000
"""Lines of uuencoded content that are read: 45 MB where they are full."""

SEPARATORS = re.compile(r"[;,(].*|[\s\"']+", re.DOTALL)


def read_encoding(value: str | None) -> tuple[str, bool]:
    """The encoding's name, empty for none, and whether the field was understood."""
    name = SEPARATORS.sub("", (value or "").lower()[:200].strip(" ;\"'"))
    name = name if name in ENCODINGS or name in IDENTITY else name.replace("quoted-printable", "qp")
    return ENCODINGS.get(name, ""), name in ENCODINGS or name in IDENTITY


def decode_transfer(octets: bytes, encoding: str) -> bytes:
    """The octets behind a transfer encoding; malformed input gives what could be read."""
    if encoding == "base64":
        return decode_base64(octets)
    if encoding == "quoted-printable":
        return binascii.a2b_qp(octets)
    return _decode_uu(octets) if encoding == "uuencode" else octets


def _decode_uu(octets: bytes) -> bytes:
    lines, out = BytesIO(octets), bytearray()
    lines.seek(0 if octets.startswith(b"begin ") else octets.find(b"\nbegin ") + 1)
    if octets.startswith(b"begin ", lines.tell()):
        lines.readline()
    for line in islice(lines, MOST_LINES):
        line = line.rstrip(b"\r\n")
        if line == b"end":
            break
        try:
            out += binascii.a2b_uu(line)
        except binascii.Error:  # lines padded or cut by a gateway: read as many octets as the length says
            wanted = (((line[0] - 32) & 63) * 4 + 5) // 3 if line else 0
            try:
                out += binascii.a2b_uu(line[: wanted + 1])
            except binascii.Error:
                continue
    return bytes(out)


def decoded_size(raw: bytes, start: int, end: int, encoding: str) -> int:
    """How many octets decoding will give: exact for well-formed content, an estimate else; nothing is copied."""
    written = end - start
    breaks = raw.count(b"\n", start, end)
    if encoding == "base64":
        digits = written - breaks - raw.count(b"\r", start, end) - raw.count(b"=", max(start, end - 8), end)
        return digits * 3 // 4
    if encoding == "quoted-printable":
        soft = raw.count(b"=\n", start, end)
        soft_crlf = raw.count(b"=\r\n", start, end)
        escapes = raw.count(b"=", start, end) - soft - soft_crlf
        return max(0, written - 2 * soft - 3 * soft_crlf - 2 * escapes)
    return (written - 2 * breaks) * 45 // 60 if encoding == "uuencode" else written
