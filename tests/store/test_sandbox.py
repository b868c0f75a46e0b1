"""Kept sandbox mails."""

from datetime import datetime, timedelta

from sqlmodel import Session

from gatepost.database import Database
from gatepost.model import Delivery, Message
from gatepost.reply import Reply
from gatepost.store.rows import insert_row
from gatepost.store.sandbox import keep_sandbox_mail
from tests.rows import sandbox_mails


def put_parents(session: Session, now: datetime) -> None:
    """A message with two recipients."""
    insert_row(session, Message(id="msg_1", direction="out", digest="d", message_id="1@gatepost.test", at=now, size=1))
    for number in range(2):
        insert_row(
            session,
            Delivery(
                id=f"dlv_{number}", message_id="msg_1", recipient=f"{number}@x.test", created_at=now, updated_at=now
            ),
        )


def keep(session: Session, number: int, now: datetime) -> str:
    """One kept attempt."""
    return keep_sandbox_mail(
        session,
        delivery_id=f"dlv_{number % 2}",
        message_id="msg_1",
        mail_from="b+t@bounce.gatepost.test",
        recipient=f"{number}@x.test",
        reply=Reply(550, "5.1.1", "no such user"),
        now=now + timedelta(seconds=number),
    ).id


def test_each_attempt_is_kept_with_its_answer(database: Database, now: datetime) -> None:
    with database.session() as session:
        put_parents(session, now)
        ids = [keep(session, number, now) for number in range(5)]
        kept = sandbox_mails(session)
        assert [mail.id for mail in kept] == ids
        assert [mail.id for mail in kept if mail.delivery_id == "dlv_1"] == [ids[1], ids[3]]
        found = kept[0]
        assert (found.code, found.status, found.recipient, found.at) == (550, "5.1.1", "0@x.test", now)
        session.rollback()
