"""A real IMAP server on a free loopback port whose dialogue is data: a small mailbox, and answers as hostile as wanted.

with imap_server(Script(messages={7: raw}, answers={"LOGIN": b"{tag} NO [AUTHENTICATIONFAILED] no\r\n"})) as server: ...
"""

import re
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from tests.fakes.imap_box import Box, examined, fetched, listed, searched, stated

CAPABILITY = "IMAP4rev1 UIDPLUS"


@dataclass(frozen=True, slots=True)
class Script:
    """What the server does.

    `messages`: octets by UID, in the one folder INBOX; or `folders` by name. `capability_after`: after the login, where
    it is another. `answers`: raw octets by verb ("UID FETCH"), in place of the usual ones, with `{tag}`. `endless`:
    verbs (or "GREETING") answered by repeating `filler` without end. `cut`: the connection ends after so many octets
    of the answer to that verb; `cut_sum`: of all answers to it. `refuse_uids`: FETCH leaves these out. `implicit`:
    TLS from the first byte; `tls` without it: STARTTLS is offered. `after_starttls`: octets in the clear behind
    STARTTLS's OK, as one who injects would send them. `rewrites`: patterns and what stands in their place in the
    answers to a verb.
    """

    messages: Mapping[int, bytes] = field(default_factory=dict)
    greeting: bytes = b"* OK ready\r\n"
    capability: str = CAPABILITY
    answers: Mapping[str, bytes] = field(default_factory=dict)
    endless: str = ""
    filler: bytes = b"* 1 EXISTS\r\n"
    cut: Mapping[str, int] = field(default_factory=dict)
    cut_sum: Mapping[str, int] = field(default_factory=dict)
    refuse_uids: frozenset[int] = frozenset()
    uidvalidity: int = 1
    uidnext: int | None = None
    sizes: Mapping[int, int] = field(default_factory=dict)
    flags: Mapping[int, str] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None
    implicit: bool = False
    after_starttls: bytes = b""
    folders: Mapping[str, Box] = field(default_factory=dict)
    capability_after: str = ""
    rewrites: Mapping[str, Sequence[tuple[bytes, bytes]]] = field(default_factory=dict)

    @property
    def all_folders(self) -> Mapping[str, Box]:
        """The folders by name on the wire; where none are given, INBOX alone."""
        return self.folders or {
            "INBOX": Box(
                self.messages, uidvalidity=self.uidvalidity, uidnext=self.uidnext, sizes=self.sizes, flags=self.flags,
                refuse=self.refuse_uids,
            )
        }  # fmt: skip

    def box(self, name: str) -> Box | None:
        """A folder; INBOX in any case."""
        return self.all_folders.get("INBOX" if name.upper() == "INBOX" else name)


@dataclass(slots=True)
class Session:
    """What a connection has come to: the open folder, IDLE's tag, and octets sent by verb."""

    folder: str = "INBOX"
    idling: str = ""
    logged_in: bool = False
    sent: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class FakeImap:
    """The running server, the command lines that it saw (without tags), and its open connections."""

    script: Script
    port: int
    commands: list[str] = field(default_factory=list)
    connections: list[socket.socket] = field(default_factory=list)


class Cut(Exception):
    """The connection ends here."""


