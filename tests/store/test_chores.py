"""What is to be done at providers is claimed by account for a while; what was given up is tried again on request."""

from datetime import timedelta

from gatepost.model import SentCopy
from gatepost.store.chores import CLAIMED, next_due, try_now
from gatepost.store.sent_copies import FIRST_LOOK, CopyState, claim_copies, look_again, settle_copy, troubled
from tests.threading.conftest import office as office
from tests.threading.office import Office
from tests.threading.test_own_copy import account_of, sent_over


def claimed(office: Office, after: timedelta) -> list[str]:
    work = office.ledger.write(lambda session: claim_copies(session, office.now + after))
    return sorted(message.id for _, message in work.items) if work else []


def test_what_is_claimed_is_nobody_elses_for_a_while(office: Office) -> None:
    account_id = account_of(office)
    sent = sorted(sent_over(office, account_id) for _ in range(2))
    assert claimed(office, timedelta(0)) == []  # not due yet
    assert claimed(office, FIRST_LOOK) == sent
    assert claimed(office, FIRST_LOOK + CLAIMED - timedelta(seconds=1)) == []
    assert claimed(office, FIRST_LOOK + CLAIMED) == sent


def test_what_was_given_up_is_tried_again_on_request(office: Office) -> None:
    account_id = account_of(office)
    given_up, waiting = (sent_over(office, account_id) for _ in range(2))
    later = office.now + timedelta(hours=1)
    with office.ledger.database.session() as session:
        copies = {message_id: session.get_one(SentCopy, (message_id, account_id)) for message_id in (given_up, waiting)}
    office.ledger.write(lambda s: settle_copy(s, copies[given_up], CopyState.FAILED, "No such folder", office.now))
    office.ledger.write(lambda s: look_again(s, copies[waiting], "Away", later))
    with office.ledger.database.session() as session:
        assert {copy.why for copy, _ in troubled(session, account_id)} == {"No such folder", "Away"}
        assert next_due(session, SentCopy) == later
    office.ledger.write(lambda session: try_now(session, account_id, office.now))
    assert claimed(office, timedelta(0)) == [given_up]  # the other may be under way elsewhere
