"""Webhooks: where systems are told of events; admins add, test and remove them, read the log and repeat calls."""

from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from gatepost.gateway.webhooks import check_url
from gatepost.model import Webhook
from gatepost.store import webhook_calls, webhooks
from gatepost.store.credentials import list_credentials
from gatepost.web.forms import Form
from gatepost.web.render import show
from gatepost.web.route import NOT_HERE, Visit
from gatepost.webhook_payload import event_id, read_kinds

PAGE = 50
NOTICES = {
    "test": "A test event is on its way; its answer appears in the log.",
    "replayed": "The call is made once more.",
    "finished": "Only the new secret signs from now on.",
    "enabled": "The webhook is on again; what happened meanwhile is sent now.",
    "removed": "The webhook is gone, and its log with it.",
}


def list_page(visit: Visit) -> Response:
    """All webhooks."""
    return show(visit, "webhooks.html", context_of(visit))


def context_of(visit: Visit) -> dict[str, Any]:
    credentials = list_credentials(visit.session)
    return {
        "section": "webhooks",
        "rows": webhooks.list_webhooks(visit.session),
        "credentials": credentials,
        "names": {row.id: row.name for row in credentials},
        "notices": NOTICES,
        "form": Form(),
        "made": None,
        "secret": "",
    }


def add(visit: Visit) -> Response:
    """A new webhook; the answer is the only page that ever shows its secret."""
    form, app, now = visit.form, visit.app, visit.now
    context = context_of(visit)
    problems: dict[str, str] = {}
    url, kinds = "", list[str]()
    try:
        url = check_url(form.get("url"), app.settings.private_hosts)
    except ValueError as error:
        problems["url"] = str(error)
    try:
        kinds = read_kinds(form.text("kinds").replace(",", " ").split())
    except ValueError as error:
        problems["kinds"] = f"{error}."
    owner = form.get("credential") or None
    if owner and owner not in context["names"]:
        problems["credential"] = "Choose one of the credentials."
    if problems:
        return show(visit, "webhooks.html", {**context, "form": form.wrong(problems)}, status=422)
    made, secret = app.ledger.write(
        lambda session: webhooks.create_webhook(session, app.keys, url=url, kinds=kinds, credential_id=owner, now=now)
    )
    visit.session.rollback()
    return show(visit, "webhooks.html", {**context_of(visit), "made": made, "secret": secret})


def wanted(visit: Visit) -> Webhook:
    """The webhook in the path. Raises HTTPException 404."""
    row = webhooks.get_webhook(visit.session, visit.path("id"))
    if row is None:
        raise HTTPException(404, NOT_HERE)
    return row


def log_page(visit: Visit) -> Response:
    """The calls of a webhook, the latest first."""
    return log_view(visit, wanted(visit))


def log_view(visit: Visit, row: Webhook, secret: str = "") -> Response:
    calls = webhook_calls.calls_of(visit.session, row.id, limit=PAGE + 1, before=visit.query("before") or None)
    context = {
        "section": "webhooks",
        "row": row,
        "secret": secret,
        "calls": [(call, event_id(call.seq)) for call in calls[:PAGE]],
        "more": len(calls) > PAGE,
        "notices": NOTICES,
    }
    return show(visit, "webhook.html", context)


def test(visit: Visit) -> Response:
    """Send a test event."""
    row, now = wanted(visit), visit.now
    visit.app.ledger.write(lambda session: webhooks.send_test(session, row, now))
    return RedirectResponse(f"/webhooks/{row.id}?done=test", 303)


def enable(visit: Visit) -> Response:
    """Switch it on again."""
    row, now = wanted(visit), visit.now
    visit.app.ledger.write(lambda session: webhooks.enable_webhook(session, row.id, now))
    return RedirectResponse(f"/webhooks/{row.id}?done=enabled", 303)


def rotate(visit: Visit) -> Response:
    """A new secret, which only this answer shows; calls carry both signatures until the rotation is finished."""
    row, app = wanted(visit), visit.app
    secret = app.ledger.write(lambda session: webhooks.rotate_secret(session, app.keys, row.id))
    visit.session.rollback()
    return log_view(visit, wanted(visit), secret or "")


def finish(visit: Visit) -> Response:
    """End a rotation: the old secret signs no more."""
    row = wanted(visit)
    visit.app.ledger.write(lambda session: webhooks.forget_old_secret(session, row.id))
    return RedirectResponse(f"/webhooks/{row.id}?done=finished", 303)


def remove(visit: Visit) -> Response:
    """Delete it with its log."""
    row = wanted(visit)
    visit.app.ledger.write(lambda session: webhooks.delete_webhook(session, row.id))
    return RedirectResponse("/webhooks?done=removed", 303)


def replay(visit: Visit) -> Response:
    """Make one call once more."""
    row, call_id, now = wanted(visit), visit.form.get("call"), visit.now
    if not visit.app.ledger.write(lambda session: webhook_calls.replay_call(session, row.id, call_id, now)):
        raise HTTPException(404, NOT_HERE)
    return RedirectResponse(f"/webhooks/{row.id}?done=replayed", 303)
