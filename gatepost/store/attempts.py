"""Logins at providers under way, and links that let a colleague connect one mailbox.

What comes back from a provider is a stranger's until its state is known, unused, in time and from the same browser.
"""

from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, delete, update
from sqlmodel import Session, col, select

from gatepost.model import ConnectAttempt, ConnectLink
from gatepost.seal import Keys, SealError, seal, unseal
from gatepost.store.approvals import finish_approvals
from gatepost.store.events import add_event
from gatepost.store.links import LINK_LIFE
from gatepost.store.users import new_token, token_hash

ATTEMPT_LIFE = timedelta(minutes=10)
KEPT = timedelta(days=1)
CONNECTED = "connected"
MOST_AT_ONCE = 20


class TooMany(ValueError):
    """Too many logins were begun within ten minutes; str() is a sentence for people."""


def flow_place(state_hash: str) -> str:
    """Where an attempt's flow is sealed to."""
    return f"connect_attempt.flow:{state_hash}"


def begin_attempt(
    session: Session,
    keys: Keys,
    *,
    state: str,
    browser: str,
    provider: str,
    channel_id: str,
    address: str,
    flow: str,
    now: datetime,
    user_id: str | None = None,
    link_hash: str = "",
    shared: bool = False,
) -> None:
    """Note that somebody goes to a provider; what is older than a day is forgotten. Raises TooMany.

    Who has a link counts for himself, so that he cannot keep an admin from connecting the mailbox.
    """
    session.execute(delete(ConnectAttempt).where(col(ConnectAttempt.created_at) < now - KEPT))
    rows = attempts_of(session, channel_id)
    if sum(row.link_hash == link_hash and row.expires_at > now for row in rows) >= MOST_AT_ONCE:
        what = "This link" if link_hash else "This mailbox"
        raise TooMany(f"{what} was tried many times within ten minutes. Wait a little, then try again.")
    hashed = token_hash(state)
    session.add(
        ConnectAttempt(
            state_hash=hashed,
            provider=provider,
            channel_id=channel_id,
            address=address,
            flow_sealed=seal(keys, flow_place(hashed), flow.encode()),
            browser=token_hash(browser),
            user_id=user_id,
            link_hash=link_hash,
            shared=shared,
            created_at=now,
            expires_at=now + ATTEMPT_LIFE,
        )
    )
    session.flush()
    data = {"address": address, "provider": provider}
    add_event(session, "connect.begun", now=now, channel_id=channel_id, user_id=user_id, data=data)


def find_attempt(session: Session, state: str, browser: str, now: datetime) -> ConnectAttempt | None:
    """An attempt that may be used: known, unused, in time, and begun in this browser."""
    row = session.get(ConnectAttempt, token_hash(state)) if state and browser else None
    if row is None or row.used_at or row.expires_at <= now or row.browser != token_hash(browser):
        return None
    return row


def take_attempt(session: Session, state: str, browser: str, now: datetime) -> ConnectAttempt | None:
    """Use an attempt, once; None where it may not be used (then it stays as it is).

    The row is detached; `open_flow` reads what was sealed.
    """
    row = find_attempt(session, state, browser, now)
    if row is None:
        return None
    fresh = (col(ConnectAttempt.state_hash) == row.state_hash, col(ConnectAttempt.used_at).is_(None))
    taken = cast("CursorResult[Any]", session.execute(update(ConnectAttempt).where(*fresh).values(used_at=now)))
    if taken.rowcount != 1:
        return None
    session.expunge(row)
    return row


def open_flow(keys: Keys, attempt: ConnectAttempt) -> str | None:
    """What `begin` of the connector gave; None where the key file is another one."""
    try:
        return unseal(keys, flow_place(attempt.state_hash), attempt.flow_sealed).decode()
    except SealError:
        return None


