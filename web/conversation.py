"""One conversation: reading it, answering, notes, closing, assigning, and its history."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from gatepost.address import AddressError, parse_address
from gatepost.gateway.answer import AnswerRecipient, answer, answer_recipients, answered_message, own_addresses
from gatepost.gateway.manage_routes import explain_choice
from gatepost.gateway.recipient_changes import BLIND, came_blind, changes, people_named
from gatepost.gateway.rules import Sender
from gatepost.model import Message, User
from gatepost.reply import Refused
from gatepost.store import conversations, pages, placing, sides, users
from gatepost.store.agents import confirmed_addresses
from gatepost.store.channels import get_channel
from gatepost.store.events import conversation_events
from gatepost.store.followers import follows
from gatepost.store.gone import gone, why_not
from gatepost.store.messages import conversation_messages
from gatepost.store.showing import channel_to_answer_from, further_of, may
from gatepost.store.suppressions import suppressed_among
from gatepost.web.forms import Form
from gatepost.web.history import history, trigger_label
from gatepost.web.inbox import kept_query, list_context
from gatepost.web.render import show
from gatepost.web.route import Visit
from gatepost.web.thread import Shown, people_count, thread_of
from gatepost.web.warnings import warnings_for
from gatepost.words import DELETED, GONE

NOTE_LIMIT = 50_000


def conversation_page(visit: Visit) -> Response:
    """The whole page, the conversation alone, or the part that changes live."""
    now, number_id, user_id = visit.now, visit.conversation.id, visit.user.id
    if visit.conversation.state not in GONE:
        visit.app.ledger.submit(lambda session: conversations.mark_seen(session, number_id, user_id, now))
    return conversation_view(visit)


def conversation_view(visit: Visit, *, status: int = 200, form: Form | None = None, mode: str = "reply") -> Response:
    """The conversation, with what was written when it could not be sent."""
    part = visit.query("part")
    if part == "warned":
        typed, _ = read_addresses([visit.query("cc", 2000)])
        messages = conversation_messages(visit.session, visit.conversation)
        context = {"warned": warnings_for(visit.session, typed, visit.now), "changes": changed(messages, [], typed)}
        return show(visit, "_warned.html", context)
    if part == "thread":
        return show(visit, "_thread.html", thread_context(visit))
    context = {**thread_context(visit), **composer_context(visit), "mode": mode, "form": form or Form()}
    if part == "to":
        return show(visit, "_recipients.html", context)
    if visit.partial:
        return show(visit, "_conversation.html", context, status=status)
    return show(visit, "inbox.html", {**list_context(visit), **context, "section": "inbox"}, status=status)


def thread_context(visit: Visit) -> dict[str, Any]:
    """Head and messages."""
    conversation = visit.conversation
    channels = {channel.id: channel for channel in pages.channels_in(visit.session, None)}
    thread = thread_of(visit)
    about = sides.parent_of(visit.session, conversation.id)
    claimed = conversations.get_conversation(visit.session, conversation.claims_id) if conversation.claims_id else None
    survivor = placing.survivor(visit.session, conversation.id) if conversation.merged_into else None
    return {
        "conversation": conversation,
        "gone": gone(conversation),
        "gone_at": last_day(visit),
        "channel": channels.get(conversation.channel_id or ""),
        "thread": thread,
        "people": people_count(visit),
        "sides": [one for one in sides.sides_of(visit.session, conversation.id) if visit.may_on(one, "read")],
        "about": about if about and visit.may_on(about, "read") else None,
        "further": further_of(visit.session, conversation),
        "answers_from": channel_to_answer_from(visit.session, conversation, visit.user),
        "copied": any(reason.get("copy") for shown in thread[:1] for reason in shown.message.why),
        "merged_origins": [
            (one, mail)
            for one, mail in placing.merged_origins(visit.session, conversation.id)
            if visit.may_on(one, "read")
        ],
        "survivor": survivor if survivor and visit.may_on(survivor, "read") else None,
        "claimed": claimed if claimed and visit.may_on(claimed, "read") else None,
        "assignees": [user for user in pages.assignable(visit.session) if works_here(visit, user)],
        "assignee": users.get_user(visit.session, conversation.assignee_id or ""),
        "query": kept_query(visit),
        "draft": None,
        "following": follows(visit.session, visit.user, conversation),
        "by_mail": bool(confirmed_addresses(visit.session, visit.user.id)),
        "trigger_label": trigger_label,
    }


def last_day(visit: Visit) -> datetime | None:
    """When the conversation, which is in Deleted, is deleted for ever; None where that is not by itself."""
    days, since = visit.app.settings.deleted_days, visit.conversation.deleted_at
    return since + timedelta(days=days) if since and days and visit.conversation.state == DELETED else None


def works_here(visit: Visit, user: User) -> bool:
    """Whether a user may answer in this conversation."""
    return may(visit.session, user, visit.conversation, "answer")


def composer_context(visit: Visit) -> dict[str, Any]:
    """Who would get an answer, and why."""
    proposed = answer_recipients(visit.session, visit.conversation.id, visit.app.settings)
    thread = thread_of(visit)
    typed, _ = read_addresses([*visit.form.all("to"), *visit.form.all("cc")])
    warned = warnings_for(visit.session, [*(person.address for person in proposed), *typed], visit.now)
    bad = {one.address for one in warned}
    messages = [one.message for one in thread]
    ours, answered = own_addresses(visit.session), answered_message(visit.session, visit.conversation)
    return {
        "changes": changed(messages, proposed, typed) if typed else [],
        "blind": BLIND if came_blind(answered, ours, visit.app.settings) else "",
        "proposed": [(person, person.address in bad or undelivered(person, thread)) for person in proposed],
        "warned": warned,
        "goes_out": goes_out(visit, [person.address for person in proposed]),
    }


def changed(messages: Sequence[Message], proposed: Sequence[AnswerRecipient], typed: list[str]) -> list[str]:
    """What must be said of recipients that are new, or left out."""
    return changes(people_named(messages) | {person.address for person in proposed}, proposed, typed)


def goes_out(visit: Visit, recipients: list[str]) -> tuple[str, str]:
    """The route that an answer would take, and why; empty where there is nothing to choose."""
    channel = get_channel(visit.session, visit.conversation.channel_id or "")
    if channel is None or not recipients:
        return "", ""
    name, _, told = explain_choice(visit.app.gate, Sender(channel.address), recipients[0])
    return (name, told[0]) if told else ("", "")


def undelivered(person: AnswerRecipient, thread: list[Shown]) -> bool:
    """Whether the newest mail to this person was not delivered."""
    for shown in reversed(thread):
        for recipient in shown.recipients:
            if recipient.delivery and recipient.address.lower() == person.address.lower():
                return recipient.failed
    return False


def back(visit: Visit) -> Response:
    """To the conversation, where the list stands as it stood."""
    query = urlencode(kept_query(visit))
    return RedirectResponse(f"/inbox/{visit.conversation.number}{'?' + query if query else ''}", 303)


def send_reply(visit: Visit) -> Response:
    """Answer; what was written is kept when it cannot go out."""
    if visit.conversation.merged_into:
        raise HTTPException(409, "This conversation was merged into another one. Open that one and answer there.")
    check_there(visit)
    text = visit.form.text("text")
    to, problems = read_addresses(visit.form.all("to"))
    cc, more = read_addresses(visit.form.all("cc"))
    problems |= more
    if not text.strip():
        problems["text"] = "Write something before you send."
    if not to and not cc and "to" not in problems:
        problems["to"] = "Choose at least one recipient."
    if not problems and (unwarned := not_warned(visit, [*to, *cc])):
        problems["to"] = unwarned
    if not problems:
        try:
            conversation_id, user_id = visit.conversation.id, visit.user.id
            answer(
                visit.app.gate, conversation_id=conversation_id, user_id=user_id, to=to, cc=cc, text=text, now=visit.now
            )
            return back(visit)
        except Refused as refused:
            problems["text"] = refused.reply.text
        except ValueError as error:
            problems["text"] = str(error)
    return conversation_view(visit, status=422, form=visit.form.wrong(problems))


def not_warned(visit: Visit, addresses: list[str]) -> str:
    """What must be said before sending: a suppressed recipient that the writer was not told of; else nothing."""
    told = {address.lower() for address in visit.form.all("warned")}
    listed = [row.address for row in suppressed_among(visit.session, addresses, visit.now) if row.address not in told]
    if not listed:
        return ""
    return f"Nothing is sent to {', '.join(listed)}: see below why. Take it out, or press Send again to go on without."


def read_addresses(values: list[str]) -> tuple[list[str], dict[str, str]]:
    """Addresses as written by a person, several with commas between them; a problem names the one that is wrong."""
    found: list[str] = []
    for value in values:
        for part in value.replace(";", ",").split(","):
            try:
                found += [str(parse_address(part.strip()))] if part.strip() else []
            except AddressError as error:
                return found, {"to": str(error)}
    return list(dict.fromkeys(found)), {}


def add_note(visit: Visit) -> Response:
    """Keep a note that only agents see."""
    check_there(visit)
    text = visit.form.text("text").strip()
    if not text or len(text) > NOTE_LIMIT:
        problem = f"A note has at most {NOTE_LIMIT:,} characters." if text else "Write something before you save it."
        return conversation_view(visit, status=422, form=visit.form.wrong({"text": problem}), mode="note")
    conversation, user, now = visit.conversation, visit.user, visit.now
    visit.app.ledger.write(lambda session: conversations.add_note(session, conversation, user, text, now))
    return back(visit)


def check_there(visit: Visit) -> None:
    """Nothing is done in a conversation that was deleted. Raises HTTPException with what to do first."""
    if told := why_not(visit.conversation):
        raise HTTPException(409, f"{told}.")


def close(visit: Visit) -> Response:
    """Close it."""
    return change_state(visit, "closed")


def reopen(visit: Visit) -> Response:
    """Open it again."""
    return change_state(visit, "open")


def change_state(visit: Visit, state: str) -> Response:
    check_there(visit)
    conversation, user_id, now = visit.conversation, visit.user.id, visit.now
    if conversation.state != state:
        visit.app.ledger.write(lambda session: conversations.set_state(session, conversation, state, user_id, now))
    return back(visit)


def assign(visit: Visit) -> Response:
    """Give it to somebody who works here, or to nobody."""
    assignee_id, user_id, now = visit.form.get("assignee"), visit.user.id, visit.now
    assignee = users.get_user(visit.session, assignee_id) if assignee_id else None
    if assignee_id and (not assignee or assignee.disabled_at or not works_here(visit, assignee)):
        raise HTTPException(422, "This person does not work in this mailbox. Choose somebody who does.")
    conversation = visit.conversation
    if (conversation.assignee_id or "") != assignee_id:
        visit.app.ledger.write(lambda session: conversations.assign(session, conversation, assignee, user_id, now))
    return back(visit)


def events_drawer(visit: Visit) -> Response:
    """The history beside the conversation; as a page of its own without scripts."""
    conversation = visit.conversation
    messages = conversation_messages(visit.session, conversation)
    lines = history(visit.session, conversation_events(visit.session, conversation.id), messages)
    sent = [message for message in messages if message.direction == "out"]
    newest = sent[-1] if sent else None
    context = {"lines": lines, "newest": newest, "label": f"#{conversation.number}", "trigger_label": trigger_label}
    if visit.partial:
        return show(visit, "_events.html", context)
    return show(visit, "events.html", {**context, "section": "inbox", "back": f"/inbox/{conversation.number}"})
