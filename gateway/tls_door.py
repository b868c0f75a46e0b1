"""Implicit TLS (RFC 8314) whose clients are counted and refused before the handshake, not after it."""

import asyncio
import os
import socket
import ssl
from collections.abc import Callable
from typing import cast

from gatepost.gateway.connection import Connection, ip_of, let_in
from gatepost.gateway.limits import Connections, Limits


class TlsDoor(asyncio.Protocol):
    """Takes a plain connection and hands its socket over to TLS and then to a Connection that is already counted.

    The event loops' own TLS servers tell nothing of a client that connects and stays silent, and `loop.start_tls` comes
    too late under uvloop, which reads before it is asked to.
    """

    def __init__(
        self, limits: Limits, connections: Connections, context: ssl.SSLContext, make: Callable[[], Connection]
    ) -> None:
        self.limits = limits
        self.connections = connections
        self.context = context
        self.make = make

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection and give its socket away; nothing has been read from it."""
        wire = cast(asyncio.Transport, transport)
        if not let_in(wire, self.limits, self.connections):
            return
        ip = ip_of(wire)
        try:
            twin = socket.socket(fileno=os.dup(wire.get_extra_info("socket").fileno()))
        except OSError:
            self.connections.leave(ip)
        else:
            self.connections.sessions.add(asyncio.get_running_loop().create_task(self.secure(twin, ip)))
        wire.abort()

    async def secure(self, twin: socket.socket, ip: str) -> None:
        """The handshake; the session that follows counts itself out."""
        twin.setblocking(False)
        loop = asyncio.get_running_loop()
        try:
            await loop.connect_accepted_socket(
                self.make, twin, ssl=self.context, ssl_handshake_timeout=self.limits.tls_seconds
            )
        except OSError:
            self.connections.leave(ip)
            twin.close()
        finally:
            self.connections.sessions.discard(asyncio.current_task())
