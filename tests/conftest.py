"""Fixtures that every test may use: a fresh migrated database, its ledger, keys, settings and a fixed time."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gatepost.database import Database, migrate, open_database
from gatepost.ledger import Ledger
from gatepost.seal import Keys, make_keys
from gatepost.settings import Settings

from gatepost.child import Children
pytest_plugins = [
    *("tests.rig.postgres", "tests.rig.postfix", "tests.rig.chromium"),
    *("tests.rig.identity", "tests.rig.dovecot", "tests.rig.provider", "tests.rig.gatepost"),
]
from gatepost.threading import reading


@pytest.fixture
def anyio_backend() -> str:
    """Async tests run on asyncio."""
    return "asyncio"


@pytest.fixture
def now() -> datetime:
    """A fixed time; tests move it by adding to it."""
    return datetime(2026, 11, 22, 10, 30, tzinfo=UTC)


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    """A new key file."""
    return make_keys(tmp_path / "key")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of an installation in a folder of its own, on free ports."""
    return Settings(
        home=tmp_path,
        submission="127.0.0.1:0",
        submissions="127.0.0.1:0",
        mx="127.0.0.1:0",
        web="127.0.0.1:0",
        private_hosts=True,
    )


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A migrated SQLite file, made once; each test gets a copy."""
    path = tmp_path_factory.mktemp("template") / "gatepost.db"
    migrate(f"sqlite:///{path}")
    return path.read_bytes()


@pytest.fixture
def database(tmp_path: Path, empty_sqlite: bytes) -> Iterator[Database]:
    """A fresh migrated database."""
    path = tmp_path / "gatepost.db"
    path.write_bytes(empty_sqlite)
    database = open_database(f"sqlite:///{path}")
    yield database
    database.close()


@pytest.fixture
def ledger(database: Database) -> Iterator[Ledger]:
    """The writer of that database."""
    ledger = Ledger(database).start()
    yield ledger
    ledger.close()


@pytest.fixture
def unreadable(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Mail that is not small cannot be read: the children that do it have no time."""
    children = Children(wall=0.001)
    monkeypatch.setattr(reading, "CHILDREN", children)
    yield
    children.close()
