"""What people are told of a conversation that was deleted: by whom, when, and what to do first."""

from gatepost.model import Conversation
from gatepost.words import DELETED, GONE, PURGED


def gone(row: Conversation) -> str:
    """Who deleted a conversation and when, in a sentence; empty for one that is there."""
    if row.state not in GONE or row.deleted_at is None:
        return ""
    at = f"#{row.number} was deleted by {row.deleted_by or 'somebody'} on {row.deleted_at:%Y-%m-%d}"
    if row.state == PURGED and row.purged_at:
        at += f", and for ever on {row.purged_at:%Y-%m-%d}"
    return at


def why_not(row: Conversation) -> str:
    """Why nothing can be done with a conversation now, and what to do first; empty for one that is there."""
    return f"{gone(row)}: restore it first" if row.state == DELETED else gone(row)
