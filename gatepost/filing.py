"""Copies of sent mail in Sent, and what is written back: seen to in a thread of the process that syncs mailboxes."""

from contextlib import AbstractAsyncContextManager
from datetime import datetime

from gatepost.connectors.sent import Filing, file_copies
from gatepost.connectors.trouble import Trouble
from gatepost.connectors.write_back import write_back
from gatepost.mailbox_access import access_of, imap_login, keeps_copies
from gatepost.model import Message, SentCopy, WriteBack
from gatepost.parts import Parts, clock
from gatepost.rounds import Duty, When, earliest, rounds
from gatepost.store.chores import next_due
from gatepost.store.messages import RawLost, raw_of

ROUND_SECONDS = 1.0


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


def filing_copies(parts: Parts) -> AbstractAsyncContextManager[None]:
    """What is due is seen to while this context is open."""
    filing = filing_of(parts)

    def work(now: datetime) -> When:
        done = file_copies(filing)
        if write_back(filing) or done:
            return True
        with parts.database.session() as session:
            return earliest(next_due(session, SentCopy), next_due(session, WriteBack))

    return rounds(Duty("sent-copies", work, ROUND_SECONDS, parts.ledger, clock))
