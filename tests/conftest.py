"""Fixtures that every test may use: a fresh migrated database, its ledger, keys, settings and a fixed time."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog
from structlog.dev import ConsoleRenderer, plain_traceback

from gatepost.child import Children
from gatepost.database import Database, migrate, open_database
from gatepost.ledger import Ledger
from gatepost.seal import Keys, make_keys
from gatepost.settings import Settings
from gatepost.threading import reading

pytest_plugins = [
    *("tests.rig.postgres", "tests.rig.postfix", "tests.rig.chromium"),
    *("tests.rig.identity", "tests.rig.dovecot", "tests.rig.provider", "tests.rig.gatepost"),
]


MEMORY = "/dev/shm"
ROOM = 4 << 30
NOW = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
PLAIN = [*structlog.get_config()["processors"][:-1], ConsoleRenderer(exception_formatter=plain_traceback)]


def pytest_configure() -> None:
    """Temporary files lie in memory where it has room: on a disk, the syncs of small databases take half of the time.

    What survives a power cut is tested on file systems of its own (tests/torture/power.py).
    """
    if "TMPDIR" in os.environ or not os.access(MEMORY, os.W_OK) or os.statvfs(MEMORY).f_flag & os.ST_NOEXEC:
        return
    if shutil.disk_usage(MEMORY).free > ROOM:
        os.environ["TMPDIR"] = tempfile.tempdir = MEMORY


@pytest.fixture(autouse=True)
def plain_logs() -> None:
    """Faults are logged without what every variable held: to write that down takes a second for each."""
    structlog.configure(processors=PLAIN)


@pytest.fixture
def anyio_backend() -> str:
    """Async tests run on asyncio."""
    return "asyncio"


@pytest.fixture
def now() -> datetime:
    """A fixed time; tests move it by adding to it."""
    return NOW


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    """A new key file."""
    return make_keys(tmp_path / "key")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of an installation in a folder of its own, on free ports."""
    return settings_in(tmp_path)


def settings_in(folder: Path) -> Settings:
    """Settings of an installation in this folder."""
    return Settings(
        home=folder,
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
def content(empty_sqlite: bytes) -> bytes:
    """The file that a test's database begins as."""
    return empty_sqlite


@pytest.fixture
def database(tmp_path: Path, content: bytes) -> Iterator[Database]:
    """A fresh migrated database."""
    path = tmp_path / "gatepost.db"
    path.write_bytes(content)
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
