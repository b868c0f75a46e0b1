import time
from datetime import datetime, timedelta

from sqlmodel import Session

from gatepost.database import Database, open_database
from gatepost.ledger import Ledger
from gatepost.seal import Keys
from gatepost.store import accounts, channels, idling, processes
from gatepost.store.processes import Seen

LEASE = timedelta(minutes=2)


def add_account(ledger: Ledger, keys: Keys, now: datetime) -> str:
    def op(session: Session) -> str:
        channel = channels.create_channel(session, name="Box", address="box@gatepost.test", now=now)
        return accounts.create_account(
            session, keys, channel_id=channel.id, host="imap.example.org", port=993, security="tls", username="user",
            secret="hidden-pw", now=now,
        ).id  # fmt: skip

    return ledger.write(op)


def seen_after(database: Database, now: datetime, *, dead: bool) -> Seen:
    """What is seen once PostgreSQL has noticed who is there."""
    end = time.monotonic() + 30
    while True:
        with database.session() as session:
            seen = processes.look(session, database.process, now)
        if bool(seen.dead) is dead or time.monotonic() > end:
            return seen
        time.sleep(0.02)


def test_what_a_dead_process_read_and_watched_is_free_at_once(database: Database, keys: Keys, now: datetime) -> None:
    if database.sqlite:
        return  # there is one process, and its start ends all leases
    ledger = Ledger(database).start()
    account_id = add_account(ledger, keys, now)
    other = open_database(database.engine.url.render_as_string(hide_password=False))
    other.version()
    database.version()
    assert 0 != other.process != database.process != 0
    claimed = ledger.write(lambda session: accounts.claim_due(session, now, LEASE, other.process))
    assert claimed is not None
    ledger.write(lambda session: idling.keep_watching(session, "theirs", now, now + LEASE, 5, other.process))
    seen = seen_after(database, now, dead=False)
    assert seen == Seen(frozenset({other.process}))
    gone = other.process
    other.close()  # as when it is killed: its connections end
    assert seen_after(database, now, dead=True).dead == {gone}
    ledger.write(lambda session: processes.free(session, {gone}, now))
    again = ledger.write(lambda session: accounts.claim_due(session, now, LEASE, database.process))
    assert again is not None
    assert (again.id, again.lease_fence) == (account_id, claimed.lease_fence + 1)
    assert seen_after(database, now, dead=False) == Seen()
    ledger.close()


def test_a_process_that_lost_its_connection_is_there_again(database: Database) -> None:
    if database.sqlite:
        assert database.version() is not None
        assert database.process == 0
        return
    database.version()
    number = database.process
    database.onlooker.close()
    assert database.process == 0  # a claim made now ends by time alone
    database.version()
    with database.session() as session:
        assert (database.process, set(session.execute(processes.LIVING, {"kind": 0x6761}).scalars())) == (
            number,
            {number},
        )
