"""What two processes write about the same people and ids at the same moment."""

import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial

import pytest
from sqlmodel import Session, select

from gatepost.database import Database, open_database
from gatepost.ledger import Ledger
from gatepost.model import Contact, KnownId, Participant
from gatepost.store.conversations import add_participants, create_conversation, keep_contact, know_ids, next_number
from tests.store.conftest import copied


def test_people_and_ids_are_added_once(ledger: Ledger, now: datetime) -> None:
    def write(session: Session) -> str:
        made = create_conversation(session, subject="x", requester="ana@x.example", channel_id=None, now=now)
        add_participants(session, made.id, [("ana@x.example", "Ana", "requester"), ("ana@x.example", "", "cc")])
        add_participants(session, made.id, [("ana@x.example", "Other", "cc"), ("ben@x.example", "", "cc")])
        know_ids(session, made.id, "msg_1", "", ("one@x", "two@x"))
        know_ids(session, made.id, "msg_2", "one@x", ("two@x",))
        know_ids(session, made.id, "msg_3", "one@x", ())
        assert keep_contact(session, "ana@x.example", "", now).name == ""
        first = keep_contact(session, "ana@x.example", "Ana", now)
        assert (keep_contact(session, "ana@x.example", "Else", now).id, first.name) == (first.id, "Ana")
        return made.id

    made = ledger.write(write)
    with ledger.database.session() as session:
        people = {row.address: (row.name, row.role) for row in session.exec(select(Participant)).all()}
        ids = {row.message_id: row.message_pk for row in session.exec(select(KnownId)).all()}
        assert people == {"ana@x.example": ("Ana", "requester"), "ben@x.example": ("", "cc")}
        assert ids == {"one@x": "msg_2", "two@x": None}
        assert {row.conversation_id for row in session.exec(select(Participant)).all()} == {made}


@pytest.fixture
def postgres(postgres_template: str) -> Iterator[Database]:
    """A PostgreSQL database of this test alone."""
    with copied(postgres_template) as database:
        yield database


@pytest.fixture
def other(postgres: Database) -> Database:
    """The same database as a second process has it."""
    return open_database(postgres.engine.url.render_as_string(hide_password=False))


def meeting(first: Database, second: Database, work: Callable[[Session], None]) -> list[BaseException]:
    """Two transactions that do the same before either ends."""
    barrier, errors = threading.Barrier(2), list[BaseException]()

    def run(database: Database) -> None:
        try:
            with database.session() as session:
                barrier.wait(10)
                work(session)
                session.commit()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(database,)) for database in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return errors


def test_two_processes_that_write_the_same_do_not_fail(postgres: Database, other: Database, now: datetime) -> None:
    ledgers = [Ledger(database).start() for database in (postgres, other)]
    try:
        made = ledgers[0].write(
            lambda s: create_conversation(s, subject="x", requester="a@x.example", channel_id=None, now=now).id
        )

        def work(session: Session) -> None:
            keep_contact(session, "a@x.example", "Ana", now)
            add_participants(session, made, [("a@x.example", "Ana", "requester"), ("b@x.example", "", "cc")])
            know_ids(session, made, "msg_1", "one@x", ("two@x", "three@x"))
            next_number(session, "a new counter")

        for _ in range(5):
            assert meeting(postgres, other, work) == []

        def count(session: Session, address: str) -> int:
            keep_contact(session, address, "N", now)
            return next_number(session, "counted")

        addresses = [f"{n % 7}@x.example" for n in range(60)]
        futures = [ledger.submit(partial(count, address=each)) for each in addresses for ledger in ledgers]
        assert sorted(future.result(30) for future in futures) == list(range(1, 121))
        with other.session() as session:
            assert len(session.exec(select(Contact)).all()) == 8
    finally:
        for ledger in ledgers:
            ledger.close()
        other.close()
