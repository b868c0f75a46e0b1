from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import update
from sqlmodel import col

from gatepost.gateway.accept import Gate, accept
from gatepost.gateway.again import KEPT
from gatepost.gateway.put import Submission
from gatepost.model import Delivery
from gatepost.store.deliveries import deliveries_of
from gatepost.store.messages import UNSENT
from tests.gateway.conftest import Submit

OWN_ID = "From: Shop <orders@shop.example>\r\nMessage-ID: <1@shop.example>\r\nSubject: Order\r\n"


def ids(gate: Gate, now: datetime, *submissions: Submission) -> list[str]:
    return [accept(gate, submission, now).result() for submission in submissions]


def test_the_same_octets_again_are_the_same_mail(gate: Gate, submit: Submit, now: datetime) -> None:
    """A client whose 250 was lost sends again, an hour later too, and another client's recipients in another order."""
    both = ("ana@calderon.example", "li@calderon.example")
    first, again = ids(gate, now, submit(OWN_ID, recipients=both), submit(OWN_ID, recipients=both[::-1]))
    assert first == again
    assert ids(gate, now + timedelta(hours=1), submit(OWN_ID, recipients=both)) == [first]
    with gate.database.session() as session:
        assert len(list(deliveries_of(session, first))) == 2


def test_what_differs_in_anything_is_another_mail(gate: Gate, submit: Submit, now: datetime) -> None:
    tries = [
        submit(OWN_ID),
        submit(OWN_ID, body="Hello!\r\n"),
        submit(OWN_ID, recipients=("li@calderon.example",)),
        submit(OWN_ID, mail_from="boss@other.example"),
        submit(OWN_ID.replace("<1@", "<2@")),
    ]
    assert len(set(ids(gate, now, *tries))) == len(tries)


def test_mail_without_an_id_of_its_own_may_say_the_same_twice(gate: Gate, submit: Submit, now: datetime) -> None:
    assert len(set(ids(gate, now, submit(), submit()))) == 2


def test_what_the_api_sends_has_its_own_keys(gate: Gate, submit: Submit, now: datetime) -> None:
    by_api = replace(submit(OWN_ID), trigger="api")
    assert len(set(ids(gate, now, by_api, by_api))) == 2


def test_after_two_days_it_is_a_new_mail(gate: Gate, submit: Submit, now: datetime) -> None:
    first = ids(gate, now, submit(OWN_ID))
    later = ids(gate, now + KEPT + timedelta(seconds=1), submit(OWN_ID))
    assert first != later
    assert ids(gate, now + KEPT + timedelta(seconds=2), submit(OWN_ID)) == later


@pytest.mark.parametrize("state", UNSENT)
def test_what_went_to_nobody_may_be_sent_again(gate: Gate, submit: Submit, now: datetime, state: str) -> None:
    """A 250 to the same octets would be the last that anybody hears of them."""
    both = ("ana@calderon.example", "li@calderon.example")
    first = ids(gate, now, submit(OWN_ID, recipients=both))
    gate.ledger.write(lambda session: session.execute(update(Delivery).values(state=state, next_attempt_at=None)))
    later = ids(gate, now + timedelta(hours=1), submit(OWN_ID, recipients=both))
    assert first != later
    assert ids(gate, now + timedelta(hours=2), submit(OWN_ID, recipients=both)) == later


def test_what_one_recipient_got_is_not_sent_again(gate: Gate, submit: Submit, now: datetime) -> None:
    both = ("ana@calderon.example", "li@calderon.example")
    first = ids(gate, now, submit(OWN_ID, recipients=both))
    failed = update(Delivery).where(col(Delivery.recipient) == both[0]).values(state="failed", next_attempt_at=None)
    gate.ledger.write(lambda session: session.execute(failed))
    assert ids(gate, now, submit(OWN_ID, recipients=both)) == first


def test_two_tries_in_one_commit_are_one_mail(gate: Gate, submit: Submit, now: datetime) -> None:
    futures = [accept(gate, submit(OWN_ID), now) for _ in range(20)]
    assert len({future.result() for future in futures}) == 1


def test_a_large_mail_is_known_again(gate: Gate, submit: Submit, now: datetime) -> None:
    large = submit(OWN_ID, body="A line of a large mail.\r\n" * 8000)
    first, again = ids(gate, now, large, large)
    assert first == again
