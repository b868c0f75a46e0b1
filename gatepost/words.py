"""The one vocabulary of states, the same in rows, pages, API, webhooks, CLI and metrics."""

from enum import StrEnum


class DeliveryState(StrEnum):
    """Where one recipient's copy is. A lease is a column, not a state."""

    QUEUED = "queued"
    SENDING = "sending"
    DELIVERED = "delivered"
    DELAYED = "delayed"
    FAILED = "failed"
    UNCERTAIN = "uncertain"
    HELD = "held"
    SUPPRESSED = "suppressed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    BOUNCED = "bounced"
    COMPLAINED = "complained"


WAITING = (DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.DELAYED)
"""States from which the outbox goes on by itself."""

NOT_DELIVERED = (DeliveryState.FAILED, DeliveryState.EXPIRED, DeliveryState.BOUNCED, DeliveryState.SUPPRESSED)
"""Final states that a person should look at."""


DELETED, PURGED = "deleted", "purged"
GONE = (DELETED, PURGED)
"""States of conversations that people deleted: they can be restored, or what they said is gone for ever."""

ELSEWHERE = "mailbox"
"""The trigger of mail that a mailbox of ours sent with another mail program."""


class Outcome(StrEnum):
    """What became of one inbound mail; every one has exactly one, `pending` only until it is read."""

    PENDING = "pending"
    PLACED = "placed"
    REPORT = "report"
    AUTOMATIC = "automatic"
    REVIEW = "review"
    QUARANTINED = "quarantined"
    REFUSED = "refused"


class ImportChoice(StrEnum):
    """What of the mail that was in a mailbox before shall be fetched; `asking` until somebody has said so."""

    ASKING = "asking"
    NEW = "new"
    DAYS = "days"
    ALL = "all"


class ImportState(StrEnum):
    """Where the import of the mail that was there before stands; empty where nobody could choose yet."""

    NONE = ""
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"


IMPORTING = (ImportState.RUNNING, ImportState.PAUSED)
"""While these hold, mail that was there before and is wanted waits for its turn."""


class Kind(StrEnum):
    """What a mail is, as `gatepost parse` names it; a note is written by an agent and never sent."""

    MESSAGE = "message"
    AUTO_REPLY = "auto-reply"
    BOUNCE = "bounce"
    DELAY = "delay"
    REPORT = "report"
    FEEDBACK = "feedback"
    NOTE = "note"


class Strength(StrEnum):
    """How well a sender is proven; `both` is a token and an aligned authentication."""

    NONE = "none"
    TOKEN = "token"  # noqa: S105
    ALIGNED = "aligned"
    BOTH = "both"
    FAILING = "failing"
