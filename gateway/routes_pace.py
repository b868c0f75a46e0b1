"""The pace of an outbox whose routes are chosen per mail: for each destination, once there is more than one relay."""

from collections.abc import Callable

from gatepost.gateway.pace import Pace, Site
from gatepost.gateway.send import Sent


class RoutesPace(Pace):
    """With several routes each recipient's domain has its places; what an attempt taught is told by `taught`.

    Only direct sending says something bad of a domain: where a relay is in trouble, it has a pace of its own.
    """

    def __init__(self, time: Callable[[], float], *, direct: bool) -> None:
        super().__init__(time)
        self.direct = direct
        self.several = False
        self.by_destination = direct

    def use(self, *, several: bool) -> None:
        """Whether there are several routes from now on."""
        self.several = several
        self.by_destination = self.direct or several

    def suspended(self, site: Site) -> Sent | None:
        """As for one route; with several whoever sends asks `closed_to_direct`, for a relay may be well."""
        return None if self.several else super().suspended(site)

    def closed_to_direct(self, recipient: str) -> Sent | None:
        """What a direct delivery to a closed destination is answered at once."""
        return super().suspended(self.site(recipient)) if self.several else None

    def learn(self, site: Site, sent: Sent) -> None:
        """What the outbox tells; with several routes `taught` is told instead."""
        if not self.several:
            super().learn(site, sent)

    def taught(self, recipient: str, sent: Sent, *, directly: bool) -> None:
        """What an attempt over one of several routes says of its recipient's domain."""
        if self.several and (directly or sent.reply.positive):
            super().learn(self.site(recipient), sent)
