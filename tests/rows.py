"""Single rows as tests write and read them: the product writes many at once, and reads what a page or a duty needs."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from gatepost.model import OtherId, SandboxMail, SentCopy, WriteBack
from gatepost.store.deliveries import Claim, Result
from gatepost.store.outgoing import NewDelivery, Recipients, put_recipients
from gatepost.store.records import Answer, record_replies


def put_deliveries(session: Session, message_id: str, recipients: Sequence[str], now: datetime) -> list[NewDelivery]:
    """One delivery per recipient of one message."""
    return put_recipients(session, [Recipients(message_id, recipients, now)])[0]


def record_reply(session: Session, taken: Claim, result: Result, now: datetime) -> bool:
    """Write what came of one attempt; False when the lease was lost."""
    return record_replies(session, [Answer(taken, result, now)])[0]


def copies_of(session: Session, message_id: str) -> Sequence[SentCopy]:
    """The copies of a message in Sent folders, by account."""
    query = select(SentCopy).where(SentCopy.message_id == message_id)
    return session.exec(query.order_by(col(SentCopy.account_id))).all()


def other_ids_of(session: Session, message_id: str) -> Sequence[OtherId]:
    """The ids that servers gave a message instead of its own."""
    return session.exec(select(OtherId).where(OtherId.message_id == message_id).order_by(col(OtherId.header_id))).all()


def write_backs_of(session: Session, account_id: str) -> Sequence[WriteBack]:
    """What was queued to be done at an account's provider, the newest first."""
    query = select(WriteBack).where(WriteBack.account_id == account_id)
    return session.exec(query.order_by(col(WriteBack.at).desc())).all()


def sandbox_mails(session: Session) -> Sequence[SandboxMail]:
    """What the sandbox kept, in order."""
    return session.exec(select(SandboxMail).order_by(col(SandboxMail.id))).all()
