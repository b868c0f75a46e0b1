"""Working by mail: one's own confirmed addresses, following a conversation, and what a mailbox answers by itself."""

from typing import Any

from starlette.responses import RedirectResponse, Response

from gatepost.address import AddressError, parse_address
from gatepost.gateway.acknowledge import TEXT_LIMIT
from gatepost.gateway.confirm import ask_agent_to_confirm
from gatepost.model import AgentAddress
from gatepost.reply import Refused
from gatepost.store import agents, automatic, followers
from gatepost.store.links import row_by_token
from gatepost.store.users import get_user
from gatepost.web import profile
from gatepost.web.conversation import back
from gatepost.web.mailboxes import channel_of, mailbox_view, sentence
from gatepost.web.render import show
from gatepost.web.route import Guest, Visit


def add_address(visit: Visit) -> Response:
    """Send the mail that proves an address of one's own."""
    try:
        address = parse_address(visit.form.get("address"))
    except AddressError as error:
        return wrong_address(visit, sentence(str(error)))
    visit.session.rollback()
    try:
        ask_agent_to_confirm(visit.app.gate, visit.user, address, visit.now)
    except ValueError as error:
        return wrong_address(visit, sentence(str(error)))
    except Refused as refused:
        return wrong_address(visit, sentence(refused.reply.text))
    return RedirectResponse("/profile?done=asked", 303)


def wrong_address(visit: Visit, problem: str) -> Response:
    return profile.profile(visit, form=visit.form.wrong({"address": problem}), status=422)


def remove_address(visit: Visit) -> Response:
    """Forget an address of one's own."""
    user_id, address, now = visit.user.id, visit.form.get("address"), visit.now
    visit.app.ledger.write(lambda session: agents.remove_address(session, user_id, address, now))
    return RedirectResponse("/profile?done=removed", 303)


def set_follows(visit: Visit) -> Response:
    """Whether one gets the mail of conversations that are assigned to oneself."""
    user_id, chosen = visit.user.id, visit.form.get("follows") == "yes"
    visit.app.ledger.write(lambda session: followers.set_follows_assigned(session, user_id, chosen))
    return RedirectResponse("/profile?done=follows", 303)


def confirm_page(guest: Guest) -> Response:
    """What the link of the mail shows; looking changes nothing."""
    found = row_by_token(guest.session, AgentAddress, guest.path("token")[:128], guest.now)
    return confirm_view(guest, found, done=False)


def confirm(guest: Guest) -> Response:
    """The owner says yes, once."""
    token, now = guest.path("token")[:128], guest.now
    return confirm_view(guest, guest.app.ledger.write(lambda s: agents.confirm_address(s, token, now)), done=True)


def confirm_view(guest: Guest, found: Any, *, done: bool) -> Response:
    user = get_user(guest.session, found.user_id) if found else None
    context = {"found": found, "agent": user, "done": done and found is not None, "domain": guest.app.settings.domain}
    return show(guest, "agent_address.html", context, status=200 if found else 404)


def follow(visit: Visit) -> Response:
    """Get the mail of this conversation, or no more."""
    user_id, conversation_id, now = visit.user.id, visit.conversation.id, visit.now
    following = visit.form.get("following") == "yes"
    visit.app.ledger.write(lambda s: followers.follow(s, user_id, conversation_id, following, now))
    return back(visit)


def save_acknowledgement(visit: Visit) -> Response:
    """Switch it on or off, or look at it first."""
    channel = channel_of(visit)
    text, on = visit.form.text("text").strip(), visit.form.get("on") == "yes"
    if len(text) > TEXT_LIMIT:
        form = visit.form.wrong({"text": f"At most {TEXT_LIMIT:,} characters."})
        return mailbox_view(visit, channel, acknowledgement=form, status=422)
    if visit.form.get("act") == "preview":
        return mailbox_view(visit, channel, acknowledgement=visit.form)
    channel_id = channel.id
    visit.app.ledger.write(lambda session: automatic.set_acknowledgement(session, channel_id, on, text))
    return RedirectResponse(f"/mailboxes/{channel_id}?done=saved#acknowledgement", 303)


def resume(visit: Visit) -> Response:
    """Let a correspondent get automatic mail again."""
    channel, address = channel_of(visit), visit.form.get("address")[:320]
    user_id, now = visit.user.id, visit.now
    visit.app.ledger.write(lambda session: automatic.reset(session, address, user_id, now))
    return RedirectResponse(f"/mailboxes/{channel.id}?done=saved#acknowledgement", 303)
