"""Who is woken by what: a commit of anybody, the time, a ring; and that nobody looks where there is nothing to see."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, event, text

from gatepost.bell import Bell
from gatepost.database import Database, open_database
from gatepost.ledger import Ledger, LedgerClosed
from gatepost.rounds import LONGEST, Duty, Looks, When, alongside, begin, earliest, go_round, is_past, rounds

SECOND = timedelta(seconds=1)
AT_ONCE = 0.01


@dataclass(slots=True)
class Work:
    """Tells what it is given, a round each, then that it knows of nothing; the waits between the rounds are kept."""

    tells: list[When | Exception] = field(default_factory=list)
    rounds: int = 0
    waited: list[float] = field(default_factory=list)

    def __call__(self, now: datetime) -> When:
        self.rounds += 1
        found = self.tells.pop(0) if self.tells else None
        if isinstance(found, Exception):
            raise found
        return found


@pytest.fixture
def other(database: Database) -> Iterator[Database]:
    """The same database as another process has it."""
    opened = open_database(database.url)
    yield opened
    opened.close()


def commit(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO counter (name, value) SELECT 'c' || count(*), 1 FROM counter"))


def go(work: Work, ledger: Ledger, now: datetime, *meanwhile: Callable[[], object]) -> Work:
    """Rounds, with something done in the pause after each; then they are stopped."""
    stop, steps = threading.Event(), list(meanwhile)

    def wait(seconds: float) -> None:
        work.waited.append(seconds)
        steps.pop(0)() if steps else stop.set()

    go_round(Duty("work", work, 1.0, ledger, lambda: now), stop, wait)
    return work


def nothing() -> None:
    pass


def test_a_commit_of_another_process_is_seen(
    database: Database, other: Database, ledger: Ledger, now: datetime
) -> None:
    assert go(Work(), ledger, now, nothing, nothing).rounds == 1
    assert go(Work(), ledger, now, nothing, lambda: commit(other.engine), nothing).rounds == 2
    assert go(Work(), ledger, now, nothing, lambda: commit(database.engine), nothing).rounds == 2


def test_what_is_not_committed_is_not_waited_for(other: Database, ledger: Ledger, now: datetime) -> None:
    with other.engine.connect() as connection:
        connection.execute(text("INSERT INTO counter (name, value) VALUES ('c', 1)"))
        assert go(Work(), ledger, now, nothing, connection.commit, nothing).rounds == 2


def test_what_is_committed_during_a_round_leads_to_another(other: Database, ledger: Ledger, now: datetime) -> None:
    work, seen = Work(), list[int]()

    def writing(now: datetime) -> When:
        seen.append(work.rounds)
        if len(seen) == 1:
            commit(other.engine)
        return work(now)

    stop = threading.Event()
    go_round(Duty("work", writing, 1.0, ledger, lambda: now), stop, lambda _: stop.set() if len(seen) == 2 else None)
    assert work.rounds == 2


def test_its_own_time_is_enough(database: Database, now: datetime) -> None:
    looks = Looks(database)
    assert looks.worth(now)
    looks.looked(now, now + 5 * SECOND)
    assert [looks.worth(now + n * SECOND) for n in (0, 4, 5, 6)] == [False, False, True, True]
    looks.looked(now, None)
    assert [looks.worth(now + LONGEST - SECOND), looks.worth(now + LONGEST)] == [False, True]


def test_a_look_that_failed_does_not_count(database: Database, now: datetime) -> None:
    looks = Looks(database)
    assert [looks.worth(now), looks.worth(now)] == [True, True]
    looks.looked(now, None)
    assert not looks.worth(now)


def test_more_to_do_is_done_at_once_and_what_is_due_in_the_next_round(ledger: Ledger, now: datetime) -> None:
    work = go(Work([True, True, now, None]), ledger, now, nothing, nothing, nothing)
    assert (work.rounds, work.waited) == (4, [1.0] * 4)


def test_trouble_is_waited_out_longer_each_time(ledger: Ledger, now: datetime) -> None:
    work = go(Work([ValueError("no")] * 7), ledger, now, *[nothing] * 8)
    assert (work.rounds, work.waited) == (8, [1, 2, 4, 8, 16, 30, 30, 1, 1])


def test_it_ends_with_the_ledger(ledger: Ledger, now: datetime) -> None:
    assert go(Work([LedgerClosed()]), ledger, now).waited == []
    ledger.close()
    assert go(Work(), ledger, now).rounds == 0


def test_a_ring_ends_the_pause(ledger: Ledger, other: Database, now: datetime) -> None:
    bell, stop, looked = Bell(), threading.Event(), threading.Semaphore(0)

    def work(now: datetime) -> None:
        looked.release()

    thread = begin(Duty("work", work, 600.0, ledger, lambda: now), stop, bell.wait)
    assert looked.acquire(timeout=30)
    commit(other.engine)
    bell.ring()
    assert looked.acquire(timeout=30)
    stop.set()
    bell.ring()
    thread.join(30)
    assert not thread.is_alive()


def test_rounds_go_on_while_the_context_is_open(ledger: Ledger, now: datetime) -> None:
    looked = threading.Semaphore(0)

    def work(now: datetime) -> When:
        looked.release()
        return now

    async def scenario() -> None:
        async with rounds(Duty("beside", work, AT_ONCE, ledger, lambda: now)):
            assert await asyncio.to_thread(lambda: all(looked.acquire(timeout=30) for _ in range(3)))
        assert "beside" not in [thread.name for thread in threading.enumerate()]

    asyncio.run(scenario())


def test_who_asks_for_the_version_reads_no_tables(database: Database, now: datetime) -> None:
    asked = list[object]()
    event.listen(database.engine, "checkout", lambda *connection: asked.append(connection))
    looks = Looks(database)
    looks.looked(now, None) if looks.worth(now) else None
    asked.clear()
    assert not any(looks.worth(now) for _ in range(10))
    assert asked == []


def test_the_version_of_postgresql(postgres_database: str) -> None:
    database, other = open_database(postgres_database), open_database(postgres_database)
    try:
        with other.engine.begin() as connection:
            connection.execute(text("CREATE TABLE counter (name TEXT, value INTEGER)"))
        before = database.version()
        with other.engine.connect() as connection:
            connection.execute(text("INSERT INTO counter VALUES ('open', 1)"))
            open_one = database.version()
            connection.commit()
        after = database.version()
        assert after not in (before, open_one)
        commit(other.engine)
        assert database.version() != after
    finally:
        database.close()
        other.close()


def test_a_connection_made_anew_tells_another_version(database: Database) -> None:
    before = database.version()
    assert database.version() == before
    database.onlooker.connection.dbapi_connection.close()
    with pytest.raises(Exception, match="closed"):
        database.version()
    assert database.version() != before


def test_a_task_that_ends_by_itself_is_told(now: datetime) -> None:
    async def scenario() -> None:
        told: asyncio.Future[asyncio.Task[None]] = asyncio.get_running_loop().create_future()
        async with alongside(asyncio.sleep(0), told.set_result):
            assert (await told).done()

    asyncio.run(scenario())


def test_times(now: datetime) -> None:
    assert earliest(None, now + SECOND, now) == now
    assert earliest(None) is None
    assert [is_past(None, now), is_past(now, now), is_past(now + SECOND, now)] == [False, True, False]
