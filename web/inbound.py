"""What came in and waits for a person: mail that could not be read, mail to review, reports that fit no mail."""

from typing import Any
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from gatepost.gateway import review, set_aside
from gatepost.gateway.set_aside import UNREADABLE_AT_ONCE
from gatepost.mail import headers_of
from gatepost.model import Arrival
from gatepost.store import set_aside as waiting
from gatepost.store.agents import agent_mail_of
from gatepost.store.arrivals import get_arrival
from gatepost.store.conversations import get_conversation
from gatepost.store.messages import RawLost, get_message, open_raw
from gatepost.threading.intake import Desk
from gatepost.web.acts import actor
from gatepost.web.mail_view import download
from gatepost.web.render import show
from gatepost.web.route import NOT_HERE, Visit

SHOWN = 100
HEAD = 64 * 1024
TABS = {
    "unlinked": "Bounces that fit no mail",
    "review": "To review",
    "quarantined": "Could not be read",
    "report": "All reports",
    "automatic": "Automatic answers",
}
NOTICES = {
    "read_again": "It was read again; what became of it stands below.",
    "discarded": "It is off the list. The history keeps who discarded it and why.",
    "released": "It is let in.",
    "kept_out": "It stays out.",
    "linked": "The report is shown at that delivery. It suppresses nothing.",
}


def inbound(visit: Visit) -> Response:
    """The newest of one kind, each with why."""
    tab = visit.query("tab") if visit.query("tab") in TABS else "unlinked"
    rows = waiting.waiting(visit.session, tab, SHOWN)
    context = {
        "section": "inbound",
        "tab": tab,
        "tabs": TABS,
        "rows": rows,
        "subjects": waiting.subjects_of(visit.session, rows),
        "counts": waiting.counts(visit.session),
        "done": visit.query("told", 300),
    }
    return show(visit, "inbound.html", context)


def arrival_page(visit: Visit) -> Response:
    """One mail that was set aside: why, its headers as text, and what can be done."""
    return arrival_view(visit, "")


def arrival_view(visit: Visit, problem: str, status: int = 200) -> Response:
    row = arrival_of(visit)
    message = get_message(visit.session, row.message_id) if row.message_id else None
    conversation = get_conversation(visit.session, message.conversation_id or "") if message else None
    claimed = get_conversation(visit.session, conversation.claims_id or "") if conversation else None
    context: dict[str, Any] = {
        "section": "inbound",
        "row": row,
        "m": message,
        "conversation": conversation,
        "claimed": claimed,
        "agents": bool(message and agent_mail_of(visit.session, message.id)),
        "headers": headers_shown(visit, row),
        "problem": problem,
        "notice": NOTICES.get(visit.query("done"), ""),
        "unlinked": waiting.UNLINKED in row.outcome_why and not row.decided,
    }
    return show(visit, "arrival.html", context, status=status)


def arrival_of(visit: Visit) -> Arrival:
    """The arrival in the path."""
    row = get_arrival(visit.session, visit.path("id"))
    if row is None:
        raise HTTPException(404, NOT_HERE)
    return row


def headers_shown(visit: Visit, row: Arrival) -> tuple[tuple[str, str], ...]:
    """The header fields of the first 64 KB as text; none where storage has lost the mail."""
    try:
        content = open_raw(visit.session, row.raw_id, visit.app.blobs)
    except RawLost:
        return ()
    return headers_of(content[:HEAD] if isinstance(content, bytes) else content.head(HEAD))[:200]


def arrival_source(visit: Visit) -> Response:
    """The octets as they came, as a download."""
    row = arrival_of(visit)
    try:
        content = open_raw(visit.session, row.raw_id, visit.app.blobs)
    except RawLost:
        raise HTTPException(404, "The content of this mail cannot be read from storage.") from None
    with visit.app.gate.budget.hold(len(content)):
        raw = content if isinstance(content, bytes) else content.read()
        return download(raw, f"{row.id}.eml", blobs=visit.app.blobs)


def act_on_arrival(visit: Visit) -> Response:
    """Do what was pressed, or say why it cannot be done."""
    row, name = arrival_of(visit), visit.form.get("act")
    try:
        done = do(visit, row, name)
    except ValueError as error:
        return arrival_view(visit, str(error), 422)
    return RedirectResponse(f"/inbound/{row.id}?done={done}", 303)


def do(visit: Visit, row: Arrival, name: str) -> str:
    """One act by its name. Raises ValueError with a sentence."""
    app, now, who = visit.app, visit.now, actor(visit)
    if name == "again":
        set_aside.read_again(desk_of(visit), app.database, app.ledger, row.id, who, now)
        return "read_again"
    if name == "discard":
        set_aside.discard(app.ledger, row.id, visit.form.get("reason"), who, now)
        return "discarded"
    if name == "keep_out":
        review.keep_out(app.gate, row.id, who, now)
        return "kept_out"
    if name == "belongs":
        delivery = visit.form.get("delivery")
        set_aside.belongs(desk_of(visit), app.database, app.ledger, row.id, delivery, who, now)
        return "linked"
    review.let_in(app.gate, row.id, who, now, into=name == "release_into", user=visit.user)
    return "released"


def desk_of(visit: Visit) -> Desk:
    """What receiving needs."""
    return Desk(visit.app.settings, visit.app.keys, visit.app.blobs)


def again_all(visit: Visit) -> Response:
    """Read the newest that could not be read again, so many that the page does not wait for long."""
    rows = waiting.waiting(visit.session, "quarantined", UNREADABLE_AT_ONCE)
    read = set_aside.read_all_again(
        desk_of(visit), visit.app.database, visit.app.ledger, [row.id for row in rows], actor(visit), visit.now
    )
    told = f"{read} of {len(rows)} could be read now; the others stay here with why."
    return RedirectResponse(f"/inbound?tab=quarantined&told={quote(told)}", 303)
