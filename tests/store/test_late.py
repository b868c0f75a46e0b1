from datetime import datetime, timedelta

from gatepost.database import Database
from gatepost.ledger import Ledger
from gatepost.store.claims import claim
from gatepost.store.late import STILL_HELD, bring_back
from tests.store.test_deliveries import send

LEASE = timedelta(minutes=2)


def test_what_a_clock_ahead_has_put_off_is_due_when_it_is_right(
    ledger: Ledger, database: Database, now: datetime
) -> None:
    ahead = now + timedelta(days=4000)
    ledger.write(lambda session: send(session, ["put-off@x.example"], ahead))
    assert ledger.write(lambda session: claim(session, 9, LEASE, now)) == []
    assert ledger.write(lambda session: bring_back(session, now)) == 1
    assert [one.recipient for one in ledger.write(lambda session: claim(session, 9, LEASE, now))] == [
        "put-off@x.example"
    ]


def test_a_lease_of_the_future_ends_soon(ledger: Ledger, database: Database, now: datetime) -> None:
    ahead = now + timedelta(days=10)
    ledger.write(lambda session: send(session, ["held@x.example"], ahead))
    first = ledger.write(lambda session: claim(session, 9, LEASE, ahead))
    ledger.write(lambda session: bring_back(session, now))
    assert ledger.write(lambda session: claim(session, 9, LEASE, now)) == []
    second = ledger.write(lambda session: claim(session, 9, LEASE, now + STILL_HELD))
    assert [one.fence for one in (*first, *second)] == [1, 2]


def test_a_right_clock_changes_nothing(ledger: Ledger, database: Database, now: datetime) -> None:
    ledger.write(lambda session: send(session, ["now@x.example"], now))
    assert ledger.write(lambda session: bring_back(session, now + timedelta(seconds=1))) == 0
    soon = now - timedelta(hours=1)
    assert ledger.write(lambda session: bring_back(session, soon)) == 0  # within what a pause can be
