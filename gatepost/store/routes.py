"""Routes beside that of the settings: their rows, their rules, and whose mail a message is."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, update
from sqlmodel import Session, col, func, select

from gatepost.ids import new_id
from gatepost.model import Account, Channel, Credential, Message, Route
from gatepost.store.events import add_event
from gatepost.store.rows import insert_row


def list_routes(session: Session) -> Sequence[Route]:
    """All routes by name, as they are in the database now."""
    query = select(Route).order_by(Route.name).execution_options(populate_existing=True)
    return session.exec(query).all()


def get_route(session: Session, name: str) -> Route | None:
    """A route by its name."""
    return session.exec(select(Route).where(Route.name == name)).first()


def rules_of(rows: Sequence[Route]) -> dict[str, str]:
    """All rules, each with the name of its route."""
    return {rule: row.name for row in rows for rule in row.rules}


def put_route(
    session: Session,
    name: str,
    *,
    kind: str,
    config: Mapping[str, Any],
    secret_sealed: bytes | None,
    rules: Sequence[str],
    account_id: str | None,
    now: datetime,
    route_id: str = "",
    user_id: str | None = None,
) -> None:
    """A new route, or with `route_id` an existing one as it is from now on. Raises ValueError with a sentence."""
    others = [row for row in list_routes(session) if row.id != route_id]
    if any(row.name == name for row in others):
        raise ValueError(f"There is a route {name} already")
    taken = rules_of(others)
    for rule in rules:
        if rule in taken:
            raise ValueError(f"{rule} is a rule of the route {taken[rule]} already; a rule leads to one route")
    values: dict[str, Any] = {"name": name, "kind": kind, "config": dict(config), "secret_sealed": secret_sealed}
    values |= {"rules": list(dict.fromkeys(rules)), "account_id": account_id, "updated_at": now}
    known = session.get(Route, route_id) if route_id else None
    if known:
        session.execute(update(Route).where(col(Route.id) == route_id).values(**values))
    else:
        insert_row(session, Route(id=route_id or new_id("rte"), created_at=now, **values))
    kind_of = "route.changed" if known else "route.added"
    add_event(session, kind_of, now=now, user_id=user_id, data={"route": name, "kind": kind, "rules": list(rules)})


def keep_secret(session: Session, route_id: str, sealed: bytes) -> None:
    """Keep a renewed secret of a route."""
    session.execute(update(Route).where(col(Route.id) == route_id).values(secret_sealed=sealed))


def delete_route(session: Session, name: str, now: datetime, user_id: str | None = None) -> bool:
    """Remove a route; what waits for it takes the way that its rules then choose. False when there was none."""
    gone = session.execute(delete(Route).where(col(Route.name) == name).returning(col(Route.id))).first()
    if gone:
        add_event(session, "route.removed", now=now, user_id=user_id, data={"route": name})
    return bool(gone)


def sender_of(session: Session, message_id: str) -> tuple[str, str]:
    """The address key in a message's From and the name of its credential; empty where there is none."""
    query = (
        select(Message.from_address, Credential.name)
        .join(Credential, col(Credential.id) == col(Message.credential_id), isouter=True)
        .where(Message.id == message_id)
    )
    found = session.exec(query).first()
    return (found[0], found[1] or "") if found else ("", "")


def account_by_address(session: Session, address: str) -> tuple[Account, Channel] | None:
    """The connected account of a mailbox, by the mailbox's address or the account's id or user name."""
    query = select(Account, Channel).join(Channel, col(Channel.id) == col(Account.channel_id))
    wanted = address.lower()
    names = (func.lower(col(Channel.address)), func.lower(col(Account.username)), col(Account.id))
    return session.exec(query.where(names[0].in_([wanted]) | (names[1] == wanted) | (names[2] == address))).first()
