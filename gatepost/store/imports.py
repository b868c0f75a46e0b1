"""The first import of an account: what was chosen, how far it is, paused or not."""

from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from gatepost.model import Account, Cursor
from gatepost.store import accounts
from gatepost.store.accounts import AccountState
from gatepost.store.completeness import verify_soon
from gatepost.store.events import add_event
from gatepost.words import ImportChoice, ImportState

MOST_DAYS = 36_500
SETTLED = timedelta(minutes=1)


def account_of(session: Session, account_id: str) -> Account | None:
    """The account as it is now, detached."""
    account = session.get(Account, account_id, populate_existing=True)
    if account:
        session.expunge(account)
    return account


def cursor_of(session: Session, account_id: str, folder: str) -> Cursor | None:
    """A folder's row as it is now, detached."""
    row = session.get(Cursor, (account_id, folder), populate_existing=True)
    if row:
        session.expunge(row)
    return row


def ask_import(session: Session, account: Account) -> None:
    """Fetch nothing of a new account before a person has chosen what of its mail is wanted."""
    account.import_choice = ImportChoice.ASKING
    session.add(account)
    session.flush()


def choose_import(session: Session, account: Account, choice: str, days: int, now: datetime) -> None:
    """Say which old mail is wanted: `new` (none), `days` (since so many days), `all`. It begins, or begins again.

    Mail that is here stays. A choice of more than before fetches the rest. Raises ValueError.
    """
    if choice not in (ImportChoice.NEW, ImportChoice.DAYS, ImportChoice.ALL):
        raise ValueError("choose new, days or all")
    if choice == ImportChoice.DAYS and not 0 < days <= MOST_DAYS:
        raise ValueError(f"the number of days is from 1 to {MOST_DAYS:,}")
    account.import_choice = choice
    account.import_from = now - timedelta(days=days) if choice == ImportChoice.DAYS else None
    begin_again(session, account, now)


def begin_again(session: Session, account: Account, now: datetime) -> None:
    """Look anew for old mail that is wanted and not here."""
    account.import_state = ImportState.RUNNING
    account.import_total = account.import_done = 0
    accounts.poll_now(session, account, now)
    session.flush()
    tell(session, account, now)


def want(session: Session, claimed: Account, now: datetime) -> None:
    """There is mail that may have to be imported, unless that is paused. Raises LeaseLost."""
    account = accounts.held(session, claimed, now + accounts.LEASE)
    if account.import_state != ImportState.PAUSED:
        account.import_state = ImportState.RUNNING
    session.add(account)
    session.flush()


def pause(session: Session, account: Account, now: datetime) -> None:
    """Fetch no more old mail for now; new mail comes on."""
    if account.import_state == ImportState.RUNNING:
        account.import_state = ImportState.PAUSED
        session.add(account)
        if account.state == AccountState.IMPORTING:
            accounts.set_state(session, account, AccountState.LIVE, "", now)
        tell(session, account, now)


def resume(session: Session, account: Account, now: datetime) -> None:
    """Go on where it was paused."""
    if account.import_state == ImportState.PAUSED:
        account.import_state = ImportState.RUNNING
        accounts.poll_now(session, account, now)
        tell(session, account, now)


def note_progress(session: Session, claimed: Account, left: int, now: datetime) -> None:
    """So many mails are left; with none it is done. Raises LeaseLost.

    What is left more than before, in a folder that came to it, makes the total larger.
    """
    account = accounts.held(session, claimed, now + accounts.LEASE)
    account.import_total += max(0, left - (account.import_total - account.import_done))
    account.import_done = account.import_total - left
    if left == 0 and account.import_state == ImportState.RUNNING:
        account.import_state = ImportState.DONE
        verify_soon(session, account.id, now + SETTLED)
        tell(session, account, now)
    session.add(account)
    session.flush()


def tell(session: Session, account: Account, now: datetime) -> None:
    """The event of a change."""
    data: dict[str, Any] = {
        "account": account.id,
        "state": str(account.import_state) or "none",
        "choice": account.import_choice,
        "done": account.import_done,
        "total": account.import_total,
    }
    add_event(session, "account.import", now=now, channel_id=account.channel_id, data=data)


ACTS = {"pause": pause, "resume": resume, "again": begin_again}
"""What people do about an import that was chosen, by the word of page, API and command line."""
