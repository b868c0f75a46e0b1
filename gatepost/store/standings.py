"""What the owners of connected mailboxes know of their states, and by which way they may be told."""

from collections.abc import Collection, Sequence
from typing import Any, cast

from sqlalchemy import CursorResult, update
from sqlmodel import Session, col, select

from gatepost.account_states import Standing
from gatepost.model import Account, Channel, Delivery, Route, User
from gatepost.store.agents import confirmed_addresses


def standings(session: Session) -> list[Standing]:
    """All accounts as the decision about notices needs them."""
    fields = (Account.id, Account.provider, Account.host, Account.state, Account.state_since, Account.told)
    query: Any = select(*fields)  # type: ignore[call-overload]  # not whole rows: there may be thousands
    return [Standing(*row) for row in session.exec(query.order_by(col(Account.id)))]


def note_told(session: Session, standing: Standing, to_state: str) -> bool:
    """Note what is told of an account; False when another process told it first."""
    statement = update(Account).where(col(Account.id) == standing.id, col(Account.told) == standing.told)
    result = cast("CursorResult[Any]", session.execute(statement.values(told=to_state)))
    return result.rowcount == 1


def accounts_named(session: Session, ids: Collection[str]) -> list[tuple[Account, Channel]]:
    """Accounts with their mailboxes, by address."""
    query = select(Account, Channel).join(Channel, col(Channel.id) == col(Account.channel_id))
    return list(session.exec(query.where(col(Account.id).in_(ids)).order_by(col(Channel.address))))


def whom_to_tell(session: Session, accounts: Sequence[Account], dead: Collection[str]) -> list[tuple[str, str]]:
    """Name and address of each owner, or of every admin where one is unknown or gone.

    Nobody is told at a `dead` address (an address key), if he has another one.
    """
    users = {user.id: user for user in session.exec(select(User).where(col(User.disabled_at).is_(None)))}
    owners = [users.get(account.user_id or "") for account in accounts]
    asked = {user.id: user for user in owners if user}
    if not asked or any(user is None for user in owners):
        asked |= {user.id: user for user in users.values() if user.role == "admin"}
    reached = {user.id: reach_of(session, user, dead) for user in asked.values()}
    if not any(reached.values()):
        others = [user for user in users.values() if user.role == "admin"]
        asked |= {user.id: user for user in others}
        reached |= {user.id: reach_of(session, user, dead) for user in others}
    if not any(reached.values()):
        reached = {user.id: user.email for user in asked.values()}
    return [(asked[user_id].name, address) for user_id, address in sorted(reached.items()) if address]


def reach_of(session: Session, user: User, dead: Collection[str]) -> str:
    """The address of a person that does not lie in a dead mailbox; empty where there is none."""
    own = [user.email, *confirmed_addresses(session, user.id)]
    return next((address for address in own if address.lower() not in dead), "")


def leads_through(session: Session, ids: Collection[str]) -> bool:
    """Whether any route sends over one of these accounts."""
    return session.exec(select(Route.name).where(col(Route.account_id).in_(ids)).limit(1)).first() is not None


def send_by(session: Session, message_id: str, route: str) -> None:
    """Have a mail of ours take this route, whatever the rules say."""
    session.execute(update(Delivery).where(col(Delivery.message_id) == message_id).values(via=route))
