"""Leaving a stream (RFC 8058): a GET shows a button and changes nothing, as scanners open links; a POST leaves."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from gatepost.gateway.streams import read_link
from gatepost.store.unsubscribes import has_left, leave, stream_of
from gatepost.web.forms import Form
from gatepost.web.render import show
from gatepost.web.route import Guest, Need, Page, made
from gatepost.web.state import app_of

MOST = 64 * 1024
ONE_CLICK = b"One-Click"


def unsubscribe_page(guest: Guest) -> Response:
    """What the link is about, and the button."""
    return answer(guest, "")


def unsubscribe(guest: Guest) -> Response:
    """Leave the stream: by the button, or by a mail program that was asked to."""
    delivery_id = read_link(guest.app.gate, guest.path("token"))
    if delivery_id:
        how, now = "the link in a mail", guest.now
        guest.app.ledger.write(lambda session: leave(session, delivery_id, how, now))
        guest.session.rollback()
    return answer(guest, "left")


def answer(guest: Guest, done: str) -> Response:
    delivery_id = read_link(guest.app.gate, guest.path("token"))
    found = stream_of(guest.session, delivery_id) if delivery_id else None
    if not found or not found[0]:
        return show(guest, "unsubscribe.html", {"stream": ""}, status=404)
    left = has_left(guest.session, *found)
    return show(guest, "unsubscribe.html", {"stream": found[0], "address": found[1], "left": left, "done": done})


async def by_post(request: Request) -> Response:
    """A POST from anywhere, for the token is all that it needs; its body says that it is meant."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST:
            return Response("This is more than an unsubscribe request has.\n", 413)
    if ONE_CLICK not in body:
        return Response("Say List-Unsubscribe=One-Click, as RFC 8058 has it.\n", 400)
    return await run_in_threadpool(served, request)


def served(request: Request) -> Response:
    app = app_of(request)
    with app.database.session() as session:
        return unsubscribe(Guest(app, request, session, app.now(), Form()))


def posting() -> Page:
    """The route of the POST, which may come from another site: mail providers send it."""
    return made("/u/{token}", by_post, Need("anybody"), ("POST",))
