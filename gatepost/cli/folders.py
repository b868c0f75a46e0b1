"""`gatepost mailbox folders`: which folders of a mailbox are read, why, and choosing others."""

from collections.abc import Mapping
from typing import Any

from gatepost.asking import list_folders
from gatepost.cli.frame import BadInput, Failed, opened, print_rows, say
from gatepost.cli.mailbox import account_of
from gatepost.connectors.folder_words import OFF, what_comes, what_stands
from gatepost.model import Account
from gatepost.parts import Parts, clock
from gatepost.settings import Settings
from gatepost.store.folder_choice import Changed, FolderLine, choose_folders, folder_lines
from gatepost.store.folders import is_read


def mailbox_folders(
    settings: Settings, address: str, wanted: Mapping[str, bool | None], ask: bool, as_json: bool
) -> None:
    """Change what is wanted, say what that does, and list the folders. Raises BadInput, Failed."""
    with opened(settings) as parts:
        with parts.database.session() as session:
            account = account_of(session, address)
            known = bool(folder_lines(session, account.id))
        if ask or not known:
            ask_server(parts, account)
        changed = change(parts, address, wanted) if wanted else Changed((), ())
        with parts.database.session() as session:
            lines = folder_lines(session, account.id)
    print_rows([row_of(line, account) for line in lines], as_json, "The server lists no folder.")
    if not as_json and changed.on:
        say(f"Read from now on: {', '.join(changed.on)}. {what_comes(account)}")
    if not as_json and changed.off:
        say(f"Not read any more: {', '.join(changed.off)}. {OFF}")


def ask_server(parts: Parts, account: Account) -> None:
    try:
        list_folders(parts, account.id)
    except ValueError as error:
        raise Failed(str(error)) from None


def change(parts: Parts, address: str, wanted: Mapping[str, bool | None]) -> Changed:
    try:
        return parts.ledger.write(
            lambda session: choose_folders(session, account_of(session, address), wanted, clock())
        )
    except ValueError as error:
        raise BadInput(f"{error}; `gatepost mailbox folders {address} --ask` lists them") from None


def row_of(line: FolderLine, account: Account) -> dict[str, Any]:
    return {
        "folder": line.row.folder,
        "read": is_read(line.row),
        "role": line.row.role,
        "on_server": line.on_server,
        "here": line.here,
        "why": what_stands(line.row, account, line.here),
    }
