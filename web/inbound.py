"""What came in and did not simply become part of a conversation: bounces that fit no mail, review, quarantine."""

from starlette.responses import Response

from gatepost.store.queue import arrivals_with
from gatepost.web.render import show
from gatepost.web.route import Visit
from gatepost.words import Outcome

LOOKED_AT = 500
SHOWN = 100
UNLINKED = "about no mail that we sent"
TABS = {
    "unlinked": (Outcome.REPORT, "Bounces that fit no mail"),
    "report": (Outcome.REPORT, "All reports"),
    "review": (Outcome.REVIEW, "To review"),
    "automatic": (Outcome.AUTOMATIC, "Automatic answers"),
    "quarantined": (Outcome.QUARANTINED, "Could not be read"),
}


def inbound(visit: Visit) -> Response:
    """The newest of one kind, each with why."""
    tab = visit.query("tab") if visit.query("tab") in TABS else "unlinked"
    rows = list(arrivals_with(visit.session, TABS[tab][0], LOOKED_AT))
    if tab == "unlinked":
        rows = [row for row in rows if UNLINKED in row.outcome_why]
    context = {"section": "inbound", "tab": tab, "tabs": TABS, "rows": rows[:SHOWN]}
    return show(visit, "inbound.html", context)
