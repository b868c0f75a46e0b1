"""An IMAP connection that only reads; the one module that imports imapclient."""

import hashlib
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import imapclient
from imapclient.response_parser import parse_fetch_response

from gatepost.amount import amount
from gatepost.connectors.cursor import UID_LIMIT, Folder, Position, newer, nothing_new, uid_ranges
from gatepost.connectors.folders import Entry, entry_of, told_apart
from gatepost.connectors.sasl import log_in_by_token
from gatepost.connectors.trouble import Nonsense, Trouble, refused
from gatepost.connectors.wire import SILENCE_SECONDS, Connect, Wire, open_wire, stage
from gatepost.reply import clean_text

LITERAL_SLACK = 65_536
SEARCH_WINDOW = 50_000
FOLDERS_SHOWN = 1_000
WHO_WE_ARE = [b'("name" "Gatepost")']


@dataclass(frozen=True, slots=True)
class Check:
    """What a trial showed; `field` names the form's field to look at when it is not ok."""

    ok: bool
    folders: tuple[str, ...]
    messages: int
    sentence: str
    field: str = ""


class Client(imapclient.IMAPClient):  # type: ignore[misc]
    """imapclient over our wire; aware times, no protocol log."""

    def __init__(self, wire: Wire, settings: Connect, message_size: int) -> None:
        self.wire = wire
        self.settings = settings
        self.message_size = message_size
        self.can: frozenset[str] = frozenset()
        super().__init__(settings.host, settings.port, ssl=False, timeout=SILENCE_SECONDS)
        self.normalise_times = False
        wire.debug = 0

    def _create_IMAP4(self) -> Wire:
        return self.wire

    @property
    def gmail(self) -> bool:
        """Whether it has Gmail's extensions: ids, threads, labels."""
        return "X-GM-EXT-1" in self.can

    @property
    def modseq(self) -> bool:
        """Whether it counts changes (RFC 7162)."""
        return bool(self.can & {"CONDSTORE", "QRESYNC"})

    @property
    def vanished(self) -> bool:
        """Whether it tells which messages are gone (QRESYNC, RFC 7162)."""
        return "QRESYNC" in self.can


@lru_cache(1)
def system_trust() -> ssl.SSLContext:
    """The system's authorities, read once: that takes 20 ms and a megabyte."""
    return ssl.create_default_context()


@contextmanager
def connect(
    settings: Connect, *, allow_private: bool, message_size: int, tls: ssl.SSLContext | None = None
) -> Iterator[Client]:
    """A logged-in connection that is closed at the end; `tls` replaces the system's authorities. Raises Trouble."""
    client = open_client(settings, allow_private=allow_private, message_size=message_size, tls=tls)
    try:
        yield client
        leave(client)
    finally:
        client.wire.shutdown()


def open_client(
    settings: Connect, *, allow_private: bool, message_size: int, tls: ssl.SSLContext | None = None
) -> Client:
    """A logged-in connection; who gets it shuts its wire down. Raises Trouble."""
    context = tls or system_trust()
    try:
        wire = open_wire(settings, allow_private, message_size + LITERAL_SLACK, context)
        try:
            with stage("greeting", settings):
                client = Client(wire, settings, message_size)
            secure(client, context)
            log_in(client)
            return client
        except BaseException:
            wire.shutdown()
            raise
    except Trouble as trouble:
        if isinstance(trouble.__cause__, ssl.SSLCertVerificationError):
            raise name_fingerprint(trouble, settings, allow_private) from None
        raise


def secure(client: Client, context: ssl.SSLContext) -> None:
    """Never log in twice, nor without the TLS that was asked for (RFC 9051 section 11.1). Raises Trouble."""
    settings, wire = client.settings, client.wire
    if wire.state == "AUTH":
        what = f"{settings.host} claims to be logged in already (PREAUTH)."
        raise Trouble("server", what, "Ask its operator: whose mail this is cannot be known.", lasting=True)
    if settings.security != "starttls":
        return
    if "STARTTLS" not in wire.capabilities:
        what = f"{settings.host} does not offer STARTTLS on port {settings.port}."
        raise Trouble("security", what, "Set Security to TLS and Port to 993.", lasting=True)
    with stage("starttls", settings):
        wire.upgrade(context)


