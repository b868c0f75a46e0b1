"""What readers of a delivery can do: try now, hold, release, cancel, fix the address and send again; one or many."""

from urllib.parse import quote

from starlette.responses import RedirectResponse, Response

from gatepost.acts import DONE, Actor
from gatepost.gateway import acts
from gatepost.model import Delivery, Message
from gatepost.store.deliveries import deliveries_of
from gatepost.store.queue import Which
from gatepost.store.routes import list_routes
from gatepost.web.forms import filled
from gatepost.web.render import show
from gatepost.web.route import Visit, local_path
from gatepost.words import NOT_DELIVERED

NOTICES = {
    "retry": "It will be tried again within seconds.",
    "hold": "It is held back until somebody releases it.",
    "release": "It is released and will be sent within seconds.",
    "cancel": "It is cancelled and will not be sent.",
    "reroute": "It goes over the other route within seconds; what is held goes when it is released.",
    "resend": "The same mail is on its way to the corrected address.",
    "fixed": "The mails are on their way to the corrected addresses.",
    "unchanged": "Nothing was changed: it is just being sent, has ended, or its address is suppressed; see its row.",
}


def actor(visit: Visit) -> Actor:
    """The reader, as history names him."""
    return Actor(visit.user.name or visit.user.email, visit.user.id)


def act_on_message(visit: Visit) -> Response:
    """Do what was pressed to one delivery of a message, or to all of them."""
    name, one = visit.form.get("act"), visit.form.get("delivery")
    back = local_path(visit.form.get("back") or f"/messages/{visit.message.id}")
    if name not in DONE or (one and delivery_in(visit, visit.message, one) is None):
        return RedirectResponse(noticed(back, "unchanged"), 303)
    states = tuple(sorted(NOT_DELIVERED)) if visit.form.get("only") == "failed" else ()
    which = Which(ids=(one or visit.message.id,), states=states)
    via = ""
    if name == "reroute":
        try:
            via = acts.check_route(visit.app.database, visit.app.settings.route, visit.form.get("route"))
        except ValueError:
            return RedirectResponse(noticed(back, "unchanged"), 303)
    done = acts.perform(visit.app.database, visit.app.ledger, name, which, actor(visit), visit.now, via)
    visit.app.gate.wake()
    return RedirectResponse(noticed(back, name if done.changed else "unchanged"), 303)


def noticed(path: str, notice: str) -> str:
    """The way back, with what to tell there."""
    plain = path.partition("#")[0].partition("?")[0]
    return f"{plain}?done={quote(notice)}"


def delivery_in(visit: Visit, message: Message, delivery_id: str) -> Delivery | None:
    """A delivery of a message."""
    return next((row for row in deliveries_of(visit.session, message.id) if row.id == delivery_id), None)


def resend_page(visit: Visit) -> Response:
    """The form for a corrected address."""
    delivery = delivery_in(visit, visit.message, visit.query("delivery"))
    if delivery is None:
        return RedirectResponse(f"/messages/{visit.message.id}", 303)
    return resend_form(visit, delivery, {})


def resend_form(visit: Visit, delivery: Delivery, problems: dict[str, str], status: int = 200) -> Response:
    meant = visit.query("to", 320) or delivery.recipient
    form = (visit.form if visit.form.get("address") else filled(address=meant)).wrong(problems)
    context = {"section": "messages", "m": visit.message, "d": delivery, "form": form, "routes": route_names(visit)}
    back = local_path(visit.query("back") or visit.form.get("back") or f"/messages/{visit.message.id}")
    return show(visit, "resend.html", {**context, "back": back}, status=status)


def resend(visit: Visit) -> Response:
    """Send the same mail to the corrected address, or say what is wrong with it."""
    delivery = delivery_in(visit, visit.message, visit.form.get("delivery"))
    if delivery is None:
        return RedirectResponse(f"/messages/{visit.message.id}?done=unchanged", 303)
    address = visit.form.get("address")
    try:
        acts.resend(visit.app.ledger, delivery.id, address, actor(visit), visit.now)
    except ValueError as error:
        return resend_form(visit, delivery, {"address": f"{str(error).rstrip('.')}."}, 422)
    visit.app.gate.wake()
    back = local_path(visit.form.get("back") or f"/messages/{visit.message.id}")
    return RedirectResponse(noticed(back, "resend"), 303)


def route_names(visit: Visit) -> list[str]:
    """What a person may choose from; nothing where the settings' route is the only one."""
    names = [row.name for row in list_routes(visit.session)]
    return list(dict.fromkeys((*names, visit.app.settings.route))) if names else []


def not_delivered(visit: Visit) -> Which:
    """All that was not delivered, of the reader's mailboxes."""
    return Which(states=tuple(sorted(NOT_DELIVERED)), channels=visit.scope)


def retry_page(visit: Visit) -> Response:
    """How many would be sent again, and why others not, before anything is done."""
    found = acts.preview(visit.app.database, "retry", not_delivered(visit), visit.now)
    context = {"section": "messages", "preview": found, "routes": route_names(visit)}
    return show(visit, "retry.html", context)


def retry_all(visit: Visit) -> Response:
    """Try all again that were not delivered, as before or over a route that was chosen."""
    which, route = not_delivered(visit), visit.form.get("route")
    name, via = "reroute" if route else "retry", ""
    try:
        via = acts.check_route(visit.app.database, visit.app.settings.route, route) if route else ""
    except ValueError:
        return RedirectResponse(noticed("/messages", "unchanged"), 303)
    done = acts.perform(visit.app.database, visit.app.ledger, name, which, actor(visit), visit.now, via)
    visit.app.gate.wake()
    return RedirectResponse(noticed("/messages", name if done.changed else "unchanged"), 303)
