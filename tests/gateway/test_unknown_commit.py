"""A PostgreSQL that is lost while it commits: nobody can know whether it did, and the client's next try finds out."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psycopg
import pytest
from sqlmodel import select

from gatepost.blobs import Blobs
from gatepost.database import AWAY, migrate, open_database
from gatepost.envelope import Envelope
from gatepost.gateway.accept import Gate, accept
from gatepost.gateway.accept_now import accept_now
from gatepost.gateway.outbox import Outbox, Route
from gatepost.gateway.put import Submission
from gatepost.ledger import Ledger
from gatepost.model import Delivery
from gatepost.seal import Keys
from gatepost.settings import Settings
from gatepost.store.credentials import create_credential
from gatepost.store.messages import messages_by_header_id
from gatepost.words import DeliveryState
from tests.gateway.test_accept_now import Taken, stopped

MAIL = b"From: a@shop.example\r\nMessage-ID: <1@shop.example>\r\nSubject: Order\r\n\r\nHello\r\n"


@contextmanager
def committing_waits(admin: psycopg.Connection[tuple[object, ...]]) -> Iterator[None]:
    """Each commit is durable here and then waits for a standby that there is not."""
    admin.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    admin.execute("SELECT pg_reload_conf()")
    time.sleep(0.3)
    try:
        yield
    finally:
        admin.execute("ALTER SYSTEM RESET synchronous_standby_names")
        admin.execute("SELECT pg_reload_conf()")


def end_who_waits(admin: psycopg.Connection[tuple[object, ...]]) -> None:
    """Cut the connection that waits after its local commit."""
    for _ in range(200):
        waiting = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
        if admin.execute(waiting).fetchall():
            return
        time.sleep(0.05)
    raise AssertionError("no commit waited")


@dataclass(frozen=True, slots=True)
class Installation:
    """A gate over PostgreSQL, a mail that may go out, and a connection that rules the server."""

    gate: Gate
    submission: Submission
    admin: psycopg.Connection[tuple[object, ...]]


@pytest.fixture
def installation(
    postgres_database: str, settings: Settings, keys: Keys, now: datetime, tmp_path: Path
) -> Iterator[Installation]:
    migrate(postgres_database)
    database = open_database(postgres_database)
    ledger = Ledger(database).start()
    about = {"kind": "smtp", "name": "Shop", "senders": ["shop.example"], "now": now}
    credential = ledger.write(lambda session: create_credential(session, keys, **about))[0]  # type: ignore[arg-type]
    envelope = Envelope("a@shop.example", ("ana@calderon.example",), MAIL)
    submission = Submission(envelope, ("shop.example",), "smtp", credential=credential)
    gate = Gate(settings, database, ledger, keys, Blobs(tmp_path / "blobs"))
    try:
        with psycopg.connect(postgres_database.replace("+psycopg", ""), autocommit=True) as admin:
            yield Installation(gate, submission, admin)
    finally:
        ledger.close()
        database.close()


def test_a_commit_that_nobody_knows_of_makes_one_mail(installation: Installation, now: datetime) -> None:
    gate, submission = installation.gate, installation.submission
    with committing_waits(installation.admin):
        first = accept(gate, submission, now)
        end_who_waits(installation.admin)
        with pytest.raises(AWAY):
            first.result(30)
    again = accept(gate, submission, now).result(30)
    with gate.database.session() as session:
        assert [row.id for row in messages_by_header_id(session, "1@shop.example")] == [again]


async def delivered(gate: Gate) -> Delivery:
    """The one delivery, once it is out; where the clock stands still no lease ever ends."""
    for _ in range(400):
        with gate.database.session() as session:
            row = session.exec(select(Delivery)).first()
        if row and row.state == DeliveryState.DELIVERED:
            return row
        await asyncio.sleep(0.05)
    raise AssertionError(f"still {row.state if row else 'not stored'}")


def test_what_a_lost_commit_had_claimed_is_sent_once_and_at_once(installation: Installation, now: datetime) -> None:
    gate, taken = installation.gate, Taken()
    accept(gate, installation.submission, now).result(30)

    async def scenario() -> Delivery:
        outbox = Outbox(gate, Route("relay", taken.attempt), lambda: now)
        with committing_waits(installation.admin):
            sending = asyncio.create_task(outbox.run())
            await asyncio.to_thread(end_who_waits, installation.admin)
        row = await delivered(gate)
        await stopped(sending)
        return row

    row = asyncio.run(scenario())
    assert row.fence == 2, "the first claim was stored, and nobody attempted under it"
    assert len(taken.mails) == 1


def test_what_a_lost_commit_had_stored_is_sent_once_and_at_once(installation: Installation, now: datetime) -> None:
    gate, taken = installation.gate, Taken()

    async def scenario() -> tuple[Delivery, str]:
        outbox = Outbox(gate, Route("relay", taken.attempt), lambda: now)
        sending = asyncio.create_task(outbox.run())
        await asyncio.sleep(0)
        with committing_waits(installation.admin):
            accepting = asyncio.create_task(accept_now(outbox, installation.submission, now))
            await asyncio.to_thread(end_who_waits, installation.admin)
            with pytest.raises(AWAY):
                await accepting
        row = await delivered(gate)
        again = await accept_now(outbox, installation.submission, now)
        await stopped(sending)
        return row, again

    row, again = asyncio.run(scenario())
    assert (row.message_id, row.fence) == (again, 2)
    assert len(taken.mails) == 1
