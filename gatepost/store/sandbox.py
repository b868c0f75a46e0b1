"""The mails that the sandbox kept instead of sending them."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from gatepost.ids import new_id
from gatepost.model import SandboxMail
from gatepost.reply import Reply
from gatepost.store.rows import insert_row


def keep_sandbox_mail(
    session: Session, *, delivery_id: str, message_id: str, mail_from: str, recipient: str, reply: Reply, now: datetime
) -> SandboxMail:
    """Keep one attempt: who it was for and what was answered. The content is the message's."""
    mail = SandboxMail(
        id=new_id("sbx"),
        delivery_id=delivery_id,
        message_id=message_id,
        mail_from=mail_from,
        recipient=recipient,
        at=now,
        code=reply.code,
        status=reply.status,
        text=reply.text,
    )
    insert_row(session, mail)
    return mail


def list_sandbox_mails(session: Session, *, limit: int = 50, before: str | None = None) -> Sequence[SandboxMail]:
    """The latest first; `before` is the id of the last one on the page above."""
    query = select(SandboxMail).order_by(col(SandboxMail.id).desc()).limit(limit)
    if before:
        query = query.where(col(SandboxMail.id) < before)
    return session.exec(query).all()


def sandbox_mails_of(session: Session, delivery_id: str) -> Sequence[SandboxMail]:
    """The attempts of one delivery, in order."""
    return session.exec(
        select(SandboxMail).where(SandboxMail.delivery_id == delivery_id).order_by(col(SandboxMail.id))
    ).all()


def get_sandbox_mail(session: Session, mail_id: str) -> SandboxMail | None:
    """One kept mail."""
    return session.get(SandboxMail, mail_id)
