"""The hosted link: an admin sends it, a colleague connects just that mailbox with it, without a login of ours."""

from typing import Any
from zlib import crc32

from sqlmodel import Session
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from gatepost.address import AddressError, parse_address
from gatepost.gateway.approved import send_link
from gatepost.model import Channel, ConnectLink
from gatepost.reply import Refused
from gatepost.store import approvals, attempts, channels, users
from gatepost.store.links import LINK_LIFE
from gatepost.web.connect_begin import begin
from gatepost.web.journey import WITH_LOGIN, Journey, Standing, journey_context, known_providers
from gatepost.web.mailboxes import channel_of, sentence
from gatepost.web.render import show
from gatepost.web.route import NOT_HERE, Guest, Visit


def make(visit: Visit) -> Response:
    """Make the link; it is shown once, and mailed where that is wanted."""
    channel = channel_of(visit)
    try:
        address = parse_address(visit.form.get("owner") or channel.address).key
    except AddressError as error:
        return made_page(visit, channel, problem=sentence(str(error)))
    mailed, user, now, channel_id = visit.form.get("mail") == "yes", visit.user, visit.now, channel.id
    visit.session.expunge_all()
    visit.session.rollback()

    def write(session: Session) -> str:
        approvals.finish_approvals(session, channel_id, now, by_link=True)
        return attempts.make_link(session, channel_id=channel_id, address=address, user_id=user.id, now=now)

    token = visit.app.ledger.write(write)
    link = f"{visit.app.settings.base_url}/connect/link/{token}"
    problem = mail(visit, address, link) if mailed else ""
    return made_page(visit, channel, address=address, link=link, mailed=mailed and not problem, problem=problem)


def mail(visit: Visit, address: str, link: str) -> str:
    """Mail the link to the mailbox itself; a sentence where that is not possible."""
    it, until = f"{visit.app.settings.base_url}/connect/it/microsoft", visit.now + LINK_LIFE
    try:
        send_link(visit.app.gate, address=address, sender=visit.user.name, link=link, it=it, until=until, now=visit.now)
    except Refused as refused:
        return sentence(refused.reply.text)
    return ""


def made_page(visit: Visit, channel: Channel, *, problem: str = "", **shown: Any) -> Response:
    known = {"address": "", "link": "", "mailed": False, **shown}
    context = {"section": "mailboxes", "channel": channel, "problem": problem, "life": LINK_LIFE, **known}
    return show(visit, "connect_link_made.html", context, status=422 if problem and not known["link"] else 200)


def end(visit: Visit) -> Response:
    """End the open link of a mailbox; an approval that was asked for by it makes no other one."""
    channel_id, now = channel_of(visit).id, visit.now

    def write(session: Session) -> None:
        attempts.end_links(session, channel_id)
        approvals.finish_approvals(session, channel_id, now, by_link=True)

    visit.app.ledger.write(write)
    return RedirectResponse(f"/mailboxes/{channel_id}?done=link-ended", 303)


def link_of(guest: Guest) -> tuple[ConnectLink, Channel] | None:
    """What the link in the path is for, unless used, run out, or none of ours; or who made it left."""
    link = attempts.link_by_token(guest.session, guest.path("token")[:128], guest.now)
    channel = channels.get_channel(guest.session, link.channel_id) if link and known_link(guest, link) else None
    return (link, channel) if link and channel else None


def known_link(guest: Guest, link: ConnectLink | None) -> bool:
    """Whether a link is there, and who made it is still an admin."""
    maker = users.get_user(guest.session, link.user_id) if link and link.user_id else None
    return bool(maker and not maker.disabled_at and maker.role == "admin")


def choose_page(guest: Guest) -> Response:
    """Which provider; looking changes nothing, for mail scanners open every link."""
    found = link_of(guest)
    token = guest.path("token")[:128]
    providers = known_providers(guest.app.settings)
    context = {
        "link": found[0] if found else None,
        "spent": None if found else attempts.spent_link(guest.session, token),
        "buttons": [(providers[key], f"/connect/link/{token}/{key}") for key in WITH_LOGIN],
        "domain": guest.app.settings.domain,
    }
    return show(guest, "connect_link.html", context, status=200 if found else 404)


def journey_of(guest: Guest) -> Journey | None:
    """The journey of a link. Raises HTTPException 404 for another provider."""
    found, key = link_of(guest), guest.path("provider")
    if key not in WITH_LOGIN:
        raise HTTPException(404, NOT_HERE)
    if found is None:
        return None
    link, channel = found
    provider = known_providers(guest.app.settings)[key]
    path = f"/connect/link/{guest.path('token')[:128]}/{key}"
    return Journey(channel, link.address, provider, path, link_hash=link.token_hash)


def go_page(guest: Guest) -> Response:
    """What will happen, and the button to the provider."""
    journey = journey_of(guest)
    if guest.partial:
        return news(guest, journey)
    return page(guest, journey) if journey else choose_page(guest)


def news(guest: Guest, journey: Journey | None) -> Response:
    """What changed since the page was shown, for the page that asks again and again; 204 where nothing did."""
    if journey is None:
        spent = attempts.spent_link(guest.session, guest.path("token")[:128])
        return show(guest, "_connect_guest_over.html", {"spent": spent})
    context = guest_context(guest, journey)
    if guest.query("seen") == context["mark"]:
        return Response(status_code=204)
    return show(guest, "_connect_guest_live.html", context)


def guest_context(guest: Guest, journey: Journey) -> dict[str, Any]:
    """What the page shows, with a mark by which it knows whether that changed."""
    context = journey_context(guest, journey)
    return {**context, "mark": mark_of(context["standing"])}


def mark_of(standing: Standing) -> str:
    """The same for what looks the same."""
    approval = standing.approval
    shown = (
        standing.waiting and standing.waiting.created_at,
        standing.connected,
        standing.result and standing.result.key,
        standing.said,
        approval and (approval.id, approval.approved_at),
        bool(standing.approval_link),
    )
    return f"{crc32(repr(shown).encode()):08x}"


def page(guest: Guest, journey: Journey, problem: str = "", status: int = 200) -> Response:
    context = {"problem": problem, "section": "", **guest_context(guest, journey)}
    return show(guest, "connect_guest.html", context, status=status)


def go(guest: Guest) -> Response:
    """Begin the login at the provider."""
    journey = journey_of(guest)
    if journey is None:
        return choose_page(guest)
    answer = begin(guest, journey)
    return page(guest, journey, answer, 422) if isinstance(answer, str) else answer


def done(guest: Guest) -> Response:
    """Where a colleague ends who has connected the mailbox."""
    return show(guest, "connect_done.html", {"domain": guest.app.settings.domain})
