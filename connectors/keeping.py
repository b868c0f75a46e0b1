"""Leases of mailboxes that are being read, moved on while that lasts: those of a process that died end soon."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from sqlmodel import Session

from gatepost.connectors.polling import LEASE, Polling
from gatepost.ledger import LedgerClosed
from gatepost.model import Account
from gatepost.store import accounts

KEEP_SECONDS = LEASE.total_seconds() / 4

log = structlog.get_logger("gatepost.poll")


@contextmanager
def under_way(polling: Polling, account: Account) -> Iterator[None]:
    """The lease of a claimed account is kept while the block lasts, as long as `keep_leases` runs."""
    polling.busy[account.id] = account
    try:
        yield
    finally:
        polling.busy.pop(account.id, None)


def keep_leases(polling: Polling, seconds: float = KEEP_SECONDS) -> None:
    """Move leases on, time and again, until the polling stops; a long fetch commits nothing for minutes."""
    while not polling.stop.wait(seconds):
        try:
            keep_once(polling)
        except LedgerClosed:
            return
        except Exception as error:
            log.warning("poll.lease_not_kept", error=type(error).__name__)


def keep_once(polling: Polling) -> None:
    """Move on the leases of what is being read now; one that was lost meanwhile stays lost."""
    busy = list(polling.busy.values())
    if not busy:
        return
    until = polling.clock() + LEASE

    def op(session: Session) -> None:
        for account in busy:
            accounts.keep(session, account, until)

    polling.ledger.write(op)
