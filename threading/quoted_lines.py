"""What one line, or a few together, of a plain text mail are: quoted, an attribution, a header block, a separator."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from gatepost.threading.attributions import (
    FIELDS,
    FORWARDED,
    MOBILE,
    MOBILE_SENTENCES,
    ORIGINAL,
    REPLY_ABOVE,
    STARTERS,
    WROTE,
    WROTE_CJK,
)

LINE_LENGTH = 600
JOINED_LINES = 6
QUOTE = re.compile(r"\s{0,3}>")
DIGIT = re.compile(r"\d")
YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
TIME = re.compile(r"(?<!\d)\d{1,2}[:.h時시]\d\d(?!\d)|(?<!\d)\d{1,2} ?[AaPp]\.?[Mm]\b")
DAY = re.compile(r"(?<!\d)\d{1,4}[./-]\d{1,2}[./-]\d{2,4}(?!\d)")
EMAIL = re.compile(r"[\w.+=-]{1,80}@[\w-]{1,63}\.[\w.-]{1,120}")
EMAIL_END = re.compile(r"[\w.+=-]{1,80}@[\w.-]{1,190}(?:<mailto:[^<>]{1,200}>)?\s{0,3}[>)\]]{1,3}\s{0,3}[:：]?$")
START_DATE = re.compile(r"[\W_]{0,3}\d{1,4}[./-]\d{1,2}[./-]\d{1,4}")
INLINE = re.compile(r"(?:^|[ \-])(-{0,10} ?On [A-Z][a-z]{2,8},? |-{2,10} ?On \d)")
FIELD = re.compile(r"[\s>*_]{0,8}([^\W\d_][^:：<>@*]{0,22}?)[ \u00a0*]{0,3}[:：]")
UNSEEN = dict.fromkeys((0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)))
SIGNATURE = ("--", "-- ")
RULE = frozenset("-_=*~—–")
FIELD_KIND = {name: kind for kind, names in FIELDS.items() for name in names}
WROTE_WORDS = tuple(f" {word}" for word in WROTE)


@dataclass(frozen=True, slots=True)
class Mark:
    """The end (exclusive) of what was recognised, and what it is."""

    end: int
    what: str


def is_quoted(line: str) -> bool:
    """A line of quoted text; `>>> click here <<<` is none."""
    return bool(QUOTE.match(line)) and not line.rstrip().endswith("<<")


def is_rule(line: str) -> bool:
    """A line of dashes, underscores or the like."""
    bare = line.strip()
    return len(bare) >= 3 and set(bare) <= RULE


def has_date(text: str) -> bool:
    """Whether a text has a year, a time or a day in digits."""
    return bool(DIGIT.search(text) and (YEAR.search(text) or TIME.search(text) or DAY.search(text)))


def attribution(lines: Sequence[str], index: int) -> Mark | None:
    """`On <date>, <somebody> wrote:` over at most six lines, in many orders and languages."""
    first = _seen(lines[index]).strip().lstrip(">-_* ").strip()
    if not first or not (_starts_like_attribution(first) or has_date(first)) or not _may_announce(lines, index):
        return None
    joined = ""
    for end in range(index, min(index + JOINED_LINES, len(lines))):
        line = _seen(lines[end]).strip().lstrip("> ") if end > index else first
        is_open = joined.count("<") > joined.count(">")
        if end > index and is_quoted(lines[end]) and not is_quoted(lines[index]) and not is_open:
            break
        joined = f"{joined} {line}".strip()
        if len(joined) > LINE_LENGTH:
            break
        if _is_attribution(joined, _next_is_quoted(lines, end + 1)):
            return Mark(end + 1, "attribution line")
        if end > index and not line and joined[-1:] not in ("<", ",") and not _has_address(lines[end : end + 4]):
            break
    return None


def _seen(line: str) -> str:
    """A line without the marks of direction in it, which ASCII has none of."""
    line = line[:LINE_LENGTH]
    return line if line.isascii() else line.translate(UNSEEN)


def _has_address(lines: Sequence[str]) -> bool:
    return bool(EMAIL.search("".join(line[:LINE_LENGTH] for line in lines)[:LINE_LENGTH]))


def _may_announce(lines: Sequence[str], index: int) -> bool:
    """Whether a date, an address or a quote is near at all: most lines need no closer look."""
    near = lines[index : index + JOINED_LINES]
    joined = " ".join(line[:LINE_LENGTH] for line in near)
    after = lines[index : index + JOINED_LINES + 4]
    return has_date(joined) or bool(EMAIL.search(joined)) or any(map(is_quoted, after))


def _starts_like_attribution(text: str) -> bool:
    lower = text.lower()
    if "wrote" in lower:
        return True
    head = text[:12].lower()
    if not head.startswith(STARTERS):  # one call for most lines
        return False
    return any(head.startswith(word) and not head[len(word) : len(word) + 1].isalpha() for word in STARTERS)


def _next_is_quoted(lines: Sequence[str], index: int) -> bool:
    for line in lines[index : index + 4]:
        if line.strip():
            return is_quoted(line)
    return False


def _is_attribution(text: str, quoted_next: bool) -> bool:
    lower = text.lower().rstrip(" -*_")
    ends = lower.endswith((":", "："))
    bare = lower.rstrip(" :：")
    said = bare.endswith(WROTE_WORDS) or bare.endswith(WROTE_CJK)
    if not (said or ends or quoted_next):
        return False
    email = EMAIL.search(text) is not None
    dated = has_date(text)
    if said and (dated or email or quoted_next):
        return dated or ends
    if ends and dated and any(f"{word} " in lower for word in WROTE_WORDS) and (email or quoted_next):
        return True
    if ends and dated and any(word in lower for word in WROTE_CJK):
        return True
    if ends and dated and email and EMAIL_END.search(text):
        return bool(TIME.search(text))
    return bool(quoted_next and START_DATE.match(text) and email and EMAIL_END.search(text))


def wrote_by(line: str) -> bool:
    """`---- Ana wrote ----` between dashes."""
    bare = line[:LINE_LENGTH].strip()
    return bare[:2] == "--" and bare[-2:] == "--" and bare.strip("- ").lower().endswith(WROTE_WORDS)


def inline_attribution(line: str) -> int:
    """The offset of an attribution that shares its line with the answer's end; -1 if there is none."""
    if not line.rstrip().endswith(":"):
        return -1
    line = line[:LINE_LENGTH]
    found = INLINE.search(line)
    if not found or found.start(1) == 0:
        return -1
    return found.start() if _is_attribution(line[found.start(1) :].lstrip("- "), False) else -1


