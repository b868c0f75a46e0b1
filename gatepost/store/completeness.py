"""Whether everything on a server is here: what we have of a folder, the ledger of days, when it is next compared."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, delete, update
from sqlmodel import Session, col, func, select

from gatepost.amount import amount
from gatepost.model import Account, Arrival, Completeness, LeftOut, Message, Raw, Verification, View
from gatepost.store.accounts import AccountState
from gatepost.store.events import add_event
from gatepost.store.rows import insert_values
from gatepost.words import IMPORTING, Outcome

INCOMPLETE = "account.incomplete"
COMPLETE = "account.complete"
SUMS = ("on_server", "stored", "skipped", "waiting", "missing")
NAMED = 50


def places(session: Session, account_id: str, folder: str, uidvalidity: int) -> list[int]:
    """The UIDs of a folder that we have, put aside or not."""
    where = (View.account_id == account_id, View.folder == folder, View.uidvalidity == uidvalidity)
    return list(session.exec(select(View.uid).where(*where)))


def put_aside_in(session: Session, account_id: str, folder: str, uidvalidity: int) -> list[tuple[int, str, int]]:
    """Of a folder's mails those in quarantine: UID, why, octets kept."""
    query = (
        select(View.uid, Arrival.outcome_why, Raw.size)
        .join(Arrival, col(Arrival.id) == col(View.arrival_id))
        .join(Raw, col(Raw.id) == col(Arrival.raw_id))
        .where(View.account_id == account_id, View.folder == folder, View.uidvalidity == uidvalidity)
        .where(Arrival.outcome == Outcome.QUARANTINED)
    )
    return [(uid, why, size) for uid, why, size in session.exec(query)]


def deleted_in(session: Session, account_id: str, folder: str, uidvalidity: int) -> list[int]:
    """The UIDs of a folder whose mail was deleted here for ever."""
    query = (
        select(View.uid)
        .join(Arrival, col(Arrival.id) == col(View.arrival_id))
        .join(Message, col(Message.id) == col(Arrival.message_id))
        .where(View.account_id == account_id, View.folder == folder, View.uidvalidity == uidvalidity)
    )
    return list(session.exec(query.where(col(Message.purged_at).is_not(None))))


def left_out(session: Session, account_id: str, folder: str, uidvalidity: int) -> dict[int, str]:
    """The UIDs of a folder that were not fetched on purpose, with why."""
    where = (LeftOut.account_id == account_id, LeftOut.folder == folder, LeftOut.uidvalidity == uidvalidity)
    return {row.uid: row.why for row in session.exec(select(LeftOut).where(*where))}


def ledger_of(session: Session, account_id: str) -> Sequence[Completeness]:
    """All days of an account as last compared, by folder, oldest first."""
    order = (col(Completeness.folder), col(Completeness.day))
    return session.exec(select(Completeness).where(Completeness.account_id == account_id).order_by(*order)).all()


def stuck_days(session: Session, account: Account) -> dict[str, frozenset[date]]:
    """By folder the days whose mail should not wait any more: it came the day before the last comparison or earlier,
    waited then, and a whole pass over the mailbox has ended since; what was missing then is so until it is here.
    While old mail is imported there are none.
    """
    checked = get_verification(session, account.id)
    if account.state != AccountState.LIVE or account.import_state in IMPORTING:
        return {}
    if checked is None or checked.checked_at is None:
        return {}
    passed = bool(account.last_sync_at and account.last_sync_at > checked.checked_at)
    found: dict[str, frozenset[date]] = {}
    for row in ledger_of(session, account.id):
        if (row.missing or (row.waiting and passed)) and row.day < checked.checked_at.date():
            found[row.folder] = found.get(row.folder, frozenset()) | {row.day}
    return found


def sums_by_day(session: Session, account_id: str, since: date) -> list[dict[str, Any]]:
    """The sums of all folders for each day since one, oldest first; days without mail are left out."""
    wanted: list[Any] = [Completeness.day, *(func.sum(getattr(Completeness, name)) for name in SUMS)]
    query: Any = select(*wanted).where(Completeness.account_id == account_id, col(Completeness.day) >= since)
    rows = session.execute(query.group_by(Completeness.day).order_by(col(Completeness.day)))
    return [{"day": row[0], **{name: int(row[at + 1]) for at, name in enumerate(SUMS)}} for row in rows]


def get_verification(session: Session, account_id: str) -> Verification | None:
    """The last comparison of an account."""
    return session.get(Verification, account_id)


def verifications(session: Session) -> dict[str, Verification]:
    """The last comparison of every account that was compared, by account."""
    return {row.account_id: row for row in session.exec(select(Verification))}


