"""What is asked of a connected mailbox's server before anything is fetched: what lies there, which folders."""

from typing import Any

from gatepost.connectors.first import ask_folders, preview
from gatepost.connectors.trouble import Trouble
from gatepost.mailbox_access import access_of, imap_login
from gatepost.model import Account
from gatepost.parts import Parts, clock
from gatepost.store.accounts import get_account
from gatepost.store.folders import list_cursors, note_folders, said_of


def preview_account(parts: Parts, account_id: str) -> dict[str, Any]:
    """Count what lies in the folders of an account that are read. Raises ValueError with a sentence."""
    with parts.database.session() as session:
        account = get_account(session, account_id)
        said = said_of(list_cursors(session, account_id))
    try:
        login = imap_login(access_of(parts), connected(account))
        return preview(login, private_hosts=parts.settings.private_hosts, now=clock(), said=said)
    except Trouble as error:
        raise ValueError(str(error)) from None


def list_folders(parts: Parts, account_id: str) -> None:
    """Ask an account's server which folders there are, and note them. Raises ValueError with a sentence."""
    with parts.database.session() as session:
        account = get_account(session, account_id)
    try:
        login = imap_login(access_of(parts), connected(account))
        found = ask_folders(login, private_hosts=parts.settings.private_hosts)
    except Trouble as error:
        raise ValueError(str(error)) from None
    parts.ledger.write(lambda session: note_folders(session, account_id, found))


def connected(account: Account | None) -> Account:
    """The account. Raises ValueError where there is none any more."""
    if account is None:
        raise ValueError("This mailbox is not connected any more; connect it again.")
    return account
