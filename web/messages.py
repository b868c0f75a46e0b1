"""Every outgoing mail with what became of it, and each mail's own page: deliveries, attempts, text, headers, source."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from gatepost.codes import look_up
from gatepost.gateway.budget import for_reading
from gatepost.gateway.confirm import without_link
from gatepost.mail import headers_of
from gatepost.model import DeliveryEvent, Message
from gatepost.store import message_pages, pages, users
from gatepost.store.credentials import get_credential
from gatepost.store.deliveries import delivery_events
from gatepost.store.gone import gone
from gatepost.store.messages import RawLost, raw_of
from gatepost.store.transcripts import transcripts_of
from gatepost.web.acts import NOTICES
from gatepost.web.history import trigger_label
from gatepost.web.inbox import page_number
from gatepost.web.mail_view import told
from gatepost.web.render import show
from gatepost.web.route import Visit
from gatepost.web.thread import Recipient, Shown, shown

SOURCE_SHOWN = 200_000
HISTORIES = 200


@dataclass(frozen=True, slots=True)
class Attempts:
    """One recipient and everything that happened on the way there."""

    recipient: Recipient
    events: tuple[DeliveryEvent, ...]
    transcripts: Mapping[str, str]


def messages(visit: Visit) -> Response:
    """The list; with `part=list` only what changes live."""
    wanted = visit.query("show") if visit.query("show") in message_pages.SHOWS else "all"
    text, page, code = visit.query("q"), page_number(visit), read_code(visit)
    rows = message_pages.message_list(
        visit.session, scope=visit.scope, show=wanted, text=text, code=code, offset=page * pages.PAGE
    )
    query = {"show": visit.query("show"), "q": text, "page": visit.query("page"), "code": code}
    context = {
        "section": "messages",
        "show": wanted,
        "q": text,
        "code": code,
        "rows": rows,
        "page": page,
        "more": len(rows) == pages.PAGE,
        "notices": NOTICES,
        "counts": message_pages.message_counts(visit.session, visit.scope),
        "query": {name: value for name, value in query.items() if value},
        "trigger_label": trigger_label,
    }
    return show(visit, "_messages.html" if visit.query("part") == "list" else "messages.html", context)


def read_code(visit: Visit) -> str:
    """The delivery code that the list is limited to."""
    found = look_up(visit.query("code", 20))
    return found.code if found else ""


def message_page(visit: Visit) -> Response:
    """One mail; with `part=deliveries` only what changes live."""
    one = shown(visit, visit.message)
    context = {
        "section": "messages",
        "shown": one,
        "m": visit.message,
        "attempts": attempts(visit, one),
        "notices": NOTICES,
        "all_rows": True,
    }
    if visit.query("part") == "deliveries":
        return show(visit, "_attempts.html", context)
    raw, headers = source_of(visit, visit.message)
    context |= {
        "source": raw,
        "headers": headers,
        "origin": origin(visit, visit.message),
        "conversations": [c for c in pages.conversations_with(visit.session, visit.message) if visit.may_on(c, "read")],
        "trigger_label": trigger_label,
        "gone": gone,
        "view": visit.query("view") if visit.query("view") in ("headers", "source") else "mail",
    }
    return show(visit, "message.html", context)


def attempts(visit: Visit, one: Shown) -> list[Attempts]:
    """The histories of the recipients, as many as a page can show."""
    rows = [row for row in one.panel.rows if row.delivery][:HISTORIES]
    return [
        Attempts(
            row,
            tuple(delivery_events(visit.session, row.delivery.id)),
            transcripts_of(visit.session, row.delivery.id),
        )
        for row in rows
        if row.delivery is not None
    ]


def source_of(visit: Visit, message: Message) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The mail's source as text, cut where a page ends, and its header fields."""
    with visit.app.gate.budget.hold(for_reading(message.size)):
        try:
            raw = raw_of(visit.session, message.raw_id, visit.app.blobs)
        except RawLost:
            return "", ()
        raw = told(visit, message, without_link(visit.app.settings, message, raw))
        headers = headers_of(raw) if message.direction != "note" else ()
        return raw[:SOURCE_SHOWN].decode("utf-8", "replace"), tuple(headers)


def origin(visit: Visit, message: Message) -> dict[str, Any]:
    """Who sent it: a user or a system."""
    credential = get_credential(visit.session, message.credential_id) if message.credential_id else None
    user = users.get_user(visit.session, message.user_id) if message.user_id else None
    return {"credential": credential.name if credential else "", "user": user.name if user else ""}
