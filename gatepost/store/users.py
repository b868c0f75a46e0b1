"""People: users, where they work, their browser sessions, invitations and refused logins.

Tokens are 256 bit random and kept as SHA-256: what is in the database opens nothing.
"""

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, update
from sqlmodel import Session, col, func, select

from gatepost.ids import new_id
from gatepost.model import Invite, LoginFailure, LoginSession, Membership, User

ROLES = ("admin", "agent")
SESSION_LIFE = timedelta(days=14)
INVITE_LIFE = timedelta(hours=72)
SEEN_STEP = timedelta(minutes=1)
FAILURES_KEPT = timedelta(days=1)


def new_token() -> str:
    """256 bit for a link or a cookie."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """How a token is stored."""
    return hashlib.sha256(token.encode()).hexdigest()


def create_user(
    session: Session,
    *,
    email: str,
    name: str,
    role: str,
    password_hash: str | None = None,
    must_change_password: bool = False,
    now: datetime,
) -> User:
    """A new user; `email` is an address key. Raises ValueError for a taken address or an unknown role."""
    if role not in ROLES:
        raise ValueError(f"a user is {' or '.join(ROLES)}")
    if user_by_email(session, email):
        raise ValueError(f"{email} is already a user")
    user = User(
        id=new_id("usr"),
        email=email.lower(),
        name=name,
        role=role,
        password_hash=password_hash,
        must_change_password=must_change_password,
        created_at=now,
    )
    session.add(user)
    session.flush()
    return user


def set_show_codes(session: Session, user_id: str, chosen: bool | None) -> None:
    """Keep whether a user is shown delivery codes; None is as the installation is set."""
    session.execute(update(User).where(col(User.id) == user_id).values(show_codes=chosen))


def get_user(session: Session, user_id: str) -> User | None:
    """A user by id."""
    return session.get(User, user_id)


def user_by_email(session: Session, email: str) -> User | None:
    """A user by address, whatever its case."""
    return session.exec(select(User).where(User.email == email.lower())).first()


def list_users(session: Session) -> Sequence[User]:
    """All users by name."""
    return session.exec(select(User).order_by(User.name, User.email)).all()


def set_password(session: Session, user_id: str, password_hash: str, *, must_change: bool = False) -> None:
    """A new password; all sessions and all links to set one end."""
    where = col(User.id) == user_id
    session.execute(update(User).where(where).values(password_hash=password_hash, must_change_password=must_change))
    session.execute(delete(Invite).where(col(Invite.user_id) == user_id, col(Invite.used_at).is_(None)))
    end_sessions(session, user_id)


def change_user(session: Session, user_id: str, *, name: str, role: str) -> None:
    """Rename a user or change the role. Raises ValueError when no admin would be left."""
    if role not in ROLES:
        raise ValueError(f"a user is {' or '.join(ROLES)}")
    if role != "admin":
        keep_an_admin(session, user_id)
    session.execute(update(User).where(col(User.id) == user_id).values(name=name, role=role))


def disable_user(session: Session, user_id: str, now: datetime | None) -> None:
    """Switch a user off at a time, ending the sessions, or on again with None. Raises ValueError for the last admin."""
    if now:
        keep_an_admin(session, user_id)
        end_sessions(session, user_id)
        session.execute(delete(Invite).where(col(Invite.user_id) == user_id))
    session.execute(update(User).where(col(User.id) == user_id).values(disabled_at=now))


def keep_an_admin(session: Session, without: str) -> None:
    others = select(func.count()).where(User.role == "admin", User.id != without, col(User.disabled_at).is_(None))
    user = session.get(User, without)
    if user and user.role == "admin" and not session.exec(others).one():
        raise ValueError("this is the last admin; make somebody else an admin first")


def memberships(session: Session, user_id: str) -> frozenset[str]:
    """The ids of the channels that a user works in."""
    return frozenset(session.exec(select(Membership.channel_id).where(Membership.user_id == user_id)))


def all_memberships(session: Session) -> dict[str, frozenset[str]]:
    """The channels of every user that has some."""
    found: dict[str, set[str]] = {}
    for row in session.exec(select(Membership)):
        found.setdefault(row.user_id, set()).add(row.channel_id)
    return {user_id: frozenset(channels) for user_id, channels in found.items()}


def set_memberships(session: Session, user_id: str, channel_ids: Iterable[str]) -> None:
    """Replace the channels that a user works in."""
    session.execute(delete(Membership).where(col(Membership.user_id) == user_id))
    for channel_id in sorted(set(channel_ids)):
        session.add(Membership(user_id=user_id, channel_id=channel_id))
    session.flush()


def start_session(session: Session, user_id: str, *, agent: str, ip: str, now: datetime) -> str:
    """Log a user in; returns the token for the cookie. Sessions that ran out are removed."""
    token = new_token()
    session.execute(delete(LoginSession).where(col(LoginSession.expires_at) <= now))
    row = LoginSession(
        token_hash=token_hash(token),
        user_id=user_id,
        created_at=now,
        seen_at=now,
        expires_at=now + SESSION_LIFE,
        agent=agent[:300],
        ip=ip[:64],
    )
    session.add(row)
    session.flush()
    return token


def session_by_token(session: Session, token: str, now: datetime) -> tuple[LoginSession, User] | None:
    """The running session of this token and its user, unless ended, run out, or the user is disabled."""
    return session_by_hash(session, token_hash(token), now) if token else None


def session_by_hash(session: Session, hashed: str, now: datetime) -> tuple[LoginSession, User] | None:
    """As `session_by_token`, from the stored form."""
    row = session.get(LoginSession, hashed)
    if row is None or row.expires_at <= now:
        return None
    user = session.get(User, row.user_id)
    return (row, user) if user and not user.disabled_at else None


def is_stale(row: LoginSession, now: datetime) -> bool:
    """Whether the session's last use should be written down again."""
    return now - row.seen_at > SEEN_STEP


