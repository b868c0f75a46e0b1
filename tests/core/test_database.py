import sqlite3
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text
from sqlmodel import SQLModel

from gatepost.address import parse_address
from gatepost.database import MIGRATIONS, Database, DatabaseError, migrate, open_database, schema_revision
from gatepost.gateway.standing import address_standing
from gatepost.ids import new_id
from gatepost.ledger import Ledger
from gatepost.model import Contact
from gatepost.settings import Settings
from gatepost.store.domains import domain_keys, list_domains
from gatepost.store.senders import list_senders


def pragma(database: Database, name: str) -> object:
    with database.engine.connect() as connection:
        return connection.exec_driver_sql(f"PRAGMA {name}").scalar()


def test_sqlite_is_durable_and_checks_references(database: Database) -> None:
    assert pragma(database, "journal_mode") == "wal"
    assert pragma(database, "synchronous") == 2
    assert pragma(database, "foreign_keys") == 1


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"not a database" * 100)
    with pytest.raises(DatabaseError, match="cannot be opened"):
        open_database(f"sqlite:///{tmp_path / 'x.db'}")


def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    with pytest.raises(DatabaseError) as caught:
        open_database("postgresql://gatepost:hunter2@127.0.0.1:1/gatepost")
    assert "hunter2" not in str(caught.value)


def test_postgresql_that_may_forget_is_refused(postgres_database: str) -> None:
    database = open_database(postgres_database)
    name = database.engine.url.database
    with database.engine.connect() as connection:
        connection.execute(text(f'ALTER DATABASE "{name}" SET synchronous_commit = off'))
        connection.commit()
    database.close()
    with pytest.raises(DatabaseError, match="synchronous_commit=off"):
        open_database(postgres_database)


def differences(database: Database) -> list[object]:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        return list(compare_metadata(context, SQLModel.metadata))


def test_the_migrations_make_what_the_rows_say_on_both(tmp_path: Path, postgres_database: str) -> None:
    for url in (f"sqlite:///{tmp_path / 'gatepost.db'}", postgres_database):
        migrate(url)
        migrate(url)
        database = open_database(url)
        found, needed = schema_revision(database)
        assert found == needed
        assert differences(database) == []
        database.close()


def test_few_connections_serve_who_comes_one_after_another(database: Database) -> None:
    """Each connection has a cache that fills: ten that are used in turn would fill ten."""
    together = [database.engine.connect() for _ in range(3)]
    for connection in together:
        connection.close()
    used = set()
    for _ in range(6):
        with database.engine.connect() as connection:
            used.add(id(connection.connection.dbapi_connection))
    assert len(used) == 1


def test_times_keep_their_zone(ledger: Ledger, database: Database) -> None:
    written = datetime(2026, 11, 22, 12, 0, tzinfo=timezone(timedelta(hours=2)))
    ledger.write(lambda session: session.add(Contact(id="ctc_1", address="a@x", created_at=written)))
    with database.session() as session:
        row = session.get(Contact, "ctc_1")
        assert row is not None
        assert row.created_at == written
        assert row.created_at.tzinfo is UTC
    with pytest.raises(Exception, match="without zone"):
        ledger.write(lambda s: s.add(Contact(id=new_id("ctc"), address="b@x", created_at=written.replace(tzinfo=None))))


def test_a_second_writer_waits_instead_of_failing(ledger: Ledger, database: Database, now: datetime) -> None:
    other = sqlite3.connect(database.engine.url.database or "", isolation_level=None, timeout=10)
    other.execute("BEGIN IMMEDIATE")
    future = ledger.submit(lambda session: session.add(Contact(id="ctc_1", address="a@x", created_at=now)))
    other.execute("INSERT INTO counter VALUES ('x', 1)")
    other.execute("COMMIT")
    other.close()
    assert future.exception(timeout=20) is None


def test_what_was_there_before_senders_were_verified_goes_on(tmp_path: Path, postgres_database: str) -> None:
    """A database of the first release keeps its DKIM keys, readable, and what its admins had listed."""
    for url in (f"sqlite:///{tmp_path / 'old.db'}", postgres_database):
        upgrade(url, "0001")
        database = open_database(url)
        with database.engine.begin() as connection:
            connection.execute(text(FIRST_DOMAIN), {"at": "2026-01-01 00:00:00+00:00", "sealed": b"sealed"})
            connection.execute(text(FIRST_CREDENTIAL), {"at": "2026-01-01 00:00:00+00:00", "off": False})
        database.close()
        migrate(url)
        database = open_database(url)
        with database.session() as session:
            (domain,) = list_domains(session)
            (key,) = domain_keys(session, domain.id)
            assert (key.id, key.selector, key.private_sealed) == ("dom_1", "gp202601", b"sealed")
            assert (key.state, key.algorithm, domain.report) == ("signing", "rsa-sha256", [])
            assert [row.address for row in list_senders(session)] == ["anna@northwind.de", "southwind.de"]
            settings = Settings(home=tmp_path)
            for address, usable in (("anna@northwind.de", True), ("x@southwind.de", True), ("x@northwind.de", False)):
                assert address_standing(session, settings, parse_address(address)).usable is usable
        database.close()


FIRST_DOMAIN = (
    "INSERT INTO domain (id, name, selector, private_sealed, public_record, created_at) "
    "VALUES ('dom_1', 'northwind.de', 'gp202601', :sealed, 'v=DKIM1', :at)"
)
FIRST_CREDENTIAL = (
    "INSERT INTO credential (id, kind, name, username, secret_hash, scopes, senders, networks, conversations, held, "
    "tag, created_at) VALUES ('crd_1', 'smtp', 'shop', 'u', 'h', '[]', "
    "'[\"anna@northwind.de\", \"southwind.de\"]', '[]', 'answer', :off, '', :at)"
)


def upgrade(url: str, revision: str) -> None:
    database = open_database(url)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.engine.connect().execution_options(immediate=True) as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    database.close()
