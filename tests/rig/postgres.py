"""A private PostgreSQL cluster on a unix socket, in a folder of its own, for one worker of the test run."""

import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.rig.packages import need
from tests.rig.process import running, wait_until


def server_user() -> int | None:
    """Root cannot run PostgreSQL (initdb refuses): the uid to use then, otherwise None."""
    if os.geteuid():
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            continue
    return 65534


@contextmanager
def cluster(bin_folder: Path) -> Iterator[str]:
    """A fresh running cluster with the superuser `gatepost`; yields an SQLAlchemy URL of its `postgres` database."""
    folder = Path(tempfile.mkdtemp(prefix="gatepost-postgres-"))
    user = server_user()
    if user is not None:
        os.chown(folder, user, user)
    data, log = folder / "data", folder / "log"
    try:
        init = [str(bin_folder / "initdb"), "-D", str(data), "-U", "gatepost", "-A", "trust", "-E", "UTF8"]
        subprocess.run(
            [*init, "--locale=C", "--no-sync"], check=True, capture_output=True, cwd="/", user=user, group=user
        )
        server = [str(bin_folder / "postgres"), "-D", str(data), "-k", str(folder), "-c", "listen_addresses="]
        with running([*server, "-c", "shared_buffers=16MB"], log, user=user) as process:
            wait_until(lambda: accepts(folder), process, log)
            yield f"postgresql+psycopg://gatepost@/postgres?host={folder}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def accepts(folder: Path) -> bool:
    """Whether the cluster takes connections."""
    try:
        psycopg.connect(host=str(folder), user="gatepost", dbname="postgres", connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A real PostgreSQL; skipped with the reason where it is not installed, a failure where CI=true."""
    with cluster(Path(need("postgresql")).parent) as url:
        yield url


@pytest.fixture
def postgres_database(postgres_url: str) -> Iterator[str]:
    """The URL of an empty database of this test alone."""
    name = f"test_{uuid.uuid4().hex}"
    admin = postgres_url.replace("+psycopg", "")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        yield postgres_url.replace("/postgres?", f"/{name}?")
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
