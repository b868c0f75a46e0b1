"""The poller: claims a due account by lease, reads its mailbox, and says how that went."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlmodel import Session

from gatepost.connectors.consent import explain
from gatepost.connectors.keeping import under_way
from gatepost.connectors.logged_in import logged_in
from gatepost.connectors.mailbox import visit_all
from gatepost.connectors.polling import PATIENCE, Polling
from gatepost.connectors.problem import Problem
from gatepost.connectors.trouble import TokenRefused, Trouble
from gatepost.ledger import LedgerClosed
from gatepost.model import Account
from gatepost.rounds import Duty, When
from gatepost.store import accounts
from gatepost.store.accounts import AccountState, LeaseLost
from gatepost.store.idling import is_watched

LOOK_SECONDS = 1.0
CAP_SECONDS = 300.0
LASTING_FIRST_SECONDS = 60.0
LASTING_CAP_SECONDS = 3600.0
LONGEST_WAIT = 6 * 3600.0
WATCHED_SECONDS = 1800.0
"""Between two passes over a mailbox whose changes are told as they come (IDLE)."""

log = structlog.get_logger("gatepost.poll")


@dataclass(frozen=True, slots=True)
class Polled:
    """What one pass did: the account's state afterwards (None: the lease was lost), mails stored, and the trouble."""

    account_id: str
    state: str | None
    mails: int
    why: str = ""


def poll_duty(polling: Polling, name: str) -> Duty:
    """Poll whatever is due; several threads and processes may do it."""

    def work(now: datetime) -> When:
        if poll_next(polling):
            return True
        with polling.ledger.database.session() as session:
            return accounts.next_due(session)

    return Duty(name, work, LOOK_SECONDS, polling.ledger, polling.clock)


def poll_next(polling: Polling) -> Polled | None:
    """Claim the account that is due longest and poll it; None when nothing is due."""
    with polling.ledger.database.session() as session:
        if not accounts.is_due(session, polling.clock()):  # claiming writes, and would wait for other writers
            return None
    process = polling.ledger.database.process
    account = polling.ledger.write(
        lambda session: accounts.claim_due(session, polling.clock(), accounts.LEASE, process)
    )
    return None if account is None else poll_once(account, polling)


def poll_once(account: Account, polling: Polling) -> Polled:
    """One pass over a claimed account; what goes wrong is recorded in its row, and the lease is given back."""
    try:
        with under_way(polling, account):
            mails = read_mailbox(account, polling)
        if polling.stop.is_set():
            polling.ledger.write(lambda session: accounts.release(session, account, polling.clock()))
            return Polled(account.id, account.state, mails)
        return record_success(account, polling, mails)
    except (LeaseLost, LedgerClosed) as error:
        log.info("poll.given_up", account=account.id, why=type(error).__name__)
        return Polled(account.id, None, 0, str(error))
    except Exception as error:
        return record_failure(account, polling, as_trouble(error, account))


def read_mailbox(account: Account, polling: Polling) -> int:
    """Log in and read all folders; returns how many mails were stored. Raises Trouble, LeaseLost."""
    with logged_in(account, polling) as client:
        return visit_all(client, account, polling)


def as_trouble(error: Exception, account: Account) -> Trouble:
    """What stopped a pass, in words for people; what we did not foresee is our fault and goes to the log."""
    if isinstance(error, TokenRefused):
        advice = explain(Problem(account.provider, "login", "", text=error.text), tenant=account.tenant)
        return Trouble(error.field, advice.what, " ".join(advice.steps))
    if isinstance(error, Trouble):
        return error
    log.error("poll.failed", account=account.id, exc_info=error)
    return Trouble("server", "Gatepost could not store new mail.", "It tries again by itself; the log says why.")


def record_success(account: Account, polling: Polling, mails: int) -> Polled:
    now = polling.clock()

    def op(session: Session) -> Account:
        seconds = WATCHED_SECONDS if is_watched(session, account.id, now) else polling.poll_seconds
        due = now + timedelta(seconds=max(seconds, polling.poll_seconds))
        return accounts.finish(session, account, next_poll_at=due, now=now)

    row = polling.ledger.write(op)
    return Polled(account.id, row.state, mails)


def record_failure(account: Account, polling: Polling, trouble: Trouble) -> Polled:
    now, moved = polling.clock(), account.id in polling.moved and not trouble.lasting
    failures = failures_after(account.failures, moved)
    wait = backoff(1 if moved else failures, trouble.lasting, polling.jitter())
    due = now + max(wait, timedelta(seconds=min(trouble.wait, LONGEST_WAIT)))
    state = AccountState(trouble.state) if trouble.state else state_after(failures, trouble.lasting)
    log.warning("poll.trouble", account=account.id, state=state, failures=failures, why=trouble.what)

    def op(session: Session) -> Account:
        return accounts.fail(
            session, account, state=state, why=trouble.what, next_step=trouble.fix, failures=failures, next_poll_at=due,
            now=now,
        )  # fmt: skip

    try:
        row = polling.ledger.write(op)
    except LeaseLost as error:
        return Polled(account.id, None, 0, str(error))
    return Polled(account.id, row.state, 0, str(trouble))


def failures_after(failures: int, moved: bool) -> int:
    """One more; not where the pass got on (`moved`): what comes over a bad line piece by piece waits for no minutes.

    A mailbox that is read mail by mail goes on so until a pass ends well.
    """
    return max(1, min(failures, PATIENCE)) if moved else failures + 1


def state_after(failures: int, lasting: bool) -> AccountState:
    """A person is asked only when the same kind of refusal has come several times: servers have bad moments."""
    return AccountState.NEEDS_RECONNECT if lasting and failures >= PATIENCE else AccountState.DELAYED


def backoff(failures: int, lasting: bool, jitter: float) -> timedelta:
    """The wait after so many failures in a row: full jitter up to 5 min; refusals wait up to 1 h, against lock-outs."""
    doubling = 2.0 ** min(failures, 12)
    if lasting:
        seconds = min(LASTING_CAP_SECONDS, LASTING_FIRST_SECONDS * doubling / 2) * (0.5 + jitter / 2)
    else:
        seconds = max(1.0, min(CAP_SECONDS, doubling) * jitter)
    return timedelta(seconds=seconds)
