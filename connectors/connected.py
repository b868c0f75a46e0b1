"""Writing into an account what a login at its provider gave; connected again, it keeps its identity."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlmodel import Session

from gatepost.connectors.access import open_tokens
from gatepost.connectors.grant import Granted, dump_tokens
from gatepost.connectors.provider import Provider
from gatepost.model import Account
from gatepost.seal import Keys, seal
from gatepost.store import accounts
from gatepost.store.tokens import tokens_place


def connect_account(
    session: Session,
    keys: Keys,
    provider: Provider,
    granted: Granted,
    *,
    channel_id: str,
    user_id: str | None,
    now: datetime,
    account: Account | None = None,
    **more: Any,
) -> Account:
    """A new account from a person's login, or `account` connected again; polled at once.

    `more` goes to `accounts.create_account` and `accounts.reconnect`.
    """
    row = log_in_as(session, keys, provider, granted.mailbox, channel_id, now, account, more)
    keep_grant(session, keys, row, granted, provider=provider.key, user_id=user_id, now=now)
    return row


def connect_app(
    session: Session,
    keys: Keys,
    provider: Provider,
    *,
    mailbox: str,
    tenant: str,
    channel_id: str,
    user_id: str | None,
    now: datetime,
    account: Account | None = None,
    **more: Any,
) -> Account:
    """The same for app-only access (client credentials); the token comes with the first login."""
    row = log_in_as(session, keys, provider, mailbox, channel_id, now, account, more)
    row.auth, row.provider, row.tenant, row.address = "app", provider.key, tenant, mailbox
    row.scopes, row.granted_at, row.user_id = [], now, user_id or row.user_id
    row.tokens_sealed = row.token_expires_at = row.token_lease_until = None
    session.add(row)
    session.flush()
    return row


def log_in_as(
    session: Session,
    keys: Keys,
    provider: Provider,
    mailbox: str,
    channel_id: str,
    now: datetime,
    account: Account | None,
    more: dict[str, Any],
) -> Account:
    """The account at the provider's server, under the mailbox's name."""
    server = provider.imap
    values = {"host": server.host, "port": server.port, "security": server.security, "username": mailbox, "now": now}
    if account is None:
        return accounts.create_account(session, keys, channel_id=channel_id, secret="", **{**values, **more})
    accounts.reconnect(session, keys, account, **{"folder": account.folder, **values, **more})
    return account


def keep_grant(
    session: Session,
    keys: Keys,
    account: Account,
    granted: Granted,
    *,
    provider: str,
    user_id: str | None,
    now: datetime,
) -> None:
    """Write what a login gave; a refresh token that did not come leaves the stored one of the same mailbox."""
    old = open_tokens(keys, account) if account.address.lower() == granted.mailbox.lower() else None
    tokens = granted.tokens
    if not tokens.refresh_token and old:
        tokens = replace(tokens, refresh_token=old.refresh_token)
    account.auth, account.provider, account.tenant = "oauth", provider, granted.tenant
    account.address, account.scopes = granted.mailbox, list(granted.scopes)
    account.tokens_sealed = seal(keys, tokens_place(account.id), dump_tokens(tokens))
    account.token_expires_at, account.token_lease_until = tokens.expires_at, None
    account.granted_at = account.refreshed_at = now
    account.user_id = user_id or account.user_id
    session.add(account)
    session.flush()


def renews(keys: Keys, account: Account | None, granted: Granted) -> bool:
    """Whether the account can go on when this access token ends; if not, begin again with `consent=True`."""
    if granted.tokens.refresh_token:
        return True
    old = open_tokens(keys, account) if account and account.address.lower() == granted.mailbox.lower() else None
    return bool(old and old.refresh_token)
