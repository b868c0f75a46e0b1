"""The two stores that scenarios run on; PostgreSQL as a cluster of its own that can be stopped, killed and frozen."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.rig.packages import find_program
from tests.rig.postgres import accepts, server_user
from tests.torture.product import die_with_parent
from tests.torture.run import Run, Skipped

SETTINGS = ("listen_addresses=", "shared_buffers=64MB", "max_connections=100")
READY_SECONDS = 60


@dataclass(slots=True)
class Cluster:
    """A PostgreSQL of ours in `folder` on a unix socket there; the superuser is `gatepost`."""

    folder: Path
    bin: Path
    user: int | None
    options: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        """Its data folder."""
        return self.folder / "data"

    @property
    def url(self) -> str:
        """Of its `postgres` database, for SQLAlchemy."""
        return f"postgresql+psycopg://gatepost@/postgres?host={self.folder}"

    def run(self, program: str, *arguments: str) -> None:
        """One of PostgreSQL's programs, as its user. Raises RuntimeError."""
        command = [str(self.bin / program), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, cwd="/", user=self.user, group=self.user)
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stderr}")

    def create(self) -> None:
        """Make the cluster; synced, for power may be cut."""
        if self.user is not None:
            os.chown(self.folder, self.user, self.user)
        self.run("initdb", "-D", str(self.data), "-U", "gatepost", "-A", "trust", "-E", "UTF8", "--locale=C")

    def start(self, wait: bool = True) -> float:
        """Start it; how many seconds until it took connections. Raises RuntimeError."""
        began = time.monotonic()
        options = [word for option in (*SETTINGS, *self.options) for word in ("-c", option)]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(self.bin / "postgres"), "-D", str(self.data), "-k", str(self.folder), *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                user=self.user,
                group=self.user,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        while wait and not accepts(self.folder):
            assert self.process is not None
            if self.process.poll() is not None or time.monotonic() > began + READY_SECONDS:
                raise RuntimeError(f"PostgreSQL did not start: {self.tail()}")
            time.sleep(0.02)
        return time.monotonic() - began

    def tail(self) -> str:
        """The end of its log."""
        return (self.folder / "log").read_text(errors="replace")[-2000:]

    def stop(self, number: int = signal.SIGQUIT) -> None:
        """SIGQUIT is `pg_ctl -m immediate stop`, SIGINT is fast."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
        if self.process:
            self.process.wait()

    def children(self) -> list[int]:
        """The process ids of all its processes but the first."""
        assert self.process is not None
        known = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
        return [pid for pid in known if parent(pid) == self.process.pid]

    def sql(self, statement: str) -> None:
        """Run one statement, outside a transaction."""
        with psycopg.connect(host=str(self.folder), user="gatepost", dbname="postgres", autocommit=True) as connection:
            connection.execute(statement.encode())

    def backends(self) -> list[int]:
        """The processes that serve Gatepost's connections."""
        with psycopg.connect(host=str(self.folder), user="gatepost", dbname="postgres") as connection:
            query = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            return [row[0] for row in connection.execute(query)]

    def freeze(self, number: int = signal.SIGSTOP) -> None:
        """SIGSTOP, or SIGCONT, to all its processes: connections stay open and nobody answers."""
        assert self.process is not None
        for pid in (self.process.pid, *self.children()):
            with suppress(ProcessLookupError):
                os.kill(pid, number)


def parent(pid: int) -> int:
    """The parent's id; 0 for a process that is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return 0


@contextmanager
def cluster(folder: Path, options: Sequence[str] = ()) -> Iterator[Cluster]:
    """A running cluster in a folder of its own. Raises Skipped where PostgreSQL is not installed."""
    made = prepare(folder, options)
    try:
        made.create()
        made.start()
        yield made
    finally:
        if made.process and made.process.poll() is None:
            made.freeze(signal.SIGCONT)
            made.stop()


def prepare(folder: Path, options: Sequence[str] = ()) -> Cluster:
    """A cluster that is not made yet. Raises Skipped where PostgreSQL is not installed."""
    program = find_program("initdb")
    if not program:
        raise Skipped("PostgreSQL is not installed: apt-get install postgresql")
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    return Cluster(folder, Path(program).resolve().parent, server_user(), tuple(options))


@contextmanager
def store(run: Run) -> Iterator[str]:
    """The database URL for an installation: empty for SQLite, else that of a cluster that runs meanwhile."""
    if run.backend == "sqlite":
        yield ""
        return
    with cluster(run.folder / "postgres") as running:
        yield running.url


def remove(folder: Path) -> None:
    """Delete what a scenario left."""
    shutil.rmtree(folder, ignore_errors=True)
