"""One SMTP client's connection: octets in and out, TLS, deadlines. What is said on it is gateway/listener.py's."""

import asyncio
import ssl
from collections.abc import Callable
from typing import cast

from aiosmtpd.smtp import SMTP

from gatepost.gateway.data import DataReader
from gatepost.gateway.limits import Connections, Limits
from gatepost.reply import Reply

BUFFER = 64 * 1024
"""Octets of commands that wait to be read before the client is made to wait."""
REPLY_LIMIT = 500
QUOTES = str.maketrans("“”‘’–—…", "\"\"''--.")


class Gone(Exception):
    """The client has ended the connection, or we have."""


class LineTooLong(Exception):
    """The client sends a line without end."""


def reply_line(reply: Reply) -> bytes:
    """A reply on the wire: ASCII, one line of at most 512 octets (RFC 5321 section 4.5.3.1.5)."""
    text = str(reply).translate(QUOTES).encode("ascii", "replace")[:REPLY_LIMIT]
    return b" ".join(text.split()) + b"\r\n"


def ip_of(transport: asyncio.BaseTransport) -> str:
    """The client's address without a zone."""
    peer = transport.get_extra_info("peername")
    return str(peer[0]).partition("%")[0] if isinstance(peer, tuple) else ""


def tls_of(transport: asyncio.BaseTransport) -> str | None:
    """The name of the TLS version in use, or None."""
    secured = transport.get_extra_info("ssl_object")
    return str(secured.version()) if secured else None


def let_in(transport: asyncio.Transport, limits: Limits, connections: Connections) -> bool:
    """Count a new connection; one too many gets 421 and is closed."""
    refused = connections.enter(ip_of(transport), limits)
    if refused:
        transport.write(reply_line(Reply(421, "4.7.0", refused)))
        transport.close()
    return not refused


