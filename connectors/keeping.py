"""Leases of mailboxes that are being read, moved on while that lasts: those of a process that died end soon."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import structlog
from sqlmodel import Session

from gatepost.connectors.polling import Polling
from gatepost.model import Account
from gatepost.rounds import Duty, When
from gatepost.store import accounts, processes

KEEP_SECONDS = accounts.LEASE.total_seconds() / 4
DEAD_SECONDS = 5.0

log = structlog.get_logger("gatepost.poll")


@contextmanager
def under_way(polling: Polling, account: Account) -> Iterator[None]:
    """The lease of a claimed account is kept while the block lasts, as long as `keep_duty` is done."""
    polling.busy[account.id] = account
    polling.moved.discard(account.id)
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

    def op(session: Session) -> None:
        until = polling.clock() + accounts.LEASE
        for account in busy:
            accounts.keep(session, account, until)

    polling.ledger.write(op)


def dead_duty(polling: Polling) -> Duty:
    """Free what a dead process of several on PostgreSQL read and watched, long before its leases end."""

    def work(now: datetime) -> When:
        return now if free_dead(polling) else None

    return Duty("dead", work, DEAD_SECONDS, polling.ledger, polling.clock)


def free_dead(polling: Polling) -> bool:
    """Free what dead processes held; whether others hold anything, who may die."""
    database = polling.ledger.database
    with database.session() as session:
        seen = processes.look(session, database.process, polling.clock())
    if seen.dead:
        polling.ledger.write(lambda session: processes.free(session, seen.dead, polling.clock()))
        log.info("poll.freed", processes=len(seen.dead))
    return bool(seen.others)
