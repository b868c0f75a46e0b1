"""How far the history may be read by who must not miss an event.

On SQLite writers follow each other, so numbers appear in their order. On PostgreSQL a transaction that took a lower
number may commit after one with a higher, so a position is only moved up to what was there before every transaction
that is still open.
"""

from dataclasses import dataclass

from sqlalchemy import text
from sqlmodel import Session

from gatepost.store.events import last_seq

UNSTORED = 5000
"""So many events at most are looked at again after a restart."""
SNAPSHOT = text("SELECT pg_snapshot_xmin(s)::text, pg_snapshot_xmax(s)::text FROM pg_current_snapshot() AS s")


@dataclass(frozen=True, slots=True)
class Mark:
    """The newest event at a moment, the oldest transaction open then, and the next one to come; 0 where not needed."""

    seq: int = 0
    oldest: int = 0
    next: int = 0


def mark(session: Session) -> Mark:
    """Where the history stands now."""
    seq = last_seq(session)
    if session.get_bind().dialect.name == "sqlite":
        return Mark(seq)
    oldest, following = session.execute(SNAPSHOT).one()
    return Mark(seq, int(oldest), int(following))


def settled(earlier: Mark, now: Mark) -> bool:
    """Whether all that was being written at the earlier mark has ended by the later one."""
    return now.oldest >= earlier.next


class Horizon:
    """What a consumer of events may read up to; fed with a mark at each of its rounds.

    `passed` is how far it has read without finding anything to do, where that is not stored: to store each step would
    take the right to write from those who have something to write. While it is `behind`, there is more that may only be
    read when others have ended.
    """

    def __init__(self) -> None:
        self.seq = 0
        self.behind = False
        self.pending: Mark | None = None
        self.passed = 0

    def pass_over(self, stored: int, until: int) -> bool:
        """Nothing is to be done for the events up to `until`: False where that should be stored now and then."""
        self.passed = until
        return until - stored < UNSTORED

    def move(self, now: Mark) -> int:
        """The highest number below which nothing can appear any more."""
        if not now.next:
            self.seq = now.seq
        elif self.pending is None:
            self.pending = now
        elif settled(self.pending, now):
            self.seq, self.pending = self.pending.seq, now
        self.behind = self.seq < now.seq
        return self.seq
