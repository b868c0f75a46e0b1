"""The REFERENCES threading algorithm of RFC 5256, for imported history (policy `archive`); subjects may join here."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from gatepost.threading.subject import BaseSubject, base_subject

REFERENCE_LIMIT = 500
CHAIN_LIMIT = 2000
NO_DATE = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Record:
    """What the algorithm needs of one mail: ids without brackets, oldest reference first."""

    message_id: str | None
    references: tuple[str, ...]
    in_reply_to: tuple[str, ...]
    subject: str
    date: datetime | None


@dataclass(frozen=True, slots=True)
class Thread:
    """Where one record went: the number of its group, the index of its parent record, and the reasons in order."""

    group: int
    parent: int | None
    why: tuple[str, ...]


@dataclass(slots=True, eq=False)
class _Node:
    """A container of RFC 5256 step 1: a message, or an id that was only referenced (record is None)."""

    message_id: str
    record: int | None = None
    parent: "_Node | None" = None
    children: "list[_Node]" = field(default_factory=list)


def thread_archive(records: Sequence[Record]) -> list[Thread]:
    """Group records by references, then gather threads of the same base subject (RFC 5256 section 3)."""
    whys: list[list[str]] = [[] for _ in records]
    nodes = _linked(records, whys)
    roots = _pruned(node for node in nodes if node.parent is None)
    subjects = [base_subject(record.subject) for record in records]
    roots = _gathered(roots, records, subjects, whys)
    return _numbered(roots, records, whys)


def _linked(records: Sequence[Record], whys: list[list[str]]) -> list[_Node]:
    """Step 1: one node per message and per referenced id, each under its parent."""
    nodes: list[_Node] = []
    known: dict[str, _Node] = {}
    for index, record in enumerate(records):
        node = _own_node(index, record, known, nodes, whys)
        ids = record.references[-REFERENCE_LIMIT:] or record.in_reply_to[:1]
        above: _Node | None = None
        for reference in ids:
            below = _node(reference, known, nodes)
            if above is not None and below.parent is None and not _loops(above, below):
                _link(above, below)
            above = below
        _place_own(node, above, "References" if record.references else "In-Reply-To", whys[index])
    return nodes


def _own_node(index: int, record: Record, known: dict[str, _Node], nodes: list[_Node], whys: list[list[str]]) -> _Node:
    """The node of a message; a missing or repeated Message-ID gets a node of its own (step 1, third paragraph)."""
    if record.message_id:
        node = _node(record.message_id, known, nodes)
        if node.record is None:
            node.record = index
            return node
        whys[index].append(f"Message-ID <{record.message_id}> was already used by another message")
    node = _Node("", index)
    nodes.append(node)
    return node


def _node(message_id: str, known: dict[str, _Node], nodes: list[_Node]) -> _Node:
    node = known.get(message_id)
    if node is None:
        node = known[message_id] = _Node(message_id)
        nodes.append(node)
    return node


def _place_own(node: _Node, above: _Node | None, header: str, why: list[str]) -> None:
    """Step 1B: the last reference is the parent, whatever was guessed before, unless that makes a loop."""
    if above is None or above is node.parent:
        _say_parent(node, header, why)
        return
    if _loops(above, node):
        node.parent = None
        why.append(f"{header} names <{above.message_id}>, but that would be a loop")
        return
    _link(above, node)
    _say_parent(node, header, why)


def _say_parent(node: _Node, header: str, why: list[str]) -> None:
    if node.parent is not None:
        why.append(f"{header} names <{node.parent.message_id}>")


def _link(above: _Node, below: _Node) -> None:
    below.parent = above
    above.children.append(below)


def _loops(above: _Node, below: _Node) -> bool:
    """Whether below stands over above already; a chain of more than 2,000 counts as one (it bounds the work)."""
    if above is below:
        return True
    if not below.children:
        return False
    step: _Node | None = above
    for _ in range(CHAIN_LIMIT):
        if step is None:
            return False
        if step is below:
            return True
        step = step.parent
    return True


def _pruned(roots: Iterable[_Node]) -> list[_Node]:
    """Step 3: nodes without a message vanish; their messages move up, below the root in one list."""
    kept: list[_Node] = []
    for root in roots:
        members = _messages_below(root)
        if root.record is not None:
            root.children = members
            kept.append(root)
        elif len(members) == 1:
            kept.append(members[0])
        elif members:
            root.children = members
            kept.append(root)
    return kept


def _messages_below(root: _Node) -> list[_Node]:
    """All nodes with a message below a root, without recursion (chains may be long); they lose their children.

    A child that was given to another parent later is still in the list of its first one, and left out here.
    """
    found: list[_Node] = []
    todo = [root]
    while todo:
        node = todo.pop()
        if node.record is not None and node is not root:
            found.append(node)
        todo.extend(child for child in reversed(node.children) if child.parent is node)
        node.children = []
    return found


def _gathered(
    roots: list[_Node], records: Sequence[Record], subjects: Sequence[BaseSubject], whys: list[list[str]]
) -> list[_Node]:
    """Step 5: threads of the same base subject become one."""
    table: dict[str, _Node] = {}
    ordered = sorted(roots, key=lambda root: _sent(root, records))
    for root in ordered:
        subject = _subject(root, subjects)
        if not subject.text:
            continue
        first = table.get(subject.text)
        if first is None or _is_better(root, first, subjects):
            table[subject.text] = root
    kept: list[_Node] = []
    for root in ordered:
        subject = _subject(root, subjects)
        home = table.get(subject.text) if subject.text else None
        if home is None or home is root:
            kept.append(root)
            continue
        _say_gathered(root, home, subject.text, records, whys)
        home.children.append(root)
    return kept


def _is_better(root: _Node, first: _Node, subjects: Sequence[BaseSubject]) -> bool:
    """Step 5B: a dummy, or a message that is no reply, stands for its subject."""
    if root.record is None:
        return first.record is not None
    if first.record is None:
        return False
    here, there = subjects[root.record], subjects[first.record]
    return (there.is_reply or there.is_forward) and not (here.is_reply or here.is_forward)


def _say_gathered(root: _Node, home: _Node, text: str, records: Sequence[Record], whys: list[list[str]]) -> None:
    index = _first_record(root)
    other = _first_record(home)
    if index is not None and other is not None:
        name = records[other].message_id or "a message without Message-ID"
        whys[index].append(f'Subject "{text}" is that of <{name}>')


def _first_record(node: _Node) -> int | None:
    if node.record is not None:
        return node.record
    return next((child.record for child in node.children if child.record is not None), None)


def _subject(node: _Node, subjects: Sequence[BaseSubject]) -> BaseSubject:
    index = _first_record(node)
    return subjects[index] if index is not None else BaseSubject("", False, False)


def _sent(node: _Node, records: Sequence[Record]) -> datetime:
    """Step 4: the time of a thread is that of its first message."""
    index = _first_record(node)
    return (records[index].date if index is not None else None) or NO_DATE


def _numbered(roots: Sequence[_Node], records: Sequence[Record], whys: list[list[str]]) -> list[Thread]:
    """Groups numbered in the order in which their first record was given."""
    root_of: dict[int, int] = {}
    parents: dict[int, int | None] = {}
    for number, root in enumerate(roots):
        todo = [root]
        while todo:
            node = todo.pop()
            if node.record is not None:
                root_of[node.record] = number
                parents[node.record] = _parent_record(node)
            todo.extend(node.children)
    numbers: dict[int, int] = {}
    threads: list[Thread] = []
    for index in range(len(records)):
        group = numbers.setdefault(root_of.get(index, -1 - index), len(numbers))
        why = tuple(whys[index]) or ("first message of its conversation",)
        threads.append(Thread(group, parents.get(index), why))
    return threads


def _parent_record(node: _Node) -> int | None:
    """The nearest message above, over ids that were only referenced."""
    step = node.parent
    for _ in range(CHAIN_LIMIT):
        if step is None or step.record is not None:
            break
        step = step.parent
    return step.record if step is not None else None
