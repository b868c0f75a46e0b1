"""What is remembered of a recipient domain: the TLS level seen there, its MTA-STS policy, whether TLS is required."""

from datetime import datetime, timedelta
from typing import Any, Literal

from sqlmodel import Session

from gatepost.model import Destination

Level = Literal["none", "encrypted", "verified"]
LEVELS: tuple[Level, ...] = ("none", "encrypted", "verified")
"""Not encrypted; encrypted with a certificate that nobody vouches for; encrypted with a checked certificate."""
REMEMBERED = timedelta(days=30)


def get_destination(session: Session, domain: str) -> Destination | None:
    """What is remembered of a domain (A-label)."""
    return session.get(Destination, domain.lower())


def level_of(destination: Destination | None, now: datetime) -> Level:
    """The TLS level that was seen within the last 30 days and must not be fallen below without a word."""
    if destination is None or destination.tls_seen_at is None or destination.tls_seen_at < now - REMEMBERED:
        return "none"
    return next((level for level in LEVELS if level == destination.tls_level), "none")


def remember_tls(session: Session, domain: str, level: Level, now: datetime) -> None:
    """A mail was taken at this level; a lower one than before is not remembered, unless that is long ago."""
    row = _row(session, domain)
    if LEVELS.index(level) >= LEVELS.index(level_of(row, now)):
        row.tls_level, row.tls_seen_at = level, now
        session.add(row)


def forget_tls(session: Session, domain: str) -> bool:
    """Forget the level, where a domain really gave up TLS; False when nothing was known."""
    row = get_destination(session, domain)
    if row is None or row.tls_seen_at is None:
        return False
    row.tls_level, row.tls_seen_at = "none", None
    session.add(row)
    return True


def require_tls(session: Session, domain: str, required: bool) -> None:
    """Whether mail to this domain only goes over TLS with a checked certificate."""
    row = _row(session, domain)
    row.require_tls = required
    session.add(row)


def remember_policy(
    session: Session, domain: str, policy_id: str, policy: dict[str, Any], expires_at: datetime | None
) -> None:
    """Keep an MTA-STS policy (RFC 8461 section 3.3) until it expires."""
    row = _row(session, domain)
    row.sts_id, row.sts_policy, row.sts_expires_at = policy_id, policy, expires_at
    session.add(row)


def _row(session: Session, domain: str) -> Destination:
    return get_destination(session, domain) or Destination(domain=domain.lower())
