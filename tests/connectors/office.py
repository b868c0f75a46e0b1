"""An office with mailboxes at the provider of the rig: accounts connected by a login, and what they log in with."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlmodel import Session

from gatepost.connectors.access import Access, open_tokens
from gatepost.connectors.connected import connect_account, connect_app
from gatepost.connectors.grant import Granted, Tokens
from gatepost.connectors.provider import Provider
from gatepost.database import Database
from gatepost.ids import new_id
from gatepost.ledger import Ledger
from gatepost.model import Account
from gatepost.seal import Keys
from gatepost.store import accounts, channels
from gatepost.store.oauth_clients import save_client
from tests.connectors.logins import CLIENTS, TENANT_OF, guard_of, log_in, providers_at
from tests.rig.identity import Identity
from tests.rig.identity_state import TENANTS, Person


@dataclass
class Office:
    """Its clock runs with the machine's, and ahead of it by `ahead`."""

    database: Database
    ledger: Ledger
    keys: Keys
    identity: Identity
    settings: dict[str, dict[str, str]]
    ahead: timedelta = timedelta()
    people: dict[str, Person] = field(default_factory=dict)

    def __post_init__(self) -> None:
        def op(session: Session) -> None:
            for key, client in CLIENTS.items():
                save_client(session, self.keys, key, client_id=client.client_id, secret=client.secret, now=self.now())

        self.ledger.write(op)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    @property
    def providers(self) -> dict[str, Provider]:
        return providers_at(self.settings)

    def access(self, **changes: Any) -> Access:
        sleep: Callable[[float], None] = changes.pop("sleep", lambda seconds: None)
        made = Access(
            self.ledger, self.database, self.keys, self.providers, guard_of(self.identity), self.now, sleep=sleep
        )
        return replace(made, **changes)

    def log_in(self, key: str, person: Person | None = None, **how: Any) -> tuple[Person, Granted]:
        logged = person or self.identity.person(TENANT_OF[key])
        return logged, log_in(self.identity, key, logged, **how)

    def connect(self, key: str, **how: Any) -> Account:
        person, granted = self.log_in(key, **how)
        account = self.ledger.write(lambda session: self.save(session, key, granted))
        self.people[account.id] = person
        return self.row(account.id)

    def connect_app(self, mailbox: str) -> Account:
        def op(session: Session) -> str:
            return connect_app(
                session, self.keys, self.providers["microsoft"], mailbox=mailbox, tenant=TENANTS["contoso"],
                channel_id=self.channel(session), user_id=None, now=self.now(),
            ).id  # fmt: skip

        return self.row(self.ledger.write(op))

    def save(self, session: Session, key: str, granted: Granted, account: Account | None = None) -> Account:
        saved = connect_account(
            session, self.keys, self.providers[key], granted, channel_id=self.channel(session), user_id="usr_1",
            now=self.now(), account=session.merge(account) if account else None,
        )  # fmt: skip
        session.flush()
        session.refresh(saved)
        session.expunge(saved)
        return saved

    def channel(self, session: Session) -> str:
        return channels.create_channel(session, name="Box", address=f"{new_id('x')}@gatepost.test", now=self.now()).id

    def row(self, account_id: str) -> Account:
        with self.database.session() as session:
            row = accounts.get_account(session, account_id)
        assert row is not None
        return row

    def tokens(self, account: Account) -> Tokens:
        tokens = open_tokens(self.keys, self.row(account.id))
        assert tokens is not None
        return tokens

    def refreshes(self, path: str = "token") -> int:
        return sum(fields.get("grant_type") == "refresh_token" for fields in self.identity.asked_for(path))
