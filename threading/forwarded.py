"""Whether a mail passes another one on, seen by its structure alone: no word of any language is looked for."""

from collections.abc import Sequence

from gatepost.address import parse_mailboxes
from gatepost.mail import Mail

MOST_LINES = 400
MOST_LINE = 400
LABEL = 40
FIELDS = 3
COLONS = (":", "：")


def is_forward(mail: Mail) -> bool:
    """A mail attached whole, or one whose header is in the text and whose author is not among the recipients.

    An answer with the same block goes to the author of what it quotes; a forward goes to somebody else.
    """
    if any(part.content_type == "message/rfc822" for part in mail.parts):
        return True
    author = quoted_author(mail.text)
    return bool(author) and author not in addressed(mail)


def addressed(mail: Mail) -> frozenset[str]:
    """The address keys in To and Cc."""
    return frozenset(box.address.key for box in (*mail.to, *mail.cc) if box.address)


def quoted_author(text: str) -> str:
    """The first address in the first block of three or more lines `label: value`; empty where there is none."""
    block: list[str] = []
    for line in text.split("\n")[:MOST_LINES]:
        value = field_value(line)
        if value is not None:
            block.append(value)
            continue
        if author := author_of(block):
            return author
        block = []
    return author_of(block)


def field_value(line: str) -> str | None:
    """The value of a line `label: value`, quoted once at most; None for any other line."""
    line = line[:MOST_LINE].removeprefix(">").strip().strip("*")
    places = [line.find(colon) for colon in COLONS if colon in line[:LABEL]]
    if not places or line.startswith(">"):
        return None
    label, value = line[: min(places)].strip(" *\u00a0"), line[min(places) + 1 :].strip(" *\u00a0")
    return value if label and value and "@" not in label and len(label.split()) <= FIELDS else None


def author_of(block: Sequence[str]) -> str:
    if len(block) < FIELDS:
        return ""
    found = (box.address.key for value in block for box in parse_mailboxes(value)[:1] if box.address)
    return next(found, "")
