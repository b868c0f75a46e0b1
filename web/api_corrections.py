"""`/v1/conversations/{id}/move` and its kin: putting mails where they belong, and taking it back."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter
from sqlmodel import Session

from gatepost.acts import Actor
from gatepost.gateway.answer import channel_of_answer
from gatepost.model import Conversation, Correction
from gatepost.store import api, corrections
from gatepost.store.conversations import get_conversation
from gatepost.store.corrections import NotPossible
from gatepost.web.api_call import Answer, Call, Operation, read_json, read_query
from gatepost.web.api_conversations import channels_of, find, find_named, may_answer_from
from gatepost.web.api_errors import BODY, HERE, Problem, wrong_field
from gatepost.web.api_models import Given
from gatepost.web.api_requests import NoQuery, Taken, read_id

Name = Annotated[str, Field(min_length=1, max_length=40)]


class MoveIn(Taken):
    """Mails of this conversation, and the conversation they go to, by id or number; `new` makes one for them."""

    messages: Annotated[list[Name], Field(min_length=1, max_length=500)]
    to: Name


class MergeIn(Taken):
    """The conversation that everything goes into, by id or number."""

    into: Name


class CorrectionOut(Given):
    """What was moved between which conversations; `undone_at` where it was taken back."""

    id: str
    kind: Literal["move", "split", "merge"]
    source: int
    target: int
    messages: list[str]
    at: datetime
    undone_at: datetime | None


MOVE: TypeAdapter[MoveIn] = TypeAdapter(MoveIn)
MERGE: TypeAdapter[MergeIn] = TypeAdapter(MergeIn)


def move(call: Call) -> Answer:
    """Move some mails of a conversation into another one, or into a new one; what answers them follows."""
    read_query(call, NoQuery)
    wanted = read_json(call, MOVE)
    with call.app.database.session() as session:
        source = changeable(session, call, find(session, call))
        target = None if wanted.to == "new" else other(session, call, "to", wanted.to)
    return carried_out(call, source.id, target.id if target else "", wanted.messages)


def merge(call: Call) -> Answer:
    """Put a whole conversation into another one; answers to it go there from now on."""
    read_query(call, NoQuery)
    wanted = read_json(call, MERGE)
    with call.app.database.session() as session:
        source = changeable(session, call, find(session, call))
        target = other(session, call, "into", wanted.into)
    return carried_out(call, source.id, target.id, None)


def undo(call: Call) -> Answer:
    """Take a move, split or merge back; the latest first."""
    read_query(call, NoQuery)
    with call.app.database.session() as session:
        row = corrections.get_correction(session, read_id("cor", call.path("id")))
        both = [get_conversation(session, one) for one in (row.source_id, row.target_id)] if row else []
        seen = api.visible(call.credential.id, channels_of(session, call.credential))
        if not row or not all(one and api.one_conversation(session, seen, conversation_id=one.id) for one in both):
            raise Problem("not-found")
        for one in both:
            if one:
                changeable(session, call, one)
    actor = Actor(call.credential.name)
    try:
        call.app.ledger.write(lambda writing: corrections.take_back(writing, row.id, actor, call.now))
    except NotPossible as error:
        raise Problem("refused", str(error)) from None
    return shown(call, row.id)


def changeable(session: Session, call: Call, conversation: Conversation) -> Conversation:
    """The conversation, if the key may answer in it. Raises Problem."""
    channel = channel_of_answer(session, conversation, None, call.credential)
    if channel and not may_answer_from(call.credential, channel):
        raise Problem("sender-not-allowed", f"This key may not send as {channel.address}, so it changes nothing there")
    return conversation


def other(session: Session, call: Call, field: str, named: str) -> Conversation:
    """The other conversation that a body names. Raises Problem."""
    found = find_named(session, call, named.removeprefix("#"))
    if found is None:
        raise wrong_field(field, "There is no such conversation, or it is not this key's to see")
    return changeable(session, call, found)


def carried_out(call: Call, source_id: str, target_id: str, messages: list[str] | None) -> Answer:
    actor = Actor(call.credential.name)
    try:
        done = call.app.ledger.write(
            lambda session: corrections.carry_out(session, source_id, target_id, messages, actor, call.now)
        )
    except NotPossible as error:
        raise Problem("refused", str(error)) from None
    return shown(call, done.id)


def shown(call: Call, correction_id: str) -> Answer:
    """A correction as it is stored now."""
    with call.app.database.session() as session:
        row = corrections.get_correction(session, correction_id)
        if row is None:
            raise Problem("not-found")
        return Answer(correction_out(session, row))


def correction_out(session: Session, row: Correction) -> CorrectionOut:
    source, target = (get_conversation(session, one) for one in (row.source_id, row.target_id))
    return CorrectionOut.model_validate(
        {
            "id": row.id,
            "kind": row.kind,
            "source": source.number if source else 0,
            "target": target.number if target else 0,
            "messages": [message_id for message_id, _ in row.before["messages"]],
            "at": row.at,
            "undone_at": row.undone_at,
        }
    )


CORRECTIONS: tuple[Operation, ...] = (
    Operation(
        "POST",
        "/conversations/{id}/move",
        move,
        "conversations:write",
        CorrectionOut,
        NoQuery,
        takes=MOVE,
        problems=("sender-not-allowed", *BODY, *HERE, "refused"),
    ),
    Operation(
        "POST",
        "/conversations/{id}/merge",
        merge,
        "conversations:write",
        CorrectionOut,
        NoQuery,
        takes=MERGE,
        problems=("sender-not-allowed", *BODY, *HERE, "refused"),
    ),
    Operation(
        "POST",
        "/corrections/{id}/undo",
        undo,
        "conversations:write",
        CorrectionOut,
        NoQuery,
        problems=("sender-not-allowed", *HERE, "refused"),
    ),
)
