"""Move, split, merge and undo over a real store: later mail of the chain follows, and everything can be reverted."""

import pytest
from sqlmodel import Session

from gatepost.acts import Actor
from gatepost.model import Conversation, Correction
from gatepost.store import corrections
from gatepost.store.conversations import get_conversation
from gatepost.store.corrections import NotPossible
from gatepost.store.fsck import wrong_counts
from gatepost.store.placing import merged_origins
from gatepost.threading.intake import Received
from tests.threading.office import ANA, BEN, EVE, Office, mail, reply

MIA = Actor("Mia")


def at(session: Session, received: Received) -> Conversation:
    row = get_conversation(session, received.conversation_id or "")
    assert row
    return row


def do_move(office: Office, source: Received, target: Received | None, *mails: Received) -> Correction:
    ids = [one.message_id or "" for one in mails]

    def op(session: Session) -> Correction:
        into = at(session, target) if target else None
        return corrections.move(session, at(session, source), into, ids, MIA, office.now)

    done = office.ledger.write(op)
    check(office)
    return done


def do_merge(office: Office, source: Received, target: Received) -> Correction:
    done = office.ledger.write(
        lambda session: corrections.merge(session, at(session, source), at(session, target), MIA, office.now)
    )
    check(office)
    return done


def undo(office: Office, correction: Correction) -> None:
    def op(session: Session) -> None:
        found = corrections.get_correction(session, correction.id)
        assert found
        corrections.undo(session, found, MIA, office.now)

    office.ledger.write(op)
    check(office)


def check(office: Office) -> None:
    with office.ledger.database.session() as session:
        assert wrong_counts(session) == []


def answer(office: Office, to: str, header_id: str, sender: str = ANA) -> Received:
    chain = f"References: <1@calderon.example> <{to}>"
    return office.receive(mail(sender, "Re: x", header_id, f"In-Reply-To: <{to}>", chain))


def test_answers_to_a_merged_conversation_go_to_the_survivor_and_undo_brings_all_back(office: Office) -> None:
    first = office.receive(mail(ANA, "Lamp", "1@calderon.example"))
    second = office.receive(mail(ANA, "Lamp again", "2@calderon.example"))
    done = do_merge(office, second, first)
    assert office.conversation(second).merged_into == first.conversation_id
    assert office.conversation(first).messages == 2
    later = office.receive(mail(ANA, "Re: x", "3@calderon.example", "In-Reply-To: <2@calderon.example>"))
    assert later.conversation_id == first.conversation_id
    number = office.conversation(second).number
    by_number = office.receive(mail(ANA, f"[#{number}] and", "4@calderon.example"))
    assert by_number.conversation_id == first.conversation_id
    undo(office, done)
    assert office.conversation(second).merged_into is None
    assert office.shown(second) == ["2@calderon.example"]
    assert office.shown(first) == ["1@calderon.example", "3@calderon.example", "4@calderon.example"]
    again = office.receive(mail(ANA, "Re: x", "5@calderon.example", "In-Reply-To: <2@calderon.example>"))
    assert again.conversation_id == second.conversation_id


def test_a_merged_conversation_keeps_the_relayed_mail_that_it_answers(office: Office) -> None:
    one, two = office.relay([ANA], [ANA]), office.relay([ANA], [ANA], "order-2@shop.example")
    first = office.receive(reply(ANA))
    second = office.receive(reply(ANA, "order-2@shop.example", "3@calderon.example"))
    third = office.receive(mail(ANA, "Other", "4@calderon.example"))
    done = do_merge(office, second, first)
    do_merge(office, first, third)
    assert (office.conversation(third).origin_id, office.conversation(second).origin_id) == (one, two)
    with office.ledger.database.session() as session:
        told = [(row.id, kept.id) for row, kept in merged_origins(session, third.conversation_id or "")]
        assert told == [(second.conversation_id, two)]
        assert merged_origins(session, second.conversation_id or "") == []
    assert done.before.get("origin") is None


def test_later_mail_of_a_moved_chain_follows_it_and_its_sender_is_out(office: Office) -> None:
    office.relay([ANA, BEN], [ANA, BEN])
    first = office.receive(reply(ANA, header_id="1@calderon.example"))
    bens = office.receive(reply(BEN, header_id="b@calderon.example"))
    target = office.receive(mail(BEN, "Another thing", "t@calderon.example"))
    assert bens.conversation_id == first.conversation_id
    done = do_move(office, first, target, bens)
    follows = answer(office, "b@calderon.example", "b2@calderon.example", BEN)
    assert follows.conversation_id == target.conversation_id
    undo(office, done)
    assert office.conversation(first).messages == 3
    back = answer(office, "b@calderon.example", "b3@calderon.example", BEN)
    assert back.conversation_id == first.conversation_id


def test_a_strangers_mail_that_was_moved_out_opens_no_way_back(office: Office) -> None:
    first = office.receive(mail(ANA, "Lamp", "1@calderon.example"))
    linked = office.receive(mail(EVE, "Re: Lamp", "e@evil.example", "In-Reply-To: <1@calderon.example>"))
    done = do_merge(office, linked, first)
    joined = answer(office, "e@evil.example", "e2@evil.example", EVE)
    assert joined.conversation_id == first.conversation_id, "a person let her in"
    with pytest.raises(NotPossible, match="merged"):
        do_merge(office, linked, first)
    split = do_move(office, first, None, linked, joined)
    assert EVE not in office.people(first)
    outside = answer(office, "1@calderon.example", "e3@evil.example", EVE)
    assert outside.conversation_id not in (first.conversation_id, split.target_id)
    with pytest.raises(NotPossible, match="Undo what was done after it first"):
        undo(office, done)
    undo(office, split)
    undo(office, done)
    assert office.people(first) == [ANA]
    assert office.shown(linked) == ["e@evil.example", "e2@evil.example"], "her later mail goes with her"


def test_split_makes_a_conversation_and_undo_merges_it_back_with_what_came(office: Office) -> None:
    first = office.receive(mail(ANA, "Lamp", "1@calderon.example"))
    second = answer(office, "1@calderon.example", "2@calderon.example")
    done = do_move(office, first, None, second)
    third = answer(office, "2@calderon.example", "3@calderon.example")
    assert third.conversation_id == done.target_id != first.conversation_id
    undo(office, done)
    assert office.conversation(first).messages == 3
    assert office.conversation(third).merged_into == first.conversation_id
    assert answer(office, "3@calderon.example", "4@calderon.example").conversation_id == first.conversation_id
    with pytest.raises(NotPossible, match="undone already"):
        undo(office, done)


def test_what_cannot_be_moved_says_why(office: Office) -> None:
    first = office.receive(mail(ANA, "Lamp", "1@calderon.example"))
    other = office.receive(mail(BEN, "Other", "o@calderon.example"))
    with pytest.raises(NotPossible, match="all its mails"):
        do_move(office, first, other, first)
    with pytest.raises(NotPossible, match="in this conversation"):
        do_move(office, first, other, other)
    with pytest.raises(NotPossible, match="already"):
        do_merge(office, first, first)
