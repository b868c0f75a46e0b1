"""Tokens of accounts: sealed, and refreshed by one at a time across threads and processes."""

from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, or_, update
from sqlmodel import Session, col

from gatepost.model import Account


def tokens_place(account_id: str) -> str:
    """Where an account's tokens are sealed to."""
    return f"account.tokens:{account_id}"


def claim_refresh(session: Session, account_id: str, now: datetime, until: datetime) -> Account | None:
    """The account as it is now, if nobody else is refreshing it; detached, a copy to work with."""
    free = or_(col(Account.token_lease_until).is_(None), col(Account.token_lease_until) <= now)
    statement = update(Account).where(col(Account.id) == account_id, free).values(token_lease_until=until)
    if cast("CursorResult[Any]", session.execute(statement)).rowcount != 1:
        return None
    account = session.get(Account, account_id, populate_existing=True)
    if account is not None:
        session.expunge(account)
    return account


def keep_tokens(
    session: Session,
    account_id: str,
    sealed: bytes,
    *,
    expires_at: datetime,
    now: datetime,
    lease: datetime | None = None,
) -> bool:
    """Store what a refresh brought, and give the claim `lease` back; False where somebody else holds it by now.

    Without a claim they are stored at once (somebody logged in anew).
    """
    statement = update(Account).where(col(Account.id) == account_id)
    if lease is not None:
        statement = statement.where(col(Account.token_lease_until) == lease)
    values = {"tokens_sealed": sealed, "token_expires_at": expires_at, "refreshed_at": now, "token_lease_until": None}
    return cast("CursorResult[Any]", session.execute(statement.values(**values))).rowcount == 1


def end_claim(session: Session, account_id: str, lease: datetime) -> None:
    """Give a claim back; nothing came of it."""
    mine = (col(Account.id) == account_id, col(Account.token_lease_until) == lease)
    session.execute(update(Account).where(*mine).values(token_lease_until=None))


def forget_tokens(session: Session, account: Account) -> None:
    """The permission was taken back: nothing of it stays."""
    account.tokens_sealed = account.token_expires_at = account.token_lease_until = None
    account.scopes = []
    session.add(account)
    session.flush()
