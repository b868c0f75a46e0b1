"""The base subject of RFC 5256 section 2.1, with the reply and forward prefixes of many languages as data."""

from dataclasses import dataclass

REPLY_PREFIXES = frozenset(
    ("re", "reply", "res", "resp", "rép", "ré", "ref", "réf", "aw", "antw", "antwort", "sv", "svar", "vs", "vast",
    "vá", "válasz", "odp", "odpověď", "ynt", "yan", "yanıt", "r", "rif", "risp", "bls", "ad", "bl", "atb", "cev",
    "ats", "отв", "ответ", "на", "відп", "відповідь", "απ", "σχετ", "απαντ", "răsp", "رد", "رَدّ", "תגובה", "השב",
    "回复", "回覆", "答复", "答覆", "返信", "返", "답장", "회신", "trả", "trl", "tl", "antwoord")
)  # fmt: skip
"""Words before a colon that mark an answer, lower case."""

FORWARD_PREFIXES = frozenset(
    ("fw", "fwd", "forward", "wg", "weiterl", "vb", "vl", "fs", "tr", "trans", "rv", "reenv", "enc", "encam", "i",
    "inoltro", "inoltra", "pd", "přep", "přeposláno", "ilt", "ıet", "továbbítás", "továbbítva", "doorst", "πρθ",
    "προωθ", "пересл", "переслано", "пер", "hd", "הועבר", "إعادة", "إعادة_توجيه", "转发",
    "轉寄", "轉發", "転送", "전달",
    "chuyển", "rit")
)  # fmt: skip
"""Words before a colon that mark a forward, lower case."""

LIMIT = 1000
PREFIX_LENGTH = 24
BLOB_LENGTH = 80
COLONS = (":", "：")


@dataclass(frozen=True, slots=True)
class BaseSubject:
    """The text without prefixes, blobs and trailers, and what was taken off."""

    text: str
    is_reply: bool
    is_forward: bool


def base_subject(text: str) -> BaseSubject:
    """Strip `Re:`, `[list] AW:`, `Fwd:`, `(fwd)`, `[fwd: ...]` until nothing more goes (RFC 5256 section 2.1)."""
    rest = " ".join(text[:LIMIT].split())
    is_reply = is_forward = False
    while True:
        before = rest
        if rest.lower().endswith("(fwd)"):
            rest, is_forward = rest[:-5].rstrip(), True
        if rest[:5].lower() == "[fwd:" and rest.endswith("]"):
            rest, is_forward = rest[5:-1].strip(), True
        rest, word = _without_prefix(rest)
        is_reply = is_reply or word == "reply"
        is_forward = is_forward or word == "forward"
        rest = _without_blob(rest)
        if rest == before:
            return BaseSubject(rest, is_reply, is_forward)


def _without_prefix(text: str) -> tuple[str, str]:
    """Take one subj-leader (blobs, prefix word, counter, colon) off; the second value says what the word meant."""
    start = 0
    while text[start : start + 1] == "[":
        end = text.find("]", start, start + BLOB_LENGTH)
        if end < 0:
            break
        start = end + 1
        while text[start : start + 1] == " ":
            start += 1
    head = text[start : start + PREFIX_LENGTH]
    places = [head.find(colon) for colon in COLONS if colon in head]
    if not places:
        return text, ""
    meaning = _prefix_meaning(head[: min(places)])
    return (text[start + min(places) + 1 :].strip(), meaning) if meaning else (text, "")


def _prefix_meaning(head: str) -> str:
    """Whether `Re`, `RE[2]`, `Re^3`, `AW (4)` and so on is a reply or a forward word."""
    word = head.strip()
    if word[-1:] in ("]", ")"):
        cut = max(word.rfind("["), word.rfind("("))
        word = word[:cut] if cut > 0 else word
    word = word.rstrip("0123456789").rstrip("^*#").strip().lower().replace(" ", "_")
    if word in REPLY_PREFIXES:
        return "reply"
    return "forward" if word in FORWARD_PREFIXES else ""


def _without_blob(text: str) -> str:
    """Take one leading `[list]` off unless nothing would remain (RFC 5256 section 2.1 step 4)."""
    if text[:1] != "[":
        return text
    end = text.find("]", 0, BLOB_LENGTH)
    rest = text[end + 1 :].strip() if end > 0 else ""
    return rest or text
