"""What the database knows that ends some day, and which steps towards an end were told."""

from datetime import datetime

from sqlmodel import Session, col, select

from gatepost.certificate import certificate_end
from gatepost.domain_key import KeyState
from gatepost.expiries import Expiry, all_expiries
from gatepost.model import Account, Domain, DomainKey, ExpiryTold, OAuthClient
from gatepost.settings import Settings


def list_expiries(session: Session, settings: Settings) -> list[Expiry]:
    """Everything that ends, what ends first standing first."""
    signing = (
        select(Domain, DomainKey)
        .join(DomainKey, col(DomainKey.domain_id) == col(Domain.id))
        .where(DomainKey.state == KeyState.SIGNING)
    )
    return all_expiries(
        certificate_end(settings),
        session.exec(select(OAuthClient)).all(),
        session.exec(select(Account)).all(),
        list(session.exec(signing)),
    )


def told_expiries(session: Session) -> dict[str, tuple[datetime, int]]:
    """Of each end that was told of: when it was to be, and the days before it that were told last."""
    return {row.key: (row.ends_at, row.days) for row in session.exec(select(ExpiryTold))}


def note_expiry(session: Session, expiry: Expiry, days: int) -> bool:
    """Note that a step was told; False when another process did so first."""
    row = session.get(ExpiryTold, expiry.key, with_for_update=True, populate_existing=True)
    if row and row.ends_at == expiry.ends_at and row.days <= days:
        return False
    if row is None:
        row = ExpiryTold(key=expiry.key, ends_at=expiry.ends_at, days=days)
    row.ends_at, row.days = expiry.ends_at, days
    session.add(row)
    session.flush()
    return True
