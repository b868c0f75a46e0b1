"""Storing fetched mail: read outside the transaction while the next batch is fetched, each batch with its cursor."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog
from sqlmodel import Session

from gatepost.child import JobFailed
from gatepost.connectors.cursor import Position
from gatepost.connectors.fetch import Batch, Fetched
from gatepost.connectors.polling import PATIENCE, Aside, Polling
from gatepost.database import AWAY
from gatepost.ledger import LedgerClosed
from gatepost.model import Account
from gatepost.store import accounts, folders
from gatepost.store.accounts import LeaseLost

RENEW_SECONDS = 60.0
READERS = 2
AHEAD = 3
"""So many batches are being read while an earlier one is stored and the next one fetched."""

log = structlog.get_logger("gatepost.poll")


@dataclass(frozen=True, slots=True)
class Ready:
    """A mail with what `prepare` made of it, or with why it is put aside."""

    mail: Fetched
    prepared: Any = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Store:
    """Who stores: the account and its poller. Without `move` the cursor stays where it is, without `lease` nobody
    claimed the account.
    """

    account: Account
    polling: Polling
    move: bool = True
    lease: bool = True


def store_batches(store: Store, batches: Iterable[Batch]) -> int:
    """Store batches in order; returns how many mails. Raises what fetching, preparing or storing raises.

    One thread stores, `readers` prepare, the caller's fetches: after trouble nothing later is stored, so that the
    cursor never passes what is not there.
    """
    stored, line = 0, Line()
    with ThreadPoolExecutor(1, "store") as writer, ThreadPoolExecutor(READERS, "prepare") as readers:
        for batch in batches:
            reading = readers.submit(prepare_all, store, batch.mails)
            line.put(writer.submit(line.guarded, partial(store_batch, store, batch, reading)))
            stored += len(batch.mails)
            line.settle(AHEAD)
            if store.polling.stop.is_set():
                break
        line.settle(0)
    return stored


class Line:
    """Stores under way, in order; once one has failed those behind it do nothing."""

    def __init__(self) -> None:
        self.waiting: deque[Future[None]] = deque()
        self.broken = False

    def put(self, future: "Future[None]") -> None:
        self.waiting.append(future)

    def guarded(self, act: Callable[[], None]) -> None:
        if self.broken:
            return
        try:
            act()
        except BaseException:
            self.broken = True
            raise

    def settle(self, most: int) -> None:
        """Wait until no more than so many are under way; raises what one of them raised."""
        while len(self.waiting) > most:
            self.waiting.popleft().result()


def store_batch(store: Store, batch: Batch, reading: "Future[list[Ready]]") -> None:
    """One batch in one commit, as soon as it is read; a lease does not run out meanwhile."""
    while not wait((reading,), RENEW_SECONDS).done:
        if store.lease:
            store.polling.ledger.write(lambda session: keep(session, store))
    store_together(store, batch, reading.result())
    store.polling.moved.add(store.account.id)


def keep(session: Session, store: Store) -> None:
    accounts.hold(session, store.account, store.polling.clock() + accounts.LEASE)


def prepare_all(store: Store, mails: Sequence[Fetched]) -> list[Ready]:
    """Mails ready to be stored, or why they cannot be received. Raises OSError: a full disk is not the mail's fault."""
    whole = [mail for mail in mails if not mail.missing]
    made = dict(zip((mail.uid for mail in whole), prepare(store, whole), strict=True))
    return [Ready(mail, why=mail.missing) if mail.missing else made[mail.uid] for mail in mails]


def prepare(store: Store, mails: Sequence[Fetched]) -> list[Ready]:
    """All at once; where that fails each alone, so that one bad mail fails by itself."""
    try:
        prepared = store.polling.prepare(mails)
        return [ready_of(mail, each) for mail, each in zip(mails, prepared, strict=True)]
    except OSError:
        raise
    except Exception as error:
        if len(mails) == 1:
            return [Ready(mails[0], why=blame(error, mails[0]))]
        return [ready for mail in mails for ready in prepare(store, [mail])]


def ready_of(mail: Fetched, prepared: Any) -> Ready:
    return Ready(mail, why=prepared.why) if isinstance(prepared, Aside) else Ready(mail, prepared)


def blame(error: Exception, mail: Fetched) -> str:
    """Why a mail is put aside; what the error says may hold parts of the mail and stays in the log."""
    if isinstance(error, JobFailed):
        return f"{error}, several times"
    log.error("poll.mail_failed", account=mail.account.id, uid=mail.uid, exc_info=error)
    return f"could not be stored: {type(error).__name__}; the log says more"


def write(session: Session, store: Store, mails: Sequence[Ready], batch: Batch, position: Position | None) -> None:
    """Mails, what was left out, and the cursor that passes them, in one commit of the caller's."""
    now = store.polling.clock()
    if store.lease:
        keep(session, store)
    good = [(ready.mail, ready.prepared) for ready in mails if not ready.why]
    if good:
        store.polling.receive(session, good)
        if store.lease and store.account.failures > PATIENCE:  # known also where we are killed before the pass ends
            accounts.calm(session, store.account, PATIENCE)
    for ready in mails:
        if ready.why:
            store.polling.quarantine(session, ready.mail, ready.why)
    if position is None:
        return
    if batch.left_out:
        spot = folders.Spot(store.account.id, batch.folder, position.uidvalidity)
        folders.leave_out(session, spot, batch.left_out, now)
    if store.move:
        accounts.move_cursor(
            session, store.account.id, batch.folder, uidvalidity=position.uidvalidity, last_uid=position.last_uid
        )


def store_together(store: Store, batch: Batch, mails: Sequence[Ready]) -> None:
    """Mails in one commit; if that fails each alone, and one that fails alone too is put into quarantine.

    Raises what is no mail's fault (a database that is away): nothing was passed, all of it comes again.
    """
    ledger = store.polling.ledger
    try:
        ledger.write(lambda session: write(session, store, mails, batch, batch.position))
        return
    except (LeaseLost, LedgerClosed, *AWAY):
        raise
    except Exception as error:
        log.warning("poll.batch_failed", account=store.account.id, mails=len(mails), error=type(error).__name__)
    for ready in mails:
        store_single(store, batch, ready)
    ledger.write(lambda session: write(session, store, (), batch, batch.position))


def store_single(store: Store, batch: Batch, ready: Ready) -> None:
    """One mail with its cursor, received or quarantined; what quarantine raises is raised, then nothing was passed."""
    ledger = store.polling.ledger
    position = Position(ready.mail.uidvalidity, ready.mail.uid)
    try:
        ledger.write(lambda session: write(session, store, (ready,), batch, position))
        return
    except (LeaseLost, LedgerClosed, *AWAY):
        raise
    except Exception as error:
        aside = Ready(ready.mail, why=blame(error, ready.mail))
    ledger.write(lambda session: write(session, store, (aside,), batch, position))
