"""Addresses that may stand in From: asked to confirm by a mail with a single-use link, kept as a hash."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, update
from sqlmodel import Session, col, select

from gatepost.ids import new_id
from gatepost.model import Sender
from gatepost.store.events import add_event
from gatepost.store.links import USED, AskedOften, asked_again, recent, row_by_token

MOST_OF_ALL = 100


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

    Raises AskedOften.
    """
    rows = list_senders(session)
    row = next((each for each in rows if each.address == address), None)
    values = {**asked_again(address, row.asked if row else (), token, now), "message_id": message_id}
    if sum(len(recent(each.asked, now)) for each in rows) >= MOST_OF_ALL:
        raise AskedOften(f"{MOST_OF_ALL} confirmation mails went out within a day; wait until tomorrow.")
    if row is None:
        session.add(Sender(id=new_id("snd"), address=address, created_at=now, **values))
        session.flush()
    else:
        session.execute(update(Sender).where(col(Sender.id) == row.id).values(values))
    add_event(session, "sender.asked", now=now, message_id=message_id, data={"address": address})


def confirm(session: Session, token: str, now: datetime) -> Sender | None:
    """Use a link, once; None when it is not valid (any more)."""
    row = row_by_token(session, Sender, token, now)
    if row is None:
        return None
    values = {"confirmed_at": now, "how": "mail", **USED}
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
