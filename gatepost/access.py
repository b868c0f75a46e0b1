"""Who may see and do what: the one policy for every route, stream, attachment and search."""

from collections.abc import Iterable
from typing import Literal

from gatepost.model import User

Action = Literal["read", "answer", "assign", "manage"]
"""`manage` is what changes the installation: mailboxes, senders, users."""

Scope = frozenset[str] | None
"""The channels that a search is limited to; None for all and for what has no channel."""


def access(user: User, memberships: frozenset[str], channel_id: str | None, action: Action) -> bool:
    """Whether a user may act on something of this channel; what has no channel (relayed mail) is the admins'."""
    if user.disabled_at:
        return False
    if user.role == "admin":
        return True
    return action != "manage" and channel_id is not None and channel_id in memberships


def access_any(user: User, memberships: frozenset[str], homes: Iterable[str | None], action: Action) -> bool:
    """As `access` for what several channels show: one of them is enough."""
    return any(access(user, memberships, home, action) for home in homes)


def scope(user: User, memberships: frozenset[str]) -> Scope:
    """The channels whose things a user may list."""
    return None if user.role == "admin" else memberships
