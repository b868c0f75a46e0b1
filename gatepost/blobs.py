"""Raw mail over 128 KB as content-addressed files; smaller mail is a row in the same transaction.

Large mail is never held whole: it is written to a spool file as it comes and read in pieces.
"""

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from gatepost.database import NO_ROOM, SyncFailed
from gatepost.disk import Disk, any_disk

IN_ROW = 128 * 1024
PIECE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Content:
    """A mail's octets ready to be stored: in the row, or as the name of a file that is already on disk."""

    data: bytes | None
    blob: str | None
    size: int


@dataclass(frozen=True, slots=True)
class ContentFile:
    """A mail's octets in a file, of `size` octets from its start; reading raises OSError."""

    path: Path
    size: int

    def __len__(self) -> int:
        return self.size

    def pieces(self, start: int = 0, piece: int = PIECE) -> Iterator[bytes]:
        """The octets from `start` on, a piece at a time."""
        with self.path.open("rb", buffering=0) as file:
            file.seek(start)
            left = self.size - start
            while left > 0 and (octets := file.read(min(piece, left))):
                left -= len(octets)
                yield octets
        if left > 0:
            raise OSError(f"{self.path} is shorter than it was")

    def head(self, most: int) -> bytes:
        """The first octets, at most so many."""
        return b"".join(self.pieces_of(min(most, self.size)))

    def pieces_of(self, most: int) -> Iterator[bytes]:
        """As `pieces`, of the first octets only."""
        return ContentFile(self.path, most).pieces()

    def read(self) -> bytes:
        """All octets at once: only under a share of the budget for large mail."""
        return b"".join(self.pieces(piece=self.size))

    def isascii(self) -> bool:
        """Whether all octets are ASCII; reads the file."""
        return all(piece.isascii() for piece in self.pieces())


class Spool:
    """A file that is being written, locked until it is dropped, as it has to be in the end, kept or not."""

    def __init__(self, folder: Path) -> None:
        self.descriptor, name = tempfile.mkstemp(dir=folder, prefix="mail-")
        fcntl.flock(self.descriptor, fcntl.LOCK_EX)
        self.path = Path(name)
        self.size = 0

    def write(self, octets: bytes) -> None:
        """Append octets. Raises OSError, for one where there is no room."""
        view = memoryview(octets)
        while view:
            written = os.write(self.descriptor, view)
            self.size += written
            view = view[written:]

    def finish(self) -> ContentFile:
        """What was written."""
        return ContentFile(self.path, self.size)

    def drop(self) -> None:
        """Close it, and remove it unless it has been kept (`Blobs.take`)."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1
            self.path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Blobs:
    """A folder of files named by the SHA-256 of what they hold, and beside it the spool of what is not yet whole."""

    root: Path
    disk: Disk = field(default_factory=any_disk)

    @property
    def spool_folder(self) -> Path:
        """Where mails are written to while they come."""
        return self.root.parent / "spool"

    def keep(self, content: bytes) -> Content:
        """Make content durable before the commit that names it: file and folder are synced. Raises OSError."""
        if len(content) <= IN_ROW:
            return Content(content, None, len(content))
        name = hashlib.sha256(content).hexdigest()
        if self.renew(name):
            return Content(None, name, len(content))
        spool = self.spool()
        try:
            spool.write(content)
            return self.take(spool.finish(), name)
        finally:
            spool.drop()

    def spool(self) -> Spool:
        """A new file to write a mail to. Raises OSError."""
        try:
            return Spool(self.spool_folder)
        except FileNotFoundError:
            self.spool_folder.mkdir(parents=True, exist_ok=True)
            return Spool(self.spool_folder)

    def take(self, content: ContentFile, name: str = "") -> Content:
        """Make a spooled mail the durable file of its SHA-256, which `name` may give. Raises OSError."""
        name = name or digest_of(content.pieces())
        target = self.file(name)
        if not self.renew(name):
            target.parent.mkdir(parents=True, exist_ok=True)
            self.sync(content.path)
            content.path.rename(target)
        for folder in (target.parent, target.parent.parent):
            self.sync(folder)
        return Content(None, name, content.size)

    def renew(self, name: str) -> bool:
        """Whether a file is there, which then is young again: nobody takes it for one that was left behind."""
        try:
            os.utime(self.file(name))
        except FileNotFoundError:
            return False
        return True

    def remove_old(self, path: Path, before: float) -> bool:
        """Remove a file that nobody has kept anew since `before`, in seconds of Unix time; whether it was.

        It is moved away first: who keeps it at this very moment writes it anew, or is seen by its time.
        """
        self.spool_folder.mkdir(parents=True, exist_ok=True)
        away = self.spool_folder / f"old-{path.name}"
        try:
            path.rename(away)
            if away.stat().st_mtime >= before:
                away.rename(path)
                return False
            away.unlink()
        except FileNotFoundError:
            return False
        return True

    def put(self, pieces: Iterable[bytes]) -> Content:
        """Make content durable that comes in pieces. Raises OSError."""
        spool, digest = self.spool(), hashlib.sha256()
        try:
            for piece in pieces:
                digest.update(piece)
                spool.write(piece)
            return self.take(spool.finish(), digest.hexdigest())
        finally:
            spool.drop()

    def passing(self, content: bytes) -> Iterator[bytes]:
        """The octets in pieces, from a file without a name, which is gone once nobody reads on. Raises OSError."""
        self.spool_folder.mkdir(parents=True, exist_ok=True)
        file = tempfile.TemporaryFile(dir=self.spool_folder)  # noqa: SIM115  closed with the iterator
        file.write(content)
        file.seek(0)
        return iter(partial(file.read, PIECE), b"")

    def sync(self, path: Path) -> None:
        """Have a file or folder on disk. Raises OSError; a SyncFailed of it is told to the disk's alarms."""
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno in NO_ROOM:
                raise
            failed = SyncFailed(error.errno, f"{error.strerror}: {path}")
            self.disk.fail(failed)
            raise failed from error
        finally:
            os.close(descriptor)

    def open(self, name: str) -> ContentFile:
        """A file, to be read in pieces. Raises OSError when it is gone."""
        path = self.file(name)
        return ContentFile(path, path.stat().st_size)

    def load(self, name: str) -> bytes:
        """The content of a file. Raises OSError when it is gone."""
        return self.file(name).read_bytes()

    def file(self, name: str) -> Path:
        """Where a blob lies. Raises ValueError for what is not a SHA-256."""
        if len(name) != 64 or not set(name) <= set("0123456789abcdef"):
            raise ValueError(f"not a blob name: {name!r}")
        return self.root / name[:2] / name

    def clear_spool(self) -> int:
        """Remove what ended processes left in the spool; how many files. Those of running ones are locked."""
        left = list(self.spool_folder.glob("mail-*")) if self.spool_folder.is_dir() else []
        return sum(is_orphan(path) for path in left)


def digest_of(pieces: Iterable[bytes]) -> str:
    """The SHA-256 of what comes in pieces."""
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


def is_orphan(path: Path) -> bool:
    """Remove a spool file whose writer is gone; whether it was one."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
    except OSError:
        return False
    return True