def verify_soon(session: Session, account_id: str, now: datetime) -> None:
    """Have an account compared by the running server at once."""
    row = get_verification(session, account_id)
    if row is None:
        insert_values(session, Verification, [blank(account_id, now)])
    else:
        row.next_at = min(row.next_at, now)
        session.flush()


def blank(account_id: str, next_at: datetime) -> dict[str, Any]:
    zero = dict.fromkeys((*SUMS, "refetched", "tries"), 0)
    return {"account_id": account_id, "next_at": next_at, "checked_at": None, "trouble": "", **zero}


def is_verification_due(session: Session, now: datetime) -> bool:
    """Whether `claim_verification` may find something to do; this only reads."""
    known = select(Verification.account_id)
    if session.exec(select(Account.id).where(col(Account.id).not_in(known)).limit(1)).first():
        return True
    return session.exec(due(now).limit(1)).first() is not None


def next_verification(session: Session) -> datetime | None:
    """When the next comparison is due of the accounts that are known to be compared; None where there is none."""
    query = select(func.min(Verification.next_at)).join(Account, col(Verification.account_id) == col(Account.id))
    return session.exec(query.where(is_read_now())).one()


def is_read_now() -> ColumnElement[bool]:
    """Whether an account is read now, so that it can be compared."""
    return col(Account.state).in_([AccountState.LIVE, AccountState.IMPORTING])


def due(now: datetime) -> Any:
    """Accounts that are read now and whose comparison is due."""
    query: Any = select(Account, Verification).join(Verification, col(Verification.account_id) == col(Account.id))
    return query.where(col(Verification.next_at) <= now, is_read_now())


def claim_verification(session: Session, now: datetime, lease: timedelta, first: timedelta) -> Account | None:
    """The account whose comparison is due longest, which is nobody else's for `lease`; a new one is due after `first`.

    The row is detached. An account that is not read now is not compared.
    """
    known = select(Verification.account_id)
    for new in session.exec(select(Account).where(col(Account.id).not_in(known))).all():
        insert_values(session, Verification, [blank(new.id, new.created_at + first)])
    query = due(now).order_by(col(Verification.next_at), col(Account.id)).limit(1).with_for_update(skip_locked=True)
    found = session.exec(query).first()
    if found is None:
        return None
    account: Account = found[0]
    found[1].next_at = now + lease
    session.flush()
    session.expunge(account)
    return account


def keep_comparison(
    session: Session, account: Account, days: Iterable[Mapping[str, Any]], *, next_at: datetime, now: datetime
) -> Verification:
    """Replace an account's ledger; a difference that is new is an event, and so is its end."""
    rows = [dict(day) for day in days]
    session.execute(delete(Completeness).where(col(Completeness.account_id) == account.id))
    if rows:
        insert_values(session, Completeness, [{"account_id": account.id, **row} for row in rows])
    verify_soon(session, account.id, now)
    known = session.get_one(Verification, account.id)
    before = known.missing
    for name in SUMS:
        setattr(known, name, sum(row[name] for row in rows))
    known.checked_at, known.next_at, known.trouble = now, next_at, ""
    known.tries = known.tries + 1 if known.missing else 0
    if known.missing > before:
        known.refetched = 0
        tell(session, account, INCOMPLETE, rows, known.missing, now)
    if before and not known.missing:
        known.refetched = before
        tell(session, account, COMPLETE, [], before, now)
    session.add(known)
    session.flush()
    return known


def tell(
    session: Session, account: Account, kind: str, rows: list[dict[str, Any]], missing: int, now: datetime
) -> None:
    """The event of a difference, with the UIDs by which it can be looked up, or of its end."""
    at = [row for row in rows if row["missing"]]
    uids: dict[str, list[int]] = {row["folder"]: [] for row in at}
    for row in at:
        uids[row["folder"]] = (uids[row["folder"]] + row["uids"])[:NAMED]
    if kind == INCOMPLETE:
        are, what = ("is", "it is") if missing == 1 else ("are", "they are")
        why = f"{amount(missing, 'mail')} {are} on the server and not here; {what} fetched again by Gatepost itself"
    else:
        have, gone = ("has", "is") if missing == 1 else ("have", "are")
        what = amount(missing, "mail that was missing", "mails that were missing")
        why = f"{what} {have} been fetched, or {gone} gone from the server"
    data = {"account": account.id, "address": account.address, "missing": missing, "why": why, "uids": uids}
    add_event(session, kind, now=now, channel_id=account.channel_id, data=data)


def keep_trouble(session: Session, account_id: str, why: str, next_at: datetime) -> None:
    """A comparison that could not be made; the last one stays."""
    statement = update(Verification).where(col(Verification.account_id) == account_id)
    values = {"trouble": why, "next_at": next_at}
    if cast("CursorResult[Any]", session.execute(statement.values(values))).rowcount == 0:
        insert_values(session, Verification, [{**blank(account_id, next_at), "trouble": why}])
