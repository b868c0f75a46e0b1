"""What we send by ourselves, to whom, and who gets none of it for a while."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete
from sqlmodel import Session, and_, col, or_, select

from gatepost.model import Acknowledgement, AutomaticMail, Breaker, Conversation, Message
from gatepost.store.events import add_event
from gatepost.store.rows import insert_row

MOST_LISTED = 50


def acknowledgement_of(session: Session, channel_id: str) -> Acknowledgement:
    """What a channel answers by itself; off where nobody switched it on."""
    row = session.get(Acknowledgement, channel_id, populate_existing=True)
    return row or Acknowledgement(channel_id=channel_id)


def set_acknowledgement(session: Session, channel_id: str, on: bool, text: str) -> None:
    """Switch a channel's acknowledgement on or off."""
    row = session.get(Acknowledgement, channel_id) or Acknowledgement(channel_id=channel_id)
    row.on, row.text = on, text
    session.add(row)
    session.flush()


def note_automatic(
    session: Session, message_id: str, address: str, conversation_id: str | None, kind: str, now: datetime
) -> None:
    """Remember a mail that we sent by ourselves; it is stored before."""
    row = AutomaticMail(message_id=message_id, address=address, conversation_id=conversation_id, kind=kind, at=now)
    insert_row(session, row)


def automatic_since(session: Session, address: str, since: datetime) -> Sequence[AutomaticMail]:
    """What we sent by ourselves to an address (key) since a time, oldest first."""
    mine = (AutomaticMail.address == address, col(AutomaticMail.at) > since)
    return session.exec(select(AutomaticMail).where(*mine).order_by(col(AutomaticMail.at))).all()


def exchanged_since(session: Session, address: str, since: datetime) -> Sequence[Message]:
    """The newest mails from an address and our automatic ones to it, oldest first: what went round."""
    sent = select(AutomaticMail.message_id).where(AutomaticMail.address == address)
    theirs = and_(col(Message.from_address) == address, col(Message.direction) == "in")
    round_trip = (or_(col(Message.id).in_(sent), theirs), col(Message.at) > since)
    newest = (col(Message.at).desc(), col(Message.id).desc())
    rows = session.exec(select(Message).where(*round_trip).order_by(*newest).limit(10)).all()
    return list(reversed(rows))


def breaker_of(session: Session, address: str, now: datetime) -> Breaker | None:
    """Why an address (key) gets no automatic mail now, or None."""
    row = session.get(Breaker, address, populate_existing=True)
    return row if row and row.until > now else None


def trip(session: Session, breaker: Breaker, conversation: Conversation | None) -> None:
    """Send nothing by ourselves to an address for a while, and say so in the history."""
    session.execute(delete(Breaker).where(col(Breaker.address) == breaker.address))
    insert_row(session, breaker)
    add_event(
        session,
        "automatic.stopped",
        now=breaker.at,
        conversation_id=conversation.id if conversation else None,
        channel_id=conversation.channel_id if conversation else None,
        data={"address": breaker.address, "why": breaker.rule, "cycle": breaker.cycle},
    )


def list_breakers(session: Session, now: datetime) -> Sequence[Breaker]:
    """Who gets no automatic mail now, the newest first."""
    wanted = select(Breaker).where(col(Breaker.until) > now).order_by(col(Breaker.at).desc()).limit(MOST_LISTED)
    return session.exec(wanted).all()


def reset(session: Session, address: str, user_id: str | None, now: datetime) -> bool:
    """Let an address (key) get automatic mail again; False where it does."""
    found = session.execute(delete(Breaker).where(col(Breaker.address) == address)).rowcount  # type: ignore[attr-defined]
    if found:
        add_event(session, "automatic.resumed", now=now, user_id=user_id, data={"address": address})
    return bool(found)
