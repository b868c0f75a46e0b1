"""Accounts that are polled: rows, sealed secrets, cursors, views, and the lease that one poller at a time holds."""

from datetime import datetime, timedelta
from enum import StrEnum
from hmac import compare_digest
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, delete, or_, update
from sqlmodel import Session, col, func, select

from gatepost.ids import new_id
from gatepost.model import Account, Cursor, LeftOut, View
from gatepost.seal import Keys, SealError, seal, unseal
from gatepost.store import events
from gatepost.words import ImportChoice, ImportState

LEASE = timedelta(minutes=2)
"""How long a claim holds; it is moved on while a mailbox is being read (`connectors/keeping`)."""


class AccountState(StrEnum):
    """How reading a mailbox goes; the words are shown as they are."""

    CONNECTING = "connecting"
    IMPORTING = "importing"
    LIVE = "live"
    DELAYED = "delayed"
    NEEDS_RECONNECT = "needs reconnect"
    NEEDS_APPROVAL = "needs admin approval"
    DISABLED = "disabled"


class LeaseLost(Exception):
    """Another poller has claimed the account since: nothing of this pass may be written."""


def secret_place(account_id: str) -> str:
    """Where an account's secret is sealed to."""
    return f"account.secret:{account_id}"


def create_account(
    session: Session,
    keys: Keys,
    *,
    channel_id: str,
    host: str,
    port: int,
    security: str,
    username: str,
    secret: str,
    now: datetime,
    folder: str = "INBOX",
    authserv_id: str | None = None,
    import_choice: str = ImportChoice.ALL,
) -> Account:
    """A new account, due at once; while what of its old mail is wanted is `asking`, nothing is fetched."""
    account_id = new_id("acc")
    account = Account(
        id=account_id,
        channel_id=channel_id,
        host=host,
        port=port,
        security=security,
        username=username,
        address=username.lower() if "@" in username else "",
        secret_sealed=seal(keys, secret_place(account_id), secret.encode()),
        folder=folder,
        authserv_id=authserv_id,
        state=AccountState.CONNECTING,
        state_since=now,
        next_poll_at=now,
        import_choice=import_choice,
        created_at=now,
    )
    session.add(account)
    session.flush()
    return account


def open_secret(keys: Keys, account: Account) -> str:
    """The account's password. Raises SealError when the key file is another one."""
    return unseal(keys, secret_place(account.id), account.secret_sealed).decode()


def is_secret(keys: Keys, account: Account, given: str) -> bool:
    """Whether this is the account's password."""
    try:
        return compare_digest(open_secret(keys, account).encode(), given.encode())
    except SealError:
        return False


def get_account(session: Session, account_id: str) -> Account | None:
    """One account."""
    return session.get(Account, account_id)


def list_accounts(session: Session, channel_id: str | None = None) -> list[Account]:
    """All accounts, or those of a channel, oldest first."""
    query = select(Account).order_by(col(Account.created_at), col(Account.id))
    if channel_id is not None:
        query = query.where(Account.channel_id == channel_id)
    return list(session.exec(query))


def reconnect(
    session: Session,
    keys: Keys,
    account: Account,
    *,
    host: str,
    port: int,
    security: str,
    username: str,
    folder: str,
    now: datetime,
    secret: str | None = None,
) -> None:
    """Change where and how an account logs in; it keeps its identity, cursors and views. No secret: the old one stays.

    A pass that runs meanwhile loses its lease, so it writes nothing under the new settings. Another server or user is
    read from the start: its UIDs may be the same numbers for other mail (at Gmail every folder of every mailbox is
    numbered alike), so no place there is known; what was stored before is recognised. Another password for another
    server is not handed to the one that the mailbox sent over before: that has to be named anew.
    """
    if (account.host, account.username) != (host, username):
        for table in (Cursor, View, LeftOut):
            session.execute(delete(table).where(col(table.account_id) == account.id))
    moved = account.host != host
    account.host, account.port, account.security = host, port, security
    account.username, account.folder = username, folder
    if secret is not None:
        if moved and account.smtp_host != host and not is_secret(keys, account, secret):
            account.smtp_host = ""
        account.secret_sealed = seal(keys, secret_place(account.id), secret.encode())
        account.auth, account.address = "password", username.lower() if "@" in username else account.address
        account.tokens_sealed = account.token_expires_at = None
    account.lease_fence += 1
    account.lease_until = None
    account.failures = 0
    account.next_poll_at = now
    session.add(account)
    set_state(session, account, AccountState.CONNECTING, "", now)


def disable(session: Session, account: Account, now: datetime) -> None:
    """Stop polling; a running pass loses its lease."""
    account.lease_fence += 1
    account.lease_until = None
    set_state(session, account, AccountState.DISABLED, "Switched off by hand.", now)


def enable(session: Session, account: Account, now: datetime) -> None:
    """Poll again, at once."""
    account.next_poll_at = now
    account.failures = 0
    set_state(session, account, AccountState.CONNECTING, "", now)


def poll_now(session: Session, account: Account, now: datetime) -> None:
    """Make an account due."""
    account.next_poll_at = now
    session.add(account)


def set_state(
    session: Session, account: Account, state: AccountState, why: str, now: datetime, next_step: str = ""
) -> None:
    """Record a state; a change is an event, the same state again only refreshes the reason."""
    changed = account.state != state
    account.state_why = " ".join(part for part in (why, next_step) if part)
    if changed:
        account.state = state
        account.state_since = now
        data = {"account": account.id, "state": str(state), "why": why, "next": next_step}
        events.add_event(session, "account.state", now=now, channel_id=account.channel_id, data=data)
    session.add(account)
    session.flush()


