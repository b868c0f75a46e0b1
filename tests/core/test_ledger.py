import asyncio
import threading
from datetime import datetime

import psycopg
import pytest
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlmodel import Session, col, func, select

from gatepost.database import Database
from gatepost.ids import new_id
from gatepost.ledger import Ledger, LedgerClosed
from gatepost.model import Contact
from gatepost.seal import Keys
from gatepost.store.domains import add_domain, list_domains, new_domain


def contact(address: str, now: datetime) -> Contact:
    return Contact(id=new_id("ctc"), address=address, created_at=now)


def count(database: Database) -> int:
    with database.session() as session:
        return session.exec(select(func.count()).select_from(Contact)).one()


def test_operations_of_many_threads_are_all_there(ledger: Ledger, database: Database, now: datetime) -> None:
    def write(thread: int) -> None:
        for number in range(50):
            ledger.write(lambda session, number=number: session.add(contact(f"{thread}.{number}@x", now)))  # type: ignore[misc]

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count(database) == 400


def test_a_caller_who_gives_up_does_not_stop_the_writer(database: Database, now: datetime) -> None:
    ledger = Ledger(database)
    given_up = ledger.submit(lambda session: session.add(contact("a@x", now)))
    assert given_up.cancel()
    ledger.start()
    try:
        ledger.submit(lambda session: session.add(contact("b@x", now))).result(30)
        assert count(database) == 1
    finally:
        ledger.close()


def test_what_was_ended_by_a_deadlock_is_done_again(ledger: Ledger, database: Database, now: datetime) -> None:
    gate, tries = threading.Event(), 0

    def ended_once(session: Session) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise OperationalError("", None, psycopg.errors.DeadlockDetected("deadlock detected"))
        session.add(contact("b@x", now))

    ledger.submit(lambda session: gate.wait())
    futures = [ledger.submit(lambda session: session.add(contact("a@x", now))), ledger.submit(ended_once)]
    gate.set()
    assert [future.exception(30) for future in futures] == [None, None]
    assert tries == 2
    assert count(database) == 2


def test_one_bad_operation_fails_alone(ledger: Ledger, database: Database, now: datetime) -> None:
    gate = threading.Event()
    ledger.submit(lambda session: gate.wait())
    futures = [ledger.submit(lambda s, n=n: s.add(contact(f"{n % 5}@x", now))) for n in range(10)]  # type: ignore[misc]
    gate.set()
    outcomes = [future.exception() for future in futures]
    assert outcomes[:5] == [None] * 5
    assert all(isinstance(error, IntegrityError) for error in outcomes[5:])
    assert count(database) == 5


def test_a_fault_where_a_result_is_told_does_not_end_the_writer(
    ledger: Ledger, database: Database, now: datetime
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def wait(session: Session) -> None:
        begun.set()
        assert go_on.wait(10)

    told = ledger.submit(wait)
    assert begun.wait(10)
    told.set_result(None)
    go_on.set()
    ledger.write(lambda session: session.add(contact("later@x", now)))
    assert count(database) == 1


def test_an_operation_that_raises_leaves_nothing(ledger: Ledger, database: Database, now: datetime) -> None:
    def half(session: Session) -> None:
        session.add(contact("half@x", now))
        session.flush()
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        ledger.write(half)
    assert count(database) == 0


def test_waiting_operations_share_one_commit(ledger: Ledger, database: Database, now: datetime) -> None:
    """Group commit: what waited together is seen together, never in part."""
    begun, gate = threading.Event(), threading.Event()

    def hold(session: Session) -> None:
        begun.set()
        gate.wait()

    ledger.submit(hold)
    begun.wait()
    futures = [ledger.submit(lambda s, n=n: s.add(contact(f"{n}@x", now))) for n in range(100)]  # type: ignore[misc]
    seen: list[int] = []
    futures[0].add_done_callback(lambda done: seen.append(count(database)))
    gate.set()
    futures[-1].result()
    assert seen == [100]


def test_a_cancelled_coroutine_does_not_stop_its_commit(ledger: Ledger, database: Database, now: datetime) -> None:
    async def scenario() -> None:
        gate = threading.Event()
        ledger.submit(lambda session: gate.wait())
        task = asyncio.create_task(ledger.commit(lambda session: session.add(contact("a@x", now))))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        gate.set()
        await ledger.commit(lambda session: None)

    asyncio.run(scenario())
    assert count(database) == 1


def test_closing_writes_what_waits_and_takes_no_more(database: Database, now: datetime) -> None:
    ledger = Ledger(database).start()
    futures = [ledger.submit(lambda s, n=n: s.add(contact(f"{n}@x", now))) for n in range(20)]  # type: ignore[misc]
    ledger.close()
    assert all(future.exception() is None for future in futures)
    with pytest.raises(LedgerClosed):
        ledger.submit(lambda session: None)
    with database.session() as session:
        assert len(session.exec(select(Contact).order_by(col(Contact.address))).all()) == 20


def test_a_domain_is_stored_although_its_operation_ran_twice(database: Database, keys: Keys, now: datetime) -> None:
    """A row made outside and added to the session of a batch that failed was told as stored, and was not."""
    ledger = Ledger(database)
    row = new_domain(keys, "a.example", now)

    def fail(session: Session) -> None:
        raise ValueError

    stored, _ = ledger.submit(lambda session: add_domain(session, row)), ledger.submit(fail)
    ledger.start()
    assert stored.result().name == "a.example"
    with database.session() as session:
        assert [found.name for found in list_domains(session)] == ["a.example"]
    ledger.close()
