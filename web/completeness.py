"""The page that shows whether every mail on a mailbox's server is here, with a picture."""

from datetime import date
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from gatepost.connectors.completeness import by_folder
from gatepost.store import completeness
from gatepost.web.mailboxes import account_of, channel_of
from gatepost.web.picture import by_day, by_month
from gatepost.web.render import show
from gatepost.web.route import NOT_HERE, Visit

DAYS = 60
SHOWN = 200
NOTICES = {"asked": "The mailbox is being compared with its server now; the result appears here."}


def completeness_page(visit: Visit) -> Response:
    """One mailbox."""
    channel = channel_of(visit)
    account = account_of(visit, channel)
    if account is None:
        raise HTTPException(404, NOT_HERE)
    rows = completeness.ledger_of(visit.session, account.id)
    sums = completeness.sums_by_day(visit.session, account.id, date.min)
    found = [row for row in rows if row.missing]
    context: dict[str, Any] = {
        "section": "mailboxes",
        "channel": channel,
        "account": account,
        "checked": completeness.get_verification(visit.session, account.id),
        "folders": sorted(by_folder(rows), key=lambda one: (one.stored + one.missing == 0, one.folder)),
        "missing": found[:SHOWN],
        "days": by_day(sums, visit.now.date(), DAYS),
        "months": by_month(sums),
        "notices": NOTICES,
    }
    return show(visit, "_completeness.html" if visit.partial else "completeness.html", context)


def verify_now(visit: Visit) -> Response:
    """Have the running server compare at once."""
    channel = channel_of(visit)
    account, now = account_of(visit, channel), visit.now
    if account is None:
        raise HTTPException(404, NOT_HERE)
    account_id = account.id
    visit.app.ledger.write(lambda session: completeness.verify_soon(session, account_id, now))
    return RedirectResponse(f"/mailboxes/{channel.id}/completeness?done=asked", 303)
