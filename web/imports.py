"""The page of a first import: what lies in the mailbox, what of it shall be fetched, and how far that is."""

from datetime import datetime
from typing import Any

from sqlmodel import Session
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from gatepost.connectors.first import PERIODS
from gatepost.model import Account
from gatepost.store import accounts, imports
from gatepost.web.mailboxes import account_of, channel_of
from gatepost.web.render import show
from gatepost.web.route import NOT_HERE, Visit
from gatepost.words import ImportChoice

NOTICES = {
    "chosen": "The choice is saved. New mail comes in at once; what was there before follows behind it.",
    "paused": "The import is paused. New mail comes in as before.",
    "resumed": "The import goes on.",
    "again": "The mailbox is looked through again for mail that is wanted and not here.",
    "counted": "The mailbox was counted again.",
}
DONE = {"pause": "paused", "resume": "resumed", "again": "again"}


def import_page(visit: Visit) -> Response:
    """The choice, or the progress; counted at the first look."""
    channel = channel_of(visit)
    account = account_of(visit, channel)
    if account is None:
        raise HTTPException(404, NOT_HERE)
    problem = ""
    if account.import_choice == ImportChoice.ASKING and not account.import_preview and not visit.partial:
        problem = count(visit, account)
        visit.session.expire_all()
        account = account_of(visit, channel) or account
    return import_view(visit, account, problem)


def import_view(visit: Visit, account: Account, problem: str = "", status: int = 200) -> Response:
    """The page or, for what asks again and again, its middle."""
    context: dict[str, Any] = {
        "section": "mailboxes",
        "channel": channel_of(visit),
        "account": account,
        "preview": summed(account.import_preview),
        "periods": PERIODS,
        "problem": problem,
        "notices": NOTICES,
    }
    return show(visit, "_import.html" if visit.partial else "import.html", context, status=status)


def summed(preview: dict[str, Any]) -> dict[str, Any]:
    """What was counted, with the sums of all folders and times to show."""
    folders = [
        {**row, "oldest": moment(row["oldest"]), "newest": moment(row["newest"])} for row in preview.get("folders", [])
    ]
    return {
        "at": moment(preview.get("at")),
        "folders": folders,
        "messages": sum(row["messages"] for row in folders),
        "oldest": min((row["oldest"] for row in folders if row["oldest"]), default=None),
        "newest": max((row["newest"] for row in folders if row["newest"]), default=None),
        "recent": {days: sum(row["recent"].get(str(days), 0) for row in folders) for days in PERIODS},
    }


def moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def count(visit: Visit, account: Account) -> str:
    """Ask the server what there is, and keep it; a sentence where it cannot be asked."""
    ask, account_id = visit.app.preview_account, account.id
    if ask is None:
        return ""
    visit.session.rollback()
    try:
        preview = ask(account_id)
    except ValueError as error:
        return str(error)

    def write(session: Session) -> None:
        held = accounts.get_account(session, account_id)
        if held:
            held.import_preview = preview
            session.add(held)

    visit.app.ledger.write(write)
    return ""


def choose(visit: Visit) -> Response:
    """Save what shall be fetched, or pause, resume, begin again, count again."""
    channel = channel_of(visit)
    account, now, act = account_of(visit, channel), visit.now, visit.form.get("act")
    if account is None:
        raise HTTPException(404, NOT_HERE)
    account_id, choice, days = account.id, visit.form.get("choice"), visit.form.get("days")[:6]
    if act == "count":
        problem = count(visit, account)
        account = account_of(visit, channel) or account
        return import_view(visit, account, problem, 422) if problem else done(channel.id, "counted")

    def write(session: Session) -> None:
        held = accounts.get_account(session, account_id)
        if held is None:
            return
        if act in imports.ACTS:
            imports.ACTS[act](session, held, now)
        else:
            imports.choose_import(session, held, choice, int(days) if days.isascii() and days.isdigit() else 0, now)

    try:
        visit.app.ledger.write(write)
    except ValueError as error:
        return import_view(visit, account, f"{str(error).capitalize()}.", 422)
    visit.app.bell.ring()
    return done(channel.id, DONE.get(act, "chosen"))


def done(channel_id: str, word: str) -> Response:
    return RedirectResponse(f"/mailboxes/{channel_id}/import?done={word}", 303)
