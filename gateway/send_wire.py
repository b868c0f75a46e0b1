"""The octets of an open SMTP session as a client: commands out, answers in, in order (RFC 5321 section 4.2, RFC 2920).

aiosmtplib opens the session; from then on this takes its transport over, because several commands may be on their way.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import cast

from aiosmtplib import SMTP, SMTPReadTimeoutError, SMTPResponseException, SMTPServerDisconnected
from aiosmtplib.response import SMTPResponse

LINE_LIMIT = 8192
ANSWER_LIMIT = 4 * LINE_LIMIT
ANSWERS_WAITING = 16
"""More that nobody has asked for is no SMTP."""
NOT_SMTP = -1
AFTER_CODE = (b" ", b"-", b"\r", b"\n")
"""What may follow the three digits (RFC 5321 section 4.2.1): else `2500` would be read as 250."""


class Wire(asyncio.Protocol):
    """Answers as they come; after the first trouble there are none any more, only the trouble."""

    def __init__(self, transport: asyncio.Transport, rest: bytes = b"") -> None:
        self.loop = asyncio.get_running_loop()
        self.transport = transport
        self.buffer = bytearray()
        self.lines: list[str] = []
        self.held = 0
        self.answers: deque[SMTPResponse] = deque()
        self.trouble: Exception | None = None
        self.closed = False
        self.paused = False
        self.waiter: asyncio.Future[None] | None = None
        if rest:
            self.data_received(rest)

    @property
    def alive(self) -> bool:
        """Whether it can still be spoken on."""
        return self.trouble is None and not self.transport.is_closing()

    @property
    def in_step(self) -> bool:
        """Whether nothing was said that was not asked for."""
        return not (self.answers or self.buffer or self.lines)

    def early(self) -> SMTPResponse | None:
        """An answer that came before what it should answer."""
        return self.answers.popleft() if self.answers else None

    def write(self, octets: bytes) -> None:
        """Send. Raises the trouble there was, or SMTPServerDisconnected."""
        if self.trouble:
            raise self.trouble
        if self.transport.is_closing():
            raise SMTPServerDisconnected("Connection lost")
        self.transport.write(octets)

    async def answer(self, seconds: float) -> SMTPResponse:
        """The next answer. Raises SMTPReadTimeoutError, SMTPResponseException and SMTPServerDisconnected."""
        await self.wait(seconds, "Timed out waiting for server response", lambda: bool(self.answers))
        if self.answers:
            return self.answers.popleft()
        raise self.trouble or SMTPServerDisconnected("Connection lost")

    async def room(self, seconds: float) -> None:
        """Wait until the transport takes more, or the server says something. Raises TimeoutError."""
        await asyncio.sleep(0)  # what the server may have said is read now
        await self.wait(seconds, "the server stopped reading", lambda: not self.paused or bool(self.answers))
        if self.trouble and not self.answers:
            raise self.trouble

    def close(self) -> None:
        """End the connection; what was written still goes out."""
        self.transport.close()

    def abort(self) -> None:
        """End the connection at once: a server that does not read could hold it open for ever."""
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Read the lines that are whole."""
        self.buffer += data
        while self.trouble is None and (end := self.buffer.find(b"\n")) >= 0:
            line = bytes(self.buffer[: end + 1])
            del self.buffer[: end + 1]
            self.read_line(line)
        if len(self.buffer) > LINE_LIMIT:
            self.fail(SMTPResponseException(NOT_SMTP, "Response too long"))
        self.wake()

    def read_line(self, line: bytes) -> None:
        """One line of an answer; the last one has no dash after its code."""
        self.held += len(line)
        if len(line) > LINE_LIMIT or self.held > ANSWER_LIMIT or len(self.answers) >= ANSWERS_WAITING:
            self.fail(SMTPResponseException(NOT_SMTP, "Response too long"))
            return
        if not line[:3].isdigit() or line[3:4] not in AFTER_CODE:
            shown = line.decode("utf-8", "ignore")
            self.fail(SMTPResponseException(NOT_SMTP, f"Malformed SMTP response line: {shown}"))
            return
        self.lines.append(line[4:].strip(b" \t\r\n").decode("utf-8", "surrogateescape"))
        if line[3:4] != b"-":
            self.answers.append(SMTPResponse(int(line[:3]), "\n".join(self.lines)))
            self.lines, self.held = [], 0

    def eof_received(self) -> bool:
        """The server says no more, and so do we."""
        self.fail(SMTPServerDisconnected("Unexpected EOF received"))
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """Nothing can be said any more."""
        self.closed = True
        lost = SMTPServerDisconnected("Connection lost")
        lost.__cause__ = error
        self.fail(lost)

    def pause_writing(self) -> None:
        """The server reads slower than we write."""
        self.paused = True

    def resume_writing(self) -> None:
        """The server reads again."""
        self.paused = False
        self.wake()

    def fail(self, error: Exception) -> None:
        self.trouble = self.trouble or error
        self.wake()

    def wake(self) -> None:
        if self.waiter and not self.waiter.done():
            self.waiter.set_result(None)

    async def wait(self, seconds: float, late: str, done: Callable[[], bool]) -> None:
        """Until it is done or there is trouble. Raises SMTPReadTimeoutError with `late`."""
        deadline = self.loop.time() + seconds
        while not done() and self.trouble is None:
            self.waiter = self.loop.create_future()
            timer = self.loop.call_at(deadline, self.wake)
            try:
                await self.waiter
            finally:
                timer.cancel()
                self.waiter = None
            if self.loop.time() >= deadline and not done() and self.trouble is None:
                raise SMTPReadTimeoutError(late)


def take_over(client: SMTP) -> Wire:
    """The wire of a session that aiosmtplib has opened, and may not use any more. Raises SMTPServerDisconnected."""
    protocol = client.protocol
    transport = cast(asyncio.Transport | None, protocol.transport if protocol else None)
    if protocol is None or transport is None or transport.is_closing():
        raise SMTPServerDisconnected("Connection lost")
    wire = Wire(transport, bytes(protocol._buffer))
    transport.set_protocol(wire)
    return wire
