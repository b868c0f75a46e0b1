"""Stored mail decided anew: today's code agrees with itself, and another policy shows what it would put elsewhere."""

from datetime import timedelta

from gatepost.store import corrections
from gatepost.store.conversations import get_conversation
from gatepost.store.messages import get_message, raw_of
from gatepost.threading.intake import Received
from gatepost.threading.place import POLICIES
from gatepost.threading.reading import read
from gatepost.threading.replay import Replayed, recent, replay
from gatepost.words import Strength
from tests.threading.office import ANA, BEN, EVE, Office, mail, reply
from tests.threading.test_corrections import MIA


def again(office: Office, received: Received, policy: str = "desk") -> Replayed:
    with office.ledger.database.session() as session:
        message = get_message(session, received.message_id or "")
        assert message
        reading = read(raw_of(session, message.raw_id, office.desk.blobs), message.envelope_from)
        return replay(session, office.desk.settings, office.desk.keys, message, reading, POLICIES[policy])


def stream(office: Office) -> list[Received]:
    """Mails of every kind: new, answers proven and not, a stranger's, one to relayed mail, one without any id."""
    office.relay([ANA, BEN], [ANA, BEN])
    return [
        office.receive(mail(ANA, "Lamp", "1@calderon.example"), strength=Strength.ALIGNED),
        office.receive(reply(ANA, "1@calderon.example", "2@calderon.example"), strength=Strength.ALIGNED),
        office.receive(reply(ANA, "2@calderon.example", "3@calderon.example")),
        office.receive(reply(EVE, "2@calderon.example", "e@evil.example")),
        office.receive(reply(ANA, "2@calderon.example", "f@calderon.example"), strength=Strength.FAILING),
        office.receive(reply(BEN, header_id="b@calderon.example")),
        office.receive(reply(ANA, "b@calderon.example", "4@calderon.example")),
        office.receive(mail(ANA, "Re: Lamp", "9@calderon.example")),
    ]


def test_todays_code_decides_as_it_did(office: Office) -> None:
    for received in stream(office):
        done = again(office, received)
        assert done.differs == (), (done.before, done.now)


def test_strict_shows_what_nothing_proved_and_archive_what_has_the_same_words(office: Office) -> None:
    received = stream(office)
    unproven = again(office, received[2], "strict")
    assert unproven.differs == ("conversation",)
    assert unproven.now.conversation == 0
    assert "nothing proves that" in unproven.now.why[0]["text"]
    words = again(office, received[7], "archive")
    assert words.now.conversation == again(office, received[0]).before.conversation
    assert again(office, received[3], "archive").differs == (), "a stranger stays out"


def test_a_mail_that_was_moved_is_told_as_moved(office: Office) -> None:
    first, second = stream(office)[:2]

    with office.ledger.database.session() as session:
        source = get_conversation(session, first.conversation_id or "")
        assert source
    ids = [second.message_id or ""]
    office.ledger.write(lambda session: corrections.move(session, source, None, ids, MIA, office.now))
    assert again(office, second).by_hand
    assert not again(office, first).by_hand


def test_recent_gives_the_mails_of_the_last_days(office: Office) -> None:
    received = stream(office)
    with office.ledger.database.session() as session:
        found = list(recent(session, office.now - timedelta(days=1), 100))
        assert [one.id for one in found] == [one.message_id for one in received]
        assert not list(recent(session, office.now + timedelta(days=1), 100))