def log_in(client: Client) -> None:
    """By token, else LOGIN, or AUTHENTICATE PLAIN (RFC 4616) where LOGIN cannot carry the password. Raises Trouble."""
    settings, wire = client.settings, client.wire
    if settings.bearer:
        log_in_by_token(client)
        return
    ascii_only = (settings.username + settings.password).isascii()
    with stage("login", settings):
        wire.allow()
        if "AUTH=PLAIN" in wire.capabilities and ("LOGINDISABLED" in wire.capabilities or not ascii_only):
            client.sasl_login("PLAIN", lambda _: f"\0{settings.username}\0{settings.password}".encode())
            return
        if "LOGINDISABLED" in wire.capabilities:
            what = f"{settings.host} takes no password this way."
            raise Trouble("security", what, "Set Security to TLS (port 993) or STARTTLS.", lasting=True)
        if not ascii_only:
            raise Trouble("password", "The server only takes ASCII passwords.", "Choose another one.", lasting=True)
        quoted = settings.username.replace("\\", "\\\\").replace('"', '\\"')
        client.login(f'"{quoted}"', settings.password)  # imaplib quotes only the password


def leave(client: Client) -> None:
    """LOGOUT; what goes wrong with it is of no interest."""
    with suppress(Exception):
        client.wire.allow()
        client.logout()


def name_fingerprint(trouble: Trouble, settings: Connect, allow_private: bool) -> Trouble:
    """The trouble with the certificate's SHA-256 fingerprint, read over a connection that sends nothing else."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with suppress(Exception):
        wire = open_wire(settings, allow_private, 0, context)
        try:
            if settings.security == "starttls":
                wire.upgrade(context)
            digits = hashlib.sha256(wire.certificate()).hexdigest().upper()
        finally:
            wire.shutdown()
        shown = ":".join(digits[at : at + 2] for at in range(0, len(digits), 2))
        what = f"{trouble.what} Its SHA-256 fingerprint is {shown}."
        return Trouble(trouble.field, what, trouble.fix, lasting=trouble.lasting)
    return trouble


def list_folders(client: Client) -> tuple[str, ...]:
    """The names of the folders that can be opened, cleaned for display. Raises Trouble."""
    with stage("folder", client.settings):
        client.wire.allow()
        found = client.list_folders()
        names = [str(name) for flags, _, name in found if b"\\noselect" not in {flag.lower() for flag in flags}]
        return tuple(clean_text(name)[:200] for name in names[:FOLDERS_SHOWN])


def begin_session(client: Client) -> None:
    """Ask what the server can do for who is logged in, say who we are (RFC 2971), have changes counted (RFC 5161).

    IMAP4rev2 is never switched on: Exchange offers it and does it wrong. Raises Trouble.
    """
    with stage("login", client.settings):
        client.wire.allow()
        _, lines = client.wire.capability()
        words = b" ".join(line for line in lines if isinstance(line, bytes))[:10_000].decode("ascii", "replace")
        client.can = frozenset(words.upper().split())
        if "ID" in client.can:
            client.wire.allow()
            client._raw_command_untagged(b"ID", WHO_WE_ARE, unpack=False, uid=False)
        if client.modseq and "ENABLE" in client.can:
            client.wire.allow()
            client._raw_command_untagged(b"ENABLE", [b"QRESYNC" if client.vanished else b"CONDSTORE"], uid=False)


def list_entries(client: Client) -> list[Entry]:
    """All folders with what they are for. Raises Trouble."""
    with stage("folder", client.settings):
        client.wire.allow()
        found = []
        for flags, delimiter, name in client.list_folders()[: 10 * FOLDERS_SHOWN]:
            words = [flag.decode("ascii", "replace") for flag in flags if isinstance(flag, bytes)]
            found.append(entry_of(words, str(name), (delimiter or b"").decode("ascii", "replace")))
        return told_apart(found)


def status(client: Client, name: str) -> Folder:
    """A folder's figures without opening it (STATUS, RFC 3501 section 6.3.10). Raises Trouble."""
    items = ["MESSAGES", "UIDNEXT", "UIDVALIDITY", *(["HIGHESTMODSEQ"] if client.modseq else [])]
    with stage("folder", client.settings):
        client.wire.allow()
        answer = client.folder_status(name, items)
        return folder_of(name, answer, answer.get(b"MESSAGES"))


def examine(client: Client, name: str) -> Folder:
    """Open a folder for reading only (EXAMINE, RFC 3501 section 6.3.2). Raises Trouble."""
    with stage("folder", client.settings):
        client.wire.allow()
        answer = client.select_folder(name, readonly=True)
        return folder_of(name, answer, answer.get(b"EXISTS", 0))