class Connection(SMTP):
    """The transport side of aiosmtpd's SMTP, with its own reading.

    The reader of aiosmtpd grows without bounds, its timer can be reset for ever, and the end of the client's stream
    cancels whatever runs, a commit included. Here nothing but the loop's end cancels the session.
    """

    def __init__(self, limits: Limits, connections: Connections, *, counted: bool = False) -> None:
        # Not SMTP.__init__: it inspects every member of two objects, which costs 0.2 ms for each connection.
        self.loop = asyncio.get_running_loop()
        asyncio.StreamReaderProtocol.__init__(self, asyncio.StreamReader(loop=self.loop), loop=self.loop)
        self.limits = limits
        self.connections = connections
        self.counted = counted
        self.tls: str | None = None
        self.ip = ""
        self.incoming = bytearray()
        self.outgoing = bytearray()
        self.sink: DataReader | None = None
        self.ended = False
        self.wire: asyncio.Transport
        self.began = self.since = self.last_read = self.loop.time()
        self._waiter: asyncio.Future[None] | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._held_back = False

    async def converse(self) -> None:
        """The session, from the greeting on."""
        raise NotImplementedError

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection, or refuse it with 421."""
        self.wire = cast(asyncio.Transport, transport)
        self.ip = ip_of(transport)
        self.tls = tls_of(transport)
        if not self.counted and not let_in(self.wire, self.limits, self.connections):
            self.ended = True
            return
        self._watch_until(self.due(), self._look)
        self.connections.sessions.add(self.loop.create_task(self._run()))

    def connection_lost(self, error: Exception | None) -> None:
        """Let the session find out by itself: what it commits at this moment is not to be broken off."""
        self.ended = True
        if self._watch:
            self._watch.cancel()
        asyncio.StreamReaderProtocol.connection_lost(self, None)
        self._wake()

    def eof_received(self) -> bool:
        """The client sends no more; over plain TCP it may still read its reply."""
        self.ended = True
        self._wake()
        return self.tls is None

    def data_received(self, data: bytes) -> None:
        """Octets go straight to the DATA reader while there is one, else into a buffer of limited size."""
        self.last_read = self.loop.time()
        if self.sink and not self.sink.ended:
            self.incoming += self.sink.feed(data)
            if not (self.sink.ended or self.sink.overrun):
                return
        else:
            self.incoming += data
        if len(self.incoming) > BUFFER:
            self.hold_back()
        self._wake()

    def hold_back(self) -> None:
        """Read no more from the client until the session waits for it anew."""
        if not self._held_back:
            self._held_back = True
            self.wire.pause_reading()

    def catch_up(self) -> None:
        """Read on, where the client was held back and the session waits."""
        if self._held_back:
            self._wake()

    async def more(self) -> None:
        """Send what is to be sent and wait for octets. Raises Gone."""
        await self.flush()
        if self.ended:
            raise Gone
        if self._held_back:
            self._held_back = False
            self.wire.resume_reading()
        self._waiter = self.loop.create_future()
        await self._waiter

    async def read_line(self, limit: int) -> bytes:
        """The next line without its CRLF; one that ends with a bare LF keeps it. Raises Gone and LineTooLong."""
        self.since = self.loop.time()
        start = 0
        while (end := self.incoming.find(b"\n", start)) < 0:
            start = len(self.incoming)
            if start > limit:
                raise LineTooLong
            await self.more()
        if end > limit:
            raise LineTooLong
        line = bytes(self.incoming[: end + 1])
        del self.incoming[: end + 1]
        return line.removesuffix(b"\r\n")

    async def read_data(self, sink: DataReader) -> None:
        """Let a DATA reader take octets to its end. Raises Gone."""
        self.since = self.last_read = self.loop.time()
        waiting = bytes(self.incoming)
        self.incoming.clear()
        self.incoming += sink.feed(waiting)
        self.sink = sink
        try:
            while not (sink.ended or sink.overrun):
                await self.more()
        finally:
            self.sink = None
            self.since = self.loop.time()

    def say(self, octets: bytes) -> None:
        """Put a reply into the queue; it leaves with the next wait for the client."""
        self.outgoing += octets

    async def flush(self) -> None:
        """Send the replies that are queued; waits while the client does not read. Raises Gone."""
        if self.outgoing and not self.wire.is_closing():
            self.wire.write(bytes(self.outgoing))
        self.outgoing.clear()
        try:
            await self._drain_helper()  # type: ignore[attr-defined]
        except ConnectionError:
            raise Gone from None

    async def start_tls(self, context: ssl.SSLContext) -> None:
        """Change to TLS and forget all that was said in the clear (RFC 3207 section 4.2). Raises Gone."""
        self.wire.pause_reading()
        await self.flush()
        if self.incoming:
            raise Gone
        try:
            wire = await self.loop.start_tls(
                self.wire, self, context, server_side=True, ssl_handshake_timeout=self.limits.tls_seconds
            )
        except (OSError, ssl.SSLError):
            raise Gone from None
        if wire is None:
            raise Gone
        self.wire = wire
        self.tls = tls_of(wire)

    def due(self) -> float:
        """When the connection is cut unless something happens, by the loop's clock."""
        patience = self.limits.command_seconds
        latest = self.began + self.limits.session_seconds
        if self.sink:
            earned = self.sink.size / self.limits.minimum_rate
            return min(latest, self.last_read + patience, self.since + patience + earned)
        return min(latest, self.since + patience)

    def hang_up(self) -> None:
        """Close after the queued replies are sent, and within five seconds in any case."""
        self.ended = True
        if not self.wire.is_closing():
            if self.outgoing:
                self.wire.write(bytes(self.outgoing))
            self.wire.close()
            self._watch_until(self.loop.time() + self.limits.closing_seconds, self.wire.abort)
        self.outgoing.clear()
        self._wake()

    async def _run(self) -> None:
        try:
            await self.converse()
        except Gone:
            pass
        except asyncio.CancelledError:
            self.say(reply_line(Reply(421, "4.3.2", "The server is shutting down; please try again later")))
            raise
        finally:
            self.connections.leave(self.ip)
            self.connections.sessions.discard(asyncio.current_task())
            self.hang_up()

    def _look(self) -> None:
        if self.loop.time() >= self.due():
            self.say(reply_line(Reply(421, "4.4.2", "You took too long; closing the connection")))
            self.hang_up()
        else:
            self._watch_until(self.due(), self._look)

    def _watch_until(self, when: float, then: Callable[[], None]) -> None:
        if self._watch:
            self._watch.cancel()
        self._watch = self.loop.call_at(when, then)

    def _wake(self) -> None:
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(None)
