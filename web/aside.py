"""Asking a third person about a conversation: the page, and sending it."""

from starlette.responses import RedirectResponse, Response

from gatepost.gateway.side import ask_aside
from gatepost.reply import Refused
from gatepost.store.showing import channel_to_answer_from
from gatepost.web.conversation import not_warned, read_addresses
from gatepost.web.forms import Form
from gatepost.web.render import show
from gatepost.web.route import Visit
from gatepost.web.warnings import warnings_for


def aside_page(visit: Visit) -> Response:
    """An empty form."""
    return aside_view(visit, Form())


def aside_view(visit: Visit, form: Form, status: int = 200) -> Response:
    typed, _ = read_addresses(form.all("to"))
    context = {
        "conversation": visit.conversation,
        "channel": channel_to_answer_from(visit.session, visit.conversation, visit.user),
        "warned": warnings_for(visit.session, typed, visit.now),
        "form": form,
        "section": "inbox",
    }
    return show(visit, "aside.html", context, status=status)


def aside(visit: Visit) -> Response:
    """Send it; what was written is kept when it cannot go out."""
    form = visit.form
    to, problems = read_addresses(form.all("to"))
    if not to and not problems:
        problems["to"] = "Name at least one person to ask."
    if not form.get("subject"):
        problems["subject"] = "Write what it is about: they see only this."
    if not form.text("text").strip():
        problems["text"] = "Write something before you send."
    if not problems and (unwarned := not_warned(visit, to)):
        problems["to"] = unwarned
    if problems:
        return aside_view(visit, form.wrong(problems), 422)
    try:
        number = ask_aside(
            visit.app.gate,
            conversation_id=visit.conversation.id,
            user_id=visit.user.id,
            to=to,
            subject=form.get("subject"),
            text=form.text("text"),
            now=visit.now,
        )
    except Refused as refused:
        return aside_view(visit, form.wrong({"text": refused.reply.text}), 422)
    except ValueError as error:
        return aside_view(visit, form.wrong({"to": f"{str(error).rstrip('.')}."}), 422)
    return RedirectResponse(f"/inbox/{number}", 303)
