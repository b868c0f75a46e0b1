"""A refusal at a provider as a value: where it came up, and what the provider called it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from gatepost.reply import clean_text

Stage = Literal["authorize", "token", "login", "smtp", "scopes", "address"]
TEXT_LIMIT = 1_000
WORD_LIMIT = 100
NUMBER = re.compile(r"AADSTS(\d{4,8})\b")
WORD = re.compile(r"[a-z0-9_.\-]{1,100}")


@dataclass(frozen=True, slots=True)
class Problem:
    """`error` and `suberror` are OAuth's words (RFC 6749 sections 4.1.2.1 and 5.2), `codes` AADSTS numbers.

    At stage `login` and `smtp`, `error` is empty and `text` what the server said; `scopes` are those not granted in
    `text`; at `address` it is the address that logged in instead of the one that was meant.
    """

    provider: str
    stage: Stage
    error: str
    suberror: str = ""
    codes: tuple[int, ...] = ()
    text: str = ""


def read_problem(provider: str, stage: Stage, answer: Mapping[str, object]) -> Problem:
    """The problem in a callback's query or a token endpoint's answer; all of it may be written by a stranger."""
    text = shown(answer.get("error_description"))
    return Problem(
        provider,
        stage,
        word(answer.get("error")),
        word(answer.get("suberror") or answer.get("error_subcode") or answer.get("error_subtype")),
        numbers(answer.get("error_codes"), text),
        text,
    )


def numbers(listed: object, text: str) -> tuple[int, ...]:
    """AADSTS numbers, as listed or else from a text."""
    found = listed if isinstance(listed, list | tuple) else NUMBER.findall(text[:TEXT_LIMIT])
    texts = [str(each)[:20] for each in found[:200]]
    return tuple(int(each) for each in texts if each.isascii() and each.isdigit() and len(each) < 9)[:10]


def word(value: object) -> str:
    """A word of the protocol, in lower case; `unknown` for what is none, empty where there is nothing."""
    lowered = str(value or "")[: WORD_LIMIT + 1].strip().lower()
    if not lowered:
        return ""
    return lowered if WORD.fullmatch(lowered) else "unknown"


def shown(value: object) -> str:
    """A stranger's text for a log or a page: one line, bounded."""
    return clean_text(str(value or "")[:TEXT_LIMIT])
