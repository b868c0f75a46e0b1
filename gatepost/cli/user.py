"""`gatepost user`: people who log in to the pages."""

import secrets
from collections.abc import Sequence
from typing import Any

from sqlmodel import Session

from gatepost.address import parse_address
from gatepost.cli.frame import BadInput, naming, opened, print_object, print_rows, say
from gatepost.model import User
from gatepost.parts import Parts, clock
from gatepost.password import hash_password
from gatepost.settings import Settings
from gatepost.store import users
from gatepost.store.channels import channel_by_address

PASSWORD_OCTETS = 12


def add_user(settings: Settings, email: str, name: str, role: str, mailboxes: Sequence[str], as_json: bool) -> None:
    """A new user with a password that is printed once and must be changed."""
    password, hashed = new_password()
    with opened(settings) as parts:
        user = create(parts, email, name, role, mailboxes, hashed)
    tell(user, as_json, password=password)


def invite_user(settings: Settings, email: str, name: str, role: str, mailboxes: Sequence[str], as_json: bool) -> None:
    """A link to set a password with, printed once; the user is made where there is none."""
    with opened(settings) as parts:
        user = find(parts, email) or create(parts, email, name, role, mailboxes, None)
        if user.disabled_at:
            raise BadInput(f"{user.email} is disabled: run `gatepost user enable {user.email}` first")
        token = parts.ledger.write(lambda session: users.make_invite(session, user.id, now=clock()))
    tell(user, as_json, link=f"{settings.base_url}/invite/{token}")


def set_password(settings: Settings, email: str, as_json: bool) -> None:
    """A new one-time password; all sessions of the user end."""
    password, hashed = new_password()
    with opened(settings) as parts:
        user = known(parts, email)
        parts.ledger.write(lambda session: users.set_password(session, user.id, hashed, must_change=True))
    tell(user, as_json, password=password)


def switch(settings: Settings, email: str, on: bool, as_json: bool) -> None:
    """Disable a user, ending the sessions, or enable again."""
    with opened(settings) as parts:
        user = known(parts, email)
        with naming(email):
            parts.ledger.write(lambda session: users.disable_user(session, user.id, None if on else clock()))
    tell(user, as_json, state="enabled" if on else "disabled")


def list_users(settings: Settings, as_json: bool) -> None:
    """Everybody, with role and state."""
    with opened(settings) as parts, parts.database.session() as session:
        invited = users.open_invites(session, clock())
        rows = [row_of(user, user.id in invited) for user in users.list_users(session)]
    print_rows(rows, as_json, "There are no users: run `gatepost user add you@example.com --role admin`.")


def row_of(user: User, invited: bool) -> dict[str, Any]:
    state = "disabled" if user.disabled_at else "active" if user.password_hash else "invited" if invited else "no login"
    return {"email": user.email, "name": user.name, "role": user.role, "state": state, "id": user.id}


def new_password() -> tuple[str, str]:
    """A one-time password and its hash."""
    password = secrets.token_urlsafe(PASSWORD_OCTETS)
    return password, hash_password(password)


def key_of(email: str) -> str:
    with naming(f"EMAIL {email}"):
        return parse_address(email).key


def find(parts: Parts, email: str) -> User | None:
    key = key_of(email)
    with parts.database.session() as session:
        return users.user_by_email(session, key)


def known(parts: Parts, email: str) -> User:
    """The user with this address. Raises BadInput."""
    user = find(parts, email)
    if user is None:
        raise BadInput(f"EMAIL {email}: there is no such user; `gatepost user list` shows them")
    return user


def create(parts: Parts, email: str, name: str, role: str, mailboxes: Sequence[str], password_hash: str | None) -> User:
    """Make the user, all or nothing. Raises BadInput."""
    key = key_of(email)
    if role not in users.ROLES:
        raise BadInput(f"--role {role}: choose {' or '.join(users.ROLES)}")

    def write(session: Session) -> User:
        user = users.create_user(
            session,
            email=key,
            name=name or key,
            role=role,
            password_hash=password_hash,
            must_change_password=password_hash is not None,
            now=clock(),
        )
        users.set_memberships(session, user.id, channels_named(session, mailboxes))
        return user

    with naming(f"EMAIL {email}"):
        return parts.ledger.write(write)


def channels_named(session: Session, mailboxes: Sequence[str]) -> list[str]:
    found = []
    for address in mailboxes:
        channel = channel_by_address(session, address.lower())
        if channel is None:
            raise BadInput(f"--mailbox {address}: there is no such mailbox; `gatepost mailbox list` shows them")
        found.append(channel.id)
    return found


def tell(user: User, as_json: bool, **news: str) -> None:
    """What was done; a password or link is shown here and never again."""
    if as_json:
        print_object({"id": user.id, "email": user.email, "role": user.role, **news})
        return
    if "password" in news:
        say(f"{user.email}   password (shown once, to be changed at the first login): {news['password']}")
    elif "link" in news:
        say(f"Hand this link to {user.email}; it works once, for 72 hours, and is not shown again:")
        say(news["link"])
    else:
        say(f"{user.email} is {news['state']}.")
