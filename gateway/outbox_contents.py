"""The mails that the outbox has to hand: read once for all their recipients, large ones left in their file."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress

from gatepost.blobs import ContentFile
from gatepost.database import AWAY
from gatepost.gateway.accept import Gate
from gatepost.store.deliveries import Claim
from gatepost.store.messages import open_raw, small_raws

KEPT = 8
Octets = bytes | ContentFile
"""A mail as it is sent: its octets, or the file that has them."""


class Contents:
    """What was read last; loop side only."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.kept: OrderedDict[str, Octets] = OrderedDict()

    async def of(self, claims: Sequence[Claim]) -> list[tuple[Claim, Octets | None]]:
        """Claims with their mails, as far as they are small; all are read at once."""
        missing = list({taken.message_id for taken in claims} - self.kept.keys())
        found: dict[str, bytes] = {}
        with suppress(*AWAY):  # then each delivery reads its own, and tells what is wrong
            found = await asyncio.to_thread(self.read_small, missing) if missing else {}
        pairs = [(taken, found.get(taken.message_id) or self.kept.get(taken.message_id)) for taken in claims]
        for message_id, content in list(found.items())[-KEPT:]:
            self.keep(message_id, content)
        return pairs

    async def load(self, message_id: str) -> Octets:
        """One mail. Raises RawLost."""
        if message_id in self.kept:
            return self.kept[message_id]
        content = await asyncio.to_thread(self.read, message_id)
        self.keep(message_id, content)
        return content

    def keep(self, message_id: str, content: Octets) -> None:
        self.kept[message_id] = content
        while len(self.kept) > KEPT:
            self.kept.popitem(last=False)

    def read_small(self, message_ids: Sequence[str]) -> dict[str, bytes]:
        with self.gate.database.session() as session:
            return small_raws(session, message_ids)

    def read(self, message_id: str) -> Octets:
        with self.gate.database.session() as session:
            return open_raw(session, message_id, self.gate.blobs)
