"""What a folder of the fake IMAP server is, and what it answers to EXAMINE, STATUS, SEARCH and FETCH."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

DATE = '"22-Nov-2026 10:30:00 +0100"'


@dataclass(frozen=True, slots=True)
class Box:
    """A folder: octets by UID, and what is said of them.

    `attributes` stand in LIST. `refuse`: FETCH leaves these UIDs out. `modseqs` by UID; a folder that has some counts
    changes. `gm_ids` are Gmail's number of each message (its thread is the same), `labels` its labels as they are sent.
    """

    messages: Mapping[int, bytes] = field(default_factory=dict)
    attributes: str = "\\HasNoChildren"
    uidvalidity: int = 1
    uidnext: int | None = None
    sizes: Mapping[int, int] = field(default_factory=dict)
    flags: Mapping[int, str] = field(default_factory=dict)
    refuse: frozenset[int] = frozenset()
    modseqs: Mapping[int, int] = field(default_factory=dict)
    gm_ids: Mapping[int, int] = field(default_factory=dict)
    labels: Mapping[int, str] = field(default_factory=dict)

    @property
    def next_uid(self) -> int:
        """UIDNEXT."""
        return self.uidnext or max(self.messages, default=0) + 1

    @property
    def figures(self) -> dict[str, int]:
        """What STATUS can tell."""
        found = {"MESSAGES": len(self.messages), "UIDNEXT": self.next_uid, "UIDVALIDITY": self.uidvalidity}
        return {**found, "HIGHESTMODSEQ": max(self.modseqs.values())} if self.modseqs else found


def listed(folders: Mapping[str, Box]) -> bytes:
    """LIST: names as they stand on the wire, which is in modified UTF-7."""
    return "".join(f'* LIST ({box.attributes}) "/" "{name}"\r\n' for name, box in folders.items()).encode()


def examined(box: Box) -> bytes:
    """The untagged lines of EXAMINE and SELECT."""
    modseq = f"* OK [HIGHESTMODSEQ {box.figures['HIGHESTMODSEQ']}] ok\r\n" if box.modseqs else ""
    return (
        f"* {len(box.messages)} EXISTS\r\n* OK [UIDVALIDITY {box.uidvalidity}] ok\r\n"
        f"* OK [UIDNEXT {box.next_uid}] ok\r\n{modseq}* FLAGS (\\Seen)\r\n"
    ).encode()


def stated(box: Box, command: str) -> bytes:
    """The untagged line of STATUS."""
    name = command.partition("(")[0].partition(" ")[2].strip()
    wanted = command.rpartition("(")[2].rstrip(")").split()
    told = " ".join(f"{item} {box.figures[item]}" for item in wanted if item in box.figures)
    return f"* STATUS {name} ({told})\r\n".encode()


def named(box: Box, text: str) -> list[int]:
    """The UIDs of a set such as `5:9,12`; a star is the last one."""
    last = max(box.messages, default=0)
    found: list[int] = []
    for part in text.split(","):
        low, high = (last if end == "*" else int(end) for end in (part.partition(":")[0], part.rpartition(":")[2]))
        found += [uid for uid in sorted(box.messages) if min(low, high) <= uid <= max(low, high)]
    return found


def searched(box: Box, command: str) -> bytes:
    """`UID SEARCH [low:high] UID n:*` (which always names the last message) or `UID a,b,c`."""
    found = named(box, command.split(" UID ")[-1])
    sequence = command.split()[2]
    if sequence != "UID":
        low, high = (int(number) for number in sequence.split(":"))
        found = [uid for uid in found if uid in sorted(box.messages)[low - 1 : high]]
    return ("* SEARCH" + "".join(f" {uid}" for uid in found) + "\r\n").encode()


def fetched(box: Box, command: str) -> bytes:
    """`UID FETCH 5:9,12 (ITEMS) [(CHANGEDSINCE n ...)]`."""
    order = sorted(box.messages)
    since = re.search(r"CHANGEDSINCE (\d+)", command)
    wanted = [uid for uid in named(box, command.split()[2]) if uid not in box.refuse]
    if since:
        wanted = [uid for uid in wanted if box.modseqs.get(uid, 0) > int(since[1])]
    answers = b""
    for uid in wanted:
        items = " ".join(items_of(box, uid, command))
        answers += f"* {order.index(uid) + 1} FETCH ({items}".encode() + body(box.messages[uid], command) + b")\r\n"
    return answers


def items_of(box: Box, uid: int, command: str) -> Iterator[str]:
    """What is told of a message, its body excepted."""
    gmail = box.gm_ids.get(uid)
    if gmail is not None and "X-GM-THRID" in command:
        yield f"X-GM-THRID {gmail}"
    if gmail is not None and "X-GM-MSGID" in command:
        yield f"X-GM-MSGID {gmail}"
    if "X-GM-LABELS" in command:
        yield f"X-GM-LABELS ({box.labels.get(uid, '')})"
    yield f"UID {uid}"
    if "RFC822.SIZE" in command:
        yield f"RFC822.SIZE {box.sizes.get(uid, len(box.messages[uid]))}"
    if "INTERNALDATE" in command:
        yield f"INTERNALDATE {DATE}"
    if "FLAGS" in command:
        yield f"FLAGS ({box.flags.get(uid, '')})"
    if uid in box.modseqs and ("MODSEQ" in command or "CHANGEDSINCE" in command):
        yield f"MODSEQ ({box.modseqs[uid]})"


def body(raw: bytes, command: str) -> bytes:
    """The part of a message that was asked for, as a literal."""
    if "BODY.PEEK" not in command:
        return b""
    key, literal, head = "BODY[]", raw, raw.partition(b"\r\n\r\n")[0]
    if limit := re.search(r"\[HEADER\]<0\.(\d+)>", command):
        key, literal = "BODY[HEADER]<0>", head[: int(limit[1])]
    elif fields := re.search(r"BODY\.PEEK(\[HEADER\.FIELDS \((.*?)\)\])", command):
        wanted = {name.lower().encode() for name in fields[2].split()}
        kept = [line for line in head.split(b"\r\n") if line.partition(b":")[0].lower() in wanted]
        key, literal = f"BODY{fields[1]}", b"".join(line + b"\r\n" for line in kept) + b"\r\n"
    return f" {key} {{{len(literal)}}}\r\n".encode() + literal