def header_block(lines: Sequence[str], index: int) -> Mark | None:
    """`From: / Sent: / To: / Subject:` of a quoted mail in any language: two of the four at least."""
    kinds: list[str] = []
    seen = ""
    at = index
    for at in range(index, min(index + 14, len(lines))):
        line = lines[at][:LINE_LENGTH]
        kind = field_kind(line) if ":" in line or "\uff1a" in line else ""
        if at == index and not kind:
            return None
        if not line.strip():
            if len(set(kinds)) >= 2 or at > index + 1:
                break
            continue
        if kind:
            kinds.append(kind)
            kinds.extend(
                FIELD_KIND[word[:-1].lower()]
                for word in line.split()[1:40]
                if word[:-1].lower() in FIELD_KIND and word[-1] == ":"
            )
        seen += line
    if len(set(kinds) - {"cc"}) >= 3 and "from" in kinds:
        return Mark(at, "header lines")
    if len(set(kinds) - {"cc"}) >= 2 and ("@" in seen or (has_date(seen) and "subject" in kinds and "from" in kinds)):
        return Mark(at, "header lines")
    return None


@lru_cache(maxsize=256)
def field_kind(line: str) -> str:
    """Which header field of a quoted mail a line is, "" if none."""
    found = FIELD.match(line[:LINE_LENGTH])
    return FIELD_KIND.get(found[1].strip().lower(), "") if found else ""


def is_original_mark(line: str) -> bool:
    """`-----Original Message-----` in many languages."""
    return _dashed(line, ORIGINAL)


def is_forward_mark(line: str) -> bool:
    """`---------- Forwarded message ----------` in many languages."""
    lower = line[:200].strip().lower()
    return _dashed(line, FORWARDED) or (lower.endswith(":") and lower.rstrip(": ") in FORWARDED)


def _dashed(line: str, words: Sequence[str]) -> bool:
    bare = line[:200].strip()
    if not bare or bare[0] not in "-_=*~—–":
        return False
    inner = bare.strip("-_=*~—–> ")
    return bool(inner) and len(inner) <= 80 and inner.lower().startswith(tuple(words))


def is_mobile_signature(line: str) -> bool:
    """`Sent from my iPhone` and its like."""
    lower = line[:200].strip(" \t-_*>").lower()
    if not 6 < len(lower) < 120:
        return False
    begins = lower.startswith(MOBILE) and not lower.endswith((".", "?", ":"))
    return begins or lower.startswith(MOBILE_SENTENCES) or lower.endswith(("から送信", "에서 보냄"))


def is_signature(line: str) -> bool:
    """The signature separator, with or without its blank (RFC 3676 section 4.3)."""
    return line in SIGNATURE


def is_reply_marker(line: str) -> bool:
    """`Reply above this line`."""
    lower = line[:200].lower()
    return any(mark in lower for mark in REPLY_ABOVE)
