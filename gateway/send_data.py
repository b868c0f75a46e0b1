"""The DATA step (RFC 5321 sections 4.1.1.4 and 4.5.2): streamed in blocks, dot-stuffed, and it knows where it was."""

import asyncio
import re
from collections.abc import Callable, Iterable, Iterator

from aiosmtplib.response import SMTPResponse

from gatepost.blobs import ContentFile
from gatepost.gateway.send_wire import Wire

BLOCK = 65536
FILE_BLOCK = 4 * BLOCK
"""What is read from a file at a time, in a thread: a slow disk holds up this mail only."""
DOT = b".\r\n"
LINE_END = re.compile(rb"\r\n|\r|\n")


class LostAfterDot(Exception):
    """The final dot went out and no answer came back: the mail may or may not have been accepted."""


def canonical(content: bytes) -> bytes:
    """The content with CRLF as its only line end; the same object if it already is."""
    feeds = content.count(b"\n")
    if feeds == content.count(b"\r\n") == content.count(b"\r"):
        return content
    return LINE_END.sub(b"\r\n", content)


def blocks(content: bytes | ContentFile, block: int = BLOCK) -> Iterable[bytes]:
    """The canonical content in pieces; what lies in a file was made canonical when it was accepted."""
    if isinstance(content, ContentFile):
        return content.pieces(piece=block)
    whole = canonical(content)
    return (whole[offset : offset + block] for offset in range(0, len(whole), block))


def stuffed(content: bytes | ContentFile, block: int = BLOCK) -> Iterator[bytes]:
    """Blocks of the canonical content with each line's leading dot doubled, ending in CRLF, without the final dot."""
    line_start = True
    for piece in blocks(content, block):
        escaped = piece.replace(b"\n.", b"\n..")
        yield b"." + escaped if line_start and piece[0] == 0x2E else escaped
        line_start = piece[-1] == 0x0A
    if not line_start:
        yield b"\r\n"


async def next_piece(pieces: Iterator[bytes], content: bytes | ContentFile) -> bytes:
    """The next block, from a file in a thread; none at the end. Raises OSError."""
    if isinstance(content, bytes):
        return next(pieces, b"")
    return await asyncio.to_thread(next, pieces, b"")


async def send_content(
    wire: Wire,
    content: bytes | ContentFile,
    *,
    block_seconds: float,
    dot_seconds: float,
    before_dot: Callable[[], None],
) -> tuple[SMTPResponse, bool]:
    """Send the content after a 354; the answer, and whether the final dot had gone out.

    `before_dot` is called when all but the dot has been handed over: from there on nothing may give up lightly.
    Without the dot it is the answer of a server that has had enough, and the connection is of no further use. Raises
    LostAfterDot once the dot has gone out; before it ConnectionError, TimeoutError, OSError or SMTPException.
    """
    last = b""
    pieces = stuffed(content) if isinstance(content, bytes) else stuffed(content, FILE_BLOCK)
    while piece := await next_piece(pieces, content):
        if last:
            wire.write(last)
            await wire.room(block_seconds)
            if wire.answers:
                return wire.answers.popleft(), False
        last = piece
    before_dot()
    wire.write(last + DOT)
    try:
        return await wire.answer(dot_seconds), True
    except asyncio.CancelledError as error:
        raise LostAfterDot("sending was stopped") from error
    except Exception as error:
        raise LostAfterDot(str(error) or type(error).__name__) from error
