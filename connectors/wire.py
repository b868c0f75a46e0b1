"""The wire under an IMAP connection: guarded addresses, TLS, and caps that keep a hostile server within bounds."""

import imaplib
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from gatepost.connectors.grant import MOST_TOKEN
from gatepost.connectors.trouble import SECURITIES, Nonsense, Trouble, explain
from gatepost.http import is_global

CONNECT_SECONDS = 10
SILENCE_SECONDS = 30
COMMAND_SECONDS = 60
OCTETS_PER_SECOND = 50_000
LINE_CAP = 1_000_000
UNASKED_LINE_CAP = 65_536
READS_AT_ONCE = 4
ANSWER_OCTETS = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Connect:
    """Where and how to log in; `security` is `tls` (implicit), `starttls` or `none`.

    With a `bearer`, an access token that ends at `expires_at`, no password is used.
    """

    host: str
    port: int
    security: str
    username: str
    password: str = field(default="", repr=False)
    folder: str = "INBOX"
    bearer: str = field(default="", repr=False)
    expires_at: datetime | None = None


class Wire(imaplib.IMAP4):
    """imaplib's protocol over a ready socket, with caps on lines, literals, and the octets and seconds of a command."""

    def __init__(self, sock: socket.socket, host: str, literal_cap: int) -> None:
        self.ready = sock
        self.buffer = bytearray()
        self.literal_cap = literal_cap
        self.allow()
        super().__init__(host)

    def allow(self, octets: int = 0) -> None:
        """Set what the next command may cost: the octets expected, and the time that they take on a slow line."""
        self.budget = octets * 2 + ANSWER_OCTETS
        self.deadline = time.monotonic() + COMMAND_SECONDS + octets / OCTETS_PER_SECOND

    def open(self, host: str = "", port: int = 0, timeout: float | None = None) -> None:
        self.host = host
        self.port = port
        self.sock = self.ready

    def fill(self) -> None:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer takes too long")
        self.sock.settimeout(min(left, SILENCE_SECONDS))
        data = self.sock.recv(65_536)
        if not data:
            raise self.abort("socket error: EOF")
        self.budget -= len(data)
        if self.budget < 0:
            raise Nonsense("it sent far more than was asked for")
        self.buffer += data

    def take(self, size: int) -> bytes:
        taken = bytes(self.buffer[:size])
        del self.buffer[:size]
        return taken

    def read(self, size: int) -> bytes:
        if size > self.literal_cap:
            raise Nonsense(f"it announced {size} octets, the limit is {self.literal_cap}")
        while len(self.buffer) < size:
            self.fill()
        return self.take(size)

    def readline(self) -> bytes:
        seen = 0
        while (end := self.buffer.find(b"\n", seen)) < 0:
            seen = len(self.buffer)
            if seen > LINE_CAP:
                raise Nonsense(f"a line is longer than {LINE_CAP} octets")
            self.fill()
        line = self.take(end + 1)
        if line.startswith(cast("bytes", self.tagpre)) and len(line.split()) == 2:
            return line.rstrip() + b" \r\n"  # imaplib fails where a server gives no words with its answer
        return line

    def receive(self) -> bool:
        """Take what has come into the buffer, without waiting; whether there may be more at once. Raises at the end.

        TLS may hold octets that no selector sees, so reading goes on until there is nothing.
        """
        for _ in range(READS_AT_ONCE):
            try:
                data = self.sock.recv(65_536)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return False
            if not data:
                raise self.abort("socket error: EOF")
            self.buffer += data
        return True

    def whole_lines(self) -> Iterator[bytes]:
        """The lines that are there whole. Raises Nonsense for one that is too long for what is said unasked."""
        while (end := self.buffer.find(b"\n")) >= 0:
            yield self.take(end + 1)
        if len(self.buffer) > UNASKED_LINE_CAP:
            raise Nonsense(f"a line is longer than {UNASKED_LINE_CAP} octets")

    def upgrade(self, context: ssl.SSLContext) -> None:
        """STARTTLS (RFC 3501 section 6.2.1); nothing that came in the clear counts afterwards."""
        self.allow()
        typ, _ = self._simple_command("STARTTLS")
        if typ != "OK" or self.buffer:
            raise Nonsense("it answered STARTTLS with something else")
        self.sock.settimeout(CONNECT_SECONDS)
        self.sock = context.wrap_socket(self.sock, server_hostname=self.host)
        self.untagged_responses.clear()
        self._get_capabilities()

    def certificate(self) -> bytes:
        """The server's certificate in DER, empty without TLS."""
        return (self.sock.getpeercert(True) or b"") if isinstance(self.sock, ssl.SSLSocket) else b""

    def shutdown(self) -> None:
        self.sock.close()


@contextmanager
def stage(name: str, settings: Connect) -> Iterator[None]:
    """Turn whatever goes wrong at a stage into Trouble."""
    try:
        yield
    except Exception as error:
        raise explain(name, error, settings.host, settings.port, settings.security) from error


def check_arguments(settings: Connect, allow_private: bool) -> None:
    """Refuse what would be injected, or cannot be meant. Raises Trouble."""
    values = {
        "host": settings.host,
        "username": settings.username,
        "password": settings.bearer or settings.password,
        "folder": settings.folder,
    }
    for name, value in values.items():
        most = MOST_TOKEN if name == "password" and settings.bearer else 1_000
        if not value or len(value) > most or any(char in value for char in "\r\n\0"):
            fix = "Write it as one line of at most 1,000 characters."
            raise Trouble(name, f"The {name} is empty, too long or has a line break.", fix, lasting=True)
    if not 0 < settings.port < 65_536:
        raise Trouble(
            "port", f"{settings.port} is not a port.", "IMAP uses 993 with TLS and 143 with STARTTLS.", lasting=True
        )
    if settings.security not in SECURITIES or (settings.security == "none" and not allow_private):
        raise Trouble(
            "security", "Passwords are not sent without TLS.", "Set Security to TLS or STARTTLS.", lasting=True
        )


def dial(settings: Connect, allow_private: bool) -> socket.socket:
    """A TCP connection to an address that was resolved once and may be reached. Raises Trouble."""
    with stage("connect", settings):
        try:
            found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError):
            what = f"There is no server named {settings.host}."
            raise Trouble("host", what, "Check Host for typing errors.") from None
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        allowed = [address for address in addresses if allow_private or is_global(address)]
        if not allowed:
            fix = "Use a server on the Internet, or set private_hosts = true in gatepost.toml."
            raise Trouble("host", f"{settings.host} is in a private network.", fix, lasting=True)
        error: Exception = OSError()
        for address in allowed[:4]:
            try:
                sock = socket.create_connection((address, settings.port), timeout=CONNECT_SECONDS)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # imapclient sends a command in pieces
                return sock
            except OSError as refused:
                error = refused
        raise error


def open_wire(settings: Connect, allow_private: bool, literal_cap: int, context: ssl.SSLContext) -> Wire:
    """A connection that has heard the server's greeting, under TLS where that comes first. Raises Trouble."""
    check_arguments(settings, allow_private)
    sock = dial(settings, allow_private)
    if settings.security == "tls":
        with stage("tls", settings):
            sock = context.wrap_socket(sock, server_hostname=settings.host)
    with stage("greeting", settings):
        return Wire(sock, settings.host, literal_cap)
