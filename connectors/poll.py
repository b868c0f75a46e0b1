"""The poller: claims a due account by lease, reads its new mail, and writes mail and cursor in one commit."""

import random
import ssl
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlmodel import Session

from gatepost.bell import Bell
from gatepost.child import JobFailed
from gatepost.connectors.cursor import Folder, Position, start_at
from gatepost.connectors.imap import Batch, Fetched, connect, fetch_new, open_folder
from gatepost.connectors.trouble import Trouble
from gatepost.connectors.wire import Connect
from gatepost.database import AWAY
from gatepost.ledger import Ledger, LedgerClosed
from gatepost.model import Account
from gatepost.seal import Keys, SealError
from gatepost.store import accounts
from gatepost.store.accounts import AccountState, LeaseLost
from gatepost.store.idling import is_watched

LEASE = timedelta(minutes=15)
COMMIT_AFTER = timedelta(seconds=30)
PATIENCE = 3
CAP_SECONDS = 300.0
LASTING_FIRST_SECONDS = 60.0
LASTING_CAP_SECONDS = 3600.0
WATCHED_SECONDS = 1800.0
"""Between two passes over a mailbox whose changes are told as they come (IDLE)."""

log = structlog.get_logger("gatepost.poll")


@dataclass(frozen=True, slots=True)
class Polling:
    """What polling needs of the rest.

    `prepare(mail)` does what must not be done inside a transaction; `receive(session, mail, prepared)` stores the mail
    and its view, and may be repeated; `quarantine(session, mail, why)` keeps one that could not be received, with what
    there is of it; `jitter()` is in 0..1; `bell` wakes a poller when something is due.
    """

    ledger: Ledger
    keys: Keys
    prepare: Callable[[Fetched], Any]
    receive: Callable[[Session, Fetched, Any], object]
    quarantine: Callable[[Session, Fetched, str], object]
    clock: Callable[[], datetime]
    message_size: int
    poll_seconds: float = 60
    private_hosts: bool = False
    tls: ssl.SSLContext | None = None
    jitter: Callable[[], float] = random.random
    stop: threading.Event = field(default_factory=threading.Event)
    bell: Bell = field(default_factory=Bell)


@dataclass(frozen=True, slots=True)
class Ready:
    """A mail with what `prepare` made of it, or with why it is put aside."""

    mail: Fetched
    prepared: Any = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Polled:
    """What one pass did: the account's state afterwards (None: the lease was lost), mails stored, and the trouble."""

    account_id: str
    state: str | None
    mails: int
    why: str = ""


def poll_loop(polling: Polling, idle_seconds: float = 1.0) -> None:
    """Poll whatever is due until `stop`; several threads and processes may run it."""
    while not polling.stop.is_set():
        polled = None
        try:
            polled = poll_next(polling)
        except LedgerClosed:
            return
        except Exception:
            log.exception("poll.broke")
        if polled is None:
            polling.bell.wait(idle_seconds)


def poll_next(polling: Polling) -> Polled | None:
    """Claim the account that is due longest and poll it; None when nothing is due."""
    account = polling.ledger.write(lambda session: accounts.claim_due(session, polling.clock(), LEASE))
    return None if account is None else poll_once(account, polling)


def poll_once(account: Account, polling: Polling) -> Polled:
    """One pass over a claimed account; what goes wrong is recorded in its row, and the lease is given back."""
    try:
        mails = read_folder(account, polling)
        if polling.stop.is_set():
            polling.ledger.write(lambda session: accounts.release(session, account, polling.clock()))
            return Polled(account.id, account.state, mails)
        return record_success(account, polling, mails)
    except (LeaseLost, LedgerClosed) as error:
        log.info("poll.given_up", account=account.id, why=type(error).__name__)
        return Polled(account.id, None, 0, str(error))
    except Exception as error:
        return record_failure(account, polling, as_trouble(error, account))


def read_folder(account: Account, polling: Polling) -> int:
    """Fetch and store what is new, batch by batch; returns how many mails. Raises Trouble, LeaseLost."""
    stored = 0
    settings = settings_of(account, polling.keys)
    with connect(
        settings, allow_private=polling.private_hosts, message_size=polling.message_size, tls=polling.tls
    ) as client:
        folder = open_folder(client, account.folder)
        position = polling.ledger.write(lambda session: begin(session, account, folder, polling.clock()))
        for batch in fetch_new(client, account, folder, position, careful=account.failures >= PATIENCE):
            store_batch(account, polling, batch)
            stored += len(batch.mails)
            if polling.stop.is_set():
                break
    return stored


def settings_of(account: Account, keys: Keys) -> Connect:
    """How to log in. Raises SealError when the key file is another one."""
    return Connect(
        host=account.host,
        port=account.port,
        security=account.security,
        username=account.username,
        password=accounts.open_secret(keys, account),
        folder=account.folder,
    )


