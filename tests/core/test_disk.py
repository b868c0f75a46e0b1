"""Room for mail, and trust in the disk."""

import errno
import os
import sqlite3
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy.exc import OperationalError

from gatepost.blobs import Blobs, ContentFile
from gatepost.database import Database, SyncFailed, is_full, is_sync_failure
from gatepost.disk import FAILED, NO_ROOM, Disk, disk_of
from gatepost.ledger import Ledger
from gatepost.settings import Settings

MB = 1024 * 1024


def system(octets: int, files: int = 500, most: int = 1000) -> SimpleNamespace:
    """A file system with so much free."""
    return SimpleNamespace(f_bavail=octets // 4096, f_frsize=4096, f_favail=files, f_files=most)


def test_what_is_asked_for_by_default(settings: Settings) -> None:
    assert disk_of(settings).least == 100 * MB
    assert disk_of(settings.model_copy(update={"message_size": 80 * MB})).least == 120 * MB
    assert disk_of(settings.model_copy(update={"disk_free": 7, "disk_free_inodes": 3})).least == 7


def test_without_room_mail_is_refused_until_there_is_room_again(monkeypatch: pytest.MonkeyPatch) -> None:
    now, asked = [100.0], list[Path]()
    states = [system(200 * MB), system(50 * MB), system(200 * MB, 5), system(200 * MB, 0, 0), system(200 * MB, 10)]

    def statvfs(folder: Path) -> SimpleNamespace:
        asked.append(folder)
        return states[len(asked) - 1]

    monkeypatch.setattr(os, "statvfs", statvfs)
    disk = Disk(Path("var"), 100 * MB, 1, steady=lambda: now[0])
    found = []
    for _ in states:
        found.append(disk.refusal())
        assert disk.refusal() == found[-1]  # remembered
        now[0] += 1
    assert found == [None, NO_ROOM, NO_ROOM, None, None]
    assert len(asked) == len(states)


def test_what_is_short_is_said_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(Path("var"), 100 * MB, 1)
    monkeypatch.setattr(os, "statvfs", lambda folder: system(50 * MB))
    assert disk.shortage() == "50.0 MB are free under var, needed are 100"
    monkeypatch.setattr(os, "statvfs", lambda folder: system(500 * MB, 9))
    assert disk.shortage() == "9 more files fit under var, needed are 1 % of all"


def test_a_folder_that_cannot_be_asked_refuses_nothing(tmp_path: Path) -> None:
    assert Disk(tmp_path / "not there", MB, 1).refusal() is None


def sqlite_error(code: int) -> OperationalError:
    error = sqlite3.OperationalError("trouble")
    error.sqlite_errorcode = code
    return OperationalError("INSERT", None, error)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "full"),
        OSError(errno.EDQUOT, "quota"),
        sqlite_error(sqlite3.SQLITE_FULL),
        sqlite_error(sqlite3.SQLITE_IOERR_WRITE),
        OperationalError("INSERT", None, type("DiskFull", (Exception,), {"sqlstate": "53100"})()),
    ],
)
def test_what_a_full_disk_looks_like(error: Exception) -> None:
    assert is_full(error)
    assert not is_sync_failure(error)


@pytest.mark.parametrize("error", [OSError(errno.EIO, "io"), ValueError("x"), sqlite_error(sqlite3.SQLITE_BUSY)])
def test_what_does_not(error: Exception) -> None:
    assert not is_full(error)
    assert not is_sync_failure(error)


def test_after_a_failed_sync_nothing_is_written_any_more(database: Database) -> None:
    """T7: a later sync may succeed although the octets are gone."""
    alarms: list[str] = []
    disk = Disk(Path("var"), alarms=[lambda: alarms.append("once")])
    ledger = Ledger(database, disk).start()

    def fail(_session: object) -> None:
        raise sqlite_error(sqlite3.SQLITE_IOERR_FSYNC)

    assert ledger.write(lambda session: 1) == 1
    for _ in range(2):
        with pytest.raises(SyncFailed):
            ledger.write(fail)
    with pytest.raises(SyncFailed):
        ledger.write(lambda session: 1)
    assert (alarms, disk.refusal()) == (["once"], FAILED)
    ledger.close()


@pytest.mark.parametrize(("number", "failed"), [(errno.EIO, True), (errno.ENOSPC, False)])
def test_a_blob_that_does_not_sync_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, failed: bool
) -> None:
    def fsync(descriptor: int) -> None:
        raise OSError(number, "trouble")

    blobs = Blobs(tmp_path / "blobs")
    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match="trouble") as caught:
        blobs.keep(b"x" * 200_000)
    assert (bool(blobs.disk.failed), is_full(caught.value)) == (failed, not failed)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_what_an_ended_process_left_in_the_spool_is_removed(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path / "blobs")
    assert blobs.clear_spool() == 0
    mine = blobs.spool()
    mine.write(b"x" * 10)
    (blobs.spool_folder / "mail-left").write_bytes(b"half a mail")
    assert blobs.clear_spool() == 1
    assert list(blobs.spool_folder.iterdir()) == [mine.path]
    mine.drop()
    assert list(blobs.spool_folder.iterdir()) == []


def test_content_in_pieces(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path / "blobs")
    content = blobs.put(b"%06d" % number for number in range(50_000))
    file = blobs.open(content.blob or "")
    whole = blobs.load(content.blob or "")
    assert (len(file), file.read(), b"".join(file.pieces(7, 1000)), file.head(10)) == (
        300_000,
        whole,
        whole[7:],
        whole[:10],
    )
    assert file.isascii()
    assert blobs.keep(whole) == content
    with pytest.raises(OSError, match="shorter"):
        list(ContentFile(file.path, 300_001).pieces())
