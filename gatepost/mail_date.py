"""The Date field (RFC 5322 section 3.3) as an aware UTC time, or None."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_tz

VALUE_LIMIT = 100
YEARS = range(1970, 2101)
DAY = 86400


def read_date(value: str | None) -> datetime | None:
    """The time a Date value names, in UTC; None where it names none or a year outside 1970-2100. Never raises."""
    if not value:
        return None
    try:
        found = parsedate_tz(value[:VALUE_LIMIT])
        if found is None or found[0] not in YEARS:
            return None
        offset = found[9] or 0
        local = datetime(*found[:5], min(found[5], 59), tzinfo=UTC)
        return local - timedelta(seconds=offset if abs(offset) < DAY else 0)
    except (ValueError, TypeError, IndexError, OverflowError, AttributeError):  # the reader is not total
        return None
