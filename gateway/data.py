"""The content of a mail as it comes after DATA: a sans-I/O reader that ends only at CRLF.CRLF (RFC 5321 4.1.1.4)."""

from collections.abc import Callable

from gatepost.blobs import IN_ROW, ContentFile, Spool
from gatepost.gateway.data_checks import (
    BARE,
    LINE_TOO_LONG,
    TOO_BIG,
    has_long_line,
    is_canonical,
    normalise,
    unstuff,
)
from gatepost.gateway.spooling import Spooling, trouble_of
from gatepost.gateway.spooling_behind import SpoolingBehind
from gatepost.reply import Reply

END = b"\r\n.\r\n"
DISCARD = 1.1
Behind = Callable[[Callable[[], Spooling]], SpoolingBehind]


class DataReader:
    """Takes octets until CRLF.CRLF and keeps at most `limit` of them, then only looks for the end.

    Over 128 KB it goes on in a file of `spool`, which `drop` removes where nobody kept it; without one, in memory.
    `behind` leaves that to threads: then `content` is called after all is written.
    `strict` refuses bare CR, bare LF and NUL; otherwise they are normalised. `ended` is set at the end, `overrun` when
    the client goes on for more than 1.1 times the limit: then the connection has to be dropped. `size` counts the
    octets taken, `held` those kept in memory, `fault` is the reply to a message that will not be accepted.
    """

    __slots__ = (
        "_behind",
        "_kept",
        "_open_line",
        "_spool",
        "_spooling",
        "_tail",
        "ended",
        "fault",
        "held",
        "limit",
        "line_limit",
        "overrun",
        "size",
        "strict",
    )

    def __init__(
        self,
        limit: int,
        *,
        strict: bool,
        line_limit: int = 998,
        spool: Callable[[], Spool] | None = None,
        behind: Behind | None = None,
    ) -> None:
        self.limit = limit
        self.line_limit = line_limit
        self.strict = strict
        self.size = 0
        self.held = 0
        self.ended = False
        self.overrun = False
        self.fault: Reply | None = None
        self._kept: list[bytes] = []
        self._tail = b"\r\n"
        self._open_line = 0
        self._spool = spool
        self._behind = behind
        self._spooling: Spooling | SpoolingBehind | None = None

    def feed(self, chunk: bytes) -> bytes:
        """Take octets; returns those behind the end, which belong to the next commands."""
        tail = self._tail
        seam = (tail + chunk[:4]).find(END)
        if seam >= 0:
            end = seam + len(END) - len(tail)
        else:
            found = chunk.find(END)
            end = found + len(END) if found >= 0 else -1
        if end < 0:
            self._take(chunk)
            self._tail = (tail + chunk)[-4:] if len(chunk) < 4 else chunk[-4:]
            return b""
        self._take(chunk[:end])
        self.ended = True
        return chunk[end:]

    def content(self) -> bytes | ContentFile:
        """The content, unstuffed, lines ended by CRLF; empty where there is a `fault`. Called once, at the end."""
        if self.fault:
            return b""
        if self._spooling:
            file = self._spooling.end()
            self.fault = self._spooling.fault
            return file or b""
        raw = b"".join(self._kept)
        self._kept.clear()
        self.held = 0
        content = unstuff(raw[:-3])
        if len(content) > self.limit:
            self.fault = TOO_BIG
        elif has_long_line(content, self.line_limit):
            self.fault = LINE_TOO_LONG
        elif not is_canonical(content):
            if not self.strict:
                return normalise(content)
            self.fault = BARE
        return b"" if self.fault else content

    def drop(self) -> None:
        """Forget all, and remove the file where there is one that was not kept."""
        self._kept.clear()
        self.held = 0
        if self._spooling:
            self._spooling.drop()

    def _take(self, chunk: bytes) -> None:
        self.size += len(chunk)
        if self.size > self.limit * DISCARD + 1024:
            self.overrun = True
        line = chunk.rfind(b"\n")
        self._open_line = self._open_line + len(chunk) if line < 0 else len(chunk) - line - 1
        if self.fault is None and self._open_line > self.line_limit + 2:
            self._discard(LINE_TOO_LONG)
        if self.fault is None and self.size > self.limit + self.limit // 16 + 1024:
            self._discard(TOO_BIG)
        if self.fault is None:
            self._keep(chunk)

    def _keep(self, chunk: bytes) -> None:
        if self._spooling:
            self._spooling.feed(chunk)
            if self._spooling.fault:
                self._discard(self._spooling.fault)
            return
        self._kept.append(chunk)
        self.held += len(chunk)
        if self._spool and self.held > IN_ROW:
            self._go_on_in_file(self._spool)

    def _go_on_in_file(self, spool: Callable[[], Spool]) -> None:
        def begin() -> Spooling:
            return Spooling(spool(), self.limit, strict=self.strict, line_limit=self.line_limit)

        try:
            self._spooling = self._behind(begin) if self._behind else begin()
        except OSError as error:
            self._discard(trouble_of(error))
            return
        kept, self._kept, self.held = b"".join(self._kept), [], 0
        self._keep(kept)

    def _discard(self, fault: Reply) -> None:
        self.fault = fault
        self.drop()
