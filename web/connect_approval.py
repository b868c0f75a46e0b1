"""An administrator's visit: he comes back days later, in any browser, without a login, and can set "approved" alone.

The link that leads to the provider holds a signed state. Whoever has it can say that approval was given; then the owner
is told and logs in himself, or app-only access tries for itself whether it is so.
"""

from collections.abc import Mapping

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

APP_ONLY_ADDRESS = "App-only access is for an organisation; a private account has none."


def came_back(guest: Guest, state: str, query: Mapping[str, str]) -> Response:
    """The page that the administrator sees at the end."""
    approval = approvals.approval_by_state(guest.session, guest.app.keys, state, guest.now)
    if approval is None:
        return show(guest, "connect_approved.html", {"approval": None, "advice": None, "connected": False}, status=404)
    answer = read_answer(query)
    if not answer.approved:
        advice = explain(answer.problem, tenant=approval.tenant) if answer.problem else None
        context = {"approval": approval, "advice": advice, "connected": False, "declined": True}
        return show(guest, "connect_approved.html", context)
    guest.session.expunge(approval)
    guest.session.rollback()
    connected = approved(guest, approval)
    context = {"approval": approval, "advice": None, "connected": connected, "declined": False}
    return show(guest, "connect_approved.html", context)


def approved(guest: Guest, approval: AdminApproval) -> bool:
    """Note it, once; whether the mailbox is connected now. Who comes a second time changes nothing and mails nobody."""
    now, approval_id = guest.now, approval.id
    if not guest.app.ledger.write(lambda session: approvals.approve(session, approval_id, now)):
        return approval.app_only and approval.finished_at is not None
    user = asker_of(guest, approval)
    if user is None:
        structlog.get_logger("web").warning("approval of nobody", approval=approval.id)
        return False
    connected = approval.app_only and not finish_app_only(guest, approval)
    tell(guest, approval, user, connected)
    return connected


def asker_of(guest: Guest, approval: AdminApproval) -> User | None:
    """Who asked for it, or made the link by which it was asked for, if he is still an admin."""
    user = users.get_user(guest.session, approval.user_id) if approval.user_id else None
    guest.session.expunge_all()
    guest.session.rollback()
    return user if user and not user.disabled_at and user.role == "admin" else None


def finish_app_only(guest: Guest, approval: AdminApproval) -> str:
    """Connect without a person, for the tenant that was asked; a sentence where that does not work yet."""
    provider = known_providers(guest.app.settings)[approval.provider]
    channel = channels.get_channel(guest.session, approval.channel_id)
    if channel is None:
        return "The mailbox is not there any more."
    guest.session.expunge_all()
    guest.session.rollback()
    path = path_of(channel.id, provider.key, approval.address)
    journey = Journey(channel, approval.address, provider, path, approval.user_id)
    return connect_save.connect_app_only(guest, journey, approval.tenant)


def tell(guest: Guest, approval: AdminApproval, user: User, connected: bool) -> None:
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
