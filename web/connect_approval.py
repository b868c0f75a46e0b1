"""An administrator's visit: he comes back days later, in any browser, without a login, and can set "approved" alone.

The link that leads to the provider holds a signed state. Whoever has it can come here without having approved anything,
so what came back is a word that has to be tried: by the owner's own login, or, for app-only access, by us and at once.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

import structlog
from sqlmodel import Session
from starlette.responses import RedirectResponse, Response

from gatepost.connectors.admin_link import read_answer
from gatepost.connectors.consent import explain
from gatepost.gateway.approved import tell_approved
from gatepost.model import AdminApproval, User
from gatepost.reply import Refused
from gatepost.store import approvals, attempts, channels, oauth_clients, users
from gatepost.web import connect_save
from gatepost.web.connecting import journey_of, journey_view
from gatepost.web.journey import Journey, asked_tenant, known_providers, path_of
from gatepost.web.render import show
from gatepost.web.route import Guest, Visit
from gatepost.web.session import may_try, net_of

APP_ONLY_ADDRESS = "App-only access is for an organisation; a private account has none."
DAY = timedelta(days=1)
MOST_A_DAY = 3
Found = Literal["gone", "declined", "told", "connected", "unproven"]


def came_back(guest: Guest, state: str, query: Mapping[str, str]) -> Response:
    """The page that the administrator sees at the end."""
    approval = approvals.approval_by_state(guest.session, guest.app.keys, state, guest.now)
    if approval is None:
        return end_page(guest, "gone", None)
    answer = read_answer(query)
    if not answer.approved:
        advice = explain(answer.problem, tenant=approval.tenant) if answer.problem else None
        return end_page(guest, "declined", approval, advice=advice)
    guest.session.expunge(approval)
    guest.session.rollback()
    return end_page(guest, approved(guest, approval), approval)


def end_page(guest: Guest, found: Found, approval: AdminApproval | None, **more: Any) -> Response:
    context = {"found": found, "approval": approval, "advice": None, **more}
    return show(guest, "connect_approved.html", context, status=404 if found == "gone" else 200)


def approved(guest: Guest, approval: AdminApproval) -> Found:
    """Note that it came back, once; who comes a second time changes nothing and mails nobody."""
    user = asker_of(guest, approval)
    if user is None:
        structlog.get_logger("web").warning("approval of nobody", approval=approval.id)
        return "gone"
    if approval.app_only:
        return try_app_only(guest, approval, user)
    if note(guest, approval):
        tell(guest, approval, user)
    return "told"


def note(guest: Guest, approval: AdminApproval) -> bool:
    """Note it; whether somebody is to be told: the first time, and not often a day for one mailbox."""
    now, approval_id, channel_id = guest.now, approval.id, approval.channel_id

    def write(session: Session) -> bool:
        often = approvals.came_back_since(session, channel_id, now - DAY) >= MOST_A_DAY
        return approvals.approve(session, approval_id, now) and not often

    return guest.app.ledger.write(write)


def try_app_only(guest: Guest, approval: AdminApproval, user: User) -> Found:
    """Nobody logs in afterwards, so what came back is tried at once; without a token nothing is noted."""
    if approval.finished_at:
        return "connected"
    journey = app_only_journey(guest, approval)
    if journey is None or not may_try(guest.app.ledger, guest.session, approval.id, net_of(guest.ip), guest.now):
        return "unproven"
    guest.session.rollback()
    tokens = connect_save.app_tokens(guest, journey, approval.tenant)
    if isinstance(tokens, str):
        return "unproven"
    first = note(guest, approval)
    why = connect_save.open_app_only(guest, journey, approval.tenant, tokens, approval.id)
    if first or not why:
        tell(guest, approval, user, connected=not why, why=why)
    return "unproven" if why else "connected"


def app_only_journey(guest: Guest, approval: AdminApproval) -> Journey | None:
    """What is to be connected, for the tenant that was asked; None where the mailbox is not there any more."""
    provider = known_providers(guest.app.settings)[approval.provider]
    channel = channels.get_channel(guest.session, approval.channel_id)
    guest.session.expunge_all()
    path = path_of(approval.channel_id, provider.key, approval.address)
    return Journey(channel, approval.address, provider, path, approval.user_id) if channel else None


def asker_of(guest: Guest, approval: AdminApproval) -> User | None:
    """Who asked for it, or made the link by which it was asked for, if he is still an admin."""
    user = users.get_user(guest.session, approval.user_id) if approval.user_id else None
    guest.session.expunge_all()
    guest.session.rollback()
    return user if user and not user.disabled_at and user.role == "admin" else None


def tell(guest: Guest, approval: AdminApproval, user: User, *, connected: bool = False, why: str = "") -> None:
    """Tell who asked; for a colleague without a login a new link goes to the mailbox itself."""
    base = guest.app.settings.base_url
    to, link = user.email, f"{base}{path_of(approval.channel_id, approval.provider, approval.address)}"
    if approval.by_link and not connected:
        to, link = approval.address, f"{base}/connect/link/{new_link(guest, approval)}"
    try:
        tell_approved(
            guest.app.gate,
            to=to,
            address=approval.address,
            tenant=approval.tenant,
            link=link,
            connected=connected,
            why=why,
            now=guest.now,
        )
    except Refused as refused:
        structlog.get_logger("web").warning("approval not told", approval=approval.id, why=refused.reply.text)


def new_link(guest: Guest, approval: AdminApproval) -> str:
    """A fresh link for the colleague, as 72 hours may have passed."""
    channel_id, address, now = approval.channel_id, approval.address, guest.now

    def write(session: Session) -> str:
        return attempts.make_link(session, channel_id=channel_id, address=address, user_id=approval.user_id, now=now)

    return guest.app.ledger.write(write)


def ask(visit: Visit) -> Response:
    """Make the approval link again, or the one for app-only access; or finish app-only access that is approved."""
    journey = journey_of(visit, visit.form.get("address"))
    row = oauth_clients.get_client(visit.session, journey.provider.key)
    tenant = asked_tenant(journey, row) if row else ""
    if not tenant:
        return journey_view(visit, journey, APP_ONLY_ADDRESS, 422)
    app_only, now, channel_id = visit.form.get("app_only") == "yes", visit.now, journey.channel.id
    if visit.form.get("finish") == "yes":
        visit.session.expunge_all()
        visit.session.rollback()
        problem = connect_save.connect_app_only(visit, journey, tenant)
        done = f"/mailboxes/{channel_id}?done=connected"
        return journey_view(visit, journey, problem, 422) if problem else back(done)

    def write(session: Session) -> None:
        approvals.ask_approval(
            session,
            channel_id=channel_id,
            provider=journey.provider.key,
            address=journey.address,
            tenant=tenant,
            user_id=visit.user.id,
            app_only=app_only,
            now=now,
        )

    visit.app.ledger.write(write)
    return back(f"{journey.path}#approval")


def back(path: str) -> Response:
    return RedirectResponse(path, 303)