def folder_of(name: str, answer: Mapping[bytes, Any], messages: Any) -> Folder:
    """What a server says of a folder, as far as it can be believed. Raises Nonsense."""
    uidvalidity, uidnext, modseq = (answer.get(key) for key in (b"UIDVALIDITY", b"UIDNEXT", b"HIGHESTMODSEQ"))
    if not isinstance(uidvalidity, int) or not 0 <= uidvalidity <= UID_LIMIT:
        raise Nonsense("it gives the folder no UIDVALIDITY")
    count = min(max(0, messages), UID_LIMIT) if isinstance(messages, int) else 0
    next_uid = uidnext if isinstance(uidnext, int) else None
    return Folder(name, uidvalidity, next_uid, count, modseq if isinstance(modseq, int) and 0 < modseq < 2**63 else 0)


def fetch_range(
    client: Client, uids: str, items: str, modifiers: str = "", octets: int = 0
) -> tuple[dict[int, dict[bytes, Any]], list[tuple[int, int]]]:
    """Items by UID, and the ranges of UIDs that vanished; `uids` is a set such as `5:9,12` (imapclient takes none).

    `octets` is how much is expected. Raises Trouble.
    """
    with stage("fetch", client.settings):
        client.wire.allow(octets)
        untagged = client.wire.untagged_responses
        for kind in ("FETCH", "VANISHED"):
            untagged.pop(kind, None)
        arguments = [uids.encode("ascii"), items.encode("ascii"), *([modifiers.encode("ascii")] if modifiers else [])]
        typ, data = client._raw_command(b"FETCH", arguments)
        client._checkok("fetch", typ, data)
        found = untagged.pop("FETCH", [])
        vanished = [line for line in untagged.pop("VANISHED", []) if isinstance(line, bytes)]
        return parse_fetch_response(found, client.normalise_times, True), [
            pair for line in vanished for pair in uid_ranges(line)
        ]


def open_folder(client: Client, name: str, folders: Sequence[str] | None = None) -> Folder:
    """`examine`, but a folder that is not there is told with the list of those that are. Raises Trouble."""
    try:
        return examine(client, name)
    except Trouble as trouble:
        if not refused(trouble):
            raise
        names = list_folders(client) if folders is None else folders
        if name in names:
            raise
        what = f"There is no folder {clean_text(name)}; the server has: {', '.join(names[:30])}."
        raise Trouble("folder", what, "Set Folder to one of these.", lasting=True) from None


def check(settings: Connect, allow_private: bool, *, tls: ssl.SSLContext | None = None) -> Check:
    """Try an account with a real login that changes nothing; never raises for what the server or the settings do."""
    folders: tuple[str, ...] = ()
    try:
        with connect(settings, allow_private=allow_private, message_size=0, tls=tls) as client:
            folders = list_folders(client)
            folder = open_folder(client, settings.folder, folders)
    except Trouble as trouble:
        return Check(False, folders, 0, str(trouble), trouble.field)
    many = amount(folder.messages, "message")
    return Check(True, folders, folder.messages, f"Connected: {many} in {clean_text(folder.name)}.")


def list_new(client: Client, folder: Folder, position: Position) -> list[int]:
    """The UIDs after a position, ascending.

    Asked for in windows of sequence numbers from the top, so that no answer's line comes near the cap.
    """
    found: list[int] = []
    top = 0 if nothing_new(position, folder) else folder.messages
    with stage("fetch", client.settings):
        while top > 0:
            low = max(1, top - SEARCH_WINDOW + 1)
            client.wire.allow()
            new = newer(client.search([f"{low}:{top}", "UID", f"{position.last_uid + 1}:*"]), position)
            if not new:
                break
            found += new
            top = low - 1
    return sorted(set(found))


def still_there(client: Client, uids: Sequence[int]) -> list[int]:
    """Which of the messages that were not handed over the server still lists."""
    if not uids:
        return []
    with stage("fetch", client.settings):
        client.wire.allow()
        listed = set(client.search(["UID", ",".join(str(uid) for uid in uids)]))
        return [uid for uid in uids if uid in listed]


def aware(value: Any) -> datetime | None:
    """An INTERNALDATE in UTC, or None where it is none."""
    if not isinstance(value, datetime) or value.tzinfo is None:
        return None
    with suppress(ValueError, OverflowError):
        return value.astimezone(UTC)
    return None
