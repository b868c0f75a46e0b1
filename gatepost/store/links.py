"""Links in mails that prove an address: single use, kept as a hash, valid for a while, not asked for too often."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlmodel import Session, col, select

from gatepost.model import AgentAddress, Sender
from gatepost.store.users import failures_since, record_failure, token_hash

LINK_LIFE = timedelta(hours=72)
STEP = timedelta(minutes=1)
DAY = timedelta(days=1)
MOST_A_DAY = 5
MOST_BY_ONE = 20
USED: dict[str, Any] = {"token_hash": "", "expires_at": None}

Linked = TypeVar("Linked", Sender, AgentAddress)


class AskedOften(ValueError):
    """Too many confirmation mails; str() is a sentence for people."""


def recent(asked: Sequence[str], now: datetime) -> list[datetime]:
    """The times of the last day, oldest first."""
    return [at for at in map(datetime.fromisoformat, asked) if now - at < DAY]


def asked_again(address: str, asked: Sequence[str], token: str, now: datetime) -> dict[str, Any]:
    """The values of a row whose address (key) gets a mail with this token now; an earlier link ends.

    Raises AskedOften: a confirmation mail goes to somebody who may not want it.
    """
    before = recent(asked, now)
    if before and now - before[-1] < STEP:
        raise AskedOften(f"A mail went to {address} less than a minute ago; look into its mailbox first.")
    if len(before) >= MOST_A_DAY:
        raise AskedOften(f"{MOST_A_DAY} mails went to {address} within a day; wait until tomorrow.")
    times = [*(at.isoformat() for at in before), now.isoformat()]
    return {"token_hash": token_hash(token), "expires_at": now + LINK_LIFE, "asked": times}


def count_asking(session: Session, user_id: str, address: str, now: datetime) -> None:
    """Count a mail that a user has sent to an address (key), with the throttle: removing the address forgets nothing.

    Raises AskedOften.
    """
    who, whom, today = f"asked by {user_id}", f"ASKED {address}", now - DAY  # no login that is refused has capitals
    if failures_since(session, now - STEP, account=whom):
        raise AskedOften(f"A mail went to {address} less than a minute ago; look into its mailbox first.")
    if failures_since(session, today, account=whom) >= MOST_A_DAY:
        raise AskedOften(f"{MOST_A_DAY} mails went to {address} within a day; wait until tomorrow.")
    if failures_since(session, today, net=who) >= MOST_BY_ONE:
        raise AskedOften(f"{MOST_BY_ONE} confirmation mails a day are the most; wait until tomorrow.")
    record_failure(session, whom, who, now)


def row_by_token(session: Session, table: type[Linked], token: str, now: datetime) -> Linked | None:
    """Whom a link is for, unless it was used, has run out, or is none of ours."""
    if not token:
        return None
    row = session.exec(select(table).where(col(table.token_hash) == token_hash(token))).first()
    return row if row and row.expires_at and row.expires_at > now else None
