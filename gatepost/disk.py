"""The file system under `var`: whether there is room to take mail, and whether it can still be trusted."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from gatepost.reply import Reply
from gatepost.settings import Settings

MEGABYTE = 1024 * 1024
LEAST = 100 * MEGABYTE
REMEMBERED = 1.0

NO_ROOM = Reply(452, "4.3.1", "There is no room to store mail at the moment; please try again later")
FAILED = Reply(421, "4.3.0", "The storage of this server has failed; please try again later")

log = structlog.get_logger("disk")


@dataclass(frozen=True, slots=True)
class Room:
    """Free octets and files (inodes) of a file system, and how many files it can have; 0 where it does not count."""

    octets: int
    files: int
    most_files: int


@dataclass(slots=True)
class Disk:
    """Mail is taken while `least` octets and `least_files` per cent of the files are free under `folder`.

    After one failed sync nothing is trusted any more: what was reported as written may be gone (`failed` says why),
    and each of `alarms` is called once, from any thread. 0 asks for no room.
    """

    folder: Path
    least: int = 0
    least_files: float = 0
    steady: Callable[[], float] = time.monotonic
    alarms: list[Callable[[], None]] = field(default_factory=list)
    failed: str = ""
    _looked: float = -REMEMBERED
    _low: str = ""

    def refusal(self) -> Reply | None:
        """The reply to a mail that cannot be taken now: 452 without room, 421 once a sync has failed."""
        if self.failed:
            return FAILED
        return NO_ROOM if self.low() else None

    def low(self) -> str:
        """What is short, as a sentence; empty where there is room. The file system is asked once a second."""
        now = self.steady()
        if now - self._looked >= REMEMBERED:
            before, self._low, self._looked = self._low, self.shortage(), now
            if bool(before) != bool(self._low):
                log.warning("no mail is taken: " + self._low if self._low else "there is room again, mail is taken")
        return self._low

    def shortage(self) -> str:
        """As `low`, asked now."""
        room = self.room()
        if room is None:
            return ""
        if room.octets < self.least:
            return (
                f"{room.octets / MEGABYTE:,.1f} MB are free under {self.folder}, needed are {self.least // MEGABYTE:,}"
            )
        if room.files * 100 < room.most_files * self.least_files:
            return f"{room.files:,} more files fit under {self.folder}, needed are {self.least_files:g} % of all"
        return ""

    def room(self) -> Room | None:
        """What is free; None where the file system does not tell."""
        try:
            found = os.statvfs(self.folder)
        except OSError:
            return None
        return Room(found.f_bavail * found.f_frsize, found.f_favail, found.f_files)

    def fail(self, error: BaseException) -> None:
        """A sync has failed: take nothing more, and tell those who end the process."""
        if self.failed:
            return
        self.failed = f"{type(error).__name__}: {getattr(error, 'orig', error)}"
        log.critical("the disk failed to sync: nothing more is accepted, serving stops", error=self.failed)
        for alarm in self.alarms:
            alarm()


def disk_of(settings: Settings) -> Disk:
    """The disk under `var`; by default 1.5 times the largest mail must be free, and 100 MB at least."""
    least = settings.disk_free
    if least is None:
        least = max(settings.message_size * 3 // 2, LEAST)
    return Disk(settings.path(settings.var), least, settings.disk_free_inodes)


def any_disk() -> Disk:
    """One that asks for no room, for what stands alone."""
    return Disk(Path())
