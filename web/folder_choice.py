"""The page of a mailbox's folders: which are read and why, how many mails are here, and choosing others."""

import json
from typing import Any

from sqlmodel import Session
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from gatepost.connectors.folder_words import OFF, ROLE_WORDS, what_comes, what_stands
from gatepost.model import Account
from gatepost.store import accounts
from gatepost.store.folder_choice import FolderLine, choose_folders, folder_lines
from gatepost.store.folders import GONE_FOLDER, is_read
from gatepost.web.forms import Form
from gatepost.web.mailboxes import account_of, channel_of
from gatepost.web.render import show
from gatepost.web.route import NOT_HERE, Visit

SHOWN = 400
"""A form has no more fields; who has more folders chooses the others over the API or at the command line."""
NOTICES = {
    "saved": "The choice is saved; what happens to each folder stands beside it.",
    "listed": "The server was asked for its folders again.",
}


def folders_page(visit: Visit) -> Response:
    """All folders; the server is asked for them where none is known yet."""
    account = known_account(visit)
    lines, problem = folder_lines(visit.session, account.id), ""
    if not lines:
        problem = ask_server(visit, account)
        lines = folder_lines(visit.session, account.id)
    return folders_view(visit, account, lines, problem)


def known_account(visit: Visit) -> Account:
    """The account of the mailbox. Raises HTTPException 404."""
    account = account_of(visit, channel_of(visit))
    if account is None:
        raise HTTPException(404, NOT_HERE)
    return account


def folders_view(
    visit: Visit, account: Account, lines: list[FolderLine], problem: str = "", status: int = 200
) -> Response:
    shown = lines[:SHOWN]
    context: dict[str, Any] = {
        "section": "mailboxes",
        "channel": channel_of(visit),
        "account": account,
        "rows": [row_of(line, account) for line in shown],
        "shown": json.dumps([line.row.folder for line in shown]),
        "more": len(lines) - len(shown),
        "off": OFF,
        "on": what_comes(account),
        "problem": problem,
        "notices": NOTICES,
    }
    return show(visit, "folders.html", context, status=status)


def row_of(line: FolderLine, account: Account) -> dict[str, Any]:
    """A line of the table."""
    return {
        "folder": line.row.folder,
        "role": ROLE_WORDS.get(line.row.role, ""),
        "read": is_read(line.row),
        "gone": line.row.trouble == GONE_FOLDER,
        "why": what_stands(line.row, account, line.here),
        "here": line.here,
        "on_server": line.on_server,
    }


def ask_server(visit: Visit, account: Account) -> str:
    """Have the server list its folders, which are noted; a sentence where it cannot be asked."""
    ask, account_id = visit.app.list_folders, account.id
    if ask is None:
        return ""
    visit.session.expunge_all()
    visit.session.rollback()
    try:
        ask(account_id)
    except ValueError as error:
        return str(error)
    return ""


def choose(visit: Visit) -> Response:
    """Save what shall be read, or ask the server for its folders again."""
    account, now, user_id = known_account(visit), visit.now, visit.user.id
    path = f"/mailboxes/{channel_of(visit).id}/folders"
    if visit.form.get("act") == "list":
        problem = ask_server(visit, account)
        return again(visit, account, problem) if problem else RedirectResponse(f"{path}?done=listed", 303)
    lines, account_id = folder_lines(visit.session, account.id), account.id
    try:
        wanted = read_choice(visit.form, lines)

        def write(session: Session) -> None:
            held = accounts.get_account(session, account_id)
            if held:
                choose_folders(session, held, wanted, now, user_id)

        visit.app.ledger.write(write)
    except ValueError as error:
        return again(visit, account, f"{sentence(str(error))}.")
    visit.app.bell.ring()
    return RedirectResponse(f"{path}?done=saved", 303)


def again(visit: Visit, account: Account, problem: str) -> Response:
    return folders_view(visit, account, folder_lines(visit.session, account.id), problem, 422)


def sentence(text: str) -> str:
    """With a capital letter; names keep theirs."""
    return text[:1].upper() + text[1:]


def read_choice(form: Form, lines: list[FolderLine]) -> dict[str, bool | None]:
    """The folders whose tick was changed; one that is as its role says is left to its role. Raises ValueError.

    `shown` is what the page listed, `read` the numbers of those with a tick: what came meanwhile stays as it is.
    """
    try:
        shown = json.loads(form.get("shown") or "[]")
    except (ValueError, RecursionError):
        shown = None
    if not isinstance(shown, list) or not all(isinstance(name, str) for name in shown):
        raise ValueError("what this page sent cannot be read; load it again")
    ticked, rows = set(form.all("read")), {line.row.folder: line.row for line in lines}
    wanted: dict[str, bool | None] = {}
    for number, name in enumerate(shown):
        row, read = rows.get(name), str(number) in ticked
        if row is not None and row.trouble != GONE_FOLDER and read != is_read(row):
            wanted[name] = None if read == row.by_role else read
    return wanted
