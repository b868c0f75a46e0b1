"""What threading history needs of each mail, and the tree that it makes of them (RFC 5256 section 3)."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from gatepost.mail import Mail
from gatepost.threading.quoted import reply_text
from gatepost.threading.quoted_lines import is_quoted

NO_DATE = datetime.max.replace(tzinfo=UTC)
TEXT_LIMIT = 4000
MOST_PEOPLE = 50


@dataclass(frozen=True, slots=True)
class Record:
    """One mail: ids without brackets, oldest reference first; the last four count where headers were lost.

    `people` are the address keys of From, To and Cc, `own` is what its writer wrote, `quoted` what he quotes of others.
    """

    message_id: str | None
    references: tuple[str, ...]
    in_reply_to: tuple[str, ...]
    subject: str
    date: datetime | None
    sender: str = ""
    people: frozenset[str] = frozenset()
    own: str = ""
    quoted: str = ""


@dataclass(slots=True, eq=False)
class Node:
    """A container of RFC 5256 step 1: a message, or an id that was only referenced (record is None)."""

    message_id: str
    record: int | None = None
    parent: "Node | None" = None
    children: "list[Node]" = field(default_factory=list)


def record_of(mail: Mail) -> Record:
    """What threading needs of a mail."""
    own, quoted = texts_of(mail)
    keys = [box.address.key for box in (*mail.from_, *mail.to, *mail.cc)[:MOST_PEOPLE] if box.address]
    return Record(
        mail.message_id,
        mail.references,
        mail.in_reply_to,
        mail.subject,
        mail.date,
        sender=keys[0] if keys and mail.from_ else "",
        people=frozenset(keys),
        own=own,
        quoted=quoted,
    )


def texts_of(mail: Mail) -> tuple[str, str]:
    """What the writer wrote, and what he quotes of the mail before alone: what that one quoted is left out."""
    found = reply_text(mail)
    lines = found.reply.split("\n")
    own = "\n".join(line for line in lines if not is_quoted(line))
    cut = [line for line in lines if is_quoted(line)] + found.quoted.split("\n")
    once = (line.lstrip().removeprefix(">").strip() for line in cut)
    return own[:TEXT_LIMIT], "\n".join(line for line in once if not line.startswith(">"))[:TEXT_LIMIT]


def first_record(node: Node) -> int | None:
    """The index of a tree's first message."""
    if node.record is not None:
        return node.record
    return next((child.record for child in node.children if child.record is not None), None)


def nodes_below(root: Node) -> Iterator[Node]:
    """All nodes of a tree, its root first, without recursion: chains may be long."""
    todo = [root]
    while todo:
        node = todo.pop()
        yield node
        todo.extend(node.children)


def records_below(root: Node) -> list[int]:
    """The indexes of all messages of a tree."""
    return [node.record for node in nodes_below(root) if node.record is not None]
