"""The real `gatepost serve` as a process on fixed ports, killed by its own pid, started again, asked by `fsck`."""

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gatepost.database import Database, migrate, open_database
from gatepost.parts import clock, open_parts
from gatepost.seal import make_keys
from gatepost.settings import Settings, load_settings
from gatepost.store.channels import create_channel
from gatepost.store.credentials import create_credential
from tests.rig.process import answers, free_port

ROOT = Path(__file__).resolve().parents[2]
SENDER_DOMAIN = "torture.test"
MAILBOX = "support@gatepost.test"
START_SECONDS = 60


@dataclass(slots=True)
class Gatepost:
    """An installation of its own; `process` is the running server, `ports` are the same after every start.

    `wrapper` is put before the command (strace), `environ` added to the environment (faketime), `prelude` is Python
    that runs first (a negative control).
    """

    folder: Path
    settings: Settings
    ports: Mapping[str, int]
    wrapper: Sequence[str] = ()
    environ: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    log: Path = Path()
    prelude: str = ""
    config: str = "gatepost.toml"

    @property
    def pid(self) -> int:
        """Of the server, or of what it is wrapped in."""
        assert self.process is not None
        return self.process.pid

    @property
    def url(self) -> str:
        """Of the database."""
        return self.settings.database_url

    def command(self, *arguments: str) -> list[str]:
        """A command of this installation."""
        main = (
            ["-c", f"{self.prelude}; from gatepost.cli.app import main; main()"] if self.prelude else ["-m", "gatepost"]
        )
        return [sys.executable, *main, "--config", str(self.folder / self.config), *arguments]

    def surroundings(self) -> dict[str, str]:
        """The environment of its processes: compiled modules are kept, as in an installation."""
        without = ("GATEPOST_", "PYTHONDONTWRITEBYTECODE")
        clean = {name: value for name, value in os.environ.items() if not name.startswith(without)}
        return {**clean, "PYTHONPATH": str(ROOT), **self.environ}

    def start(self, wait: bool = True) -> float:
        """Start it; how many seconds it took until it greeted. Raises RuntimeError with the end of its log."""
        began = time.monotonic()
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [*self.wrapper, *self.command("serve", "--json")],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self.surroundings(),
                cwd=self.folder,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        if wait:
            self.wait_listening(began + START_SECONDS)
        return time.monotonic() - began

    def wait_listening(self, deadline: float) -> None:
        """Until both its SMTP listeners greet and the pages' port takes connections."""
        assert self.process is not None
        while not all(answers(port) if name == "web" else greets(port) for name, port in self.ports.items()):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"it did not start (exit {self.process.poll()}):\n{self.tail()}")
            time.sleep(0.01)

    def kill(self) -> None:
        """SIGKILL: no process of it runs afterwards."""
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        if self.process:
            self.process.wait()

    def stop(self, seconds: float = 20) -> None:
        """End it in order; SIGKILL for one that does not end."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()

    def signal(self, number: int) -> None:
        """A signal to the server and what it is wrapped in."""
        os.killpg(self.pid, number)

    def tail(self, size: int = 3000) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-size:] if self.log.exists() else ""

    def rss(self) -> float:
        """Its resident memory in MB."""
        return status_kb(self.pid, "VmRSS") / 1024

    def peak(self) -> float:
        """Its largest resident memory since it started, in MB."""
        return status_kb(self.pid, "VmHWM") / 1024

    def fsck(self) -> list[str]:
        """What `gatepost fsck` finds."""
        done = subprocess.run(
            self.command("fsck", "--json"), capture_output=True, text=True, env=self.surroundings(), cwd=self.folder
        )
        if done.returncode not in (0, 3):
            raise RuntimeError(f"fsck failed: {done.stdout}{done.stderr}")
        return [f"{found['check']}: {found['count']}" for found in map(json.loads, done.stdout.splitlines())]

    @contextmanager
    def database(self) -> Iterator[Database]:
        """Its database, opened beside it."""
        database = open_database(self.url)
        try:
            yield database
        finally:
            database.close()


def die_with_parent() -> None:
    """In the new process: it is killed when the test run is (prctl(2), PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def status_kb(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    return 0


def greets(port: int) -> bool:
    """Whether an SMTP server on this loopback port greets us within a second."""
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as probe:
            return probe.recv(3) == b"220"
    except OSError:
        return False


def install(folder: Path, database_url: str = "", **settings: object) -> Gatepost:
    """Make an installation: keys, schema, a credential for loopback, a mailbox, a user. It does not run yet.

    Loopback clients may send from `SENDER_DOMAIN` without a log-in; `MAILBOX` takes mail by MX.
    """
    ports = {name: free_port() for name in ("submission", "mx", "web")}
    written = {
        **{name: f"127.0.0.1:{port}" for name, port in ports.items()},
        "submissions": "",
        "database": database_url,
        "connections": 400,
        "connections_per_ip": 400,
        "private_hosts": True,
        "log": "json",
        "log_level": "warning",
        **settings,
    }
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"{name} = {json.dumps(value)}\n" for name, value in written.items()]
    (folder / "gatepost.toml").write_text("".join(lines), encoding="utf-8")
    loaded = load_settings(folder / "gatepost.toml")
    if not loaded.key_path.exists():
        loaded.key_path.parent.mkdir(parents=True, exist_ok=True)
        make_keys(loaded.key_path)
    migrate(loaded.database_url)
    with open_parts(loaded) as parts:
        options = {"kind": "smtp", "name": "torture", "senders": [SENDER_DOMAIN], "networks": ["127.0.0.0/8"]}
        parts.ledger.write(lambda s: create_credential(s, parts.keys, now=clock(), **options))  # type: ignore[arg-type]
        parts.ledger.write(lambda s: create_channel(s, name="Support", address=MAILBOX, by_mx=True, now=clock()))
    return Gatepost(folder, loaded, ports, log=folder / "output")


@contextmanager
def installed(folder: Path, database_url: str = "", **settings: object) -> Iterator[Gatepost]:
    """An installation that does not run yet; killed at the end."""
    product = install(folder, database_url, **settings)
    try:
        yield product
    finally:
        product.kill()