def touch_session(session: Session, hashed: str, now: datetime) -> None:
    """A session was used: it lives on."""
    values = {"seen_at": now, "expires_at": now + SESSION_LIFE}
    session.execute(update(LoginSession).where(col(LoginSession.token_hash) == hashed).values(values))


def list_sessions(session: Session, user_id: str, now: datetime) -> Sequence[LoginSession]:
    """A user's running sessions, last used first."""
    where = (LoginSession.user_id == user_id, LoginSession.expires_at > now)
    return session.exec(select(LoginSession).where(*where).order_by(col(LoginSession.seen_at).desc())).all()


def end_session(session: Session, user_id: str, hashed: str) -> None:
    """Log one session of this user out."""
    where = (col(LoginSession.user_id) == user_id, col(LoginSession.token_hash) == hashed)
    session.execute(delete(LoginSession).where(*where))


def end_sessions(session: Session, user_id: str, *, keep: str = "") -> None:
    """Log a user out everywhere, save the session with the token hash `keep`."""
    where = (col(LoginSession.user_id) == user_id, col(LoginSession.token_hash) != keep)
    session.execute(delete(LoginSession).where(*where))


def make_invite(session: Session, user_id: str, *, purpose: str = "invite", now: datetime) -> str:
    """A one-time token to set a password, for 72 hours; earlier ones of the user end."""
    token = new_token()
    session.execute(delete(Invite).where(col(Invite.user_id) == user_id))
    expires = now + INVITE_LIFE
    session.add(
        Invite(token_hash=token_hash(token), user_id=user_id, purpose=purpose, created_at=now, expires_at=expires)
    )
    session.flush()
    return token


def invite_by_token(session: Session, token: str, now: datetime) -> tuple[Invite, User] | None:
    """The invitation of this token and its user, unless used, run out, or the user is disabled."""
    invite = session.get(Invite, token_hash(token))
    if invite is None or invite.used_at or invite.expires_at <= now:
        return None
    user = session.get(User, invite.user_id)
    return (invite, user) if user and not user.disabled_at else None


def use_invite(session: Session, token: str, password_hash: str, now: datetime) -> User | None:
    """Set the password that an invitation allows, once; None when the invitation is not valid (any more)."""
    found = invite_by_token(session, token, now)
    if not found:
        return None
    invite, user = found
    invite.used_at = now
    session.add(invite)
    session.flush()
    set_password(session, user.id, password_hash)
    return user


def open_invites(session: Session, now: datetime) -> dict[str, datetime]:
    """Until when the users' open invitations are valid, by user id."""
    where = (col(Invite.used_at).is_(None), Invite.expires_at > now)
    return {row.user_id: row.expires_at for row in session.exec(select(Invite).where(*where))}


def record_failure(session: Session, account: str, net: str, now: datetime) -> None:
    """A login was refused; older ones than a day are forgotten."""
    session.execute(delete(LoginFailure).where(col(LoginFailure.at) < now - FAILURES_KEPT))
    session.add(LoginFailure(account=account[:254], net=net, at=now))


def forget_failures(session: Session, account: str, net: str) -> None:
    """A login went well: the failures of this account from this network no longer count."""
    session.execute(delete(LoginFailure).where(col(LoginFailure.account) == account, col(LoginFailure.net) == net))


def failures_since(session: Session, since: datetime, *, account: str | None = None, net: str | None = None) -> int:
    """How many logins were refused for an account, from a network, or both."""
    query = select(func.count()).select_from(LoginFailure).where(LoginFailure.at > since)
    if account is not None:
        query = query.where(LoginFailure.account == account[:254])
    if net is not None:
        query = query.where(LoginFailure.net == net)
    return session.exec(query).one()
