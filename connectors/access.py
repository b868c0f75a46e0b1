"""What an account logs in with: its password, or an access token that is refreshed in time by one process alone."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog
from sqlmodel import Session

from gatepost.connectors import oauth
from gatepost.connectors.grant import Client, Refused, Tokens, Unreachable, dump_tokens, load_tokens
from gatepost.connectors.problem import Problem
from gatepost.connectors.provider import Provider
from gatepost.database import Database
from gatepost.http import Guard
from gatepost.ledger import Ledger
from gatepost.model import Account
from gatepost.seal import Keys, seal, unseal
from gatepost.store import accounts
from gatepost.store.oauth_clients import get_client
from gatepost.store.tokens import claim_refresh, end_claim, forget_tokens, keep_tokens, tokens_place

LEASE = timedelta(seconds=60)
LOOK_AGAIN = 0.2
FRESH = timedelta(minutes=5)

log = structlog.get_logger("gatepost.access")


@dataclass(frozen=True, slots=True)
class Password:
    """A password as it was entered."""

    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Bearer:
    """An access token, and when it ends."""

    token: str = field(repr=False)
    expires_at: datetime


Secret = Password | Bearer


@dataclass(frozen=True, slots=True)
class Access:
    """What is needed to get at secrets; used by many threads at once."""

    ledger: Ledger
    database: Database
    keys: Keys
    providers: Mapping[str, Provider]
    guard: Guard
    clock: Callable[[], datetime]
    sleep: Callable[[float], None] = time.sleep

    def secret(self, account: Account) -> Secret:
        """What to log in with now. Raises Refused (a person must act), Unreachable (later) and SealError."""
        if account.auth == "password":
            return Password(accounts.open_secret(self.keys, account))
        tokens = self.tokens(account)
        return Bearer(tokens.access_token, tokens.expires_at)

    def tokens(self, account: Account) -> Tokens:
        """Tokens with some life in them, refreshed if need be. Raises Refused, Unreachable, SealError."""
        until = self.clock() + LEASE
        while True:
            now = self.clock()
            tokens = open_tokens(self.keys, self.read(account.id))
            if tokens and not tokens.due(now):
                return tokens
            claimed = self.claim(account.id, now)
            if claimed is not None:
                return self.renew(claimed, now + LEASE)
            if tokens and tokens.usable(now):
                return tokens  # somebody refreshes it right now
            if now >= until:
                raise Unreachable("Another process has been refreshing this login for a minute.")
            self.sleep(LOOK_AGAIN)

    def claim(self, account_id: str, now: datetime) -> Account | None:
        """The account, if nobody else is refreshing it."""
        return self.ledger.write(lambda session: claim_refresh(session, account_id, now, now + LEASE))

    def read(self, account_id: str) -> Account:
        """The account as it is stored. Raises Unreachable where it is gone."""
        with self.database.session() as session:
            row = accounts.get_account(session, account_id)
        if row is None:
            raise Unreachable("This mailbox is not connected any more.")
        return row

    def renew(self, account: Account, claim: datetime) -> Tokens:
        """Refresh a claimed account; stored before it is used, for the old refresh token may be worth nothing now."""
        old = open_tokens(self.keys, account)
        now = self.clock()
        if old and not old.due(now):  # between reading and claiming somebody else did it
            self.ledger.write(lambda session: end_claim(session, account.id, claim))
            return old
        try:
            new = self.ask(account, old)
        except BaseException as error:
            self.ledger.write(lambda session: end_claim(session, account.id, claim))
            if isinstance(error, Unreachable) and old and old.usable(now):
                log.warning("access.refresh_later", account=account.id, why=str(error))
                return old
            raise
        merged = new if new.refresh_token or old is None else replace(new, refresh_token=old.refresh_token)
        sealed = seal(self.keys, tokens_place(account.id), dump_tokens(merged))
        self.ledger.write(
            lambda session: keep_tokens(
                session, account.id, sealed, expires_at=merged.expires_at, now=self.clock(), lease=claim
            )
        )
        log.info("access.refreshed", account=account.id, provider=account.provider)
        return merged

    def ask(self, account: Account, old: Tokens | None) -> Tokens:
        """New tokens from the provider. Raises Refused, Unreachable, SealError."""
        provider, client = self.provider(account), self.client(account.provider)
        now = self.clock()
        if account.auth == "app":
            return oauth.app_token(provider, client, account.tenant, now=now, guard=self.guard)
        if old is None or not old.refresh_token:
            raise Refused(Problem(provider.key, "token", "invalid_grant", text="there is no refresh token"))
        return oauth.refresh(provider, client, old.refresh_token, account.scopes, now=now, guard=self.guard)

    def provider(self, account: Account) -> Provider:
        """The account's provider. Raises Refused for one that has no login of its own."""
        provider = self.providers.get(account.provider)
        if provider is None or not provider.oauth:
            raise Refused(Problem(account.provider, "token", "invalid_client", text="this provider has no login"))
        return provider

    def client(self, key: str) -> Client:
        """Our registration at a provider. Raises Refused, SealError."""
        with self.database.session() as session:
            row = get_client(session, key)
        if row is None:
            raise Refused(Problem(key, "token", "invalid_client", text="no OAuth client is set"))
        return oauth.client_of(row, self.keys)

    def refused(self, account: Account, token: str) -> None:
        """A mail server refused this token: the next login asks for another, unless this one is brand-new.

        A mailbox where IMAP is switched off refuses every token, and asking for ever more would help nobody.
        """
        now = self.clock()
        row = self.read(account.id)
        tokens = open_tokens(self.keys, row)
        if tokens is None or tokens.access_token != token or now - tokens.issued_at < FRESH:
            return
        ended = seal(self.keys, tokens_place(row.id), dump_tokens(replace(tokens, expires_at=now)))
        self.ledger.write(
            lambda session: keep_tokens(session, row.id, ended, expires_at=now, now=row.refreshed_at or now)
        )

    def disconnect(self, account: Account) -> tuple[bool, str]:
        """Take the permission back at the provider and forget the tokens; whether the provider did, and a sentence."""
        row = self.read(account.id)
        try:
            tokens = open_tokens(self.keys, row) if row.auth == "oauth" else None
            provider = self.provider(row) if tokens else None
            told = oauth.revoke(provider, tokens, guard=self.guard) if provider and tokens else (True, "")
        except Refused as error:
            told = (False, error.problem.text)
        self.ledger.write(lambda session: forget(session, row.id))
        return told


def forget(session: Session, account_id: str) -> None:
    """Nothing of the permission stays in the row."""
    row = accounts.get_account(session, account_id)
    if row is not None:
        forget_tokens(session, row)


def open_tokens(keys: Keys, account: Account) -> Tokens | None:
    """The account's tokens. Raises SealError when the key file is another one."""
    if not account.tokens_sealed:
        return None
    return load_tokens(unseal(keys, tokens_place(account.id), account.tokens_sealed))
