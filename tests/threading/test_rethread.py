"""Stored mail put where another policy puts it, and taken back; what a person decided stays."""

from datetime import timedelta

from gatepost.acts import Actor
from gatepost.store import corrections
from gatepost.store.conversations import get_conversation
from gatepost.store.messages import get_message
from gatepost.store.placing import runs
from gatepost.threading.intake import Received
from gatepost.threading.place import POLICIES
from gatepost.threading.replay import recent
from gatepost.threading.rethread import Preview, Put, preview, rethread, take_back
from gatepost.words import Strength
from tests.threading.office import ANA, Office, mail, reply

ADA = Actor("Ada", None)


def talk(office: Office) -> list[Received]:
    """A mail, its proven answer, an unproven answer, and the same words without any id."""
    first = office.receive(mail(ANA, "Lamp", "1@calderon.example"), strength=Strength.ALIGNED)
    return [
        first,
        office.receive(reply(ANA, "1@calderon.example", "2@calderon.example"), strength=Strength.ALIGNED),
        office.receive(reply(ANA, "2@calderon.example", "3@calderon.example")),
        office.receive(mail(ANA, "Re: Lamp", "9@calderon.example")),
    ]


def look(office: Office, policy: str) -> Preview:
    with office.ledger.database.session() as session:
        return preview(session, office.desk, recent(session, office.now - timedelta(days=1), 100), POLICIES[policy])


def put(office: Office, policy: str, ids: list[str]) -> Put:
    return rethread(office.ledger.database, office.ledger, office.desk, ids, POLICIES[policy], ADA, office.now)


def home(office: Office, received: Received) -> int:
    with office.ledger.database.session() as session:
        message = get_message(session, received.message_id or "")
        assert message
        found = get_conversation(session, message.conversation_id or "")
        assert found
        return found.number


def test_todays_policy_changes_nothing_and_a_preview_writes_nothing(office: Office) -> None:
    received = talk(office)
    before = [home(office, one) for one in received]
    assert not look(office, "desk").elsewhere
    found = look(office, "strict")
    assert [one.message.id for one in found.elsewhere] == [received[2].message_id]
    assert (found.looked, found.by_hand, found.lost) == (4, 0, 0)
    assert [home(office, one) for one in received] == before


def test_the_same_words_are_brought_together_and_taken_back(office: Office) -> None:
    received = talk(office)
    before = [home(office, one) for one in received]
    ids = [one.message.id for one in look(office, "archive").elsewhere]
    assert ids == [received[3].message_id]
    done = put(office, "archive", ids)
    assert [one.kind for one in done.moved] == ["merge"], "it was alone in its conversation"
    assert home(office, received[3]) == before[0]
    with office.ledger.database.session() as session:
        (run,) = runs(session)
    assert (run.policy, run.actor, run.moves, run.holding) == ("archive", "Ada", 1, 1)
    again = put(office, "archive", ids)
    assert not again.moved
    assert again.stayed[0][1] == "It is where it belongs by now"

    later = office.now + timedelta(minutes=1)
    undone = take_back(office.ledger.database, office.ledger, run.at, ADA, later)
    assert (len(undone.moved), undone.stayed) == (1, ())
    assert [home(office, one) for one in received] == before
    with office.ledger.database.session() as session:
        assert runs(session)[0].holding == 0


def test_what_nothing_proves_is_split_off_and_answers_to_it_follow(office: Office) -> None:
    received = talk(office)
    done = put(office, "strict", [received[2].message_id or ""])
    assert [one.kind for one in done.moved] == ["split"]
    assert home(office, received[2]) != home(office, received[0])
    answer = office.receive(reply(ANA, "3@calderon.example", "4@calderon.example"))
    assert home(office, answer) == home(office, received[2])


def test_a_mail_that_a_person_moves_meanwhile_stays_with_the_reason(office: Office) -> None:
    received = talk(office)
    unproven = received[2].message_id or ""
    with office.ledger.database.session() as session:
        source = get_conversation(session, received[2].conversation_id or "")
        assert source
    office.ledger.write(lambda session: corrections.move(session, source, None, [unproven], ADA, office.now))
    done = put(office, "strict", [unproven, "msg_gone"])
    assert not done.moved
    assert [why for _, why in done.stayed] == [
        "It is where it belongs by now",
        "It is not stored any more, or cannot be read",
    ]
    assert look(office, "strict").by_hand == 1


def test_the_same_words_after_a_month_begin_anew_unless_they_answer(office: Office) -> None:
    office.receive(mail(ANA, "Lamp", "1@calderon.example"))
    office.now += timedelta(days=40)
    office.receive(mail(ANA, "Lamp", "8@calderon.example"))
    answer = office.receive(mail(ANA, "AW: lamp", "9@calderon.example"))
    assert [one.message.id for one in look(office, "archive").elsewhere] == [answer.message_id]
