"""The sandbox: mail that did not leave, with what it would have been answered."""

from starlette.responses import Response

from gatepost.gateway.budget import for_reading
from gatepost.store import message_pages, pages
from gatepost.store.messages import get_message
from gatepost.web.inbox import page_number
from gatepost.web.mail_view import raw_mail, read_mail
from gatepost.web.messages import SOURCE_SHOWN
from gatepost.web.render import show
from gatepost.web.route import Visit

MAGIC = (
    ("unknown", "550 5.1.1", "There is no such mailbox."),
    ("full", "452 4.2.2", "The mailbox is full; delivered at the third try."),
    ("spam", "550 5.7.1", "Refused as spam."),
    ("big", "552 5.3.4", "The mail is too large."),
    ("gone", "5.1.2", "The domain does not exist; no server answers, so there is no SMTP code."),
    ("slow", "250", "Accepted after ten seconds."),
    ("bounce-later", "250", "Accepted; a bounce comes by mail five seconds later."),
    ("autoreply", "250", "Accepted; an out-of-office answer comes five seconds later."),
    ("code+450-4.7.1", "450 4.7.1", "Any code that you write after the plus sign."),
)
VIEWS = ("html", "text", "headers", "source")


def sandbox(visit: Visit) -> Response:
    """What the sandbox kept; with `part=list` only what changes live."""
    text, page = visit.query("q"), page_number(visit)
    rows = message_pages.sandbox_list(visit.session, scope=visit.scope, text=text, offset=page * pages.PAGE)
    query = {name: value for name, value in {"q": text, "page": visit.query("page")}.items() if value}
    context = {
        "section": "sandbox",
        "rows": rows,
        "q": text,
        "page": page,
        "more": len(rows) == pages.PAGE,
        "query": query,
        "magic": MAGIC,
        "domain": "example.com",
    }
    return show(visit, "_sandbox.html" if visit.query("part") == "list" else "sandbox.html", context)


def sandbox_page(visit: Visit) -> Response:
    """One kept mail in four views."""
    kept = visit.sandbox_mail
    message = get_message(visit.session, kept.message_id)
    if message is None:
        raise LookupError(f"the message of {kept.id} is gone")
    with visit.app.gate.budget.hold(for_reading(message.size)):
        raw = raw_mail(visit, message)
        mail = read_mail(raw)
        source = raw[:SOURCE_SHOWN].decode("utf-8", "replace")
        del raw
    first = "html" if mail.html else "text"
    context = {
        "section": "sandbox",
        "kept": kept,
        "m": message,
        "mail": mail,
        "view": visit.query("view") if visit.query("view") in VIEWS else first,
        "source": source,
    }
    return show(visit, "sandbox_mail.html", context)
