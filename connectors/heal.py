"""Compares a mailbox with its server, fetches what is missing over the same connection, and compares again."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from sqlmodel import Session

from gatepost.connectors.fetch import Source, fetch_uids
from gatepost.connectors.imap import Client, examine
from gatepost.connectors.logged_in import logged_in
from gatepost.connectors.poll import as_trouble
from gatepost.connectors.polling import Polling
from gatepost.connectors.storing import Store, store_batches
from gatepost.connectors.verify import Verified, rows_of, verify_with
from gatepost.ledger import LedgerClosed
from gatepost.model import Account
from gatepost.rounds import Duty, When
from gatepost.store import completeness
from gatepost.store.folders import cursors_of

ROUND_SECONDS = 5.0
EVERY = timedelta(days=1)
AGAIN = timedelta(minutes=10)
LEASE = timedelta(hours=1)
FIRST = timedelta(minutes=10)
"""After connecting."""

REFETCHED_AT_ONCE = 2_000
"""So many missing mails of a folder are fetched in one go; the rest with the next comparison."""

log = structlog.get_logger("gatepost.verify")


def verify_next(polling: Polling) -> bool:
    """Compare the account that is due longest; False when none is. Trouble is kept for the pages."""
    ledger, now = polling.ledger, polling.clock()
    with ledger.database.session() as session:
        if not completeness.is_verification_due(session, now):
            return False
    account = ledger.write(lambda session: completeness.claim_verification(session, now, LEASE, FIRST))
    if account is None:
        return False
    try:
        heal(account, polling)
    except LedgerClosed:
        raise
    except Exception as error:
        why, later = str(as_trouble(error, account)), polling.clock() + AGAIN
        log.warning("verify.trouble", account=account.id, why=why)
        ledger.write(lambda session: completeness.keep_trouble(session, account.id, why, later))
    return True


def verify_duty(polling: Polling) -> Duty:
    """Compare each connected mailbox with its server once a day, and when somebody asks, one after the other."""

    def work(now: datetime) -> When:
        if verify_next(polling):
            return True
        with polling.ledger.database.session() as session:
            return completeness.next_verification(session)

    return Duty("verify", work, ROUND_SECONDS, polling.ledger, polling.clock)


def heal(account: Account, polling: Polling) -> Verified:
    """Compare, fetch what is missing, compare again; both results are kept. Raises Trouble."""
    with logged_in(account, polling) as client:
        found = compare_and_keep(client, account, polling)
        if found.missing:
            for name, uids in found.missing.items():
                refetch(client, account, name, uids[:REFETCHED_AT_ONCE], polling)
            found = compare_and_keep(client, account, polling)
    return found


def compare_and_keep(client: Client, account: Account, polling: Polling) -> Verified:
    """One comparison, kept; with a difference the next one comes soon, later and later."""
    found, now = verify_with(client, account, polling.ledger.database), polling.clock()
    missing = found.count("missing")

    def op(session: Session) -> None:
        row = completeness.get_verification(session, account.id)
        tries = row.tries if row else 0
        next_at = now + (min(EVERY, AGAIN * 2**tries) if missing else EVERY)
        completeness.keep_comparison(session, account, rows_of(found.days), next_at=next_at, now=now)

    polling.ledger.write(op)
    log.info("verify.compared", account=account.id, on_server=found.count("on_server"), missing=missing)
    return found


def refetch(client: Client, account: Account, name: str, uids: Sequence[int], polling: Polling) -> int:
    """Fetch and store these mails; the cursor stays. One that the server does not hand over is put aside as that."""
    folder = examine(client, name)
    with polling.ledger.database.session() as session:
        row = cursors_of(session, account.id).get(name)
    source = Source(account, folder, row.role if row else "", careful=True)
    stored = store_batches(Store(account, polling, move=False, lease=False), fetch_uids(client, source, uids))
    log.warning("verify.refetched", account=account.id, folder=name, wanted=len(uids), stored=stored)
    return stored
