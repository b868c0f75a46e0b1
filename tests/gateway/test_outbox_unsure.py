"""What may be leased to us is given back with the next claim; what is leased to others, or in our hands, is not."""

import asyncio
from datetime import datetime, timedelta

from gatepost.gateway.accept import Gate, accept
from gatepost.gateway.outbox_unsure import MOST, SETTLED, Doubts
from gatepost.store.claims import claim, claim_some
from gatepost.store.deliveries import Claim, deliveries_of
from gatepost.store.unsure import give_back
from tests.gateway.conftest import Submit

LEASE = timedelta(minutes=2)


def queued(gate: Gate, submit: Submit, now: datetime) -> list[str]:
    """The deliveries of a mail to three recipients."""
    message_id = accept(gate, submit(recipients=("a@x.example", "b@x.example", "c@x.example")), now).result()
    with gate.database.session() as session:
        return [row.id for row in deliveries_of(session, message_id)]


def claimed(gate: Gate, now: datetime, limit: int = 10) -> list[Claim]:
    return gate.ledger.write(lambda session: claim(session, limit, LEASE, now))


def test_only_our_own_lease_is_given_back(gate: Gate, submit: Submit, now: datetime) -> None:
    ids = queued(gate, submit, now)
    taken = claimed(gate, now, 2)
    theirs = claimed(gate, now + timedelta(microseconds=1))
    assert (len(taken), len(theirs)) == (2, 1)
    unsure = [(its_id, now + LEASE) for its_id in ids]
    own = [taken[0].delivery_id]
    assert gate.ledger.write(lambda session: give_back(session, unsure, own, now)) == 1
    assert gate.ledger.write(lambda session: give_back(session, unsure, own, now)) == 0, "it may be done again"
    (again,) = claimed(gate, now)
    assert (again.delivery_id, again.fence) == (taken[1].delivery_id, taken[1].fence + 1)


def test_a_message_stands_for_its_deliveries(gate: Gate, submit: Submit, now: datetime) -> None:
    queued(gate, submit, now)
    message_id = claimed(gate, now)[0].message_id
    wrong, right = [(message_id, now)], [(message_id, now + LEASE)]
    assert gate.ledger.write(lambda session: give_back(session, wrong, (), now)) == 0
    assert gate.ledger.write(lambda session: give_back(session, right, (), now)) == 3


def test_the_next_claim_gives_back_first_and_then_takes(gate: Gate, submit: Submit, now: datetime) -> None:
    ids = queued(gate, submit, now)
    lost = claimed(gate, now)
    doubts = Doubts(gate.ledger, LEASE)
    doubts.note(ids, now + LEASE)

    def claim_again(at: datetime) -> list[Claim]:
        taking = doubts.commit(lambda session: claim_some(session, 10, LEASE, at, None, (), ()), (), at)
        return asyncio.run(taking)[0]

    found = claim_again(now + timedelta(seconds=1))
    assert [each.fence for each in found] == [each.fence + 1 for each in lost]
    assert len(doubts.noted) == 3, "the lost commit may still be under way"
    assert claim_again(now + SETTLED) == []
    assert not doubts.noted


def test_of_too_many_doubts_the_newest_are_kept(gate: Gate, now: datetime) -> None:
    doubts = Doubts(gate.ledger, LEASE)
    for number in range(MOST + 10):
        doubts.note([f"msg_{number}"], now)
    assert (len(doubts.noted), doubts.noted[0][0]) == (MOST, "msg_10")