def note_result(session: Session, attempt: ConnectAttempt, result: str, text: str, now: datetime) -> None:
    """What became of an attempt: `connected`, or the consent doctor's key and what goes with it (cleaned).

    Its flow is of no use any more.
    """
    where = col(ConnectAttempt.state_hash) == attempt.state_hash
    values = {"result": f"{result} {text}".strip()[:400], "flow_sealed": b""}
    session.execute(update(ConnectAttempt).where(where).values(**values))
    data = {"address": attempt.address, "provider": attempt.provider, "result": result}
    add_event(session, "connect.ended", now=now, channel_id=attempt.channel_id, user_id=attempt.user_id, data=data)


def attempts_of(session: Session, channel_id: str) -> list[ConnectAttempt]:
    """The attempts of a mailbox of the last day, newest first."""
    query = select(ConnectAttempt).where(ConnectAttempt.channel_id == channel_id)
    return list(session.exec(query.order_by(col(ConnectAttempt.created_at).desc(), col(ConnectAttempt.state_hash))))


def make_link(session: Session, *, channel_id: str, address: str, user_id: str | None, now: datetime) -> str:
    """A one-time token to connect one mailbox; an earlier one for it ends."""
    token = new_token()
    session.execute(delete(ConnectLink).where(col(ConnectLink.channel_id) == channel_id))
    session.add(
        ConnectLink(
            token_hash=token_hash(token),
            channel_id=channel_id,
            address=address,
            user_id=user_id,
            created_at=now,
            expires_at=now + LINK_LIFE,
        )
    )
    session.flush()
    return token


def link_by_token(session: Session, token: str, now: datetime) -> ConnectLink | None:
    """What a link is for, unless used, run out, or none of ours."""
    return link_by_hash(session, token_hash(token), now) if token else None


def link_by_hash(session: Session, hashed: str, now: datetime) -> ConnectLink | None:
    """As `link_by_token`, from the stored form."""
    row = session.get(ConnectLink, hashed)
    return row if row and not row.used_at and row.expires_at > now else None


def use_link(session: Session, hashed: str, now: datetime) -> bool:
    """Use a link up; False where it is not valid (any more)."""
    open_now = (
        col(ConnectLink.token_hash) == hashed,
        col(ConnectLink.used_at).is_(None),
        col(ConnectLink.expires_at) > now,
    )
    done = cast("CursorResult[Any]", session.execute(update(ConnectLink).where(*open_now).values(used_at=now)))
    return done.rowcount == 1


def spent_link(session: Session, token: str) -> ConnectLink | None:
    """A link that was used, or whose mailbox was connected otherwise: nothing is left to do with it."""
    row = session.get(ConnectLink, token_hash(token)) if token else None
    return row if row and row.used_at else None


def end_asking(session: Session, channel_id: str, now: datetime) -> None:
    """The mailbox is connected, so nobody is asked for that: an open link is spent, no approval is waited for."""
    unused = (col(ConnectLink.channel_id) == channel_id, col(ConnectLink.used_at).is_(None))
    session.execute(update(ConnectLink).where(*unused).values(used_at=now))
    finish_approvals(session, channel_id, now)


def give_up(session: Session, channel_id: str, now: datetime) -> None:
    """The mailbox is disconnected: no link or approval that is out connects it again."""
    finish_approvals(session, channel_id, now)
    end_links(session, channel_id)


def open_link(session: Session, channel_id: str, now: datetime) -> ConnectLink | None:
    """The valid link of a mailbox."""
    query = select(ConnectLink).where(ConnectLink.channel_id == channel_id, col(ConnectLink.used_at).is_(None))
    return next((row for row in session.exec(query) if row.expires_at > now), None)


def end_links(session: Session, channel_id: str) -> None:
    """End the links of a mailbox."""
    session.execute(delete(ConnectLink).where(col(ConnectLink.channel_id) == channel_id))


def forget_connecting(session: Session, channel_id: str) -> None:
    """Remove what hangs on a mailbox that is deleted."""
    session.execute(delete(ConnectAttempt).where(col(ConnectAttempt.channel_id) == channel_id))
    end_links(session, channel_id)
