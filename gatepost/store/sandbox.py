"""The mails that the sandbox kept instead of sending them."""

from datetime import datetime

from sqlmodel import Session

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
