"""Raw mail over 128 KB as content-addressed files; smaller mail is a row in the same transaction."""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

IN_ROW = 128 * 1024


@dataclass(frozen=True, slots=True)
class Content:
    """A mail's octets ready to be stored: in the row, or as the name of a file that is already on disk."""

    data: bytes | None
    blob: str | None
    size: int


@dataclass(frozen=True, slots=True)
class Blobs:
    """A folder of files named by the SHA-256 of what they hold."""

    root: Path

    def keep(self, content: bytes) -> Content:
        """Make content durable before the commit that names it: file and folder are synced. Raises OSError."""
        if len(content) <= IN_ROW:
            return Content(content, None, len(content))
        name = hashlib.sha256(content).hexdigest()
        target = self.file(name)
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            write_synced(target, content)
        return Content(None, name, len(content))

    def load(self, name: str) -> bytes:
        """The content of a file. Raises OSError when it is gone."""
        return self.file(name).read_bytes()

    def file(self, name: str) -> Path:
        """Where a blob lies. Raises ValueError for what is not a SHA-256."""
        if len(name) != 64 or not set(name) <= set("0123456789abcdef"):
            raise ValueError(f"not a blob name: {name!r}")
        return self.root / name[:2] / name


def write_synced(target: Path, content: bytes) -> None:
    """Write beside the target, sync, rename, sync the folders: after a power cut the file is whole or not there."""
    descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=".new-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).rename(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    for folder in (target.parent, target.parent.parent):
        sync_folder(folder)


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
