"""Deliveries whose result is known and not stored yet: a crash now would have their mails sent twice."""

from typing import Protocol
from weakref import WeakSet


class Waits(Protocol):
    """Who hands nothing more over while too much is unwritten."""

    def let_in(self) -> None: ...


class Unwritten:
    """The ids of one outbox's deliveries, in its loop; `waiting` hear of each result that was stored."""

    def __init__(self) -> None:
        self.ids: set[str] = set()
        self.waiting: WeakSet[Waits] = WeakSet()

    def written(self, delivery_id: str) -> None:
        """A result is stored, or nobody tries to any more."""
        self.ids.discard(delivery_id)
        for pace in self.waiting:
            pace.let_in()
