"""Whether a mail passes another one on, seen by its structure alone: no word of any language is looked for."""

from collections.abc import Sequence

from gatepost.address import Mailbox, parse_mailboxes
from gatepost.mail import Mail, parse
from gatepost.threading.attributions import FIELDS as LABELS

MOST_LINES = 400
MOST_LINE = 400
LABEL = 40
MOST_HEAD = 64 * 1024
FIELDS = 3
AUTHOR = frozenset(LABELS["from"])
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


def original_author(mail: Mail) -> tuple[str, str] | None:
    """Name and address key of who wrote the mail that is passed on: of the attached one, else from the first forwarded
    header block; None unless exactly one address stands where such a block says `From`, in any language we know.
    """
    attached = next((part for part in mail.parts if part.content_type == "message/rfc822"), None)
    if attached is not None:
        head = attached.content[:MOST_HEAD]
        boxes: Sequence[Mailbox] = parse(head).from_
    else:
        boxes = from_field(mail.text)
    if len(boxes) != 1 or boxes[0].address is None:
        return None
    return boxes[0].name, boxes[0].address.key


def from_field(text: str) -> Sequence[Mailbox]:
    """What stands after `From:` in the first block of three or more lines `label: value`."""
    block: list[tuple[str, str]] = []
    for line in (*text.split("\n")[:MOST_LINES], ""):
        value = field_value(line)
        if value is not None:
            block.append((label_of(line), value))
            continue
        if len(block) >= FIELDS and any("@" in value for _, value in block):
            found = [value for label, value in block if label in AUTHOR]
            return parse_mailboxes(found[0]) if found else ()
        block = []
    return ()


def label_of(line: str) -> str:
    """What stands before the colon, in lower case."""
    line = line[:MOST_LINE].removeprefix(">").strip().strip("*").replace(COLONS[1], ":")
    return line.partition(":")[0].strip(" *\u00a0").lower()


def field_value(line: str) -> str | None:
    """The value of a line `label: value`, quoted once at most; None for any other line."""
    if COLONS[0] not in line and COLONS[1] not in line:
        return None
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