@contextmanager
def imap_server(script: Script) -> Iterator[FakeImap]:
    """A server in threads of its own; every connection is ended with the block. `script` may be replaced meanwhile."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = FakeImap(script, listening.getsockname()[1])
    threads: list[threading.Thread] = []

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                server.connections.append(connection)
                thread = threading.Thread(target=serve, args=(server, connection), daemon=True)
                thread.start()
                threads.append(thread)

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield server
    finally:
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        acceptor.join(10)
        for connection in server.connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(10)
        for connection in server.connections:
            connection.close()


def serve(server: FakeImap, connection: socket.socket) -> None:
    """One connection, until LOGOUT, a cut, or its end."""
    script, session = server.script, Session()
    with suppress(Cut, OSError):
        try:
            if script.implicit and script.tls:
                connection = secured(server, connection, script.tls)
            send(script, session, connection, "GREETING", script.greeting)
            while line := read_line(connection):
                tag, _, command = line.partition(" ")
                if line == "DONE":  # ends IDLE (RFC 2177), and has no tag
                    tag, command = session.idling, line
                server.commands.append(command)
                verb = " ".join(command.split()[: 2 if command.upper().startswith("UID ") else 1]).upper()
                said = answer(script, session, tag, verb, command)
                for pattern, instead in script.rewrites.get(verb, ()):
                    said = re.sub(pattern, instead, said)
                send(script, session, connection, verb, said)
                if verb == "STARTTLS" and script.tls:
                    connection = secured(server, connection, script.tls)
                if verb == "LOGOUT":
                    break
        finally:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()


def secured(server: FakeImap, connection: socket.socket, context: ssl.SSLContext) -> socket.socket:
    """The connection under TLS."""
    wrapped = context.wrap_socket(connection, server_side=True)
    server.connections.remove(connection)
    server.connections.append(wrapped)
    return wrapped


def read_line(connection: socket.socket) -> str:
    """A command line without CRLF; empty at the end."""
    line = bytearray()
    while not line.endswith(b"\r\n"):
        octet = connection.recv(1)
        if not octet:
            return ""
        line += octet
    return line[:-2].decode("latin-1")


def send(script: Script, session: Session, connection: socket.socket, verb: str, octets: bytes) -> None:
    """Send an answer, or as much of it as the script lets through."""
    while verb == script.endless:
        connection.sendall(script.filler * 1000)
    if verb in script.cut:
        connection.sendall(octets[: script.cut[verb]])
        raise Cut
    before = session.sent.get(verb, 0)
    session.sent[verb] = before + len(octets)
    if before + len(octets) >= script.cut_sum.get(verb, 1 << 60):
        connection.sendall(octets[: script.cut_sum[verb] - before])
        raise Cut
    connection.sendall(octets)


def answer(script: Script, session: Session, tag: str, verb: str, command: str) -> bytes:
    """All octets of the answer to a command."""
    match verb:
        case "LOGIN" | "AUTHENTICATE":
            session.logged_in = True
        case "EXAMINE" | "SELECT":
            session.folder = argument(command)
        case "IDLE":
            session.idling = tag
    if verb in script.answers:
        return script.answers[verb].replace(b"{tag}", tag.encode("latin-1"))
    if verb == "IDLE":
        return b"+ idling\r\n"
    found = script.box(argument(command) if verb in ("EXAMINE", "SELECT", "STATUS") else session.folder)
    if found is None:
        return f"{tag} NO [NONEXISTENT] no such folder\r\n".encode("latin-1")
    done = f"{tag} OK done\r\n".encode("latin-1")
    return (
        untagged(script, session, found, verb, command) + done + (script.after_starttls if verb == "STARTTLS" else b"")
    )


def untagged(script: Script, session: Session, found: Box, verb: str, command: str) -> bytes:
    """The lines before the tagged one."""
    match verb:
        case "CAPABILITY":
            capability = script.capability_after if session.logged_in and script.capability_after else script.capability
            return f"* CAPABILITY {capability}\r\n".encode()
        case "LIST":
            return listed(script.all_folders)
        case "EXAMINE" | "SELECT":
            return examined(found)
        case "STATUS":
            return stated(found, command)
        case "UID SEARCH":
            return searched(found, command)
        case "UID FETCH":
            return fetched(found, command)
        case "LOGOUT":
            return b"* BYE bye\r\n"
        case _:
            return b""


def argument(command: str) -> str:
    """The folder that a command names, without its quotes."""
    rest = command.partition(" ")[2]
    return rest[1:].partition('"')[0] if rest.startswith('"') else rest.partition(" ")[0]
