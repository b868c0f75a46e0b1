"""The shape of what is said about a delivery code."""

from typing import Literal, NamedTuple

Who = Literal["sender", "recipient", "admin", "wait"]


class Entry(NamedTuple):
    """A reason, what to do, who can fix it (sender, recipient, admin, wait), and whether later tries can help.

    `retryable` None: as the class says, temporary yes, permanent no.
    """

    reason: str
    advice: str
    who: Who
    retryable: bool | None = None
