"""The pace of an outbox whose routes are chosen per mail: that of the settings' route, until there are rules."""

from collections.abc import Callable

from gatepost.gateway.pace import CLOSED_FIRST, CLOSED_LONGEST, Pace, Site
from gatepost.gateway.send import Sent

RELAY_CLOSED = (5.0, 60.0)


class RoutesPace(Pace):
    """With several routes each recipient's domain has its places; what an attempt taught is told by `taught`.

    Only direct sending says something bad of a domain: where a relay is in trouble, it has a pace of its own.
    """

    def __init__(self, time: Callable[[], float], kind: str, most: int) -> None:
        super().__init__(time)
        self.kind = kind
        self.most = most
        self.several = True
        self.use(several=False)

    def use(self, *, several: bool) -> None:
        """Whether there are several routes from now on."""
        if several == self.several:
            return
        self.several = several
        self.one = self.kind != "direct" and not several
        self.closing = RELAY_CLOSED if self.one else (CLOSED_FIRST, CLOSED_LONGEST)

    def room(self, site: Site) -> int:
        """How many more deliveries may begin there now; of one route no more than the settings allow."""
        if not self.one:
            return super().room(site)
        left = max(self.most - site.busy, 0)
        return left if self.kind == "sandbox" else min(left, super().room(site))

    def suspended(self, site: Site) -> Sent | None:
        """As for one route; with several whoever sends asks `closed_to_direct`, for a relay may be well."""
        return None if self.several or self.kind == "sandbox" else super().suspended(site)

    def closed_to_direct(self, recipient: str) -> Sent | None:
        """What a direct delivery to a closed destination is answered at once."""
        return super().suspended(self.site(recipient)) if self.several else None

    def learn(self, site: Site, sent: Sent) -> None:
        """What the outbox tells; with several routes `taught` is told instead."""
        if not self.several and self.kind != "sandbox":
            super().learn(site, sent)

    def taught(self, recipient: str, sent: Sent, *, directly: bool) -> None:
        """What an attempt over one of several routes says of its recipient's domain."""
        if self.several and (directly or sent.reply.positive):
            super().learn(self.site(recipient), sent)
