"""The contract of the stores holds on both databases: every test here runs on SQLite and on PostgreSQL."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from gatepost.database import Database, migrate, open_database

TEMPLATE = "gatepost_template"


@pytest.fixture(scope="session")
def postgres_template(postgres_url: str) -> str:
    """A migrated database that others are copied from."""
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {TEMPLATE}")
    migrate(postgres_url.replace("/postgres?", f"/{TEMPLATE}?"))
    return postgres_url


@contextmanager
def copied(url: str) -> Iterator[Database]:
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        database = open_database(url.replace("/postgres?", f"/{name}?"))
        try:
            yield database
        finally:
            database.close()
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path, empty_sqlite: bytes) -> Iterator[Database]:
    """A fresh migrated database of either kind."""
    if request.param == "postgres":
        with copied(request.getfixturevalue("postgres_template")) as database:
            yield database
        return
    path = tmp_path / "gatepost.db"
    path.write_bytes(empty_sqlite)
    database = open_database(f"sqlite:///{path}")
    yield database
    database.close()
