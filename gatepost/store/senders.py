"""Addresses that may stand in From: asked to confirm by a mail with a single-use link, kept as a hash."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, update
from sqlmodel import Session, col, select

from gatepost.ids import new_id
from gatepost.model import Sender
from gatepost.store.events import add_event
from gatepost.store.users import token_hash

LINK_LIFE = timedelta(hours=72)
STEP = timedelta(minutes=1)
DAY = timedelta(days=1)
MOST_A_DAY = 5
MOST_OF_ALL = 100


class AskedOften(ValueError):
    """Too many confirmation mails; str() is a sentence for people."""


def senders_of(session: Session, addresses: Sequence[str]) -> list[Sender]:
    """The rows of these address keys, or of bare domains."""
    return list(session.exec(select(Sender).where(col(Sender.address).in_(addresses)).order_by(Sender.address)))


def list_senders(session: Session) -> list[Sender]:
    """All of them by address."""
    return list(session.exec(select(Sender).order_by(Sender.address)))


def get_sender(session: Session, sender_id: str) -> Sender | None:
    """A sender by its id."""
    return session.get(Sender, sender_id)


def ask(session: Session, address: str, token: str, message_id: str, now: datetime) -> None:
    """Note that a mail with this token goes to an address key; an earlier link ends.

    Raises AskedOften: a confirmation mail goes to somebody who may not want it.
    """
    rows = list_senders(session)
    row = next((each for each in rows if each.address == address), None)
    before = recent(row.asked, now) if row else []
    if before and now - before[-1] < STEP:
        raise AskedOften(f"A mail went to {address} less than a minute ago; look into its mailbox first.")
    if len(before) >= MOST_A_DAY:
        raise AskedOften(f"{MOST_A_DAY} mails went to {address} within a day; wait until tomorrow.")
    if sum(len(recent(each.asked, now)) for each in rows) >= MOST_OF_ALL:
        raise AskedOften(f"{MOST_OF_ALL} confirmation mails went out within a day; wait until tomorrow.")
    values: dict[str, Any] = {
        "token_hash": token_hash(token),
        "expires_at": now + LINK_LIFE,
        "asked": [*(at.isoformat() for at in before), now.isoformat()],
        "message_id": message_id,
    }
    if row is None:
        session.add(Sender(id=new_id("snd"), address=address, created_at=now, **values))
        session.flush()
    else:
        session.execute(update(Sender).where(col(Sender.id) == row.id).values(values))
    add_event(session, "sender.asked", now=now, message_id=message_id, data={"address": address})


def recent(asked: Sequence[str], now: datetime) -> list[datetime]:
    """The times of the last day, oldest first."""
    return [at for at in map(datetime.fromisoformat, asked) if now - at < DAY]


def new_token() -> str:
    """256 bit for a link."""
    return secrets.token_urlsafe(32)


def sender_by_token(session: Session, token: str, now: datetime) -> Sender | None:
    """Whom a link is for, unless it was used, has run out, or is none of ours."""
    if not token:
        return None
    row = session.exec(select(Sender).where(Sender.token_hash == token_hash(token))).first()
    return row if row and row.expires_at and row.expires_at > now else None


def confirm(session: Session, token: str, now: datetime) -> Sender | None:
    """Use a link, once; None when it is not valid (any more)."""
    row = sender_by_token(session, token, now)
    if row is None:
        return None
    values = {"confirmed_at": now, "how": "mail", "token_hash": "", "expires_at": None}
    session.execute(update(Sender).where(col(Sender.id) == row.id).values(values))
    add_event(session, "sender.confirmed", now=now, data={"address": row.address})
    return row


def remove_sender(session: Session, sender_id: str, now: datetime) -> None:
    """Forget an address: unless its domain is proven, it cannot be used any more."""
    row = session.get(Sender, sender_id)
    if row:
        address = row.address
        session.execute(delete(Sender).where(col(Sender.id) == sender_id))
        add_event(session, "sender.removed", now=now, data={"address": address})
