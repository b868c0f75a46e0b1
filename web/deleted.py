"""Deleting conversations, one or those that were chosen in the list, bringing them back, and deleting for ever."""

from collections.abc import Sequence
from urllib.parse import urlencode

from sqlmodel import Session
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from gatepost.model import Conversation
from gatepost.store import deleted
from gatepost.store.conversations import by_number
from gatepost.store.corrections import NotPossible
from gatepost.store.purge import contents, purge
from gatepost.web.acts import actor
from gatepost.web.conversation import back
from gatepost.web.inbox import kept_query
from gatepost.web.render import show
from gatepost.web.route import NOT_HERE, Visit
from gatepost.words import DELETED

NUMBER_DIGITS = 9
MOST = 200
ACTS = ("delete", "spam", "restore", "purge")


def delete(visit: Visit) -> Response:
    """Put the conversation of this page into Deleted; the page then offers to bring it back."""
    return act_on_one(visit, "spam" if visit.form.get("spam") == "yes" else "delete")


def restore(visit: Visit) -> Response:
    """Bring the conversation of this page back."""
    return act_on_one(visit, "restore")


def act_on_one(visit: Visit, act: str) -> Response:
    perform(visit, act, [visit.conversation])
    return back(visit)


def selected(visit: Visit) -> Response:
    """Do what was pressed to the conversations that were chosen in the list; the list then offers to take it back."""
    act, rows = visit.form.get("act"), named(visit, visit.form.all("number"))
    if act not in ACTS:
        raise HTTPException(422, "Choose what to do with these conversations.")
    if act == "purge":
        return RedirectResponse(f"/inbox/purge?{urlencode({'numbers': listed(rows)})}", 303)
    rows = [row for row in rows if not row.merged_into and (act == "restore") == (row.state == DELETED)]
    perform(visit, act, rows)
    told = {"did": act, "numbers": listed(rows)} if rows else {}
    query = urlencode({**kept_query(visit), **told})
    return RedirectResponse(f"/inbox{'?' + query if query else ''}", 303)


def listed(rows: Sequence[Conversation]) -> str:
    return ",".join(str(row.number) for row in rows)


def perform(visit: Visit, act: str, rows: Sequence[Conversation]) -> None:
    """In one transaction. Raises HTTPException where somebody else has deleted one for ever meanwhile."""
    keys, who, now = [row.id for row in rows], actor(visit), visit.now

    def op(session: Session) -> None:
        for key in keys:
            if act == "restore":
                deleted.restore(session, key, who, now)
            else:
                deleted.delete(session, key, who, now, spam=act == "spam")

    try:
        visit.app.ledger.write(op)
    except NotPossible as error:
        raise HTTPException(409, f"{error}.") from None


def named(visit: Visit, numbers: Sequence[str]) -> list[Conversation]:
    """The conversations with these numbers. Raises HTTPException 404 where one is not the reader's to change."""
    found = []
    for text in dict.fromkeys(numbers[:MOST]):
        plain = text.isascii() and text.isdecimal() and len(text) <= NUMBER_DIGITS
        row = by_number(visit.session, int(text)) if plain else None
        if row is None or not visit.may_on(row, "assign"):
            raise HTTPException(404, NOT_HERE)
        found.append(row)
    return found


def purge_page(visit: Visit) -> Response:
    """What deleting for ever takes, before anything is done."""
    rows = named(visit, visit.query("numbers", MOST * 10).replace(",", " ").split())
    return purge_view(visit, rows)


def purge_view(visit: Visit, rows: Sequence[Conversation], problem: str = "", status: int = 200) -> Response:
    waiting = [row for row in rows if row.state == DELETED]
    context = {
        "section": "inbox",
        "rows": waiting,
        "contents": contents(visit.session, [row.id for row in waiting]),
        "problem": problem,
    }
    return show(visit, "purge.html", context, status=status)


def purge_all(visit: Visit) -> Response:
    """Delete these for ever, all or none."""
    rows = named(visit, visit.form.all("number"))
    keys, who, now = [row.id for row in rows], actor(visit), visit.now

    def op(session: Session) -> None:
        for key in keys:
            purge(session, key, who, now)

    try:
        visit.app.ledger.write(op)
    except NotPossible as error:
        return purge_view(visit, rows, f"{error}.", 409)
    return RedirectResponse(f"/inbox?{urlencode({'tab': DELETED, 'did': 'purge', 'numbers': len(keys)})}", 303)
