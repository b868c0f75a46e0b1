"""The reference of delivery codes: what each means, what to do, who can do it, and what providers write beside it."""

from starlette.exceptions import HTTPException
from starlette.responses import Response

from gatepost.codes import WHO, look_up, means, search
from gatepost.web.render import show
from gatepost.web.route import Visit

UNKNOWN = "This is no delivery code: write it as 550 or 5.1.1. The index has them all, and a search."
EXAMPLES = ("5.1.1", "mailbox full", "spam", "dmarc", "too large")


def index(visit: Visit) -> Response:
    """All codes, or those that a search finds."""
    text = visit.query("q", 100)
    found = search(text)
    context = {"section": "codes", "q": text, "codes": found, "who": WHO, "examples": EXAMPLES}
    return show(visit, "codes.html", context)


def code_page(visit: Visit) -> Response:
    """One code."""
    found = look_up(visit.path("code")[:20])
    if found is None:
        raise HTTPException(404, UNKNOWN)
    sayings = [(saying, means(saying)) for saying in found.sayings]
    return show(visit, "code.html", {"section": "codes", "code": found, "who": WHO, "sayings": sayings})
