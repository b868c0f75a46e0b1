"""The database: SQLite with full sync or PostgreSQL with synchronous commit, asserted at start."""

import errno
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlmodel import Session

FULL = 2
MIGRATIONS = Path(__file__).parent / "migrations"
PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000", "wal_autocheckpoint=4000")
AWAY = (OperationalError, InterfaceError)
"""The database is locked, full or gone for now; what was to be written is not at fault."""
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
SQLITE_NO_ROOM = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE)
"""The second is what SQLite makes of a quota that is used up, and of a write that fails."""
SQLITE_SYNC = (sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC)
POSTGRES_NO_ROOM = ("53100",)
POSTGRES_DEADLOCK = "40P01"
SQLITE_VERSION = "PRAGMA data_version"
POSTGRES_VERSION = "SELECT pg_current_snapshot()::text"
"""Both are other ones after each commit of another connection, in whichever process."""
PROCESSES = 0x6761
"""The first half of the advisory locks by which processes know of each other; the second is a process's number."""


class DatabaseError(Exception):
    """A database that cannot be used; the text names the fix."""


class SyncFailed(OSError):
    """The disk did not write what it was told to: what it says from now on is not trusted, the process has to end."""


def is_full(error: BaseException) -> bool:
    """Whether something was not written because the disk, or a quota, is used up."""
    known = getattr(error, "orig", None) or error
    if isinstance(known, OSError):
        return known.errno in NO_ROOM
    return getattr(known, "sqlite_errorcode", 0) in SQLITE_NO_ROOM or getattr(known, "sqlstate", "") in POSTGRES_NO_ROOM


def is_sync_failure(error: BaseException) -> bool:
    """Whether a commit failed because the disk did not sync."""
    known = getattr(error, "orig", None) or error
    return isinstance(known, SyncFailed) or getattr(known, "sqlite_errorcode", 0) in SQLITE_SYNC


def is_deadlock(error: BaseException) -> bool:
    """Whether PostgreSQL ended a transaction that waited for one that waited for it: it may be tried again."""
    return getattr(getattr(error, "orig", None), "sqlstate", "") == POSTGRES_DEADLOCK


class Onlooker:
    """A connection that does nothing but ask for the version: only what one and the same was told can be compared.

    On PostgreSQL it holds an advisory lock on this process's number, which ends with the process, however that ends.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.connection: Any = None
        self.opened = 0
        self.process = secrets.randbelow(2**31 - 1) + 1

    def ask(self, engine: Engine) -> tuple[int, object]:
        with self.lock:
            if self.connection is None:
                self.connection, self.opened = self.present(engine), self.opened + 1
            try:
                question = SQLITE_VERSION if engine.dialect.name == "sqlite" else POSTGRES_VERSION
                ((version,),) = self.connection.dbapi_connection.execute(question).fetchall()
            except Exception:
                self.close()
                raise
            return self.opened, version

    def present(self, engine: Engine) -> Any:
        """A connection by which others see that this process is there."""
        connection = connected(engine)
        if engine.dialect.name != "sqlite":
            lock = f"SELECT pg_advisory_lock_shared({PROCESSES}, {self.process})"
            try:
                connection.dbapi_connection.execute(lock).fetchall()
            except Exception:
                connection.close()
                raise
        return connection

    def close(self) -> None:
        with self.lock:
            connection, self.connection = self.connection, None
            if connection is not None:
                connection.close()


@dataclass(frozen=True, slots=True)
class Database:
    """An engine and what it is."""

    engine: Engine
    url: str
    onlooker: Onlooker = field(default_factory=Onlooker, compare=False)

    @property
    def sqlite(self) -> bool:
        """Whether this is the embedded store."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A session for reading; whatever it did is rolled back."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    def version(self) -> object:
        """What is committed: the same value again says that nobody has committed anything since. Cheap to ask.

        Raises the driver's errors where the database is away.
        """
        return self.onlooker.ask(self.engine)

    @property
    def process(self) -> int:
        """The number by which other processes see that this one is there (`store/processes`); 0 where none can."""
        return 0 if self.sqlite or self.onlooker.connection is None else self.onlooker.process

    def close(self) -> None:
        """Close all connections."""
        self.onlooker.close()
        self.engine.dispose()


def open_database(url: str) -> Database:
    """Connect and make sure that what is committed survives a power cut.

    Raises DatabaseError when it cannot be reached or is not durable.
    """
    parsed = make_url(url)
    if parsed.drivername in ("postgres", "postgresql"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        parsed,
        pool_pre_ping=parsed.get_backend_name() != "sqlite",
        pool_size=20,
        max_overflow=20,
        pool_use_lifo=True,  # else all of them fill their caches in turn
        hide_parameters=True,
    )
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", prepare_sqlite)
        event.listen(engine, "begin", begin_sqlite)
    database = Database(engine, parsed.render_as_string(hide_password=True))
    try:
        assert_durable(database)
    except SQLAlchemyError as error:
        engine.dispose()
        raise DatabaseError(f"database {database.url} cannot be opened: {getattr(error, 'orig', error)}") from None
    except DatabaseError:
        engine.dispose()
        raise
    return database


def prepare_sqlite(connection: Any, record: object) -> None:
    """Pragmas of each connection; transactions are begun by us (see `begin_sqlite`)."""
    connection.isolation_level = None
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def connected(engine: Engine) -> Any:
    """A connection of its own, outside the pool, where each statement is a transaction."""
    connection = engine.raw_connection()
    connection.detach()
    if engine.dialect.name != "sqlite":
        connection.rollback()
        connection.dbapi_connection.autocommit = True  # type: ignore[union-attr]
    return connection


def begin_sqlite(connection: Any) -> None:
    """A writer takes the lock at once: a read that later wants to write would fail without waiting."""
    immediate = connection.get_execution_options().get("immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def assert_durable(database: Database) -> None:
    """Refuse a database that may forget what it committed (design, trap of synchronous=NORMAL)."""
    with database.engine.connect() as connection:
        if database.sqlite:
            mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
            sync = connection.exec_driver_sql("PRAGMA synchronous").scalar()
            check(
                mode in ("wal", "memory") and sync == FULL, f"SQLite is not durable: journal {mode}, synchronous {sync}"
            )
            return
        for name in ("fsync", "synchronous_commit"):
            value = connection.execute(text(f"SHOW {name}")).scalar()
            check(
                value not in ("off", "local"),
                f"PostgreSQL has {name}={value}: set it to on, or mail is lost",
            )


def check(holds: bool, problem: str) -> None:
    if not holds:
        raise DatabaseError(problem)


def migrate(url: str) -> None:
    """Bring the schema to the newest revision, creating it where there is none."""
    database = open_database(url)
    try:
        found, needed = schema_revision(database)
        if found == needed:
            return
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        with database.engine.connect().execution_options(immediate=True) as connection, connection.begin():
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        database.close()


def schema_revision(database: Database) -> tuple[str | None, str]:
    """The revision the database is at and the one this program needs; alembic is slow to import and not asked."""
    needed = max(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))
    with database.engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None, needed
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar(), needed
