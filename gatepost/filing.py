"""Copies of sent mail in Sent, and what is written back: seen to in a thread of the process that syncs mailboxes."""

import threading
from collections.abc import Callable

import structlog

from gatepost.connectors.sent import Filing, file_copies
from gatepost.connectors.trouble import Trouble
from gatepost.connectors.write_back import write_back
from gatepost.ledger import LedgerClosed
from gatepost.mailbox_access import access_of, imap_login, keeps_copies
from gatepost.model import Message
from gatepost.parts import Parts, clock
from gatepost.store.messages import RawLost, raw_of

ROUND_SECONDS = 1.0
BROKEN_SECONDS = 30.0

log = structlog.get_logger("gatepost.sent")


def filing_of(parts: Parts) -> Filing:
    """What filing copies needs of the rest."""
    access = access_of(parts)

    def content(message: Message) -> bytes:
        try:
            with parts.database.session() as session:
                return raw_of(session, message.raw_id, parts.blobs)
        except RawLost as lost:
            raise Trouble("server", str(lost), "Look at the storage of Gatepost.", lasting=True) from None

    return Filing(
        ledger=parts.ledger,
        login=lambda account: imap_login(access, account),
        content=content,
        keeps_copies=lambda account: keeps_copies(access, account),
        clock=clock,
        message_size=parts.settings.message_size,
        private_hosts=parts.settings.private_hosts,
        refused=access.refused,
    )


def start_filing(parts: Parts) -> Callable[[], None]:
    """See to what is due until what is returned is called."""
    stop = threading.Event()
    filing = filing_of(parts)

    def loop() -> None:
        while not stop.is_set():
            try:
                done = file_copies(filing)
                done = write_back(filing) or done
            except LedgerClosed:
                return
            except Exception:
                log.exception("sent.broke")
                stop.wait(BROKEN_SECONDS)
                continue
            if not done:
                stop.wait(ROUND_SECONDS)

    thread = threading.Thread(target=loop, name="sent-copies", daemon=True)
    thread.start()

    def end() -> None:
        stop.set()
        thread.join(timeout=10)

    return end
