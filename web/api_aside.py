"""`/v1/conversations/{id}/sides`: asking third people about a conversation; and undoing a forward for a customer."""

from typing import Annotated

from pydantic import Field, TypeAdapter

from gatepost.acts import Actor
from gatepost.gateway.answer import NoAnswer
from gatepost.gateway.side import LONGEST_SUBJECT, ask_aside
from gatepost.store import api, handed_over
from gatepost.store.conversations import by_number
from gatepost.store.messages import get_message
from gatepost.store.sides import parent_of, sides_of
from gatepost.web.api_call import Answer, Call, Operation, read_json, read_query
from gatepost.web.api_conversations import channels_of, find, shown
from gatepost.web.api_corrections import changeable
from gatepost.web.api_errors import BODY, HERE, Problem
from gatepost.web.api_models import ConversationOut, Given
from gatepost.web.api_requests import AddressText, NoQuery, OneLine, Taken, read_id

MOST = 50
TEXT_LIMIT = 1_000_000


class SideIn(Taken):
    """Whom to ask, and all that they see: nothing of the conversation goes along."""

    to: Annotated[list[AddressText], Field(min_length=1, max_length=MOST)]
    subject: Annotated[OneLine, Field(min_length=1, max_length=LONGEST_SUBJECT)]
    text: Annotated[str, Field(min_length=1, max_length=TEXT_LIMIT)]


class TakeBackIn(Taken):
    """The mail, by its id, that an agent forwarded for a customer."""

    message: Annotated[str, Field(min_length=1, max_length=40)]


class SideList(Given):
    """The side conversations about a conversation, oldest first; `about` is what it is a side conversation of."""

    data: list[ConversationOut]
    about: int | None


SIDE: TypeAdapter[SideIn] = TypeAdapter(SideIn)
TAKE_BACK: TypeAdapter[TakeBackIn] = TypeAdapter(TakeBackIn)


def list_sides(call: Call) -> Answer:
    """What third people were asked about a conversation, as far as the key may see it."""
    read_query(call, NoQuery)
    with call.app.database.session() as session:
        conversation = find(session, call)
        seen = api.visible(call.credential.id, channels_of(session, call.credential))
        about = parent_of(session, conversation.id)
        if about:
            about = api.one_conversation(session, seen, conversation_id=about.id)
        rows = [
            one for one in sides_of(session, conversation.id) if api.one_conversation(session, seen, number=one.number)
        ]
        people = api.participants_of(session, [row.id for row in rows])
        data = [shown(session, row, people[row.id]) for row in rows]
    return Answer(SideList(data=data, about=about.number if about else None))


def open_side(call: Call) -> Answer:
    """Ask third people about a conversation, in one of their own that its customer never sees."""
    read_query(call, NoQuery)
    wanted = read_json(call, SIDE)
    with call.app.database.session() as session:
        conversation = changeable(session, call, find(session, call))
    try:
        number = ask_aside(
            call.app.gate,
            conversation_id=conversation.id,
            user_id=None,
            to=wanted.to,
            subject=wanted.subject,
            text=wanted.text,
            now=call.now,
            credential=call.credential,
        )
    except NoAnswer as error:
        raise Problem("refused", str(error)) from None
    return one(call, number)


def take_back(call: Call) -> Answer:
    """A mail that an agent forwarded was not for that customer: it counts as the agent's own."""
    read_query(call, NoQuery)
    wanted = read_json(call, TAKE_BACK)
    with call.app.database.session() as session:
        conversation = changeable(session, call, find(session, call))
        message = get_message(session, read_id("msg", wanted.message))
    if message is None or message.conversation_id != conversation.id:
        raise Problem("refused", "This mail is not in this conversation")
    actor = Actor(call.credential.name)
    if not call.app.ledger.write(lambda session: handed_over.take_back(session, message, actor, call.now)):
        raise Problem("refused", "No agent forwarded this mail for a customer, or that was undone already")
    return one(call, conversation.number)


def one(call: Call, number: int) -> Answer:
    """A conversation as it is now."""
    with call.app.database.session() as session:
        row = by_number(session, number)
        if row is None:
            raise Problem("not-found")
        return Answer(shown(session, row, api.participants_of(session, [row.id])[row.id]))


ASIDE: tuple[Operation, ...] = (
    Operation("GET", "/conversations/{id}/sides", list_sides, "conversations:read", SideList, NoQuery, problems=HERE),
    Operation(
        "POST",
        "/conversations/{id}/sides",
        open_side,
        "conversations:write",
        ConversationOut,
        NoQuery,
        takes=SIDE,
        status=202,
        problems=("sender-not-allowed", *BODY, *HERE, "refused"),
        once=False,
    ),
    Operation(
        "POST",
        "/conversations/{id}/take-back",
        take_back,
        "conversations:write",
        ConversationOut,
        NoQuery,
        takes=TAKE_BACK,
        problems=("sender-not-allowed", *BODY, *HERE, "refused"),
        once=False,
    ),
)
