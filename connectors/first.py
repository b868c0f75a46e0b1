"""The first import: what was in a mailbox before it was connected, counted before anything is fetched; then in turn."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from gatepost.connectors.cursor import UID_LIMIT, Folder, Position, uid_set
from gatepost.connectors.folders import chosen, listed_of
from gatepost.connectors.imap import (
    SEARCH_WINDOW,
    Client,
    aware,
    begin_session,
    connect,
    examine,
    fetch_range,
    list_entries,
    list_new,
)
from gatepost.connectors.wire import Connect, stage
from gatepost.model import Account
from gatepost.store.folders import Listed
from gatepost.words import ImportChoice

PERIODS = (7, 30, 90, 365)
CHUNK = 5_000
DATES_AT_ONCE = 2_000
ENDS = 50


@dataclass(frozen=True, slots=True)
class Count:
    """What a folder holds: mails, when the first and the last by number came, and how many of each period of days."""

    folder: str
    role: str
    messages: int
    oldest: datetime | None
    newest: datetime | None
    recent: dict[int, int]


def count_folders(client: Client, folder: str, now: datetime, said: Sequence[tuple[str, bool]] = ()) -> list[Count]:
    """What is in the folders that would be read. Nothing is fetched but dates of arrival. Raises Trouble."""
    begin_session(client)
    entries = chosen(list_entries(client), gmail=client.gmail, folder=folder, said=said)
    return [count_of(client, examine(client, entry.name), entry.role, now) for entry in entries]


def count_of(client: Client, folder: Folder, role: str, now: datetime) -> Count:
    """One opened folder."""
    if folder.messages == 0:
        return Count(folder.name, role, 0, None, None, dict.fromkeys(PERIODS, 0))
    recent = {days: len(since(client, folder, (now - timedelta(days=days)).date())) for days in PERIODS}
    uids = list_new(client, folder, Position(folder.uidvalidity))
    ends = [at for at in dates_of(client, sorted({*uids[:ENDS], *uids[-ENDS:]})).values() if at]
    return Count(folder.name, role, folder.messages, min(ends, default=None), max(ends, default=None), recent)


def since(client: Client, folder: Folder, day: date) -> list[int]:
    """The UIDs of mails that came on a day of the server's or later (SEARCH SINCE), ascending. Raises Trouble."""
    found: list[int] = []
    with stage("fetch", client.settings):
        for low in range(1, folder.messages + 1, SEARCH_WINDOW):
            client.wire.allow()
            top = min(folder.messages, low + SEARCH_WINDOW - 1)
            found += client.search([f"{low}:{top}", "SINCE", day])
    return sorted({uid for uid in found if 0 < uid <= UID_LIMIT})


def first_position(client: Client, folder: Folder) -> Position:
    """Where live mail begins in a folder that is read for the first time: after all that is there. Raises Trouble."""
    if folder.uidnext is not None:
        return Position(folder.uidvalidity, max(0, folder.uidnext - 1))
    uids = list_new(client, folder, Position(folder.uidvalidity))
    return Position(folder.uidvalidity, uids[-1] if uids else 0)


def wanted_since(account: Account) -> datetime | None:
    """From when on mail is wanted: all of it, that of the last days, or what came after the mailbox was connected."""
    if account.import_choice == ImportChoice.DAYS and account.import_from:
        return account.import_from
    return account.created_at if account.import_choice == ImportChoice.NEW else None


def wanted(client: Client, folder: Folder, until: int, from_: datetime | None) -> list[int]:
    """The UIDs up to `until` that came since a time, ascending; None: ever. Raises Trouble.

    SEARCH knows days only, and those of the server's own zone, so what came around that day is looked at alone.
    """
    if from_ is None:
        uids = list_new(client, folder, Position(folder.uidvalidity))
        return [uid for uid in uids if uid <= until]
    day = from_.astimezone(UTC).date()
    after = {uid for uid in since(client, folder, day + timedelta(days=2)) if uid <= until}
    near = [uid for uid in since(client, folder, day - timedelta(days=1)) if uid <= until and uid not in after]
    dates = dates_of(client, near)
    return sorted(after | {uid for uid in near if (at := dates.get(uid)) is None or at >= from_})


def dates_of(client: Client, uids: Sequence[int]) -> dict[int, datetime | None]:
    """When mails came (INTERNALDATE, RFC 9051 section 2.3.3), by UID; one that is gone has none. Raises Trouble."""
    found: dict[int, datetime | None] = {}
    for start in range(0, len(uids), DATES_AT_ONCE):
        chunk = uids[start : start + DATES_AT_ONCE]
        answer, _ = fetch_range(client, uid_set(chunk), "(UID INTERNALDATE)")
        found |= {uid: aware(answer[uid].get(b"INTERNALDATE")) for uid in chunk if uid in answer}
    return found


def in_turn(uids: Sequence[int]) -> list[int]:
    """The order in which old mail comes: the newest 5,000 first, and so on; within these the oldest first.

    People look for what is recent, and an answer finds its place best behind what it answers.
    """
    ascending = sorted(uids)
    chunks = [ascending[max(0, end - CHUNK) : end] for end in range(len(ascending), 0, -CHUNK)]
    return [uid for chunk in chunks for uid in chunk]


def preview(
    settings: Connect,
    *,
    private_hosts: bool,
    now: datetime,
    said: Sequence[tuple[str, bool]] = (),
    tls: Any = None,
) -> dict[str, Any]:
    """What a mailbox holds, as it is kept and shown: when it was asked, and each folder that is read (`said`: what
    people said about that). Raises Trouble.
    """
    with connect(settings, allow_private=private_hosts, message_size=0, tls=tls) as client:
        counts = count_folders(client, settings.folder, now, said)
    return {"at": now.isoformat(), "folders": [row_of(count) for count in counts]}


def ask_folders(settings: Connect, *, private_hosts: bool, tls: Any = None) -> dict[str, Listed]:
    """The folders that a server lists, each with whether it is read by its role, and why. Raises Trouble."""
    with connect(settings, allow_private=private_hosts, message_size=0, tls=tls) as client:
        begin_session(client)
        return listed_of(list_entries(client), gmail=client.gmail, folder=settings.folder)


def row_of(count: Count) -> dict[str, Any]:
    times = {name: at.isoformat() if at else None for name, at in (("oldest", count.oldest), ("newest", count.newest))}
    recent = {str(days): number for days, number in count.recent.items()}
    return {"folder": count.folder, "role": count.role, "messages": count.messages, **times, "recent": recent}
