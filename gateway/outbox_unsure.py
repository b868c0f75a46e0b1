"""What commits of unknown outcome may have leased to this outbox: it is given back with the next claim.

A connection that is lost while it commits leaves deliveries of which nobody knows whether they are leased to us. Nobody
attempts them, so without this they would wait for the end of a lease that nobody holds.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta

import structlog
from sqlmodel import Session

from gatepost.database import AWAY
from gatepost.ledger import Ledger
from gatepost.store.deliveries import Claim
from gatepost.store.unsure import Unsure, give_back

MOST = 1000
SETTLED = timedelta(seconds=10)
"""What a lost connection was committing has happened after this time, or it never does."""

Claims = tuple[list[Claim], set[str]]
"""What was claimed, and the domains that have no room now."""

log = structlog.get_logger("outbox")


class Doubts:
    """Ids of deliveries or messages, each with the end of the lease that it may have; all methods are the loop's."""

    def __init__(self, ledger: Ledger, lease: timedelta) -> None:
        self.ledger = ledger
        self.lease = lease
        self.noted: deque[Unsure] = deque(maxlen=MOST)

    def note(self, ids: Iterable[str], until: datetime) -> None:
        """A commit that would have leased these until then was lost; of too many the oldest wait for their lease."""
        self.noted.extend((its_id, until) for its_id in ids)

    async def commit(self, claim: Callable[[Session], Claims], own: Collection[str], now: datetime) -> Claims:
        """Claim in a commit that first gives back what is in doubt, except `own`. Raises as the ledger does."""
        unsure, leased, free = list(self.noted), list[str](), [0]

        def give_back_and_claim(session: Session) -> Claims:
            free[0] = give_back(session, unsure, own, now)
            found = claim(session)
            leased[:] = [taken.delivery_id for taken in found[0]]
            return found

        try:
            found = await self.ledger.commit(give_back_and_claim)
        except AWAY:
            self.note(leased, now + self.lease)
            raise
        settled = {each for each in unsure if each[1] - self.lease + SETTLED <= now}
        if settled:
            self.noted = deque((each for each in self.noted if each not in settled), MOST)
        if free[0]:
            log.warning("what a commit of unknown outcome had leased is due again", deliveries=free[0])
        return found
