"""Live events where several processes write: one that appears late, under a lower number, is told all the same."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import event
from sqlmodel import Session

from gatepost.database import Database, migrate, open_database
from gatepost.ledger import Ledger
from gatepost.store import users
from gatepost.store.events import add_event
from gatepost.web.live import LATE, Live


def writing(message_id: str, now: datetime) -> Callable[[Session], None]:
    return lambda session: add_event(session, "message.queued", now=now, message_id=message_id)


def heard(live: Live, seq: int, hashed: str) -> tuple[int, list[str]]:
    """The new position, and the messages that one login is told of."""
    seq, news = live.read(seq, frozenset({hashed}), False)
    return seq, sorted(about for kind, about in (news or {}).get(hashed, set()) if kind == "message")


def session_of(ledger: Ledger, now: datetime) -> str:
    def make(session: Session) -> str:
        admin = users.create_user(
            session, email="ada@example.org", name="Ada", role="admin", password_hash="x", now=now
        )
        return users.start_session(session, admin.id, agent="", ip="", now=now)

    return users.token_hash(ledger.write(make))


def try_gaps(database: Database, now: datetime) -> None:
    ledger = Ledger(database).start()
    try:
        hashed = session_of(ledger, now)
        live = Live(database, lambda: now)
        ledger.write(writing("early", now))
        with database.session() as late:
            writing("late", now)(late)
            late.flush()  # it has its number, and nobody sees it yet
            ledger.write(writing("second", now))
            newest, _ = live.read_missed(hashed, -1)
            seq, live.told = live.start(newest)
            assert heard(live, seq, hashed)[1] == []
            ledger.write(writing("third", now))
            seq, told = heard(live, seq, hashed)
            assert told == ["third"]
            assert heard(live, seq, hashed)[1] == []  # once
            late.commit()
        seq, told = heard(live, seq, hashed)
        assert told == ["late"]
        for _ in range(4):
            ledger.write(writing("more", now))
            seq, told = heard(live, seq, hashed)
            assert told == ["more"]
        assert live.told == frozenset() or min(live.told) > seq
        assert seq > newest
    finally:
        ledger.close()


def test_an_event_that_appears_late_is_told_once(postgres_database: str, now: datetime) -> None:
    migrate(postgres_database)
    database = open_database(postgres_database)
    try:
        try_gaps(database, now)
    finally:
        database.close()


def test_what_another_process_writes_is_told_and_nothing_is_read_without(
    database: Database, ledger: Ledger, now: datetime
) -> None:
    hashed, live, read = session_of(ledger, now), Live(database, lambda: now), list[object]()
    seq, live.told = live.start(0)
    assert heard(live, seq, hashed) == (seq, [])
    event.listen(database.engine, "checkout", lambda *connection: read.append(connection))
    assert heard(live, seq, hashed) == (seq, [])
    assert read == []
    elsewhere = open_database(database.url)
    with Session(elsewhere.engine) as session:
        writing("new", now)(session)
        session.commit()
    elsewhere.close()
    assert heard(live, seq, hashed)[1] == ["new"]


def test_a_flood_is_told_in_pieces(database: Database, ledger: Ledger, now: datetime) -> None:
    hashed, live, told = session_of(ledger, now), Live(database, lambda: now), list[str]()
    seq, live.told = live.start(0)

    def flood(session: Session) -> None:
        for n in range(6 * LATE):
            writing(f"m{n}", now)(session)

    ledger.write(flood)
    for _ in range(6):
        seq, more = heard(live, seq, hashed)
        told += more
    assert sorted(told) == sorted(f"m{n}" for n in range(6 * LATE))
