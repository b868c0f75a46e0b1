"""Compares a mailbox with its server, folder by folder: every UID and its arrival. Nothing is written there."""

import ssl
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from gatepost.connectors.completeness import Day, Here, Reach, days_of, missing_of, not_chosen, shown_twice
from gatepost.connectors.cursor import Folder, Position
from gatepost.connectors.first import dates_of, wanted_since
from gatepost.connectors.folders import Entry, chosen
from gatepost.connectors.imap import (
    Client,
    begin_session,
    connect,
    examine,
    list_entries,
    list_new,
    status,
    still_there,
)
from gatepost.connectors.left_out import Reason, reason_in, reason_of, sentence_of
from gatepost.connectors.wire import Connect
from gatepost.database import Database
from gatepost.model import Account, Cursor
from gatepost.store import completeness
from gatepost.store.folders import cursors_of, said_of
from gatepost.words import IMPORTING


@dataclass(frozen=True, slots=True)
class Verified:
    """The days of all folders, and of each folder with a difference every UID that is missing here."""

    days: tuple[Day, ...]
    missing: Mapping[str, Sequence[int]]

    def count(self, name: str) -> int:
        """The sum of one of the words of `Day`."""
        return sum(getattr(day, name) for day in self.days)


def verify(
    account: Account,
    settings: Connect,
    database: Database,
    *,
    private_hosts: bool = False,
    tls: ssl.SSLContext | None = None,
) -> Verified:
    """Ask the server what it has, then ourselves. Raises Trouble."""
    with connect(settings, allow_private=private_hosts, message_size=0, tls=tls) as client:
        return verify_with(client, account, database)


def verify_with(client: Client, account: Account, database: Database) -> Verified:
    """As `verify`, over a connection that is open.

    The cursors are read first and our places last: what arrives in between is above the cursor, and waits.
    """
    with database.session() as session:
        rows = cursors_of(session, account.id)
        stuck = completeness.stuck_days(session, account)
    begin_session(client)
    entries = list_entries(client)
    read = chosen(entries, gmail=client.gmail, folder=account.folder, said=said_of(rows.values()))
    days = [day for entry in entries if entry not in read and (day := left_alone(client, entry, read))]
    missing: dict[str, Sequence[int]] = {}
    for entry in read:
        folder = examine(client, entry.name)
        listed = list_dates(client, folder)
        here = here_of(account, folder, database)
        reach = reach_of(account, folder, rows.get(entry.name), stuck.get(entry.name, frozenset()))
        days += days_of(entry.name, listed, here, reach)
        if gone := missing_of(listed, here, reach):
            missing[entry.name] = gone
    return Verified(tuple(days), missing)


def left_alone(client: Client, entry: Entry, read: Sequence[Entry]) -> Day | None:
    """The line of a folder that is not read; None for one that cannot be opened."""
    if not entry.selectable:
        return None
    everything = client.gmail and any(one.role == "all" for one in read)
    twice = entry.role in ("all", "shown twice") or (everything and entry.role not in ("junk", "trash"))
    return shown_twice(entry.name) if twice else not_chosen(entry.name, status(client, entry.name).messages)


def list_dates(client: Client, folder: Folder) -> dict[int, datetime | None]:
    """When each mail of an opened folder came to its server (INTERNALDATE, RFC 9051 section 2.3.3). Raises Trouble."""
    uids = list_new(client, folder, Position(folder.uidvalidity))
    found = dates_of(client, uids)
    return found | dict.fromkeys(still_there(client, [uid for uid in uids if uid not in found]))


def reach_of(account: Account, folder: Folder, row: Cursor | None, stuck: frozenset[date] = frozenset()) -> Reach:
    """How far a folder was read; one that was numbered anew, or never opened, not at all."""
    if row is None or row.uidvalidity != folder.uidvalidity:
        return Reach(0, stuck=stuck if row is None else frozenset())
    return Reach(
        row.last_uid,
        row.import_until,
        since=wanted_since(account),
        importing=account.import_state in IMPORTING,
        floor_uid=row.floor_uid,
        stuck=stuck,
    )


def here_of(account: Account, folder: Folder, database: Database) -> Here:
    """What we have of a folder."""
    where = (account.id, folder.name, folder.uidvalidity)
    with database.session() as session:
        stored = completeness.places(session, *where)
        aside = completeness.put_aside_in(session, *where)
        left_out = completeness.left_out(session, *where)
        deleted = completeness.deleted_in(session, *where)
    skipped = {uid: reason_in(row) for uid, row in left_out.items()} | dict.fromkeys(deleted, str(Reason.DELETED))
    return Here(frozenset(stored), skipped | {uid: reason_of(why, octets) for uid, why, octets in aside})


def rows_of(days: Iterable[Day]) -> list[dict[str, Any]]:
    """The days as rows of the ledger, with the reasons as people are told them."""
    return [{**asdict(day), "reasons": told(day)} for day in days]


def told(day: Day) -> dict[str, int]:
    return {sentence_of(reason): count for reason, count in day.reasons.items()}
