"""A folder that is being read: over which connection, for which account, and what was known of it before."""

from dataclasses import dataclass
from typing import Any

from gatepost.connectors.folders import Entry
from gatepost.connectors.imap import Client
from gatepost.connectors.polling import Polling
from gatepost.model import Account, Cursor
from gatepost.store import accounts, folders
from gatepost.store.folders import Spot


@dataclass(frozen=True, slots=True)
class Visit:
    """A folder of a claimed account that is being read over a connection; `row` is what was stored of it before."""

    client: Client
    account: Account
    polling: Polling
    entry: Entry
    row: Cursor

    def spot(self, uidvalidity: int) -> Spot:
        """The folder as it is numbered under this UIDVALIDITY."""
        return Spot(self.account.id, self.entry.name, uidvalidity)

    def remember(self, **columns: Any) -> None:
        """Store something about the folder, as long as the account is ours. Raises LeaseLost."""
        ledger, account, until = self.polling.ledger, self.account, self.polling.clock() + accounts.LEASE

        def op(session: Any) -> None:
            accounts.hold(session, account, until)
            folders.set_cursor(session, account.id, self.entry.name, **columns)

        ledger.write(op)
