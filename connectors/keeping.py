"""Leases of mailboxes that are being read, moved on while that lasts: those of a process that died end soon."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlmodel import Session

from gatepost.connectors.polling import LEASE, Polling
from gatepost.model import Account
from gatepost.rounds import Duty, When
from gatepost.store import accounts

KEEP_SECONDS = LEASE.total_seconds() / 4


@contextmanager
def under_way(polling: Polling, account: Account) -> Iterator[None]:
    """The lease of a claimed account is kept while the block lasts, as long as `keep_duty` is done."""
    polling.busy[account.id] = account
    try:
        yield
    finally:
        polling.busy.pop(account.id, None)


def keep_duty(polling: Polling) -> Duty:
    """Move leases on, time and again; a long fetch commits nothing for minutes."""

    def work(now: datetime) -> When:
        keep_once(polling)
        return now

    return Duty("leases", work, KEEP_SECONDS, polling.ledger, polling.clock)


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
