"""The inbox: the list with its tabs and search, and beside it a conversation."""

from typing import Any

from starlette.responses import RedirectResponse, Response

from gatepost.store import message_pages, pages
from gatepost.web.render import rail_of, show
from gatepost.web.route import Visit

TITLES = {
    "all": "Inbox",
    "mine": "Mine",
    "unassigned": "Unassigned",
    "failed": "Not delivered",
    "closed": "Closed",
    "deleted": "Deleted",
}


def home(visit: Visit) -> Response:
    """The start page is the inbox."""
    return RedirectResponse("/inbox", 303)


def inbox(visit: Visit) -> Response:
    """The list; with `part=list` only what changes live."""
    context = list_context(visit)
    if visit.query("part") == "list":
        return show(visit, "_list.html", context)
    if visit.query("part") == "rail":
        return show(visit, "_rail.html", {**context, "rail": rail_of(visit), "section": visit.query("section")})
    return show(visit, "inbox.html", {**context, "conversation": None, "section": "inbox"})


def list_context(visit: Visit) -> dict[str, Any]:
    """The list as its address describes it: tab, mailbox, search, page."""
    tab = visit.query("tab") if visit.query("tab") in pages.TABS else "all"
    text, channel_id = visit.query("q"), visit.query("mailbox")
    offset = page_number(visit) * pages.PAGE
    rows = pages.conversation_list(
        visit.session,
        scope=visit.scope,
        user_id=visit.user.id,
        tab=tab,
        text=text,
        channel_id=channel_id,
        offset=offset,
    )
    counts = pages.tab_counts(visit.session, scope=visit.scope, user_id=visit.user.id, channel_id=channel_id)
    channels = {channel.id: channel for channel in pages.channels_in(visit.session, visit.scope)}
    return {
        "tab": tab,
        "title": TITLES[tab],
        "q": text,
        "mailbox": channels.get(channel_id),
        "rows": rows,
        "counts": counts,
        "channels": channels,
        "relayed": 0 if channel_id else message_pages.relayed_failures(visit.session, visit.scope),
        "page": page_number(visit),
        "more": len(rows) == pages.PAGE,
        "query": kept_query(visit),
        "choosing": visit.query("select") == "1",
        "did": did(visit),
    }


def did(visit: Visit) -> tuple[str, list[int]]:
    """What was just done to conversations that were chosen, and their numbers, so that it can be taken back."""
    numbers = [int(one) for one in visit.query("numbers", 2000).split(",") if one.isascii() and one.isdigit()]
    return (visit.query("did"), numbers) if visit.query("did") in ("delete", "spam", "restore", "purge") else ("", [])


def kept_query(visit: Visit) -> dict[str, str]:
    """The parts of the address that the list keeps while one moves in it."""
    kept = {
        "tab": visit.query("tab"),
        "mailbox": visit.query("mailbox"),
        "q": visit.query("q"),
        "page": visit.query("page"),
    }
    return {name: value for name, value in kept.items() if value}


def page_number(visit: Visit) -> int:
    """The page of a list, from 0."""
    number = visit.query("page", 6)
    return min(int(number), 10_000) if number.isascii() and number.isdigit() else 0
