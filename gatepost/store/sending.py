"""How accounts send: their server, what becomes of copies, and whether their mailbox's mail goes out over them."""

import re
from datetime import datetime

from sqlmodel import Session, col, select

from gatepost.model import Account, Channel, Route
from gatepost.store.channels import aliases_of, get_channel
from gatepost.store.routes import delete_route, list_routes, put_route

COPIES = ("auto", "always", "never")
SECURITIES = ("tls", "starttls", "none")
UNNAMED = re.compile(r"[^a-z0-9]+")


def set_sending(
    session: Session,
    account: Account,
    *,
    smtp_host: str | None = None,
    smtp_port: int | None = None,
    smtp_security: str | None = None,
    sent_copy: str | None = None,
    sent_folder: str | None = None,
    two_way: bool | None = None,
) -> None:
    """Change what is given of how an account sends. Raises ValueError with a sentence."""
    if sent_copy is not None and sent_copy not in COPIES:
        raise ValueError(f"The copy in Sent is one of {', '.join(COPIES)}")
    if smtp_security and smtp_security not in SECURITIES:
        raise ValueError(f"The security is one of {', '.join(SECURITIES)}")
    given = {
        "smtp_host": smtp_host,
        "smtp_port": smtp_port,
        "smtp_security": smtp_security,
        "sent_copy": sent_copy,
        "sent_folder": sent_folder,
        "two_way": two_way,
    }
    for name, value in given.items():
        if value is not None:
            setattr(account, name, value)
    session.add(account)
    session.flush()


def route_of_account(session: Session, account: Account) -> Route | None:
    """The route over an account that its mailbox's mail takes, by the rule for the mailbox's address."""
    channel = get_channel(session, account.channel_id)
    rule = f"sender:{channel.address}" if channel else ""
    query = select(Route).where(Route.kind == "account", Route.account_id == account.id).order_by(col(Route.created_at))
    return next((route for route in session.exec(query) if rule in route.rules), None)


def send_over_account(session: Session, account: Account, on: bool, now: datetime, user_id: str | None = None) -> None:
    """Have a mailbox's mail go out over its account from now on, or as any other mail. Raises ValueError.

    It is a rule for each address of the mailbox, as people could make it among the routes.
    """
    channel, known = get_channel(session, account.channel_id), route_of_account(session, account)
    if on and known is None and channel is not None:
        if not account.smtp_host:
            raise ValueError("Name the server that the mailbox sends over first")
        rules = [f"sender:{address}" for address in (channel.address, *aliases_of(session, channel.id))]
        put_route(
            session,
            free_name(session, channel),
            kind="account",
            config={"tls": "none"} if account.smtp_security == "none" else {},
            secret_sealed=None,
            rules=rules,
            account_id=account.id,
            now=now,
            user_id=user_id,
        )
    elif not on and known is not None:
        delete_route(session, known.name, now, user_id)


def free_name(session: Session, channel: Channel) -> str:
    """A name for a mailbox's route that no other one has."""
    base = UNNAMED.sub("-", channel.address.lower()).strip("-")[:34] or "mailbox"
    taken = {route.name for route in list_routes(session)} | {"relay", "direct", "sandbox"}
    names = (base, *(f"{base}-{number}" for number in range(2, 1000)))
    return next(name for name in names if name not in taken)
