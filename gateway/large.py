"""Large mail read a piece at a time: its header block, and its body as DKIM hashes it (RFC 6376 section 3.4)."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from gatepost.blobs import IN_ROW, PIECE, ContentFile
from gatepost.gateway.canonical import MOST_HEADER, SPACES, with_crlf

Body = Callable[[], Iterable[bytes]]
"""A body that can be read more than once, in pieces; its lines end with CRLF."""
ENDS = b"\r\n" * 2048


def split_source(source: bytes | ContentFile) -> tuple[bytes, Body | None]:
    """A small mail as it is, without a body; of a large one the header block with its empty line, and the body.

    A large one without an empty line in its first 256 KB comes back as these, which is no mail.
    """
    if len(source) <= IN_ROW:
        return source if isinstance(source, bytes) else source.read(), None
    if isinstance(source, bytes):
        source = with_crlf(source)
    head = source[: MOST_HEADER + 4] if isinstance(source, bytes) else source.head(MOST_HEADER + 4)
    end = 2 if head.startswith(b"\r\n") else head.find(b"\r\n\r\n") + 4
    if end < 4 and not head.startswith(b"\r\n"):
        return head, None
    if isinstance(source, bytes):
        return head[:end], partial(slices, source, end)
    return head[:end], partial(source.pieces, end)


def slices(octets: bytes, start: int) -> Iterator[bytes]:
    """Octets from `start` on, a piece at a time."""
    return (octets[at : at + PIECE] for at in range(start, len(octets), PIECE))


def body_of(octets: bytes) -> Body:
    """A body in memory, in one piece where it is small."""
    return partial(slices, octets, 0) if len(octets) > IN_ROW else lambda: (octets,)


def body_digest(body: Body) -> bytes:
    """The SHA-256 of a relaxed body."""
    return hash_body(body, relaxed=True)[0]


def hash_body(body: Body, *, relaxed: bool) -> tuple[bytes, int]:
    """The SHA-256 of a canonical body, and how many octets it has."""
    digest, size = hashlib.sha256(), 0
    for piece in relaxed_pieces(body()) if relaxed else simple_pieces(body()):
        digest.update(piece)
        size += len(piece)
    return digest.digest(), size


def relaxed_pieces(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """As `relaxed_body`, in memory that does not grow with the body."""
    held, ends, any_text = b"", 0, False
    for piece in pieces:
        joined = held + piece
        kept = joined.rstrip(b" \t\r\n")
        tail = SPACES.sub(b" ", joined[len(kept) :]).replace(b" \r\n", b"\r\n")
        if kept:
            yield from line_ends(ends)
            yield SPACES.sub(b" ", kept).replace(b" \r\n", b"\r\n")
            ends, any_text = 0, True
        held = tail.lstrip(b"\r\n") if not tail.endswith(b"\r") else tail[tail.rfind(b"\n") + 1 :]
        ends += (len(tail) - len(held)) // 2
    if any_text:
        yield b"\r\n"


def simple_pieces(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The simple canonical form (section 3.4.3): one CRLF at the end in place of any number."""
    held, ends = b"", 0
    for piece in pieces:
        joined = held + piece
        kept = joined.rstrip(b"\r\n")
        tail = joined[len(kept) :]
        if kept:
            yield from line_ends(ends)
            yield kept
            ends = 0
        held = b"\r" if tail.endswith(b"\r") else b""
        ends += (len(tail) - len(held)) // 2
    yield b"\r\n"


def line_ends(count: int) -> Iterator[bytes]:
    """So many CRLF."""
    while count > 0:
        yield ENDS[: 2 * count]
        count -= len(ENDS) // 2
