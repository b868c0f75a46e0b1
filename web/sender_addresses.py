"""Addresses that may stand in From: asked for by an admin, confirmed by their owner on a page that needs no login."""

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from gatepost.address import Address, AddressError, parse_address
from gatepost.gateway.confirm import ask_to_confirm
from gatepost.gateway.standing import address_standing
from gatepost.model import Sender
from gatepost.reply import Refused
from gatepost.store import senders as store
from gatepost.store.links import AskedOften, row_by_token
from gatepost.web.mailboxes import sentence
from gatepost.web.render import show
from gatepost.web.route import NOT_HERE, Guest, Visit
from gatepost.web.senders import senders_view


def ask(visit: Visit) -> Response:
    """Send a confirmation mail to a new address, or once more to one that waits."""
    try:
        address = parse_address(visit.form.get("address"))
    except AddressError as error:
        return wrong(visit, sentence(str(error)))
    standing = address_standing(visit.session, visit.app.settings, address)
    if standing.usable:
        return wrong(visit, sentence(f"it needs no confirmation: {standing.why}"))
    visit.session.rollback()
    problem = try_to_ask(visit, address)
    return wrong(visit, problem) if problem else RedirectResponse("/senders?done=asked", 303)


def try_to_ask(visit: Visit, address: Address) -> str:
    """Ask; a sentence where that is not possible."""
    try:
        ask_to_confirm(visit.app.gate, address, visit.now)
    except AskedOften as error:
        return str(error)
    except Refused as refused:
        return sentence(refused.reply.text)
    return ""


def wrong(visit: Visit, problem: str) -> Response:
    return senders_view(visit, form=visit.form.wrong({"address": problem}), which="address", status=422)


def remove(visit: Visit) -> Response:
    """Forget an address."""
    row = store.get_sender(visit.session, visit.path("id"))
    if row is None:
        raise HTTPException(404, NOT_HERE)
    identifier, now = row.id, visit.now
    visit.app.ledger.write(lambda session: store.remove_sender(session, identifier, now))
    return RedirectResponse("/senders?done=removed", 303)


def confirm_page(guest: Guest) -> Response:
    """What the link of a confirmation mail shows; looking changes nothing, for mail scanners open every link."""
    found = row_by_token(guest.session, Sender, guest.path("token")[:128], guest.now)
    context = {"sender": found, "done": False, "domain": guest.app.settings.domain}
    return show(guest, "confirm.html", context, status=200 if found else 404)


def confirm(guest: Guest) -> Response:
    """The owner says yes, once."""
    token, now = guest.path("token")[:128], guest.now
    found = guest.app.ledger.write(lambda session: store.confirm(session, token, now))
    context = {"sender": found, "done": found is not None, "domain": guest.app.settings.domain}
    return show(guest, "confirm.html", context, status=200 if found else 404)
