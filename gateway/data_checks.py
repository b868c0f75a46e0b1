"""What the content of a mail may hold (RFC 5321 sections 2.3.8 and 4.5.3.1.6), and what is said where it does not."""

from gatepost.reply import Reply

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
