"""What a delivery reply means in plain words: the reason, what to do, and who can do it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gatepost.codes_data import CLASSES, CODES, STATUSES, VAGUE
from gatepost.codes_entry import Entry, Who
from gatepost.codes_texts import PHRASES, SAYINGS, Saying
from gatepost.reply import Reply, clean_text, read_reply

FIELD = re.compile(r"\{(address|domain)\}")
NAMED = re.compile(r"\b(address|domain|list|mailbox) \{(?:address|domain)\}")
TEXT_READ = 1000
ADDRESS_SHOWN = 254
WHO: dict[Who, str] = {
    "sender": "Whoever sends the mail",
    "recipient": "The recipient",
    "admin": "An administrator",
    "wait": "Nobody: time does it",
}
"""Who can act, as pages and the command line write it."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """A reason and an advice as sentences; who can act: sender, recipient, admin, or wait; whether later may do."""

    reason: str
    advice: str
    who: Who
    retryable: bool


def explain(reply: Reply, address: str = "") -> Explanation:
    """What this reply means for the recipient `address`. Never raises; what nobody knows is explained by its class."""
    return explanation(find(reply), reply, address)


def find(reply: Reply) -> Entry:
    """The entry for a reply: by an exact status, by a phrase where the status is vague, by status, code, then class."""
    if reply.positive:
        return CLASSES[2]
    detail = normal(reply.status)
    exact = STATUSES.get(f"{reply.digit}.{detail}")
    if detail and detail not in VAGUE and (exact or detail in STATUSES):
        return exact or STATUSES[detail]
    worded = by_words(reply.text)
    if worded:
        return worded
    if detail and (known := exact or STATUSES.get(detail)):
        return known
    if reply.code is not None and (coded := CODES.get(reply.code)):
        return coded
    return STATUSES.get(f"{detail.partition('.')[0]}.0") or CLASSES[reply.digit]


def by_words(text: str) -> Entry | None:
    """The entry whose phrase the server's text contains."""
    text = text[:TEXT_READ].lower()
    return next((entry for entry, phrases in PHRASES if any(phrase in text for phrase in phrases.split("|"))), None)


def normal(status: str | None) -> str:
    """A status without its class and leading zeros: `5.1.10` gives `1.10`; empty for none or nonsense."""
    parts = (status or "").split(".")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) <= 3 for part in parts):
        return ""
    return f"{int(parts[1])}.{int(parts[2])}"


def explanation(entry: Entry, reply: Reply, address: str) -> Explanation:
    """An entry in words for one recipient."""
    retryable = reply.temporary if entry.retryable is None else entry.retryable
    return Explanation(filled(entry.reason, address), filled(entry.advice, address), entry.who, retryable)


def filled(text: str, address: str) -> str:
    """The sentence with the recipient put in, or in general words where there is none."""
    shown = clean_text(address)[:ADDRESS_SHOWN]
    if not shown:
        text = NAMED.sub(r"\1", text)
    written = {"address": shown or "this address", "domain": shown.rpartition("@")[2] or "this domain"}
    sentence = FIELD.sub(lambda found: written[found[1]], text)
    return sentence if shown else sentence[:1].upper() + sentence[1:]


def shown_code(reply: Reply) -> str:
    """The codes as people look them up: `550 5.1.1`, `5.1.2`, or an empty string where there is none."""
    return " ".join(str(part) for part in (reply.code, reply.status) if part)


@dataclass(frozen=True, slots=True)
class Code:
    """One line of the code reference; `code` is such as `5.1.1`, `4.2.2` or `550`.

    `known` is False for a well-formed code that only its class explains; `sayings` are texts that mean the same.
    """

    code: str
    explanation: Explanation
    known: bool = True
    sayings: tuple[Saying, ...] = ()


def code_page(code: int | None, status: str | None) -> str:
    """Which page of the reference explains a reply: its status where that is one, else its code, else none."""
    if status and status[0] in "45" and normal(status):
        return status
    return str(code) if code and 400 <= code <= 599 else ""


def look_up(text: str) -> Code | None:
    """The line of the reference for `5.1.1`, `550` or `550 5.1.1`; None for what is no code of a failure."""
    words = text.split()[:2]
    if words and words[-1].count(".") == 2:
        return look_up_status(words[-1])
    if len(words) != 1 or not (
        words[0].isascii() and words[0].isdigit() and words[0][0] in "45" and len(words[0]) == 3
    ):
        return None
    number = int(words[0])
    entry = CODES.get(number) or CLASSES[number // 100]
    return line(words[0], entry, Reply(number), number in CODES)


def look_up_status(status: str) -> Code | None:
    """The line of an enhanced status (RFC 3463), in plain digits."""
    digit, detail = status.partition(".")[0], normal(status)
    if digit not in ("4", "5") or not detail:
        return None
    entry = STATUSES.get(f"{digit}.{detail}") or STATUSES.get(detail)
    about = entry or STATUSES.get(f"{detail.partition('.')[0]}.0") or CLASSES[int(digit)]
    return line(f"{digit}.{detail}", about, Reply(None, f"{digit}.{detail}"), entry is not None)


def line(code: str, entry: Entry, reply: Reply, known: bool = True) -> Code:
    return Code(code, explanation(entry, reply, ""), known, sayings_of(entry, code) if known else ())


def sayings_of(entry: Entry, code: str) -> tuple[Saying, ...]:
    """What providers write that means the same; first those with this very code."""
    own = [saying for saying in SAYINGS if code in saying.text.split()[:2]]
    return tuple(dict.fromkeys([*own, *(saying for saying in SAYINGS if saying.entry is entry)]))


def means(saying: Saying) -> Explanation:
    """What a provider's text means."""
    code, _, text = saying.text.partition(" ")
    return explain(read_reply(int(code), text))


def search(text: str) -> list[Code]:
    """The lines whose code, sentences or sayings have all these words; all without any."""
    words = text.lower().split()[:8]
    exact = look_up(text)
    if exact:
        return [
            exact,
            *(code for code in reference() if code.code != exact.code and code.code.startswith(text.strip())),
        ]
    return [code for code in reference() if all(word in written(code) for word in words)]


def written(code: Code) -> str:
    """Everything that a search looks at."""
    said = " ".join(f"{saying.who} {saying.text}" for saying in code.sayings)
    return f"{code.code} {code.explanation.reason} {code.explanation.advice} {said}".lower()


def reference() -> Iterator[Code]:
    """Every status in both classes, and every SMTP code that we explain, for the pages and the API."""
    details = sorted({key for key in STATUSES if key.count(".") == 1}, key=lambda key: [int(x) for x in key.split(".")])
    for digit in (5, 4):
        for detail in details:
            status = f"{digit}.{detail}"
            yield line(status, STATUSES.get(status) or STATUSES[detail], Reply(None, status))
    for code in sorted(CODES):
        yield line(str(code), CODES[code], Reply(code))
