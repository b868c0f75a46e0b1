"""`DELETE /v1/conversations/{id}` and its kin: deleting a conversation, bringing it back, deleting for ever."""

from collections.abc import Callable
from typing import Literal

from pydantic import TypeAdapter
from sqlmodel import Session

from gatepost.acts import Actor
from gatepost.amount import amount
from gatepost.model import Conversation
from gatepost.store import api, deleted
from gatepost.store.conversations import by_number, get_conversation
from gatepost.store.corrections import NotPossible
from gatepost.store.credentials import DESK_SCOPE
from gatepost.store.gone import gone
from gatepost.store.purge import Contents, contents, purge
from gatepost.web.api_call import Answer, Call, Operation, read_json, read_query
from gatepost.web.api_conversations import find, shown
from gatepost.web.api_corrections import changeable
from gatepost.web.api_errors import BODY, HERE, Problem
from gatepost.web.api_models import ConversationOut, Given
from gatepost.web.api_requests import NoQuery, Taken, read_id, read_number
from gatepost.words import DELETED


class PurgeIn(Taken):
    """What is deleted for ever cannot be brought back: `confirm` it by the number of its mails, as the preview says."""

    confirm: int


class SpamQuery(Taken):
    """Why it is deleted: with `spam` because it is that."""

    spam: bool = False


class PurgeOut(Given):
    """What deleting for ever takes, or took; `waiting` mails are not sent to everybody yet, and hold it back."""

    conversation: int
    state: Literal["open", "closed", "deleted", "purged"]
    mails: int
    attachments: int
    waiting: int
    why: str


PURGE: TypeAdapter[PurgeIn] = TypeAdapter(PurgeIn)


def delete_conversation(call: Call) -> Answer:
    """Put a conversation into Deleted, where it can be restored until its content is deleted for ever."""
    query = read_query(call, SpamQuery)
    return change(call, lambda session, key, actor: deleted.delete(session, key, actor, call.now, spam=query.spam))


def restore_conversation(call: Call) -> Answer:
    """Bring a deleted conversation back."""
    read_query(call, NoQuery)
    return change(call, lambda session, key, actor: deleted.restore(session, key, actor, call.now))


def change(call: Call, act: Callable[[Session, str, Actor], object]) -> Answer:
    """Do it if the key may answer in the conversation."""
    with call.app.database.session() as session:
        row = changeable(session, call, find(session, call))
    written(call, lambda session: act(session, row.id, Actor(call.credential.name)))
    with call.app.database.session() as session:
        now = get_conversation(session, row.id) or row
        return Answer(shown(session, now, api.participants_of(session, [now.id])[now.id]))


def written(call: Call, op: Callable[[Session], object]) -> None:
    try:
        call.app.ledger.write(op)
    except NotPossible as error:
        raise Problem("refused", str(error)) from None


def preview_purge(call: Call) -> Answer:
    """What deleting a conversation for ever would take, and what holds it back."""
    read_query(call, NoQuery)
    with call.app.database.session() as session:
        row = any_conversation(session, call)
        return Answer(told(row, contents(session, [row.id])))


def purge_conversation(call: Call) -> Answer:
    """Delete what a conversation in Deleted says for ever; who wrote when, and what became of it, stays."""
    read_query(call, NoQuery)
    wanted = read_json(call, PURGE)
    with call.app.database.session() as session:
        row = any_conversation(session, call)
        before = contents(session, [row.id])
    if row.state == DELETED and wanted.confirm != before.mails:
        held = amount(before.mails, "mail")
        raise Problem("refused", f"It holds {held} now, not {wanted.confirm}: look at the preview again")
    written(call, lambda session: purge(session, row.id, Actor(call.credential.name), call.now))
    with call.app.database.session() as session:
        return Answer(told(get_conversation(session, row.id) or row, before))


def any_conversation(session: Session, call: Call) -> Conversation:
    """The conversation in the path, for the keys of operators. Raises Problem."""
    number = read_number(call.path("id"))
    key = read_id("con", call.path("id"))
    row = by_number(session, number) if number is not None else get_conversation(session, key)
    if row is None:
        raise Problem("not-found")
    return row


def told(row: Conversation, held: Contents) -> PurgeOut:
    return PurgeOut.model_validate(
        {
            "conversation": row.number,
            "state": row.state,
            "mails": held.mails,
            "attachments": held.attachments,
            "waiting": sum(held.waiting.values()),
            "why": gone(row),
        }
    )


HELD = ("sender-not-allowed", *HERE, "refused")
DELETING: tuple[Operation, ...] = (
    Operation(
        "DELETE",
        "/conversations/{id}",
        delete_conversation,
        "conversations:write",
        ConversationOut,
        SpamQuery,
        problems=HELD,
    ),
    Operation(
        "POST",
        "/conversations/{id}/restore",
        restore_conversation,
        "conversations:write",
        ConversationOut,
        NoQuery,
        problems=HELD,
    ),
    Operation("GET", "/conversations/{id}/purge", preview_purge, DESK_SCOPE, PurgeOut, NoQuery, problems=HERE),
    Operation(
        *("POST", "/conversations/{id}/purge", purge_conversation, DESK_SCOPE, PurgeOut, NoQuery),
        takes=PURGE,
        problems=(*BODY, *HERE, "refused"),
        once=False,
    ),
)
