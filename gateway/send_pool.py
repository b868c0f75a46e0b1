"""Connections that stay open between transactions to the same hop, so that the next mail needs no new one."""

import asyncio

from gatepost.gateway.route import Hop
from gatepost.gateway.send_connection import Connection


class Pool:
    """Idle connections of one event loop, by hop; each is closed after `idle_seconds` or `uses` transactions."""

    def __init__(self, *, idle_seconds: float = 20, uses: int = 100, idle_per_hop: int = 20) -> None:
        self.idle_seconds = idle_seconds
        self.uses = uses
        self.idle_per_hop = idle_per_hop
        self._idle: dict[Hop, list[tuple[Connection, asyncio.TimerHandle]]] = {}

    def take(self, hop: Hop) -> Connection | None:
        """An idle connection to this hop that is still open; it is the caller's until given back."""
        waiting = self._idle.get(hop, [])
        while waiting:
            connection, timer = waiting.pop()
            timer.cancel()
            if connection.alive and connection.wire.in_step:
                return connection
            connection.quit()
        self._idle.pop(hop, None)
        return None

    def give(self, connection: Connection) -> None:
        """Keep a connection that is ready for MAIL, or close it."""
        waiting = self._idle.setdefault(connection.hop, [])
        if not connection.alive or connection.used >= self.uses or len(waiting) >= self.idle_per_hop:
            connection.quit()
            return
        timer = asyncio.get_running_loop().call_later(self.idle_seconds, self._expire, connection)
        waiting.append((connection, timer))

    async def close(self) -> None:
        """Close all idle connections cleanly; bounded by a second."""
        idle = [pair for waiting in self._idle.values() for pair in waiting]
        self._idle.clear()
        for _, timer in idle:
            timer.cancel()
        await asyncio.gather(*(connection.leave() for connection, _ in idle))

    def _expire(self, connection: Connection) -> None:
        waiting = [pair for pair in self._idle.get(connection.hop, []) if pair[0] is not connection]
        if waiting:
            self._idle[connection.hop] = waiting
        else:
            self._idle.pop(connection.hop, None)
        connection.quit()
