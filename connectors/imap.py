"""An IMAP connection that only reads; the one module that imports imapclient."""

import hashlib
import imaplib
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import imapclient

from gatepost.connectors.cursor import UID_LIMIT, Folder, Position, batches, newer, nothing_new
from gatepost.connectors.trouble import Nonsense, Trouble
from gatepost.connectors.wire import SILENCE_SECONDS, Wire, open_wire, stage
from gatepost.connectors.wire import Connect as Connect
from gatepost.model import Account
from gatepost.reply import clean_text

HEADER_CAP = 65_536
LITERAL_SLACK = 65_536
SEARCH_WINDOW = 50_000
SIZES_AT_ONCE = 500
SINGLE_MAILS = 200
FOLDERS_SHOWN = 1_000


@dataclass(frozen=True, slots=True)
class Check:
    """What a trial showed; `field` names the form's field to look at when it is not ok."""

    ok: bool
    folders: tuple[str, ...]
    messages: int
    sentence: str
    field: str = ""


@dataclass(frozen=True, slots=True)
class Fetched:
    """One mail as the server has it. `missing` says why `raw` is not all of it (then it is the header, or empty)."""

    account: Account
    folder: str
    uidvalidity: int
    uid: int
    raw: bytes
    internal_date: datetime | None
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """Mails to store together with the position that is reached by them."""

    mails: tuple[Fetched, ...]
    position: Position


class Client(imapclient.IMAPClient):  # type: ignore[misc]
    """imapclient over our wire; aware times, no protocol log."""

    def __init__(self, wire: Wire, settings: Connect, message_size: int) -> None:
        self.wire = wire
        self.settings = settings
        self.message_size = message_size
        super().__init__(settings.host, settings.port, ssl=False, timeout=SILENCE_SECONDS)
        self.normalise_times = False
        wire.debug = 0

    def _create_IMAP4(self) -> Wire:
        return self.wire


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
    """LOGIN, or AUTHENTICATE PLAIN (RFC 4616) where LOGIN cannot carry the password. Raises Trouble."""
    settings, wire = client.settings, client.wire
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


def examine(client: Client, name: str) -> Folder:
    """Open a folder for reading only (EXAMINE, RFC 3501 section 6.3.2). Raises Trouble."""
    with stage("folder", client.settings):
        client.wire.allow()
        answer = client.select_folder(name, readonly=True)
        uidvalidity, uidnext = answer.get(b"UIDVALIDITY"), answer.get(b"UIDNEXT")
        if not isinstance(uidvalidity, int) or not 0 <= uidvalidity <= UID_LIMIT:
            raise Nonsense("it gives the folder no UIDVALIDITY")
        messages = min(max(0, int(answer.get(b"EXISTS", 0))), UID_LIMIT)
        return Folder(name, uidvalidity, uidnext if isinstance(uidnext, int) else None, messages)


def open_folder(client: Client, name: str, folders: Sequence[str] | None = None) -> Folder:
    """`examine`, but a folder that is not there is told with the list of those that are. Raises Trouble."""
    try:
        return examine(client, name)
    except Trouble as trouble:
        cause = trouble.__cause__
        if not isinstance(cause, imaplib.IMAP4.error) or isinstance(cause, imaplib.IMAP4.abort) or not trouble.broken:
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
    what = "message" if folder.messages == 1 else "messages"
    return Check(True, folders, folder.messages, f"Connected: {folder.messages} {what} in {clean_text(folder.name)}.")


def fetch_new(
    client: Client, account: Account, folder: Folder, position: Position, *, careful: bool = False
) -> Iterator[Batch]:
    """The mail after a position of an opened folder, oldest first, without touching a flag (BODY.PEEK). Raises Trouble.

    A mail over the size limit comes as its header with `missing`. `careful`, for a mailbox that failed before: mails
    come one by one, and one that the server cannot hand over comes with `missing` instead of stopping the mailbox.
    """
    uids = list_new(client, folder, position)
    singles = SINGLE_MAILS if careful else 0
    for start in range(0, len(uids), SIZES_AT_ONCE):
        chunk = uids[start : start + SIZES_AT_ONCE]
        sizes = fetch_sizes(client, chunk)
        for group in batches(chunk, sizes, max(0, singles - start)):
            reached = Position(folder.uidvalidity, group[-1])
            try:
                mails = fetch_batch(client, account, folder, group, sizes, careful=careful)
            except Trouble as trouble:
                if careful and trouble.broken and len(group) == 1:
                    yield Batch(
                        (Fetched(account, folder.name, folder.uidvalidity, group[0], b"", None, str(trouble)),), reached
                    )
                raise
            yield Batch(tuple(mails), reached)


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


def fetch_sizes(client: Client, uids: Sequence[int]) -> dict[int, int]:
    """Octets by UID as the server counts them; a message that is gone has none."""
    with stage("fetch", client.settings):
        client.wire.allow()
        answer = client.fetch(uids, ["RFC822.SIZE"])
        return {uid: size for uid in answer if isinstance(size := answer[uid].get(b"RFC822.SIZE"), int)}


def fetch_batch(
    client: Client, account: Account, folder: Folder, uids: Sequence[int], sizes: dict[int, int], *, careful: bool
) -> list[Fetched]:
    """Some mails in one request, ascending; those expunged meanwhile are left out."""
    large = [uid for uid in uids if sizes.get(uid, 0) > client.message_size]
    whole = [uid for uid in uids if uid not in large]
    got = fetch_bodies(client, whole, sum(sizes.get(uid, 0) for uid in whole), "BODY[]")
    heads = fetch_bodies(client, large, HEADER_CAP * len(large), f"BODY[HEADER]<0.{HEADER_CAP}>")
    reasons = dict.fromkeys(
        heads, f"larger than the limit of {client.message_size} octets; only its header was fetched"
    )
    got |= heads
    for uid in still_there(client, [uid for uid in uids if uid not in got]):
        what = f"{client.settings.host} lists message {uid}, but does not hand it over."
        if not careful:
            raise Trouble("server", what, "Gatepost tries again by itself.", broken=True)
        got[uid], reasons[uid] = (b"", None), what
    return [
        Fetched(account, folder.name, folder.uidvalidity, uid, *got[uid], reasons.get(uid, "")) for uid in sorted(got)
    ]


def fetch_bodies(
    client: Client, uids: Sequence[int], octets: int, item: str
) -> dict[int, tuple[bytes, datetime | None]]:
    """Octets and arrival time by UID. imapclient's `fetch` takes no ranges, so UIDs are listed."""
    if not uids:
        return {}
    key = item.partition("<")[0].encode() + (b"<0>" if "<" in item else b"")
    with stage("fetch", client.settings):
        client.wire.allow(octets)
        answer = client.fetch(uids, ["INTERNALDATE", item.replace("BODY[", "BODY.PEEK[")])
        found: dict[int, tuple[bytes, datetime | None]] = {}
        for uid in answer:
            raw = answer[uid].get(key)
            if isinstance(raw, bytes):
                found[uid] = (raw, aware(answer[uid].get(b"INTERNALDATE")))
        return found


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
