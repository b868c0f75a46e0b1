"""The real product as a process: `gatepost serve` on free ports with a folder of its own.

It can be stopped, killed and started again on the same data, and the store is open beside it.
"""

import json
import os
import shutil
import signal
import smtplib
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import httpx2
import pytest
from sqlmodel import Session

from gatepost.address import parse_address
from gatepost.cli.init import init
from gatepost.model import Channel, Conversation, Credential, Delivery, Message, User
from gatepost.parts import Parts, clock, open_parts
from gatepost.password import hash_password
from gatepost.reply import Reply, read_reply
from gatepost.settings import Settings, load_settings
from gatepost.store.channels import create_channel
from gatepost.store.conversations import get_conversation
from gatepost.store.credentials import create_credential
from gatepost.store.deliveries import deliveries_of
from gatepost.store.messages import get_message, messages_by_header_id
from gatepost.store.users import create_user
from tests.rig.process import end, running, wait_until

T = TypeVar("T")

PROGRAM = Path(sys.executable).parent / "gatepost"
PASSWORD = "a-good-long-password"
FREE_PORTS = dict.fromkeys(("submission", "submissions", "mx", "web"), "127.0.0.1:0")


@dataclass(slots=True)
class Product:
    """Gatepost as a process; `ports` are those of the running one, `parts` its store, opened beside it."""

    folder: Path
    settings: Settings
    parts: Parts
    environ: Mapping[str, str]
    ports: dict[str, str] = field(default_factory=dict)
    stack: ExitStack = field(default_factory=ExitStack, repr=False)
    process: subprocess.Popen[bytes] | None = None

    @property
    def config(self) -> Path:
        """Its configuration file."""
        return self.folder / "gatepost.toml"

    @property
    def log(self) -> Path:
        """What it printed and logged."""
        return self.folder / "output"

    @property
    def web(self) -> str:
        """The address of the pages."""
        return f"http://{self.ports['web']}"

    def start(self, *options: str, **settings: str) -> None:
        """Start it, with further options, settings as environment, and wait until it tells its ports."""
        begin = self.log.stat().st_size if self.log.exists() else 0
        command = [str(PROGRAM), "--config", str(self.config), "serve", "--json", *options]
        self.process = self.stack.enter_context(
            running(command, self.log, environ={**self.environ, **environment(settings)})
        )
        wait_until(lambda: any(announced(self.log, begin)), self.process, self.log)
        self.ports = next(announced(self.log, begin))

    def stop(self) -> None:
        """End it in order."""
        self.stack.close()

    def restart(self, **settings: str) -> None:
        """Stop and start."""
        self.stop()
        self.start(**settings)

    def kill(self) -> None:
        """Take its power away: SIGKILL to all its processes."""
        if self.process:
            os.killpg(self.process.pid, signal.SIGKILL)
            end(self.process)
        self.stack.close()

    def run(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Another command of this installation, with further settings as environment."""
        command = [str(PROGRAM), "--config", str(self.config), *arguments]
        environ = {**self.environ, **environment(settings)}
        return subprocess.run(command, capture_output=True, text=True, env=environ, timeout=60)

    def write(self, op: Callable[[Session], T]) -> T:
        """Write to its store from beside."""
        return self.parts.ledger.write(op)

    def read(self, op: Callable[[Session], T]) -> T:
        """Read from its store."""
        with self.parts.database.session() as session:
            return op(session)

    def credential(self, *senders: str, kind: str = "smtp") -> tuple[Credential, str]:
        """A system that may send as these, and its secret."""
        keys = self.parts.keys
        return self.write(
            lambda session: create_credential(session, keys, kind=kind, name="Shop", senders=senders, now=clock())
        )

    def channel(self, address: str, name: str = "Support", *, by_mx: bool = True) -> Channel:
        """A mailbox."""
        key = parse_address(address).key
        return self.write(lambda session: create_channel(session, name=name, address=key, by_mx=by_mx, now=clock()))

    def user(self, email: str, role: str = "admin") -> User:
        """A user with PASSWORD."""
        hashed = hash_password(PASSWORD)
        return self.write(
            lambda session: create_user(
                session, email=email, name="Maya Lindqvist", role=role, password_hash=hashed, now=clock()
            )
        )

    @contextmanager
    def client(self, email: str) -> Iterator[httpx2.Client]:
        """A browser's connection, logged in with PASSWORD."""
        with httpx2.Client(base_url=self.web, headers={"sec-fetch-site": "same-origin"}, timeout=60) as client:
            answer = client.post("/login", data={"email": email, "password": PASSWORD})
            assert answer.status_code == 303, answer.text
            yield client

    def connect(self) -> smtplib.SMTP:
        """A connection to the submission listener, with STARTTLS; use it as a context."""
        host, _, port = self.ports["submission"].rpartition(":")
        client = smtplib.SMTP(host, int(port), local_hostname="shop.northwind.example", timeout=60)
        certificate = self.settings.path(self.settings.var) / "tls-certificate.pem"
        client.starttls(context=ssl.create_default_context(cafile=str(certificate)))
        client.ehlo()
        return client

    def submit(self, credential: tuple[Credential, str], sender: str, recipients: Sequence[str], mail: bytes) -> str:
        """Submit a mail as a system does; the id it was queued as."""
        with self.connect() as client:
            client.login(credential[0].username, credential[1])
            assert client.mail(sender)[0] == 250
            for recipient in recipients:
                assert client.rcpt(recipient)[0] == 250, recipient
            code, text = client.data(mail)
        assert code == 250, text
        return text.decode().split()[-1]

    def deliver(self, sender: str, recipient: str, mail: bytes) -> Reply:
        """Hand a mail to the MX listener as a server of the world does; the answer that decided."""
        host, _, port = self.ports["mx"].rpartition(":")
        with smtplib.SMTP(host, int(port), local_hostname="mx.remote.test", timeout=60) as client:
            client.ehlo()
            client.mail(sender)
            code, text = client.rcpt(recipient)
            if code == 250:
                code, text = client.data(mail)
        return read_reply(code, text.decode())

    def deliveries(self, message_id: str) -> dict[str, Delivery]:
        """A message's deliveries by recipient."""
        return self.read(lambda session: {row.recipient: row for row in deliveries_of(session, message_id)})

    def message(self, header_id: str) -> Message:
        """The one message with this Message-ID."""
        (found,) = self.messages(header_id)
        return found

    def messages(self, header_id: str) -> list[Message]:
        """Messages with this Message-ID."""
        return self.read(lambda session: list(messages_by_header_id(session, header_id)))

    def conversation(self, message_id: str) -> Conversation:
        """The conversation of a message."""

        def find(session: Session) -> Conversation | None:
            message = get_message(session, message_id)
            return get_conversation(session, message.conversation_id or "") if message else None

        found = self.read(find)
        assert found is not None
        return found

    def until(self, get: Callable[[], T], seconds: float = 30) -> T:
        """What `get` gives once that is something. Raises TimeoutError with the tail of the log."""
        return until(get, self.log, seconds)


def until(get: Callable[[], T], log: Path, seconds: float = 30) -> T:
    """What `get` gives once that is something. Raises TimeoutError with the tail of a log."""
    deadline = time.monotonic() + seconds
    while not (found := get()):
        if time.monotonic() > deadline:
            raise TimeoutError(log.read_text(errors="replace")[-3000:])
        time.sleep(0.05)
    return found


def announced(log: Path, begin: int) -> Iterator[dict[str, str]]:
    """The ports that a process printed after this place of its log."""
    for line in log.read_bytes()[begin:].split(b"\n")[:-1]:
        if line.startswith(b'{"submission":'):
            yield json.loads(line)


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Settings as environment variables."""
    return {f"GATEPOST_{name.upper()}": value for name, value in settings.items()}


@contextmanager
def installed(environ: Mapping[str, str] | None = None, **settings: object) -> Iterator[Product]:
    """An installation that does not run yet, with these settings, ended and removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="gatepost-product-"))
    folder.chmod(0o755)  # started by root, it serves as an unprivileged user, who walks through it
    written = {**FREE_PORTS, "private_hosts": True, "poll_seconds": 1, **settings}
    lines = [f"{name} = {json.dumps(value)}\n" for name, value in written.items()]
    (folder / "gatepost.toml").write_text("".join(lines), encoding="utf-8")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GATEPOST_")}
    try:
        loaded = load_settings(folder / "gatepost.toml")
        init(loaded, "")
        with open_parts(loaded) as parts:
            product = Product(folder, loaded, parts, {**clean, **(environ or {})})
            try:
                yield product
            finally:
                product.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def started(environ: Mapping[str, str] | None = None, **settings: object) -> Iterator[Product]:
    """A running Gatepost with these settings."""
    with installed(environ, **settings) as product:
        product.start()
        yield product


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    """A running Gatepost on the sandbox route, for the tests of a module: take addresses of your own in each."""
    with started() as running:
        yield running
