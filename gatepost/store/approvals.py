"""Approvals that an organisation's administrator was asked for: they may come back days later, from any browser.

The state in the link is signed for this purpose alone; whoever holds it can set "approved", once, and nothing else.
It says that the link came back so, not that it is so: only a login shows that.
"""

from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, delete, update
from sqlmodel import Session, col, select

from gatepost.ids import new_id
from gatepost.model import AdminApproval
from gatepost.seal import Keys
from gatepost.store.events import add_event
from gatepost.tokens import make_token, read_token

APPROVAL_LIFE = timedelta(days=14)
PURPOSE = "admin approval"
MARK = "a-"


def ask_approval(
    session: Session,
    *,
    channel_id: str,
    provider: str,
    address: str,
    tenant: str,
    user_id: str | None,
    now: datetime,
    app_only: bool = False,
    by_link: bool = False,
) -> AdminApproval:
    """The approval that is asked for: the one that waits already, which ends when it did, or a new one for 14 days."""
    for row in approvals_of(session, channel_id):
        same = (row.provider, row.address, row.tenant, row.app_only, row.by_link)
        waits = not row.approved_at and not row.finished_at and row.expires_at > now
        if waits and same == (provider, address, tenant, app_only, by_link):
            row.user_id = user_id or row.user_id
            session.add(row)
            session.flush()
            return row
    row = AdminApproval(
        id=new_id("apv"),
        channel_id=channel_id,
        provider=provider,
        address=address,
        tenant=tenant,
        app_only=app_only,
        by_link=by_link,
        user_id=user_id,
        created_at=now,
        expires_at=now + APPROVAL_LIFE,
    )
    session.add(row)
    session.flush()
    return row


def approval_state(keys: Keys, approval: AdminApproval) -> str:
    """What stands in the link to the administrator; it tells itself apart from the state of a login."""
    return MARK + make_token(keys, PURPOSE, approval.id)


def is_approval_state(state: str) -> bool:
    """Whether a state that came back belongs to an approval; what it says is not known yet."""
    return state.startswith(MARK)


def approval_by_state(session: Session, keys: Keys, state: str, now: datetime) -> AdminApproval | None:
    """The approval that a signed state names, unless it has run out, or nobody waited for it any more."""
    found = read_token(keys, PURPOSE, "apv", state.removeprefix(MARK)) if is_approval_state(state) else None
    row = session.get(AdminApproval, found) if found else None
    return row if row and row.expires_at > now and (row.approved_at or not row.finished_at) else None


def approve(session: Session, approval_id: str, now: datetime) -> bool:
    """Set "approved", once, and only while it is waited for; whether this was so."""
    fresh = (
        col(AdminApproval.id) == approval_id,
        col(AdminApproval.approved_at).is_(None),
        col(AdminApproval.finished_at).is_(None),
        col(AdminApproval.expires_at) > now,
    )
    done = cast("CursorResult[Any]", session.execute(update(AdminApproval).where(*fresh).values(approved_at=now)))
    if done.rowcount != 1:
        return False
    row = session.get(AdminApproval, approval_id, populate_existing=True)
    if row:
        data = {"address": row.address, "provider": row.provider, "tenant": row.tenant}
        add_event(session, "account.approved", now=now, channel_id=row.channel_id, data=data)
    return True


def is_waited_for(session: Session, approval_id: str) -> bool:
    """Whether the mailbox was neither connected nor disconnected since."""
    row = session.get(AdminApproval, approval_id, populate_existing=True)
    return row is not None and row.finished_at is None


def approvals_of(session: Session, channel_id: str) -> list[AdminApproval]:
    """The approvals of a mailbox, newest first."""
    query = select(AdminApproval).where(AdminApproval.channel_id == channel_id)
    return list(session.exec(query.order_by(col(AdminApproval.created_at).desc(), col(AdminApproval.id).desc())))


def open_approval(
    session: Session, channel_id: str, now: datetime, *, by_link: bool | None = None
) -> AdminApproval | None:
    """The newest approval that is waited for, or came back and was not used yet; `by_link`: of colleagues, or of us."""
    rows = (row for row in approvals_of(session, channel_id) if by_link in (None, row.by_link))
    return next((row for row in rows if not row.finished_at and (row.approved_at or row.expires_at > now)), None)


def came_back_since(session: Session, channel_id: str, since: datetime) -> int:
    """How many approvals of a mailbox came back since then."""
    return sum(bool(row.approved_at and row.approved_at > since) for row in approvals_of(session, channel_id))


def finish_approvals(session: Session, channel_id: str, now: datetime, *, by_link: bool = False) -> None:
    """The mailbox is connected, or shall not be: nothing is waited for any more. `by_link`: what colleagues asked for,
    whose link has ended.
    """
    where = [col(AdminApproval.channel_id) == channel_id, col(AdminApproval.finished_at).is_(None)]
    where += [col(AdminApproval.by_link).is_(True)] if by_link else []
    session.execute(update(AdminApproval).where(*where).values(finished_at=now))


def forget_approvals(session: Session, channel_id: str) -> None:
    """Remove what hangs on a mailbox that is deleted."""
    session.execute(delete(AdminApproval).where(col(AdminApproval.channel_id) == channel_id))
