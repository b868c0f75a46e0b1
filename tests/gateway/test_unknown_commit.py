"""A PostgreSQL that is lost while it commits: nobody can know whether it did, and the client's next try finds out."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import psycopg
import pytest

from gatepost.blobs import Blobs
from gatepost.database import AWAY, migrate, open_database
from gatepost.envelope import Envelope
from gatepost.gateway.accept import Gate, accept
from gatepost.gateway.put import Submission
from gatepost.ledger import Ledger
from gatepost.seal import Keys
from gatepost.settings import Settings
from gatepost.store.credentials import create_credential
from gatepost.store.messages import messages_by_header_id

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


def test_a_commit_that_nobody_knows_of_makes_one_mail(
    postgres_database: str, settings: Settings, keys: Keys, now: datetime, tmp_path: Path
) -> None:
    migrate(postgres_database)
    database = open_database(postgres_database)
    ledger = Ledger(database).start()
    gate = Gate(settings, database, ledger, keys, Blobs(tmp_path / "blobs"))
    senders = ["shop.example"]
    credential = ledger.write(lambda s: create_credential(s, keys, kind="smtp", name="Shop", senders=senders, now=now))[
        0
    ]
    submission = Submission(
        Envelope("a@shop.example", ("ana@calderon.example",), MAIL), tuple(senders), "smtp", credential=credential
    )
    try:
        url = postgres_database.replace("+psycopg", "")
        with psycopg.connect(url, autocommit=True) as admin, committing_waits(admin):
            first = accept(gate, submission, now)
            end_who_waits(admin)
            with pytest.raises(AWAY):
                first.result(30)
        again = accept(gate, submission, now).result(30)
        with database.session() as session:
            assert [row.id for row in messages_by_header_id(session, "1@shop.example")] == [again]
    finally:
        ledger.close()
        database.close()
