"""Fetching mail from an opened folder without touching a flag (BODY.PEEK), in batches by number and octets."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from gatepost.connectors.cursor import Folder, Position, batches, uid_set
from gatepost.connectors.imap import Client, aware, fetch_range, still_there
from gatepost.connectors.left_out import Reason, too_large
from gatepost.connectors.quirks import is_stand_in
from gatepost.connectors.remap import Place, fingerprint
from gatepost.connectors.trouble import LATER, Trouble
from gatepost.model import Account
from gatepost.reply import clean_text

HEADER_CAP = 65_536
MAILS_AT_ONCE = 500
SINGLE_MAILS = 200
META = "UID RFC822.SIZE FLAGS INTERNALDATE"
GMAIL_META = "X-GM-MSGID X-GM-THRID X-GM-LABELS"
KNOWN_BY = "UID RFC822.SIZE INTERNALDATE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID DATE FROM SUBJECT)]"
MOST_FLAGS = 1_000
MOST_LABELS = 100
CLOCKS_DIFFER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Meta:
    """What a server says of a mail besides its octets; `size` is its own count, 0 where it says none.

    At Gmail a mail has an id, a thread and labels. `flags` are sorted, with spaces between.
    """

    size: int = 0
    flags: str = ""
    internal_date: datetime | None = None
    gm_msgid: str = ""
    gm_thread: str = ""
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fetched:
    """One mail as the server has it. `missing` says why `raw` is not all of it (then it is the header, or empty).

    `sent`: it lies where the mailbox keeps what it sent; `old`: it was there before the mailbox was connected.
    """

    account: Account
    folder: str
    uidvalidity: int
    uid: int
    raw: bytes
    internal_date: datetime | None
    missing: str = ""
    meta: Meta = Meta()
    sent: bool = False
    old: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """Mails to store together with the position that is reached by them; UIDs left out on purpose, with the reason."""

    folder: str
    mails: tuple[Fetched, ...]
    position: Position
    left_out: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """Where mails are fetched from: the account, its opened folder and what that is for.

    `careful`, for a mailbox that failed before: mails come one by one, and one that the server cannot hand over comes
    with `missing` instead of stopping the mailbox. `old`: they were there before the mailbox was connected.
    """

    account: Account
    folder: Folder
    role: str = ""
    careful: bool = False
    old: bool = False


def fetch_uids(client: Client, source: Source, uids: Sequence[int]) -> Iterator[Batch]:
    """These mails of the opened folder, in the order given. Raises Trouble.

    A mail over the size limit comes as its header with `missing`; what was expunged meanwhile is passed over.
    """
    singles = SINGLE_MAILS if source.careful else 0
    for start in range(0, len(uids), MAILS_AT_ONCE):
        chunk = uids[start : start + MAILS_AT_ONCE]
        metas = fetch_metas(client, chunk)
        sizes = {uid: meta.size for uid, meta in metas.items()}
        for group in batches(chunk, sizes, max(0, singles - start)):
            yield from fetch_group(client, source, group, metas)


def fetch_group(client: Client, source: Source, group: Sequence[int], metas: dict[int, Meta]) -> Iterator[Batch]:
    reached = Position(source.folder.uidvalidity, group[-1])
    left_out = tuple((uid, why) for uid in group if uid in metas and (why := unwanted(metas[uid])))
    skipped = {uid for uid, _ in left_out}
    wanted = [uid for uid in group if uid not in skipped]
    try:
        mails = fetch_batch(client, source, wanted, metas)
    except Trouble as trouble:
        if source.careful and trouble.broken and len(group) == 1:
            yield Batch(source.folder.name, (fetched(source, group[0], b"", Meta(), str(trouble)),), reached)
        raise
    yield Batch(source.folder.name, tuple(mails), reached, left_out)


def unwanted(meta: Meta) -> str:
    """Why a mail of a wanted folder is not fetched: Gmail shows drafts among all mail."""
    return Reason.DRAFT if "\\Draft" in meta.labels else ""


def fetch_metas(client: Client, uids: Sequence[int]) -> dict[int, Meta]:
    """What the server says of these mails; one that is gone has nothing."""
    items = f"({META} {GMAIL_META})" if client.gmail else f"({META})"
    answer, _ = fetch_range(client, uid_set(sorted(uids)), items)
    return {uid: meta_of(answer[uid]) for uid in uids if uid in answer}


def meta_of(answer: dict[bytes, Any]) -> Meta:
    """One mail's figures, as far as they can be believed."""
    size = answer.get(b"RFC822.SIZE")
    return Meta(
        size=min(size, 2**40) if isinstance(size, int) and size > 0 else 0,
        flags=flags_of(answer),
        internal_date=aware(answer.get(b"INTERNALDATE")),
        gm_msgid=number(answer.get(b"X-GM-MSGID")),
        gm_thread=number(answer.get(b"X-GM-THRID")),
        labels=labels_of(answer),
    )


