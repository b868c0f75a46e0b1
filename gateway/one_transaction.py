"""Deliveries of one mail that begin at about the same time, brought together: one transaction, one copy in Sent."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from gatepost.gateway.outbox import Outgoing
from gatepost.gateway.send import Sent
from gatepost.gateway.send_all import MOST

WAIT = 0.15
"""Seconds that the first delivery of a mail waits for the others."""

SendAll = Callable[[Sequence[Outgoing]], Awaitable[dict[str, Sent]]]


@dataclass(slots=True)
class Group:
    """Deliveries that wait for each other, and the task that will send them."""

    members: list[Outgoing] = field(default_factory=list)
    task: asyncio.Task[dict[str, Sent]] | None = None


@dataclass(slots=True)
class Gathering:
    """Of one event loop and one way out."""

    send: SendAll
    wait: float = WAIT
    groups: dict[object, Group] = field(default_factory=dict)

    async def attempt(self, outgoing: Outgoing) -> Sent:
        """One delivery's part of the transaction. When it is cancelled, the transaction is, as if it were alone."""
        key = (outgoing.claim.message_id, not outgoing.mail_from, outgoing.content)
        group = self.groups.get(key)
        if group is None:
            group = self.groups[key] = Group()
        group.members.append(outgoing)
        if group.task is None:
            group.task = asyncio.create_task(self.run(key, group))
        if len(group.members) >= MOST:
            self.groups.pop(key, None)
        try:
            return (await asyncio.shield(group.task))[outgoing.recipient]
        except asyncio.CancelledError:
            group.task.cancel()
            return (await group.task)[outgoing.recipient]

    async def run(self, key: object, group: Group) -> dict[str, Sent]:
        """Wait for the others, then send to all."""
        await asyncio.sleep(self.wait)
        if self.groups.get(key) is group:
            del self.groups[key]
        return await self.send(group.members)
