"""The DATA step (RFC 5321 sections 4.1.1.4 and 4.5.2): streamed in blocks, dot-stuffed, and it knows where it was."""

import asyncio
import re
from collections.abc import Callable, Iterator
from typing import Any

from aiosmtplib.protocol import SMTPProtocol
from aiosmtplib.response import SMTPResponse

BLOCK = 65536
LINE_END = re.compile(rb"\r\n|\r|\n")


class LostAfterDot(Exception):
    """The final dot went out and no answer came back: the mail may or may not have been accepted."""


def canonical(content: bytes) -> bytes:
    """The content with CRLF as its only line end; the same object if it already is."""
    feeds = content.count(b"\n")
    if feeds == content.count(b"\r\n") == content.count(b"\r"):
        return content
    return LINE_END.sub(b"\r\n", content)


def stuffed(content: bytes, block: int = BLOCK) -> Iterator[bytes]:
    """Blocks of the canonical content with each line's leading dot doubled, ending in CRLF, without the final dot."""
    content = canonical(content)
    line_start = True
    for offset in range(0, len(content), block):
        piece = content[offset : offset + block]
        escaped = piece.replace(b"\n.", b"\n..")
        yield b"." + escaped if line_start and piece[0] == 0x2E else escaped
        line_start = piece[-1] == 0x0A
    if not line_start:
        yield b"\r\n"


async def send_content(
    protocol: SMTPProtocol,
    content: bytes,
    *,
    block_seconds: float,
    dot_seconds: float,
    before_dot: Callable[[], None],
) -> tuple[SMTPResponse, bool]:
    """Send the content after a 354; the answer, and whether the final dot had gone out.

    `before_dot` is called when all but the dot has been handed over: from there on nothing may give up lightly.
    Without the dot it is the answer of a server that has had enough, and the connection is of no further use. Raises
    LostAfterDot once the dot has gone out; before it ConnectionError, TimeoutError or SMTPException.
    """
    answer = asyncio.ensure_future(protocol.read_response())
    try:
        await asyncio.sleep(0)  # so that the reader is armed before anything is sent
        for piece in stuffed(content):
            protocol.write(piece)
            await flow(protocol, answer, block_seconds)
            if answer.done():
                return answer.result(), False
        before_dot()
        protocol.write(b".\r\n")
        try:
            return await asyncio.wait_for(asyncio.shield(answer), dot_seconds), True
        except Exception as error:
            raise LostAfterDot(str(error) or type(error).__name__) from error
    finally:
        answer.cancel()
        await asyncio.gather(answer, return_exceptions=True)


async def flow(protocol: SMTPProtocol, answer: "asyncio.Future[SMTPResponse]", seconds: float) -> None:
    """Wait until the transport takes more, or the server says something. Raises TimeoutError."""
    # what asyncio.StreamWriter.drain awaits too; a StreamWriter would close the connection when it is collected
    room = asyncio.ensure_future(protocol._drain_helper())
    waiting: set[asyncio.Future[Any]] = {room, answer}
    try:
        done, _ = await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if not done:
            raise TimeoutError("the server stopped reading")
        if room.done() and not answer.done():
            room.result()
    finally:
        room.cancel()
        await asyncio.gather(room, return_exceptions=True)
