"""How far a folder has been read, and which mail comes next: values only (RFC 3501 section 2.3.1.1)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

UID_LIMIT = 2**32 - 1
BATCH_MAILS = 200
BATCH_OCTETS = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Position:
    """Every UID up to `last_uid` is in Gatepost, as long as the folder keeps its UIDVALIDITY."""

    uidvalidity: int
    last_uid: int = 0


@dataclass(frozen=True, slots=True)
class Folder:
    """What the server says of a folder; `uidnext` is None, `highestmodseq` 0 where it does not say."""

    name: str
    uidvalidity: int
    uidnext: int | None
    messages: int
    highestmodseq: int = 0


def start_at(stored: Position | None, folder: Folder) -> tuple[Position, str]:
    """Where reading goes on, and why.

    Any other UIDVALIDITY, higher or lower, starts again, and so does a UIDNEXT that ran backwards (a server restored
    from a backup gives old UIDs to new mail); mail that was stored before is recognised when it comes again.
    """
    if stored is None:
        return Position(folder.uidvalidity), "first reading of this folder"
    if stored.uidvalidity != folder.uidvalidity:
        return Position(folder.uidvalidity), f"UIDVALIDITY changed from {stored.uidvalidity} to {folder.uidvalidity}"
    if folder.uidnext is not None and stored.last_uid >= folder.uidnext:
        return Position(folder.uidvalidity), f"UIDNEXT went back from above {stored.last_uid} to {folder.uidnext}"
    return stored, f"after UID {stored.last_uid}"


def nothing_new(position: Position, folder: Folder) -> bool:
    """Whether the folder's own figures already say that there is nothing to fetch."""
    return folder.messages == 0 or folder.uidnext == position.last_uid + 1


def newer(uids: Iterable[int], position: Position) -> list[int]:
    """The UIDs after a position, ascending.

    `UID n:*` always names the last message, even below n (RFC 3501 section 6.4.8), hence the filter.
    """
    return sorted({uid for uid in uids if position.last_uid < uid <= UID_LIMIT})


def batches(uids: Sequence[int], sizes: Mapping[int, int], first_single: int = 0) -> Iterator[tuple[int, ...]]:
    """Groups to fetch at once, in order, by number and octets; the first `first_single` UIDs come one by one."""
    group: list[int] = []
    octets = 0
    for number, uid in enumerate(uids):
        size = max(0, sizes.get(uid, 0))
        if group and (number <= first_single or len(group) >= BATCH_MAILS or octets + size > BATCH_OCTETS):
            yield tuple(group)
            group, octets = [], 0
        group.append(uid)
        octets += size
    if group:
        yield tuple(group)


def uid_set(uids: Iterable[int]) -> str:
    """Ascending UIDs as an IMAP set with ranges, `5:9,12`: some servers give up on long lists."""
    parts: list[list[int]] = []
    for uid in uids:
        if parts and uid == parts[-1][1] + 1:
            parts[-1][1] = uid
        else:
            parts.append([uid, uid])
    return ",".join(str(low) if low == high else f"{low}:{high}" for low, high in parts)


def uid_ranges(line: bytes) -> Iterator[tuple[int, int]]:
    """The ranges of a VANISHED line (RFC 7162 section 3.2.10), lower UID first; what is none is passed over."""
    for part in line.split(b")")[-1].split(b","):
        ends = [int(end) for end in part.strip().split(b":")[:2] if end.isdigit() and len(end) <= 10]
        if ends:
            yield min(ends), max(ends)
