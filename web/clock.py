"""The clock, at this rim."""

from datetime import UTC, datetime


def clock() -> datetime:
    """The time in UTC."""
    return datetime.now(UTC)
