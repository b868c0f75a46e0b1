import time
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from gatepost.connectors.keeping import free_dead, keep_duty, keep_once, under_way
from gatepost.database import Database
from gatepost.ledger import Ledger
from gatepost.model import Account
from gatepost.rounds import begin
from gatepost.seal import Keys
from gatepost.store import accounts
from gatepost.store.accounts import LEASE
from tests.connectors.desk import DUE, Desk, Inbox


@pytest.fixture
def desk(database: Database, ledger: Ledger, keys: Keys, now: datetime) -> Desk:
    return Desk(database, ledger, keys, Inbox(), now)


def claimed(desk: Desk) -> Account:
    desk.add(1)
    desk.time += DUE
    account = desk.ledger.write(lambda session: accounts.claim_due(session, desk.time, LEASE))
    assert account is not None
    return account


def test_a_lease_is_moved_on_while_a_mailbox_is_read_and_no_longer(desk: Desk) -> None:
    account, polling = claimed(desk), desk.polling()
    until = desk.account().lease_until
    desk.time += LEASE / 2
    keep_once(polling)
    assert desk.account().lease_until == until
    with under_way(polling, account):
        keep_once(polling)
        assert desk.account().lease_until == desk.time + LEASE
        desk.ledger.write(lambda session: accounts.release(session, account, desk.time))
        keep_once(polling)
        assert desk.account().lease_until is None  # given back meanwhile
    assert polling.busy == {}


def test_a_lease_that_was_lost_is_not_taken_back(desk: Desk) -> None:
    account, polling = claimed(desk), desk.polling()
    desk.time += LEASE + timedelta(seconds=1)
    other = desk.ledger.write(lambda session: accounts.claim_due(session, desk.time, timedelta(seconds=1)))
    assert other is not None
    with under_way(polling, account):
        keep_once(polling)
    assert desk.account().lease_until == desk.time + timedelta(seconds=1)


def test_leases_are_kept_until_the_polling_stops(desk: Desk) -> None:
    account, polling = claimed(desk), desk.polling()
    with under_way(polling, account):
        thread = begin(replace(keep_duty(polling), seconds=0.01), polling.stop)
        desk.time += LEASE / 2
        end = time.monotonic() + 30
        while desk.account().lease_until != desk.time + LEASE:
            assert time.monotonic() < end
            time.sleep(0.01)
    polling.stop.set()
    thread.join(30)
    assert not thread.is_alive()


def test_where_there_is_one_process_nobody_else_is_looked_for(desk: Desk) -> None:
    claimed(desk)
    assert free_dead(desk.polling()) is False
    assert desk.account().lease_until is not None
