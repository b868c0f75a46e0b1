"""Agents who work by mail: their confirmed addresses, the copies they got, and what they answered."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, update
from sqlmodel import Session, col, select

from gatepost.acts import Actor
from gatepost.model import AgentAddress, AgentCopy, AgentMail, Arrival, Message, User
from gatepost.store.channels import channel_by_address
from gatepost.store.events import add_event
from gatepost.store.links import USED, asked_again, count_asking, row_by_token
from gatepost.store.rows import insert_row
from gatepost.words import Outcome

MOST_ADDRESSES = 5


def addresses_of(session: Session, user_id: str) -> Sequence[AgentAddress]:
    """A user's addresses, whether confirmed or not."""
    wanted = select(AgentAddress).where(AgentAddress.user_id == user_id).order_by(AgentAddress.address)
    return session.exec(wanted.execution_options(populate_existing=True)).all()


def confirmed_addresses(session: Session, user_id: str) -> list[str]:
    """The addresses (keys) from which a user may work by mail, the first confirmed first."""
    rows = [(row.confirmed_at, row.address) for row in addresses_of(session, user_id) if row.confirmed_at]
    return [address for _, address in sorted(rows)]


def agent_by_address(session: Session, address: str) -> User | None:
    """The user whose confirmed address (key) this is."""
    row = session.get(AgentAddress, address)
    return session.get(User, row.user_id) if row and row.confirmed_at else None


def ask_agent(session: Session, user_id: str, address: str, token: str, now: datetime) -> None:
    """Note that a mail with this token goes to a user's address (key); an earlier link ends.

    Raises AskedOften, and ValueError with a sentence where it is a mailbox of ours, or another agent's.
    """
    if channel_by_address(session, address):
        raise ValueError(f"{address} is a mailbox of yours; name an address that is your own.")
    row = session.get(AgentAddress, address, populate_existing=True)
    if row and row.user_id != user_id and row.confirmed_at:
        raise ValueError(f"{address} is confirmed by another user; he removes it on his profile first.")
    if row is None and len(addresses_of(session, user_id)) >= MOST_ADDRESSES:
        raise ValueError(f"{MOST_ADDRESSES} addresses are the most; remove one first.")
    count_asking(session, user_id, address, now)
    values = {**asked_again(address, row.asked if row else (), token, now), "user_id": user_id}
    if row is None:
        insert_row(session, AgentAddress(address=address, created_at=now, **values))
    else:
        session.execute(update(AgentAddress).where(col(AgentAddress.address) == address).values(values))
    add_event(session, "agent.asked", now=now, user_id=user_id, data={"address": address})


def confirm_address(session: Session, token: str, now: datetime) -> AgentAddress | None:
    """Use a link, once; None when it is not valid (any more)."""
    row = row_by_token(session, AgentAddress, token, now)
    if row is None:
        return None
    values = {"confirmed_at": now, **USED}
    session.execute(update(AgentAddress).where(col(AgentAddress.address) == row.address).values(values))
    add_event(session, "agent.confirmed", now=now, user_id=row.user_id, data={"address": row.address})
    return row


def remove_address(session: Session, user_id: str, address: str, now: datetime) -> None:
    """Forget a user's address: nothing goes there, and nothing from there is acted upon."""
    mine = (col(AgentAddress.user_id) == user_id, col(AgentAddress.address) == address)
    if session.execute(delete(AgentAddress).where(*mine)).rowcount:  # type: ignore[attr-defined]
        add_event(session, "agent.removed", now=now, user_id=user_id, data={"address": address})


def put_copy(session: Session, copy: AgentCopy) -> None:
    """Store what a copy's reply addresses are bound to; its message is stored before."""
    insert_row(session, copy)


def get_copy(session: Session, copy_id: str) -> AgentCopy | None:
    """A copy by the id of its message."""
    return session.get(AgentCopy, copy_id)


def put_agent_mail(session: Session, mail: AgentMail) -> None:
    """Store for what an agent's mail is; its message is stored before."""
    insert_row(session, mail)


def agent_mail_of(session: Session, message_id: str) -> AgentMail | None:
    """What an inbound message is to an agent's reply address, read anew; None for other mail."""
    return session.get(AgentMail, message_id, populate_existing=True)


def end_agent_mail(session: Session, message_id: str, result: str, now: datetime) -> bool:
    """Note how an agent's mail was acted upon; False when it was before."""
    open_one = (col(AgentMail.message_id) == message_id, col(AgentMail.acted_at).is_(None))
    done = session.execute(update(AgentMail).where(*open_one).values(acted_at=now, result=result))
    return bool(done.rowcount)  # type: ignore[attr-defined]


def release_agent_mail(session: Session, message_id: str, actor: Actor, now: datetime) -> bool:
    """Let a mail that waited be acted upon; False when it waits no more. Its commands are not carried out."""
    waits = (col(Message.id) == message_id, col(Message.outcome) == Outcome.REVIEW)
    if not session.execute(update(Message).where(*waits).values(outcome=Outcome.PLACED)).rowcount:  # type: ignore[attr-defined]
        return False
    why = f"Released by {actor.name}"
    ended = update(Arrival).where(col(Arrival.message_id) == message_id)
    session.execute(ended.values(outcome=Outcome.PLACED, outcome_why=why))
    session.execute(update(AgentMail).where(col(AgentMail.message_id) == message_id).values(released_by=actor.user_id))
    add_event(session, "agent.mailed", now=now, message_id=message_id, user_id=actor.user_id, data={"why": why})
    return True
