"""The page of what ends some day, the nearest end first."""

from starlette.responses import Response

from gatepost.expiries import tone_of
from gatepost.store.expiries import list_expiries
from gatepost.web.render import show
from gatepost.web.route import Visit

TONES = {"past": ("Ended", "bad"), "urgent": ("Ends soon", "bad"), "soon": ("Ends soon", "warn"), "fine": ("", "ok")}


def expiries(visit: Visit) -> Response:
    """All ends, with what happens then and what to do."""
    found = list_expiries(visit.session, visit.app.settings)
    rows = [(one, tone_of(one, visit.now), (one.ends_at - visit.now).days) for one in found]
    return show(visit, "expiries.html", {"section": "expiries", "rows": rows, "tones": TONES, "notices": {}})
