"""What a delivery reply means in plain words: the reason, what to do, and who can do it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gatepost.codes_data import CLASSES, CODES, PHRASES, STATUSES, VAGUE, Entry
from gatepost.reply import Reply, clean_text

FIELD = re.compile(r"\{(address|domain)\}")
NAMED = re.compile(r"\b(address|domain|list|mailbox) \{(?:address|domain)\}")
TEXT_READ = 1000
ADDRESS_SHOWN = 254


@dataclass(frozen=True, slots=True)
class Explanation:
    """A reason and an advice as sentences; who can act: sender, recipient, admin, or wait; whether later may do."""

    reason: str
    advice: str
    who: str
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
    """One line of the code reference; `code` is such as `5.1.1`, `4.2.2` or `550`."""

    code: str
    explanation: Explanation


def reference() -> Iterator[Code]:
    """Every status in both classes, and every SMTP code that we explain, for the pages and the API."""
    details = sorted({key for key in STATUSES if key.count(".") == 1}, key=lambda key: [int(x) for x in key.split(".")])
    for digit in (5, 4):
        for detail in details:
            status = f"{digit}.{detail}"
            reply = Reply(None, status)
            yield Code(status, explanation(STATUSES.get(status) or STATUSES[detail], reply, ""))
    for code in sorted(CODES):
        yield Code(str(code), explanation(CODES[code], Reply(code), ""))