def is_read() -> tuple[ColumnElement[bool], ...]:
    """What holds for accounts that are read at all."""
    return col(Account.import_choice) != ImportChoice.ASKING, col(Account.state) != AccountState.DISABLED


def due(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """What holds for accounts that can be claimed."""
    free = or_(col(Account.lease_until).is_(None), col(Account.lease_until) <= now)
    return col(Account.next_poll_at) <= now, free, *is_read()


def is_due(session: Session, now: datetime) -> bool:
    """Whether `claim_due` would find an account; this only reads."""
    return session.exec(select(Account.id).where(*due(now)).limit(1)).first() is not None


def next_due(session: Session) -> datetime | None:
    """When the next account is due, or was, where it is being read; None where none is read."""
    return session.exec(select(func.min(Account.next_poll_at)).where(*is_read())).one()


def claim_due(session: Session, now: datetime, lease: timedelta, process: int = 0) -> Account | None:
    """Take the account that is due longest and nobody holds; its `lease_fence` is the claim, `process` who took it.

    The row is detached: a copy to work with. Two processes on PostgreSQL skip each other's locked rows.
    """
    query = select(Account).where(*due(now)).order_by(col(Account.next_poll_at), col(Account.id))
    query = query.limit(1).with_for_update(skip_locked=True)
    account = session.exec(query).first()
    if account is None:
        return None
    account.lease_fence += 1
    account.lease_until, account.lease_process = now + lease, process
    session.add(account)
    session.flush()
    session.expunge(account)
    return account


def hold(session: Session, account: Account, until: datetime) -> None:
    """Lengthen a lease within the transaction that it protects. Raises LeaseLost."""
    statement = (
        update(Account)
        .where(col(Account.id) == account.id, col(Account.lease_fence) == account.lease_fence)
        .values(lease_until=until)
    )
    result = cast("CursorResult[Any]", session.execute(statement))
    if result.rowcount != 1:
        raise LeaseLost(f"account {account.id} was claimed by another poller")


def keep(session: Session, account: Account, until: datetime) -> None:
    """Move a lease on that is still held; one that was lost or given back stays so."""
    mine = col(Account.lease_fence) == account.lease_fence
    held_now = col(Account.lease_until).is_not(None)
    session.execute(update(Account).where(col(Account.id) == account.id, mine, held_now).values(lease_until=until))


def release_all(session: Session) -> int:
    """Free the leases of a process that died; only where no other process polls (embedded SQLite). Returns how many."""
    statement = update(Account).where(col(Account.lease_until).is_not(None)).values(lease_until=None)
    return cast("CursorResult[Any]", session.execute(statement)).rowcount


def finish(session: Session, claimed: Account, *, next_poll_at: datetime, now: datetime) -> Account:
    """A pass went well: live, lease given back, due again later, unless something made it due meanwhile.

    While old mail is imported it is due again at once, as long as that gets on. Raises LeaseLost.
    """
    account = held(session, claimed, now)
    account.failures = 0
    account.last_sync_at = now
    importing = account.import_state == ImportState.RUNNING
    if account.next_poll_at == claimed.next_poll_at:
        account.next_poll_at = now if importing and account.import_done > claimed.import_done else next_poll_at
    account.lease_until = None
    set_state(session, account, AccountState.IMPORTING if importing else AccountState.LIVE, "", now)
    return account


def fail(
    session: Session,
    claimed: Account,
    *,
    state: AccountState,
    why: str,
    next_step: str,
    failures: int,
    next_poll_at: datetime,
    now: datetime,
) -> Account:
    """A pass failed: state with its reason, failures in a row, lease given back. Raises LeaseLost."""
    account = held(session, claimed, now)
    account.failures = failures
    account.next_poll_at = next_poll_at
    account.lease_until = None
    set_state(session, account, state, why, now, next_step)
    return account


def calm(session: Session, claimed: Account, most: int) -> None:
    """A pass got on after many failures: no more than so many of them count."""
    mine = col(Account.id) == claimed.id, col(Account.lease_fence) == claimed.lease_fence
    session.execute(update(Account).where(*mine, col(Account.failures) > most).values(failures=most))


def release(session: Session, claimed: Account, now: datetime) -> None:
    """Give a lease back in the middle of a pass, state unchanged. Raises LeaseLost."""
    account = held(session, claimed, now)
    account.lease_until = None
    session.add(account)
    session.flush()


def held(session: Session, claimed: Account, now: datetime) -> Account:
    """The current row of a claimed account. Raises LeaseLost."""
    hold(session, claimed, now)
    account = session.get(Account, claimed.id, populate_existing=True)
    if account is None:
        raise LeaseLost(f"account {claimed.id} is gone")
    return account


def get_cursor(session: Session, account_id: str, folder: str) -> Cursor | None:
    """How far a folder has been read."""
    return session.get(Cursor, (account_id, folder))


def move_cursor(session: Session, account_id: str, folder: str, *, uidvalidity: int, last_uid: int) -> None:
    """Set a folder's cursor, in the transaction of the mail that it passes."""
    cursor = get_cursor(session, account_id, folder)
    if cursor is None:
        cursor = Cursor(account_id=account_id, folder=folder, uidvalidity=uidvalidity)
    cursor.uidvalidity = uidvalidity
    cursor.last_uid = last_uid
    session.add(cursor)
    session.flush()
