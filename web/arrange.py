"""Moving, splitting and merging: the page that puts mails where they belong, and takes it back."""

from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from gatepost.acts import Actor
from gatepost.model import Conversation, Correction
from gatepost.store import corrections, handed_over
from gatepost.store.conversations import by_number, get_conversation
from gatepost.store.corrections import NotPossible
from gatepost.store.messages import conversation_messages, get_message
from gatepost.store.placing import survivor
from gatepost.web.forms import Form
from gatepost.web.render import show
from gatepost.web.route import Visit

NO_SUCH = "There is no conversation with this number, or it is not yours to change."
NUMBER_DIGITS = 9


def arrange_page(visit: Visit) -> Response:
    """Which mails go where, and what was moved before."""
    return arrange_view(visit, Form())


def arrange_view(visit: Visit, form: Form, status: int = 200) -> Response:
    conversation = visit.conversation
    mails = conversation_messages(visit.session, conversation)
    context = {
        "conversation": conversation,
        "mails": [mail for mail in mails if mail.conversation_id == conversation.id],
        "chosen": set(form.all("mail")),
        "done": [line(visit, one) for one in corrections.corrections_of(visit.session, conversation.id)],
        "form": form,
        "section": "inbox",
    }
    return show(visit, "arrange.html", context, status=status)


def line(visit: Visit, correction: Correction) -> dict[str, Any]:
    """A correction with its conversations; only those that the reader may see are named."""
    both = (get_conversation(visit.session, one) for one in (correction.source_id, correction.target_id))
    source, target = (one if one and visit.may_on(one, "read") else None for one in both)
    may = source and target and all(visit.may_on(one, "assign") for one in (source, target))
    return {"row": correction, "source": source, "target": target, "may": bool(may) and not correction.undone_at}


def arrange(visit: Visit) -> Response:
    """Move the chosen mails, or merge the whole conversation."""
    form = visit.form
    whole = form.get("what") == "merge"
    target = None if form.get("where") == "new" and not whole else named(visit, form.get("to"))
    if target is None and (whole or form.get("where") != "new"):
        return arrange_view(visit, form.wrong({"to": NO_SUCH}), 422)
    source_id, target_id, now, actor = visit.conversation.id, target.id if target else "", visit.now, actor_of(visit)
    ids = form.all("mail")
    try:
        correction = visit.app.ledger.write(
            lambda session: corrections.carry_out(session, source_id, target_id, None if whole else ids, actor, now)
        )
    except NotPossible as error:
        return arrange_view(visit, form.wrong({"": str(error)}), 422)
    return to_conversation(visit, correction.target_id)


def join_claimed(visit: Visit) -> Response:
    """Join the conversation that this one claims to belong to: one click."""
    claimed = survivor(visit.session, visit.conversation.claims_id or "")
    if claimed is None or not visit.may_on(claimed, "assign"):
        return arrange_view(visit, visit.form.wrong({"": NO_SUCH}), 422)
    source_id, target_id, now, actor = visit.conversation.id, claimed.id, visit.now, actor_of(visit)
    try:
        visit.app.ledger.write(lambda session: corrections.carry_out(session, source_id, target_id, None, actor, now))
    except NotPossible as error:
        return arrange_view(visit, visit.form.wrong({"": str(error)}), 422)
    return to_conversation(visit, target_id)


def undo(visit: Visit) -> Response:
    """Take one of the moves of this conversation back."""
    done = corrections.get_correction(visit.session, visit.form.get("correction"))
    here = visit.conversation.id
    if done is None or here not in (done.source_id, done.target_id) or not line(visit, done)["may"]:
        return arrange_view(visit, visit.form.wrong({"": "This was undone already, or is not yours to undo."}), 422)
    correction_id, now, actor = done.id, visit.now, actor_of(visit)
    try:
        visit.app.ledger.write(lambda session: corrections.take_back(session, correction_id, actor, now))
    except NotPossible as error:
        return arrange_view(visit, visit.form.wrong({"": str(error)}), 422)
    return to_conversation(visit, done.source_id)


def take_back(visit: Visit) -> Response:
    """A mail that an agent forwarded was not for that customer: it counts as his own."""
    message, now, actor = get_message(visit.session, visit.form.get("mail")), visit.now, actor_of(visit)
    if message is None or message.conversation_id != visit.conversation.id:
        raise HTTPException(422, "This mail is not in this conversation any more.")
    visit.app.ledger.write(lambda session: handed_over.take_back(session, message, actor, now))
    return to_conversation(visit, visit.conversation.id)


def named(visit: Visit, text: str) -> Conversation | None:
    """The conversation with this number, `#7` or `7`, if the user may put mail there."""
    number = text.removeprefix("#").strip()
    if not number.isascii() or not number.isdecimal() or len(number) > NUMBER_DIGITS:
        return None
    found = by_number(visit.session, int(number))
    return found if found and visit.may_on(found, "assign") else None


def actor_of(visit: Visit) -> Actor:
    return Actor(visit.user.name, visit.user.id)


def to_conversation(visit: Visit, conversation_id: str) -> Response:
    """To a conversation's page; it may be one that was made just now."""
    with visit.app.database.session() as session:
        found = get_conversation(session, conversation_id)
    return RedirectResponse(f"/inbox/{found.number}" if found else "/inbox", 303)
