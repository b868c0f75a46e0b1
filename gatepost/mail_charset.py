"""Octets to text by a named charset: total, with the aliases that mail uses and without the dangerous codecs."""

import encodings.aliases
import re

DANGEROUS = frozenset({"utf_7", "idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs", "oem"})
NOT_TEXT = frozenset({"base64_codec", "bz2_codec", "hex_codec", "quopri_codec", "rot_13", "uu_codec", "zlib_codec"})
WIDER = {
    "ascii": "cp1252",
    "latin_1": "cp1252",
    "iso8859_9": "cp1254",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "hz": "hz",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "iso2022_jp": "iso2022_jp_ext",
    "tis_620": "cp874",
}
"""What a label says and the superset that senders mean by it (as the WHATWG encoding standard maps them)."""

MAIL_NAMES = {
    "ks_c_5601": "cp949",
    "ks_c_5601_1987": "cp949",
    "x_sjis": "cp932",
    "x_gbk": "gb18030",
    "gb_2312_80": "gb18030",
    "x_mac_roman": "mac_roman",
    "macintosh": "mac_roman",
    "cp_850": "cp850",
    "win_1251": "cp1251",
    "win_1252": "cp1252",
    "iso_8859_8_i": "iso8859_8",
    "iso_8859_8_e": "iso8859_8",
    "iso_8859_6_i": "iso8859_6",
    "iso_8859_6_e": "iso8859_6",
    "unicode": "utf_16",
    "big5": "cp950",
    "ansi": "cp1252",
}
LABEL_SEPARATORS = re.compile(r"[^a-z0-9]+")
UNWANTED = {0: None}


def _known_charsets() -> dict[str, str]:
    codecs_by_label: dict[str, str] = {}
    for alias, codec in encodings.aliases.aliases.items():
        if codec not in DANGEROUS and codec not in NOT_TEXT:
            codecs_by_label[alias] = codecs_by_label[codec] = WIDER.get(codec, codec)
    for number in range(1, 17):
        codec = f"iso8859_{number}"
        codecs_by_label[f"iso_8859_{number}"] = codecs_by_label[codec] = WIDER.get(codec, codec)
    for number in range(1250, 1259):
        codecs_by_label[f"x_cp{number}"] = f"cp{number}"
    codecs_by_label["iso_8859_1"] = codecs_by_label["iso8859_1"] = "cp1252"
    return codecs_by_label | MAIL_NAMES


CHARSETS = _known_charsets()


def find_codec(charset: str | None) -> str | None:
    """The Python codec for a charset label, or None for unknown, unsafe or missing ones; UTF-7 is refused."""
    if not charset or len(charset) > 60:
        return None
    return CHARSETS.get(LABEL_SEPARATORS.sub("_", charset.lower()).strip("_"))


def decode_text(octets: bytes, charset: str | None) -> str:
    """The text of some octets; never raises, malformed octets become U+FFFD, NUL is dropped.

    Without a usable charset, and where ASCII is declared, UTF-8 is tried first, then Windows-1252.
    """
    codec = find_codec(charset)
    if codec is None or codec == "cp1252" or codec == "utf_8":
        text = _decode_western(octets, replace_utf8=codec == "utf_8")
    else:
        text = _decode(octets, codec)
    return text.translate(UNWANTED) if "\0" in text else text


def _decode_western(octets: bytes, *, replace_utf8: bool) -> str:
    try:
        return octets.decode("utf-8-sig" if octets[:3] == b"\xef\xbb\xbf" else "utf-8")
    except UnicodeDecodeError:
        return octets.decode("utf-8" if replace_utf8 else "cp1252", "replace")


def _decode(octets: bytes, codec: str) -> str:
    try:
        text = octets.decode(codec, "replace")
    except (UnicodeError, LookupError, ValueError):  # a codec's own state can fail in spite of "replace"
        return octets.decode("latin-1")
    return text.encode("utf-8", "replace").decode("utf-8") if codec.startswith("utf") else text