def begin(session: Session, account: Account, folder: Folder, now: datetime) -> Position:
    """Where this pass starts; a cursor that starts again is stored, so that the pages tell the truth."""
    accounts.hold(session, account, now + LEASE)
    row = accounts.get_cursor(session, account.id, folder.name)
    stored = None if row is None else Position(row.uidvalidity, row.last_uid)
    position, why = start_at(stored, folder)
    if position != stored:
        log.info("poll.start", account=account.id, folder=folder.name, why=why)
        move(session, account, folder.name, position)
    return position


def move(session: Session, account: Account, folder: str, position: Position) -> None:
    accounts.move_cursor(session, account.id, folder, uidvalidity=position.uidvalidity, last_uid=position.last_uid)


def prepare(mail: Fetched, account: Account, polling: Polling) -> Ready:
    """A mail ready to be stored, or why it cannot be received. Raises OSError: a full disk is not the mail's fault."""
    if mail.missing:
        return Ready(mail, why=mail.missing)
    try:
        return Ready(mail, polling.prepare(mail))
    except OSError:
        raise
    except Exception as error:
        return Ready(mail, why=blame(error, mail, account))


def blame(error: Exception, mail: Fetched, account: Account) -> str:
    """Why a mail is put aside; what the error says may hold parts of the mail and stays in the log."""
    if isinstance(error, JobFailed):
        return f"{error}, several times"
    log.error("poll.mail_failed", account=account.id, uid=mail.uid, exc_info=error)
    return f"could not be stored: {type(error).__name__}; the log says more"


def store(session: Session, account: Account, polling: Polling, mails: Sequence[Ready], position: Position) -> None:
    """Mails and the cursor that passes them, in one commit of the caller's."""
    accounts.hold(session, account, polling.clock() + LEASE)
    for ready in mails:
        if ready.why:
            polling.quarantine(session, ready.mail, ready.why)
        else:
            polling.receive(session, ready.mail, ready.prepared)
    move(session, account, account.folder, position)


def store_batch(account: Account, polling: Polling, batch: Batch) -> None:
    """Prepare and store a batch; in several commits where preparing takes long, so that the lease does not run out."""
    waiting: list[Ready] = []
    since = polling.clock()
    for mail in batch.mails:
        waiting.append(prepare(mail, account, polling))
        if polling.clock() - since > COMMIT_AFTER:
            store_together(account, polling, waiting, Position(mail.uidvalidity, mail.uid))
            waiting, since = [], polling.clock()
    store_together(account, polling, waiting, batch.position)


def store_together(account: Account, polling: Polling, mails: Sequence[Ready], position: Position) -> None:
    """Mails in one commit; if that fails each alone, and one that fails alone too is put into quarantine.

    Raises what is no mail's fault (a database that is away): nothing was passed, all of it comes again.
    """
    try:
        polling.ledger.write(lambda session: store(session, account, polling, mails, position))
        return
    except (LeaseLost, LedgerClosed, *AWAY):
        raise
    except Exception as error:
        log.warning("poll.batch_failed", account=account.id, mails=len(mails), error=type(error).__name__)
    for ready in mails:
        store_single(account, polling, ready)
    polling.ledger.write(lambda session: store(session, account, polling, (), position))


def store_single(account: Account, polling: Polling, ready: Ready) -> None:
    """One mail with its cursor, received or quarantined; what quarantine raises is raised, then nothing was passed."""
    position = Position(ready.mail.uidvalidity, ready.mail.uid)
    try:
        polling.ledger.write(lambda session: store(session, account, polling, (ready,), position))
        return
    except (LeaseLost, LedgerClosed, *AWAY):
        raise
    except Exception as error:
        aside = Ready(ready.mail, why=blame(error, ready.mail, account))
    polling.ledger.write(lambda session: store(session, account, polling, (aside,), position))


def as_trouble(error: Exception, account: Account) -> Trouble:
    """What stopped a pass, in words for people; what we did not foresee is our fault and goes to the log."""
    if isinstance(error, Trouble):
        return error
    if isinstance(error, SealError):
        what = f"The stored password of {account.username} cannot be opened with this key file."
        return Trouble("password", what, "Restore the key file, or enter the password again.", lasting=True)
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
    now = polling.clock()
    failures = account.failures + 1
    due = now + backoff(failures, trouble.lasting, polling.jitter())
    state = state_after(failures, trouble.lasting)
    log.warning("poll.trouble", account=account.id, state=state, failures=failures, why=trouble.what)
    try:
        row = polling.ledger.write(
            lambda session: accounts.fail(
                session, account, state=state, why=trouble.what, next_step=trouble.fix, next_poll_at=due, now=now
            )
        )
    except LeaseLost as error:
        return Polled(account.id, None, 0, str(error))
    return Polled(account.id, row.state, 0, str(trouble))


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
