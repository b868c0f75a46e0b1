"""The content of a mail as it comes after DATA: a sans-I/O reader that ends only at CRLF.CRLF (RFC 5321 4.1.1.4)."""

from gatepost.reply import Reply

END = b"\r\n.\r\n"
DISCARD = 1.1

TOO_BIG = Reply(552, "5.3.4", "The message is larger than this server accepts")
LINE_TOO_LONG = Reply(550, "5.6.0", "A line of the message is longer than 998 octets (RFC 5321 section 4.5.3.1.6)")
BARE = Reply(
    550, "5.6.0", "The message holds a bare CR, a bare LF or a NUL; lines end with CRLF (RFC 5321 section 2.3.8)"
)


def unstuff(raw: bytes) -> bytes:
    """Content without the dots that the client doubled (RFC 5321 section 4.5.2)."""
    if raw.startswith(b"."):
        raw = raw[1:]
    return raw.replace(b"\r\n.", b"\r\n") if b"\r\n." in raw else raw


def is_canonical(content: bytes) -> bool:
    """Whether CR and LF come only as CRLF, and NUL not at all."""
    return b"\0" not in content and content.count(b"\n") == content.count(b"\r") == content.count(b"\r\n")


def normalise(content: bytes) -> bytes:
    """Content whose every line ends with CRLF, without NUL."""
    return content.replace(b"\0", b"").replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")


def has_long_line(content: bytes, limit: int) -> bool:
    """Whether a line has more than `limit` octets before its CRLF; looks back from it, so it skips most lines."""
    start = 0
    while len(content) - start > limit + 2:
        end = content.rfind(b"\n", start, start + limit + 2)
        if end < 0:
            return True
        start = end + 1
    return len(content) - start > limit and not content.endswith(b"\n")


class DataReader:
    """Takes octets until CRLF.CRLF and keeps at most `limit` of them, then only looks for the end.

    `strict` refuses bare CR, bare LF and NUL; otherwise they are normalised. `ended` is set at the end, `overrun` when
    the client goes on for more than 1.1 times the limit: then the connection has to be dropped. `size` counts the
    octets taken, `held` those kept in memory, `fault` is the reply to a message that will not be accepted.
    """

    __slots__ = (
        "_kept",
        "_open_line",
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

    def __init__(self, limit: int, *, strict: bool, line_limit: int = 998) -> None:
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

    def content(self) -> bytes:
        """The content, unstuffed, lines ended by CRLF; empty where there is a `fault`. Called once, at the end."""
        raw = b"".join(self._kept)
        self._kept.clear()
        self.held = 0
        if self.fault:
            return b""
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
            self._kept.append(chunk)
            self.held += len(chunk)

    def _discard(self, fault: Reply) -> None:
        self.fault = fault
        self._kept.clear()
        self.held = 0
