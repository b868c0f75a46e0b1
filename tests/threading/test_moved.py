"""Mail that is known comes again: from another folder, uploaded anew, or fetched twice."""

from datetime import timedelta
from itertools import count

from sqlmodel import Session

from gatepost.store import conversations
from gatepost.threading.intake import Arriving, Received, receive, store_arrival
from gatepost.threading.reading import read
from tests.threading.office import SUPPORT, Office, mail

PLACES = count(1)
ALARM = b"From: Cron <cron@calderon.example>\r\nTo: support@shop.example\r\nSubject: alarm\r\n\r\nDisk is full\r\n"


def fetched(office: Office, raw: bytes, days: int = 0, after: int = 0) -> Received:
    """A mail from a new place in a mailbox, where its server got it so many `days` ago, read `after` so many days."""
    now = office.now + timedelta(days=after)
    date = office.now - timedelta(days=days)
    arriving = Arriving(raw, "imap", SUPPORT, receipt=f"imap:{next(PLACES)}", internal_date=date)
    content = office.desk.blobs.keep(raw)

    def op(session: Session) -> Received:
        arrival = store_arrival(session, arriving, content, now)
        return receive(session, office.desk, arrival, read(raw, None), now)

    return office.ledger.write(op)


def test_complaint_23_known_mail_opens_nothing_again(office: Office) -> None:
    first = fetched(office, mail())
    conversation = office.conversation(first)
    office.ledger.write(lambda session: conversations.set_state(session, conversation, "closed", None, office.now))
    again = fetched(office, b"Received: by another.example; later\r\n" + mail(), after=30)
    assert (again.message_id, again.conversation_id) == (first.message_id, first.conversation_id)
    assert (office.conversation(first).state, office.conversation(first).messages) == ("closed", 1)


def test_complaint_24_moved_mail_without_an_id_is_no_second_mail(office: Office) -> None:
    first = fetched(office, ALARM, days=3)
    moved = fetched(office, ALARM, days=3, after=9)
    assert moved.message_id == first.message_id


def test_the_same_words_another_day_are_another_mail(office: Office) -> None:
    first = fetched(office, ALARM, days=9)
    second = fetched(office, ALARM, days=3)
    assert second.message_id != first.message_id
