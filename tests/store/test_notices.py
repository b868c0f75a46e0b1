from datetime import datetime

from sqlmodel import Session

from gatepost.blobs import Content
from gatepost.database import Database
from gatepost.envelope import Asked
from gatepost.ids import new_id
from gatepost.ledger import Ledger
from gatepost.model import Message
from gatepost.reply import Reply
from gatepost.store.events import last_seq
from gatepost.store.messages import put_message
from gatepost.store.notices import news_between
from gatepost.store.outgoing import Recipients, put_recipients
from gatepost.words import DeliveryState
from tests.rows import record_reply
from tests.store.test_deliveries import claim_all, result

MAIL = new_id("msg")


def test_a_success_is_no_news_where_nobody_asked(ledger: Ledger, database: Database, now: datetime) -> None:
    """Nearly all of a relay's events are such; each cost three rows read for nothing."""
    answers = {
        "plain@x.example": (DeliveryState.DELIVERED, Reply(250, "2.0.0", "OK")),
        "asked@x.example": (DeliveryState.DELIVERED, Reply(250, "2.0.0", "OK")),
        "gone@x.example": (DeliveryState.FAILED, Reply(550, "5.1.1", "no such user")),
    }

    def submit(session: Session) -> None:
        mail = Message(id=MAIL, direction="out", digest="d", message_id="m@x", at=now, size=4, trigger="smtp")
        mail.envelope_from = "shop@x.example"
        put_message(session, mail, Content(b"body", None, 4))
        put_recipients(session, [Recipients(MAIL, tuple(answers), now, asked={"asked@x.example": Asked("SUCCESS")})])

    ledger.write(submit)
    for taken in claim_all(ledger, now):
        answer = result(*answers[taken.recipient])
        ledger.write(lambda session, taken=taken, answer=answer: record_reply(session, taken, answer, now))  # type: ignore[misc]
    with database.session() as session:
        news = news_between(session, 0, last_seq(session))
        assert {each.delivery.recipient for each in news} == {"asked@x.example", "gone@x.example"}
