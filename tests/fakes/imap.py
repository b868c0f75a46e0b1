"""A real IMAP server on a free loopback port whose dialogue is data: a small mailbox, and answers as hostile as wanted.

with imap_server(Script(messages={7: raw}, answers={"LOGIN": b"{tag} NO [AUTHENTICATIONFAILED] no\r\n"})) as server: ...
"""

import re
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

CAPABILITY = "IMAP4rev1 UIDPLUS"
DATE = '"22-Nov-2026 10:30:00 +0100"'


@dataclass(frozen=True, slots=True)
class Script:
    """What the server does.

    `messages`: octets by UID, in the one folder INBOX. `answers`: raw octets by verb ("UID FETCH"), in place of
    the usual ones, with `{tag}`. `endless`: verbs (or "GREETING") answered by repeating `filler` without end.
    `cut`: the connection ends after so many octets of the answer to that verb. `refuse_uids`: FETCH leaves these out.
    `implicit`: TLS from the first byte; `tls` without it: STARTTLS is offered. `after_starttls`: octets in the clear
    behind STARTTLS's OK, as one who injects would send them.
    """

    messages: Mapping[int, bytes] = field(default_factory=dict)
    greeting: bytes = b"* OK ready\r\n"
    capability: str = CAPABILITY
    answers: Mapping[str, bytes] = field(default_factory=dict)
    endless: str = ""
    filler: bytes = b"* 1 EXISTS\r\n"
    cut: Mapping[str, int] = field(default_factory=dict)
    refuse_uids: frozenset[int] = frozenset()
    uidvalidity: int = 1
    uidnext: int | None = None
    sizes: Mapping[int, int] = field(default_factory=dict)
    flags: Mapping[int, str] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None
    implicit: bool = False
    after_starttls: bytes = b""


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
    script, idling = server.script, ""
    with suppress(Cut, OSError):
        try:
            if script.implicit and script.tls:
                connection = secured(server, connection, script.tls)
            send(script, connection, "GREETING", script.greeting)
            while line := read_line(connection):
                tag, _, command = line.partition(" ")
                if line == "DONE":  # ends IDLE (RFC 2177), and has no tag
                    tag, command = idling, line
                server.commands.append(command)
                verb = " ".join(command.split()[: 2 if command.upper().startswith("UID ") else 1]).upper()
                send(script, connection, verb, answer(script, tag, verb, command))
                if verb == "IDLE":
                    idling = tag
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


def send(script: Script, connection: socket.socket, verb: str, octets: bytes) -> None:
    """Send an answer, or as much of it as the script lets through."""
    while verb == script.endless:
        connection.sendall(script.filler * 1000)
    if verb in script.cut:
        connection.sendall(octets[: script.cut[verb]])
        raise Cut
    connection.sendall(octets)


def answer(script: Script, tag: str, verb: str, command: str) -> bytes:
    """All octets of the answer to a command."""
    if verb in script.answers:
        return script.answers[verb].replace(b"{tag}", tag.encode("latin-1"))
    match verb:
        case "CAPABILITY":
            body = f"* CAPABILITY {script.capability}\r\n".encode()
        case "LIST":
            body = b'* LIST (\\HasNoChildren) "/" INBOX\r\n'
        case "EXAMINE":
            body = examined(script)
        case "STATUS":
            body = stated(script, command)
        case "UID SEARCH":
            body = searched(script, command)
        case "UID FETCH":
            body = fetched(script, command)
        case "IDLE":
            return b"+ idling\r\n"
        case "LOGOUT":
            body = b"* BYE bye\r\n"
        case _:
            body = b""
    done = f"{tag} OK done\r\n".encode("latin-1")
    return body + done + (script.after_starttls if verb == "STARTTLS" else b"")


def examined(script: Script) -> bytes:
    """The untagged lines of EXAMINE."""
    uidnext = script.uidnext or max(script.messages, default=0) + 1
    return (
        f"* {len(script.messages)} EXISTS\r\n* OK [UIDVALIDITY {script.uidvalidity}] ok\r\n"
        f"* OK [UIDNEXT {uidnext}] ok\r\n* FLAGS (\\Seen)\r\n"
    ).encode()


def stated(script: Script, command: str) -> bytes:
    """The untagged line of STATUS."""
    name = command.split()[1]
    figures = {
        "MESSAGES": len(script.messages),
        "UIDNEXT": script.uidnext or max(script.messages, default=0) + 1,
        "UIDVALIDITY": script.uidvalidity,
    }
    wanted = command.partition("(")[2].rstrip(")").split()
    told = " ".join(f"{item} {figures[item]}" for item in wanted if item in figures)
    return f"* STATUS {name} ({told})\r\n".encode()


def named(script: Script, part: str) -> list[int]:
    """The UIDs of a part of a set, `7` or `5:9`."""
    low, _, high = part.partition(":")
    return [uid for uid in sorted(script.messages) if int(low) <= uid <= int(high or low)]


def searched(script: Script, command: str) -> bytes:
    """`UID SEARCH [low:high] UID n:*` (which always names the last message) or `UID a,b,c`."""
    uids = sorted(script.messages)
    wanted = command.split(" UID ")[-1]
    if ":" in wanted:
        first = int(wanted.split(":")[0])
        low, high = (int(number) for number in command.split()[2].split(":"))
        found = [uid for uid in uids[low - 1 : high] if uid >= first or uid == uids[-1]]
    else:
        found = [uid for uid in map(int, wanted.split(",")) if uid in script.messages]
    return ("* SEARCH" + "".join(f" {uid}" for uid in found) + "\r\n").encode()


def fetched(script: Script, command: str) -> bytes:
    """`UID FETCH 5:9,12 (ITEMS)` for RFC822.SIZE, FLAGS, INTERNALDATE, BODY.PEEK[], and header fields or octets."""
    uids = [uid for part in command.split()[2].split(",") for uid in named(script, part)]
    order = sorted(script.messages)
    answers = b""
    for uid in uids:
        if uid not in script.messages or uid in script.refuse_uids:
            continue
        raw = script.messages[uid]
        items = f"UID {uid}"
        if "RFC822.SIZE" in command:
            items += f" RFC822.SIZE {script.sizes.get(uid, len(raw))}"
        if "FLAGS" in command:
            items += f" FLAGS ({script.flags.get(uid, '')})"
        if "INTERNALDATE" in command:
            items += f" INTERNALDATE {DATE}"
        literal = b""
        if "BODY.PEEK" in command:
            key, literal = "BODY[]", raw
            if limit := re.search(r"\[HEADER\]<0\.(\d+)>", command):
                key, literal = "BODY[HEADER]<0>", raw.partition(b"\r\n\r\n")[0][: int(limit[1])]
            elif fields := re.search(r"BODY\.PEEK(\[HEADER\.FIELDS \((.*?)\)\])", command):
                wanted = {name.lower().encode() for name in fields[2].split()}
                lines = raw.partition(b"\r\n\r\n")[0].split(b"\r\n")
                kept = [line for line in lines if line.partition(b":")[0].lower() in wanted]
                key, literal = f"BODY{fields[1]}", b"".join(line + b"\r\n" for line in kept) + b"\r\n"
            items += f" {key} {{{len(literal)}}}\r\n"
        answers += f"* {order.index(uid) + 1} FETCH ({items}".encode() + literal + b")\r\n"
    return answers
