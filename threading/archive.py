"""The REFERENCES threading algorithm of RFC 5256, for imported history (policy `archive`); subjects may join here."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gatepost.threading.archive_gather import History, gather, history_of
from gatepost.threading.archive_lost import Lost, find_links
from gatepost.threading.archive_record import NO_DATE, Node, Record, nodes_below, records_below

REFERENCE_LIMIT = 500
CHAIN_LIMIT = 2000


@dataclass(frozen=True, slots=True)
class Thread:
    """Where one record went: the number of its group, the index of its parent record, and the reasons in order."""

    group: int
    parent: int | None
    why: tuple[str, ...]


def thread_archive(records: Sequence[Record]) -> list[Thread]:
    """Group records by references, gather threads of the same base subject (RFC 5256 section 3), then look by quoted
    text, former subjects, people and time what those answer that stand alone.
    """
    whys: list[list[str]] = [[] for _ in records]
    nodes = _linked(records, whys)
    roots = _pruned(node for node in nodes if node.parent is None)
    history = history_of(records, whys)
    return _numbered(_answered(gather(roots, history), history), records, whys)


def _linked(records: Sequence[Record], whys: list[list[str]]) -> list[Node]:
    """Step 1: one node per message and per referenced id, each under its parent."""
    nodes: list[Node] = []
    known: dict[str, Node] = {}
    for index, record in enumerate(records):
        node = _own_node(index, record, known, nodes, whys)
        ids = record.references[-REFERENCE_LIMIT:] or record.in_reply_to[:1]
        above: Node | None = None
        for reference in ids:
            below = _node(reference, known, nodes)
            if above is not None and below.parent is None and not _loops(above, below):
                _link(above, below)
            above = below
        _place_own(node, above, "References" if record.references else "In-Reply-To", whys[index])
    return nodes


def _own_node(index: int, record: Record, known: dict[str, Node], nodes: list[Node], whys: list[list[str]]) -> Node:
    """The node of a message; a missing or repeated Message-ID gets a node of its own (step 1, third paragraph)."""
    if record.message_id:
        node = _node(record.message_id, known, nodes)
        if node.record is None:
            node.record = index
            return node
        whys[index].append(f"Message-ID <{record.message_id}> was already used by another message")
    node = Node("", index)
    nodes.append(node)
    return node


def _node(message_id: str, known: dict[str, Node], nodes: list[Node]) -> Node:
    node = known.get(message_id)
    if node is None:
        node = known[message_id] = Node(message_id)
        nodes.append(node)
    return node


def _place_own(node: Node, above: Node | None, header: str, why: list[str]) -> None:
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


def _say_parent(node: Node, header: str, why: list[str]) -> None:
    if node.parent is not None:
        why.append(f"{header} names <{node.parent.message_id}>")


def _link(above: Node, below: Node) -> None:
    below.parent = above
    above.children.append(below)


def _loops(above: Node, below: Node) -> bool:
    """Whether below stands over above already; a chain of more than 2,000 counts as one (it bounds the work)."""
    if above is below:
        return True
    if not below.children:
        return False
    step: Node | None = above
    for _ in range(CHAIN_LIMIT):
        if step is None:
            return False
        if step is below:
            return True
        step = step.parent
    return True


def _pruned(roots: Iterable[Node]) -> list[Node]:
    """Step 3: nodes without a message vanish; their messages move up, below the root in one list."""
    kept: list[Node] = []
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


def _messages_below(root: Node) -> list[Node]:
    """All nodes with a message below a root, without recursion (chains may be long); they lose their children.

    A child that was given to another parent later is still in the list of its first one, and left out here.
    """
    found: list[Node] = []
    todo = [root]
    while todo:
        node = todo.pop()
        if node.record is not None and node is not root:
            found.append(node)
        todo.extend(child for child in reversed(node.children) if child.parent is node)
        node.children = []
    return found


def _answered(roots: Sequence[Node], history: History) -> list[Node]:
    """Threads whose first mail answers one of another thread, though no id says so, are put below that one."""
    members = [records_below(root) for root in roots]
    threads = {index: number for number, found in enumerate(members) for index in found}
    numbers = [threads.get(index, -1) for index in range(len(history.records))]
    lost = Lost(history.records, history.subjects, numbers)
    firsts = [min(found, key=lambda index: (history.records[index].date or NO_DATE, index)) for found in members]
    over = list(range(len(roots)))
    nodes = {node.record: node for root in roots for node in nodes_below(root)}
    for link in find_links(lost, firsts):
        below, above = numbers[link.index], _topmost(over, numbers[link.parent])
        if below != above:
            over[below] = above
            roots[above].children.append(roots[below])
            _top(nodes[link.index]).parent = nodes[link.parent]
            history.whys[link.index].append(link.why)
    return [root for number, root in enumerate(roots) if over[number] == number]


def _topmost(over: list[int], number: int) -> int:
    """The thread below which a thread hangs in the end."""
    while over[number] != number:
        over[number] = over[over[number]]
        number = over[number]
    return number


def _top(node: Node) -> Node:
    """The first node of a chain."""
    for _ in range(CHAIN_LIMIT):
        if node.parent is None:
            break
        node = node.parent
    return node


def _numbered(roots: Sequence[Node], records: Sequence[Record], whys: list[list[str]]) -> list[Thread]:
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


def _parent_record(node: Node) -> int | None:
    """The nearest message above, over ids that were only referenced."""
    step = node.parent
    for _ in range(CHAIN_LIMIT):
        if step is None or step.record is not None:
            break
        step = step.parent
    return step.record if step is not None else None
