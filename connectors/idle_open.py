"""Opening the connection over which a mailbox is watched, in a thread: login, folder, what else to ask about."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from imapclient import imap_utf7

from gatepost.connectors.idle import Talk
from gatepost.connectors.imap import Client, begin_session, examine, open_client
from gatepost.connectors.polling import Polling
from gatepost.connectors.trouble import TokenRefused, Trouble
from gatepost.model import Cursor
from gatepost.store import accounts, folders

FOLDERS = 20
TOKEN_MARGIN = 300.0
TOKEN_SHARE = 0.8


@dataclass(frozen=True, slots=True)
class Opened:
    """A connection with its folder open for reading, its talk, and for how many seconds its token lets it last."""

    client: Client
    talk: Talk
    lasts: float


def open_mailbox(polling: Polling, account_id: str) -> Opened:
    """Log in and open the folder. Raises Trouble."""
    with polling.ledger.database.session() as session:
        account = accounts.get_account(session, account_id)
        if account is None:
            raise Trouble("server", "The mailbox is not connected any more.", "Connect it again.", lasting=True)
        names = [row.folder for row in folders.list_cursors(session, account_id) if is_watched(row)]
        session.expunge(account)
    settings = polling.login(account)
    try:
        client = open_client(settings, allow_private=polling.private_hosts, message_size=0, tls=polling.tls)
    except TokenRefused:
        polling.refused(account, settings.bearer)
        raise
    try:
        begin_session(client)
        folder = examine(client, account.folder)
        client.wire.untagged_responses.clear()
        client.wire.sock.settimeout(0)
    except BaseException:
        client.wire.shutdown()
        raise
    talk = Talk(
        "IDLE" in client.can, further(account.folder, names), folder.messages, polling.poll_seconds, polling.jitter
    )
    return Opened(client, talk, lasting(settings.expires_at, polling.clock(), polling.jitter()))


def is_watched(row: Cursor) -> bool:
    return bool(row.uidvalidity) and folders.is_read(row)


def further(folder: str, names: Iterable[str]) -> tuple[bytes, ...]:
    """The other folders that are synced, as STATUS takes them."""
    wanted = (name for name in names if name.casefold() != folder.casefold())
    return tuple(quoted(name) for name in wanted)[:FOLDERS]


def quoted(name: str) -> bytes:
    """A folder's name in modified UTF-7, which has no line breaks, as a quoted string (RFC 3501 section 5.1.3)."""
    encoded: bytes = imap_utf7.encode(name)
    return b'"' + encoded.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def lasting(expires_at: datetime | None, now: datetime, jitter: float) -> float:
    """Seconds until the connection is made anew, some minutes before its token ends: Gmail ends the session with it."""
    if expires_at is None:
        return float("inf")
    left = max(0.0, (expires_at - now).total_seconds())
    return max(1.0, left - TOKEN_MARGIN * (1 + jitter) / 2, min(left, TOKEN_MARGIN) * TOKEN_SHARE)
