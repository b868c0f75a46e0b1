"""The content of a large mail on its way into a file: unstuffed, checked and normalised piece by piece.

What comes over HTTP is copied as it is: there are no dots to take away.
"""

from typing import Protocol

import structlog

from gatepost.blobs import ContentFile, Spool
from gatepost.database import is_full
from gatepost.disk import NO_ROOM
from gatepost.gateway.canonical import with_crlf
from gatepost.gateway.data_checks import BARE, LINE_TOO_LONG, TOO_BIG, has_long_line, is_canonical, normalise
from gatepost.reply import TROUBLE, Reply

log = structlog.get_logger()
CLOSING = 3
"""Octets of `.CRLF`, which are not content; so many are held back until more have come."""


def trouble_of(error: OSError) -> Reply:
    """What is said of a disk that does not take a mail."""
    log.error("a mail could not be written to the spool", error=str(error))
    return NO_ROOM if is_full(error) else TROUBLE


def write_to(spool: Spool, octets: bytes) -> Reply | None:
    """Append octets to a spool file; what is said of a disk that does not take them."""
    try:
        spool.write(octets)
    except OSError as error:
        return trouble_of(error)
    return None


class Writing(Protocol):
    """What takes the octets of something large and writes them; `fault` is the reply where that does not go on."""

    spool: Spool
    fault: Reply | None

    def feed(self, octets: bytes) -> None:
        """Take octets as they come."""

    def end(self) -> ContentFile | None:
        """What was written, once all has been fed; None where there is a fault."""

    def drop(self) -> None:
        """Close the file, and remove it unless it has been kept."""


class Copying:
    """Takes octets and writes them as they are; with `lines` a bare CR or LF becomes CRLF, as where a mail is sent."""

    __slots__ = ("_held", "fault", "lines", "spool")

    def __init__(self, spool: Spool, *, lines: bool) -> None:
        self.spool = spool
        self.lines = lines
        self.fault: Reply | None = None
        self._held = b""

    def feed(self, octets: bytes) -> None:
        """Take octets as they come from the client."""
        if self.lines:
            octets = self._held + octets
            self._held = b"\r" if octets.endswith(b"\r") else b""  # an LF may follow, which belongs to it
            octets = with_crlf(octets.removesuffix(b"\r"))
        if self.fault is None:
            self.fault = write_to(self.spool, octets)

    def end(self) -> ContentFile | None:
        """What was written, once all has been fed; None where there is a fault."""
        if self._held and self.fault is None:
            self.fault = write_to(self.spool, b"\r\n")
        return None if self.fault else self.spool.finish()

    def drop(self) -> None:
        """Close the file, and remove it unless it has been kept."""
        self.spool.drop()


class Spooling:
    """Takes wire octets and writes content; `fault` is the reply to a mail that will not be accepted."""

    __slots__ = ("_before", "_held", "_line", "fault", "limit", "line_limit", "spool", "strict")

    def __init__(self, spool: Spool, limit: int, *, strict: bool, line_limit: int) -> None:
        self.spool = spool
        self.limit = limit
        self.line_limit = line_limit
        self.strict = strict
        self.fault: Reply | None = None
        self._held = b""
        self._before = b"\r\n"
        self._line = b""

    def feed(self, octets: bytes) -> None:
        """Take octets as they come from the client; those of the end of data too, as the last ones."""
        held = self._held + octets
        cut = max(len(held) - CLOSING, 0)
        if cut and held[cut - 1 : cut + 1] == b"\r\n":
            cut -= 1
        self._held = held[cut:]
        if cut and self.fault is None:
            self._take(held[:cut])

    def end(self) -> ContentFile | None:
        """The content, once all has been fed; None where there is a fault."""
        if self.fault is None:
            self._take(self._held[:-CLOSING])
        if self.fault is None and self.spool.size > self.limit:
            self.fault = TOO_BIG
        return None if self.fault else self.spool.finish()

    def drop(self) -> None:
        """Close the file, and remove it unless it has been kept."""
        self.spool.drop()

    def _take(self, raw: bytes) -> None:
        joined = self._before + raw
        content = joined.replace(b"\r\n.", b"\r\n")[len(self._before) :] if b"\r\n." in joined else raw
        self._before = joined[-2:]
        if self._is_long(content):
            self.fault = LINE_TOO_LONG
        elif not is_canonical(content):
            if self.strict:
                self.fault = BARE
            content = normalise(content)
        if self.fault is None:
            self.fault = write_to(self.spool, content)

    def _is_long(self, content: bytes) -> bool:
        """Whether a line that ends here has too many octets; the last one's are kept for the next piece."""
        joined = self._line + content
        end = joined.rfind(b"\n") + 1
        self._line = joined[end:]
        if len(self._line) > self.line_limit + 1:
            return True
        return has_long_line(joined[:end], self.line_limit)
