"""The parts that the processes and the CLI are made of, opened from the settings and closed in order."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from gatepost.bell import Bell
from gatepost.blobs import Blobs
from gatepost.database import Database, open_database
from gatepost.disk import disk_of
from gatepost.ledger import Ledger
from gatepost.seal import Keys, load_keys
from gatepost.settings import Settings


@dataclass(frozen=True, slots=True)
class Parts:
    """What everything needs: settings, the database and its writer, keys, and blobs with the disk below them.

    `bell` wakes those who read mailboxes.
    """

    settings: Settings
    database: Database
    ledger: Ledger
    keys: Keys
    blobs: Blobs
    bell: Bell = field(default_factory=Bell)


def clock() -> datetime:
    """The time now, in UTC."""
    return datetime.now(UTC)


@contextmanager
def open_parts(settings: Settings) -> Iterator[Parts]:
    """Open them; the ledger writes what it holds before the database is closed.

    Raises KeyFileError and DatabaseError, whose texts name the fix.
    """
    keys = load_keys(settings.key_path)
    database = open_database(settings.database_url)
    disk = disk_of(settings)
    ledger = Ledger(database, disk).start()
    try:
        yield Parts(settings, database, ledger, keys, Blobs(settings.path(settings.var) / "blobs", disk))
    finally:
        ledger.close()
        database.close()
