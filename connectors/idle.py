"""Watching one mailbox, without a socket: what to send, what the server's lines mean (IDLE, RFC 2177; else NOOP)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum, IntEnum

from gatepost.connectors.cursor import UID_LIMIT

SLICE_SECONDS = 300.0
"""One IDLE lasts no longer: a server may end it after 30 minutes, and what stands between us forgets us after 10."""
ANSWER_SECONDS = 60.0
AT_ONCE_SECONDS = 2.0
SLICE_OCTETS = 4 * 1024 * 1024
TAG = b"W"


class News(IntEnum):
    """What a line tells of the mailbox: nothing, that something changed, or that mail has come."""

    NONE = 0
    CHANGED = 1
    MAIL = 2


class Phase(Enum):
    """Where the talk stands: IDLE was asked for, holds, is being ended; folders are asked; or nothing is under way."""

    ASKED = "asked"
    IDLING = "idling"
    ENDING = "ending"
    ASKING = "asking"
    RESTING = "resting"


class Left(Exception):
    """The watching of this connection is over; the text is the server's, or ours."""


@dataclass(slots=True)
class Talk:
    """What is said on a connection whose folder is open; times are seconds of any clock that only goes forward.

    `folders`: further folders, encoded and quoted, whose STATUS is compared after each slice. `exists`: messages in the
    open folder. `rest_seconds`: between two NOOPs where there is no IDLE. `begin`, `take` and `tick` return what to
    send, and raise Left.
    """

    idles: bool
    folders: Sequence[bytes]
    exists: int
    rest_seconds: float
    jitter: Callable[[], float]
    phase: Phase = Phase.RESTING
    until: float = 0.0
    news: News = News.NONE
    watching: bool = False
    number: int = 0
    since: float = 0.0
    octets: int = 0
    statuses: list[bytes] = field(default_factory=list)
    before: tuple[bytes, ...] | None = None

    def begin(self, now: float) -> bytes:
        """The first words: how the other folders stand, then IDLE."""
        return self.ask(now)

    def take(self, line: bytes, now: float) -> bytes:
        """Hear a line with its end. Mail that came before we watched is told as soon as we do."""
        self.octets += len(line)
        if self.octets > SLICE_OCTETS:
            raise Left("it sent far more than was asked for")
        words = line.split(None, 3)
        if line[:1] == b"+":
            if self.phase is Phase.ASKED:
                self.go(Phase.IDLING, now, SLICE_SECONDS * (0.8 + 0.2 * self.jitter()))
                self.begin_watching()
            return b""
        if words[:1] == [b"*"]:
            self.hear(words, line)
            return b""
        if words[:1] == [self.tag]:
            return self.answered(words[1].upper() if len(words) > 1 else b"", line, now)
        return b""

    def tick(self, now: float) -> bytes:
        """What is to be said when time has passed."""
        if now < self.until:
            return b""
        if self.phase is Phase.IDLING:
            self.go(Phase.ENDING, now, ANSWER_SECONDS)
            return b"DONE\r\n"
        if self.phase is Phase.RESTING:
            return self.ask(now)
        raise Left("it stopped answering")

    def farewell(self) -> bytes:
        """What is said before the connection is closed."""
        return (b"DONE\r\n" if self.phase is Phase.IDLING else b"") + TAG + b"0 LOGOUT\r\n"

    @property
    def tag(self) -> bytes:
        """The tag of the last command."""
        return TAG + str(self.number).encode()

    def go(self, phase: Phase, now: float, seconds: float) -> None:
        self.phase, self.since, self.until = phase, now, now + seconds

    def begin_watching(self) -> None:
        if not self.watching:
            self.watching = True
            self.news = News.MAIL

    def command(self, words: bytes) -> bytes:
        self.number += 1
        return self.tag + b" " + words + b"\r\n"

    def idle(self, now: float) -> bytes:
        self.go(Phase.ASKED, now, ANSWER_SECONDS)
        return self.command(b"IDLE")

    def ask(self, now: float) -> bytes:
        """NOOP, and the STATUS of each further folder, all at once; the answer to the last one counts."""
        self.octets = 0
        if self.idles and not self.folders:
            return self.idle(now)
        self.statuses.clear()
        self.go(Phase.ASKING, now, ANSWER_SECONDS)
        asked = [b"STATUS " + name + b" (MESSAGES UIDNEXT UIDVALIDITY)" for name in self.folders]
        return b"".join(self.command(words) for words in [*asked, b"NOOP"])

    def answered(self, result: bytes, line: bytes, now: float) -> bytes:
        """Hear the end of the last command."""
        if self.phase is Phase.ASKING and result in (b"OK", b"NO"):
            return self.compared(now)
        if self.phase is Phase.ENDING and result == b"OK":
            return self.ask(now)
        if self.phase is Phase.IDLING and result == b"OK" and now - self.since >= AT_ONCE_SECONDS:
            return self.ask(now)  # the server has ended it by itself
        if self.phase in (Phase.ASKED, Phase.IDLING) and result != b"":
            self.idles = False  # it offers what it does not do
            return self.rest(now)
        raise Left(line.decode("ascii", "replace"))

    def compared(self, now: float) -> bytes:
        """How the further folders stand now, compared with before."""
        statuses = tuple(sorted(self.statuses))
        if self.before is not None and statuses != self.before:
            self.news = max(self.news, News.MAIL)
        self.before = statuses
        return self.idle(now) if self.idles else self.rest(now)

    def rest(self, now: float) -> bytes:
        self.go(Phase.RESTING, now, self.rest_seconds)
        self.begin_watching()
        return b""

    def hear(self, words: Sequence[bytes], line: bytes) -> None:
        """Hear an untagged line."""
        name = words[1].upper() if len(words) > 1 else b""
        if name == b"BYE":
            raise Left(line.decode("ascii", "replace"))
        if name == b"STATUS" and self.phase is Phase.ASKING:
            self.statuses.append(line)
        elif name == b"VANISHED":
            self.exists = -1
            self.news = max(self.news, News.CHANGED)
        elif name.isdigit() and len(words) > 2:
            self.count(min(int(name[:11]), UID_LIMIT), words[2].strip().upper())

    def count(self, number: int, what: bytes) -> None:
        """`n EXISTS` with the same n is no news; some servers repeat it after every command."""
        if what == b"EXISTS" and number != self.exists:
            found = News.MAIL if number > self.exists else News.CHANGED
            self.exists = number
        elif what == b"EXPUNGE":
            found = News.CHANGED
            self.exists -= 1
        elif what == b"FETCH":
            found = News.CHANGED
        else:
            found = News.NONE
        self.news = max(self.news, found)

    def take_news(self) -> News:
        """What has been told since the last call."""
        news, self.news = self.news, News.NONE
        return news


def idle_words(word: str, why: str, poll_seconds: float) -> str:
    """How a mailbox is watched, in a sentence for people; no word where no process watches it."""
    every = f"every {poll_seconds:g} s"
    match word:
        case "idle":
            return "The server tells of new mail at once (IDLE)."
        case "asking":
            return f"The server does not tell of new mail (no IDLE): it is asked {every}."
        case "waiting" if why:
            return f"The server does not tell of new mail just now: {why} It is asked {every} meanwhile."
        case _:
            return f"The server is asked for new mail {every}."
