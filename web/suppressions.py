"""The suppression list: which addresses are not written to, since when and why; admins add and remove."""

from datetime import timedelta

from starlette.responses import RedirectResponse, Response

from gatepost.address import AddressError, parse_address
from gatepost.failures import advice_for, has_failed
from gatepost.store import suppressions
from gatepost.store.contacts import last_results, message_ids
from gatepost.store.credentials import list_credentials
from gatepost.store.unsubscribes import come_back, list_unsubscribes, set_stream
from gatepost.web.forms import Form
from gatepost.web.inbox import page_number
from gatepost.web.render import show
from gatepost.web.route import Visit

PAGE = 50
DAYS = (30, 90, 365, 0)
NOTICES = {
    "added": "Nothing is sent to this address any more.",
    "removed": "Mail to this address is sent again. What was suppressed meanwhile waits for Try now on its message.",
    "back": "The stream is sent to this address again.",
    "stream": "The stream is saved; it counts for mail that is taken from now on.",
    "gone": "This address was not on the list any more.",
}


def suppression_page(visit: Visit, form: Form | None = None, status: int = 200) -> Response:
    """The list, newest first."""
    text, page = visit.query("q"), page_number(visit)
    rows = suppressions.list_suppressions(visit.session, text, page * PAGE, PAGE + 1)
    context = {
        "section": "suppressions",
        "rows": [(row, suppressions.is_in_force(row, visit.now)) for row in rows[:PAGE]],
        "q": text,
        "page": page,
        "more": len(rows) > PAGE,
        "count": suppressions.count_suppressions(visit.session, visit.now),
        "days": DAYS,
        "proofs": message_ids(visit.session, [row.delivery_id for row in rows if row.delivery_id]),
        "verdict": verdict(visit, text),
        "left": list_unsubscribes(visit.session, text),
        "credentials": list_credentials(visit.session),
        "notices": NOTICES,
        "form": form or Form(),
    }
    return show(visit, "suppressions.html", context, status=status)


def verdict(visit: Visit, text: str) -> str:
    """What a test of an address says: whether mail would be sent there, and how the last one fared."""
    try:
        key = parse_address(text).key
    except AddressError:
        return ""
    listed = suppressions.suppressed_among(visit.session, [key], visit.now)
    if listed:
        return f"{suppressions.sentence(listed[0])}."
    last = last_results(visit.session, [key]).get(key)
    if last is None:
        return f"Mail to {key} would be sent: it is not on the list, and no mail there has ended yet."
    fared = f"did not arrive: {advice_for(last).reason}" if has_failed(last) else "was delivered"
    return f"Mail to {key} would be sent: it is not on the list. The last mail there {fared}."


def list_page(visit: Visit) -> Response:
    """The list."""
    return suppression_page(visit)


def add(visit: Visit) -> Response:
    """Put an address on the list."""
    now, user_id = visit.now, visit.user.id
    reason = visit.form.get("reason")[:200] or f"{visit.user.name} asked for it"
    days = visit.form.get("days")
    try:
        key = parse_address(visit.form.get("address")).key
    except AddressError as error:
        return suppression_page(visit, visit.form.wrong({"address": f"{str(error).rstrip('.')}."}), 422)
    lasts = int(days) if days in map(str, DAYS) else DAYS[0]
    until = now + timedelta(days=lasts) if lasts else None
    visit.app.ledger.write(
        lambda session: suppressions.suppress(
            session, key, reason, source="person", now=now, expires_at=until, user_id=user_id
        )
    )
    return RedirectResponse("/suppressions?done=added", 303)


def remove(visit: Visit) -> Response:
    """Take an address off the list."""
    address, now, user = visit.form.get("address"), visit.now, visit.user
    gone = visit.app.ledger.write(
        lambda session: suppressions.unsuppress(session, address, f"Removed by {user.name}", now, user.id)
    )
    return RedirectResponse(f"/suppressions?done={'removed' if gone else 'gone'}", 303)


def take_back(visit: Visit) -> Response:
    """Send a stream to somebody again who had left it."""
    stream, address, now, user_id = visit.form.get("stream"), visit.form.get("address"), visit.now, visit.user.id
    gone = visit.app.ledger.write(lambda session: come_back(session, stream, address, now, user_id))
    return RedirectResponse(f"/suppressions?done={'back' if gone else 'gone'}", 303)


def name_stream(visit: Visit) -> Response:
    """Say which stream a credential's mail belongs to, or that it is none."""
    credential, name = visit.form.get("credential"), visit.form.get("stream")
    try:
        visit.app.ledger.write(lambda session: set_stream(session, credential, name))
    except ValueError as error:
        return suppression_page(visit, visit.form.wrong({"stream": f"{error}."}), 422)
    return RedirectResponse("/suppressions?done=stream", 303)
