"""Placing stored mail anew: what would land elsewhere under a policy, why, putting it there, and taking that back."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from urllib.parse import urlencode

from starlette.responses import RedirectResponse, Response

from gatepost.amount import amount
from gatepost.model import Message
from gatepost.store.messages import get_message
from gatepost.store.placing import runs
from gatepost.threading.intake import Desk
from gatepost.threading.place import DESK, POLICIES, Policy
from gatepost.threading.replay import Replayed, recent
from gatepost.threading.rethread import Preview, Put, decide_anew, preview, rethread, take_back
from gatepost.web.acts import actor
from gatepost.web.forms import Form
from gatepost.web.render import show
from gatepost.web.route import Visit

MOST = 400
DAYS = 7
MOST_DAYS = 3650
WORDS = {
    "desk": ("As live mail is placed", "Ids and signed addresses lead; who takes part joins, unproven senders marked."),
    "strict": ("Strict", "As desk, but a sender whom nothing proves joins nothing: he gets a linked conversation."),
    "archive": ("As history is threaded", "As desk, and the same subject among the same people belongs together."),
}


def placing_page(visit: Visit) -> Response:
    """Choose a policy; with one chosen, what it would do. With `mail` that one mail, whatever comes out."""
    return placing_view(visit, "")


def placing_view(visit: Visit, problem: str, status: int = 200) -> Response:
    field = visit.form.get if visit.request.method == "POST" else visit.query
    policy, days = policy_of(field("policy")), days_of(field("days"))
    one = decided(visit, field("mail"), policy) if visit.request.method == "GET" and field("mail") else None
    looked = bool(field("policy")) and one is None
    context = {
        "section": "inbound",
        "policies": WORDS,
        "policy": policy.name,
        "days": days,
        "preview": looked_at(visit, days, policy) if looked else None,
        "one": one,
        "most": MOST,
        "runs": runs(visit.session),
        "told": visit.query("told", 400),
        "problem": problem,
    }
    return show(visit, "placing.html", context, status=status)


def policy_of(name: str) -> Policy:
    return POLICIES.get(name, DESK)


def days_of(text: str) -> int:
    """A number of days that was typed; a week where it is none."""
    return min(max(int(text), 1), MOST_DAYS) if text.isascii() and text.isdecimal() and len(text) < 6 else DAYS


def looked_at(visit: Visit, days: int, policy: Policy) -> Preview:
    """What the policy would do to the mail of these days."""
    mails: Iterator[Message] = recent(visit.session, visit.now - timedelta(days=days), MOST)
    return preview(visit.session, desk_of(visit), mails, policy)


def decided(visit: Visit, message_id: str, policy: Policy) -> Replayed | None:
    """One stored inbound mail decided anew."""
    message = get_message(visit.session, message_id)
    return (
        decide_anew(visit.session, desk_of(visit), message, policy) if message and message.direction == "in" else None
    )


def desk_of(visit: Visit) -> Desk:
    return Desk(visit.app.settings, visit.app.keys, visit.app.blobs)


def put_mails(visit: Visit) -> Response:
    """Put the chosen mails where the policy puts them."""
    ids = visit.form.all("mail")
    if not ids:
        return placing_view(visit, "Choose at least one mail.", 422)
    policy = policy_of(visit.form.get("policy"))
    visit.session.rollback()
    app = visit.app
    done = rethread(app.database, app.ledger, desk_of(visit), ids, policy, actor(visit), visit.now)
    return back(told(done, "placed by this policy"))


def undo(visit: Visit) -> Response:
    """Take back what was put elsewhere together."""
    at = moment_of(visit.form)
    visit.session.rollback()
    done = take_back(visit.app.database, visit.app.ledger, at, actor(visit), visit.now) if at else Put((), ())
    return back(told(done, "taken back"))


def moment_of(form: Form) -> datetime | None:
    """The moment of the run in the form."""
    try:
        at = datetime.fromisoformat(form.get("at"))
    except ValueError:
        return None
    return at if at.tzinfo else None


def told(done: Put, what: str) -> str:
    """What was done, and what stayed with the first reason."""
    text = f"{amount(len(done.moved), 'mail')} {what}."
    if done.stayed:
        text += f" {len(done.stayed)} as before: {done.stayed[0][1]}."
    return text


def back(text: str) -> Response:
    return RedirectResponse(f"/placing?{urlencode({'told': text})}", 303)
