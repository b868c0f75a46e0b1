"""What comes back from a provider: a stranger's, until its state is known, unused, in time and from this browser.

Nothing of it is shown but what the consent doctor makes of it; the address in it is never believed before its token.
"""

import json
from typing import Any

import structlog
from starlette.responses import RedirectResponse, Response

from gatepost.connectors import oauth
from gatepost.connectors.consent import explain
from gatepost.connectors.grant import Granted, Refused, Unreachable
from gatepost.connectors.problem import Problem, read_problem
from gatepost.model import ConnectAttempt
from gatepost.reply import clean_text
from gatepost.store import attempts, channels, oauth_clients, users
from gatepost.store.approvals import is_approval_state
from gatepost.web import connect_approval, connect_link, connect_save
from gatepost.web.connect_begin import FORCED, begin
from gatepost.web.journey import Journey, browser_of, guard_of, known_providers, organisation
from gatepost.web.render import show
from gatepost.web.route import Guest, local_path
from gatepost.web.session import read_cookie

MOST_FIELDS = 30
LONGEST = 4096


def callback(guest: Guest) -> Response:
    """Where providers lead back to."""
    query = fields_of(guest)
    state = query.get("state", "")[:200]
    if is_approval_state(state):
        return connect_approval.came_back(guest, state, query)
    now, browser = guest.now, browser_of(guest)
    if attempts.find_attempt(guest.session, state, browser, now) is None:  # strangers cause no writing
        return show(guest, "connect_over.html", status=400)
    attempt = guest.app.ledger.write(lambda session: attempts.take_attempt(session, state, browser, now))
    kept = read_kept(guest, attempt) if attempt else None
    if attempt is None or kept is None or not may_finish(guest, attempt):
        return show(guest, "connect_over.html", status=400)
    return finish(guest, attempt, kept, query, forced=state.startswith(FORCED))


def fields_of(guest: Guest) -> dict[str, str]:
    """The query, bounded; a field that comes twice counts once."""
    items = list(guest.request.query_params.multi_items())[:MOST_FIELDS]
    return {name[:100]: value[:LONGEST] for name, value in reversed(items)}


def read_kept(guest: Guest, attempt: ConnectAttempt) -> dict[str, Any] | None:
    """What was sealed when the attempt began."""
    opened = attempts.open_flow(guest.app.keys, attempt)
    return json.loads(opened) if opened else None


def may_finish(guest: Guest, attempt: ConnectAttempt) -> bool:
    """Whether who began it may still connect: the same admin, logged in; or a link that is still open."""
    if attempt.link_hash:
        return connect_link.known_link(guest, attempts.link_by_hash(guest.session, attempt.link_hash, guest.now))
    known = users.session_by_token(guest.session, read_cookie(guest.request, guest.app.secure), guest.now)
    return bool(known and known[1].id == attempt.user_id and known[1].role == "admin")


def finish(
    guest: Guest, attempt: ConnectAttempt, kept: dict[str, Any], query: dict[str, str], *, forced: bool
) -> Response:
    """Exchange the code, try the mailbox, save it; or keep why not, and lead back to where the journey is shown."""
    provider = known_providers(guest.app.settings)[attempt.provider]
    if query.get("error") or not query.get("code"):
        return refused(guest, attempt, kept, read_problem(attempt.provider, "authorize", query))
    row = oauth_clients.get_client(guest.session, attempt.provider)
    channel = channels.get_channel(guest.session, attempt.channel_id)
    if row is None or channel is None:
        return show(guest, "connect_over.html", status=400)
    client = oauth.client_of(row, guest.app.keys)
    guest.session.expunge_all()
    guest.session.rollback()
    try:
        granted = oauth.finish(provider, client, kept["flow"], query, guard=guard_of(guest.app), now=guest.now)
    except Refused as error:
        return refused(guest, attempt, kept, error.problem)
    except Unreachable:
        return refused(guest, attempt, kept, Problem(attempt.provider, "token", "temporarily_unavailable"))
    journey = Journey(channel, attempt.address, provider, kept["back"], attempt.user_id, attempt.link_hash)
    if connect_save.lacks_refresh(guest, journey, granted) and not forced:
        answer = begin(guest, journey, shared=attempt.shared, forced=True)
        if not isinstance(answer, str):
            return answer
    return save(guest, attempt, kept, journey, granted)


def save(guest: Guest, attempt: ConnectAttempt, kept: dict[str, Any], journey: Journey, granted: Granted) -> Response:
    """Try the mailbox with its new token, and save it."""
    problem = connect_save.try_mailbox(guest.app, journey, granted.mailbox, granted.tokens)
    if problem:
        return refused(guest, attempt, kept, problem)
    try:
        return RedirectResponse(connect_save.save(guest, attempt, journey, granted), 303)
    except LookupError:
        return show(guest, "connect_over.html", status=400)


def refused(guest: Guest, attempt: ConnectAttempt, kept: dict[str, Any], problem: Problem) -> Response:
    """Keep what the refusal means, and show it on the journey's page."""
    advice = explain(problem, tenant=organisation(attempt.address))
    log = structlog.get_logger("web")
    log.info("not connected", provider=attempt.provider, key=advice.key, error=problem.error, codes=problem.codes)
    text, now = clean_text(problem.text)[:254] if problem.stage in ("address", "scopes") else "", guest.now
    guest.app.ledger.write(lambda session: attempts.note_result(session, attempt, advice.key, text, now))
    return RedirectResponse(local_path(kept["back"]), 303)