def flags_of(answer: dict[bytes, Any]) -> str:
    """The flags of a FETCH answer, sorted, without \\Recent."""
    words = {text(flag) for flag in listed(answer.get(b"FLAGS"))} - {"\\Recent", ""}
    return " ".join(sorted(words))[:MOST_FLAGS]


def labels_of(answer: dict[bytes, Any]) -> tuple[str, ...]:
    """Gmail's labels of a mail, as they are written on the wire (modified UTF-7)."""
    return tuple(text(label) for label in listed(answer.get(b"X-GM-LABELS")))[:MOST_LABELS]


def listed(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else ()


def text(value: Any) -> str:
    """An atom or string as text; imapclient makes numbers of atoms that look like some."""
    return clean_text(value.decode("ascii", "replace") if isinstance(value, bytes) else str(value))[:200]


def number(value: Any) -> str:
    return str(value) if isinstance(value, int) and 0 < value < 2**64 else ""


def fetch_batch(client: Client, source: Source, uids: Sequence[int], metas: dict[int, Meta]) -> list[Fetched]:
    """Some mails in one request, ascending; those expunged meanwhile are left out."""
    large = [uid for uid in uids if uid in metas and metas[uid].size > client.message_size]
    whole = [uid for uid in uids if uid not in large]
    got = fetch_bodies(client, whole, sum(metas[uid].size for uid in whole if uid in metas), "BODY.PEEK[]")
    got = {uid: raw for uid, raw in got.items() if not is_stand_in(raw)}
    heads = fetch_bodies(client, large, HEADER_CAP * len(large), f"BODY.PEEK[HEADER]<0.{HEADER_CAP}>")
    reasons = dict.fromkeys(heads, too_large(client.message_size))
    got |= heads
    for uid in still_there(client, [uid for uid in uids if uid not in got]):
        what = f"{client.settings.host} lists message {uid}, but does not hand it over."
        if not source.careful:
            raise Trouble("server", what, LATER, broken=True)
        got[uid], reasons[uid] = b"", what
    return [fetched(source, uid, got[uid], metas.get(uid, Meta()), reasons.get(uid, "")) for uid in uids if uid in got]


def fetched(source: Source, uid: int, raw: bytes, meta: Meta, missing: str) -> Fetched:
    """A mail with where it came from."""
    folder, at = source.folder, meta.internal_date
    old = source.old or bool(at and at < source.account.created_at - CLOCKS_DIFFER)
    sent = source.role == "sent" or (source.role == "all" and "\\Sent" in meta.labels)
    return Fetched(
        source.account, folder.name, folder.uidvalidity, uid, raw, meta.internal_date, missing, meta, sent, old
    )


def fetch_bodies(client: Client, uids: Sequence[int], octets: int, item: str) -> dict[int, bytes]:
    """Octets by UID."""
    if not uids:
        return {}
    key = item.replace(".PEEK", "").partition("<")[0].encode() + (b"<0>" if "<" in item else b"")
    answer, _ = fetch_range(client, uid_set(sorted(uids)), f"(UID {item})", octets=octets)
    return {uid: raw for uid in uids if uid in answer and isinstance(raw := answer[uid].get(key), bytes)}


def fetch_places(client: Client, uids: Sequence[int]) -> list[Place]:
    """What recognises each of these mails; little of a mail is sent for that."""
    found = []
    items = f"({KNOWN_BY} X-GM-MSGID)" if client.gmail else f"({KNOWN_BY})"
    for start in range(0, len(uids), MAILS_AT_ONCE):
        answer, _ = fetch_range(client, uid_set(uids[start : start + MAILS_AT_ONCE]), items)
        for uid, values in answer.items():
            header = next((values[key] for key in values if key.upper().startswith(b"BODY[HEADER.FIELDS")), b"")
            meta = meta_of(values)
            known = fingerprint(header if isinstance(header, bytes) else b"", meta.gm_msgid)
            found.append(Place(uid, known, meta.size, meta.internal_date))
    return found
