"""The API of working by mail, for the keys of operators: who follows a conversation, and agents' addresses."""

from datetime import datetime

from pydantic import TypeAdapter
from sqlmodel import Session

from gatepost.address import parse_address
from gatepost.gateway.confirm import ask_agent_to_confirm
from gatepost.model import Conversation, User
from gatepost.store import agents, followers, users
from gatepost.store.conversations import by_number, get_conversation
from gatepost.store.credentials import DESK_SCOPE
from gatepost.store.showing import may
from gatepost.web.api_call import Answer, Call, Operation, read_json, read_query
from gatepost.web.api_errors import BODY, HERE, Problem, wrong_field
from gatepost.web.api_models import Given
from gatepost.web.api_requests import AddressText, NoQuery, Taken, read_id, read_number


class FollowerOut(Given):
    """A user who gets the mail of a conversation."""

    email: str
    name: str


class FollowerList(Given):
    """Who follows a conversation."""

    data: list[FollowerOut]


class AgentAddressOut(Given):
    """An address of an agent; he works by mail from there once `confirmed_at` is set."""

    address: str
    confirmed_at: datetime | None


class AgentOut(Given):
    """A user as he works by mail; `follows_assigned`: he gets the mail of what is assigned to him."""

    email: str
    name: str
    follows_assigned: bool
    addresses: list[AgentAddressOut]


class AgentList(Given):
    """The users by name."""

    data: list[AgentOut]


class AddressIn(Taken):
    """An address of an agent; its owner gets a mail with a link."""

    address: AddressText


class FollowsIn(Taken):
    """Whether an agent gets the mail of what is assigned to him."""

    follows_assigned: bool


ADDRESS: TypeAdapter[AddressIn] = TypeAdapter(AddressIn)
FOLLOWS: TypeAdapter[FollowsIn] = TypeAdapter(FollowsIn)


def list_followers(call: Call) -> Answer:
    """Who gets the mail of a conversation."""
    read_query(call, NoQuery)
    with call.app.database.session() as session:
        return Answer(following(session, conversation_of(session, call)))


def follow(call: Call) -> Answer:
    """Let a user, named by his login address, get the mail of a conversation that he may see."""
    return set_following(call, True)


def unfollow(call: Call) -> Answer:
    """Let a user get the mail of a conversation no more."""
    return set_following(call, False)


def set_following(call: Call, wanted: bool) -> Answer:
    read_query(call, NoQuery)
    with call.app.database.session() as session:
        conversation = conversation_of(session, call)
        user = user_of(session, call.path("address"))
        if wanted and not may(session, user, conversation, "read"):
            raise Problem("refused", f"{user.name} does not work in the mailbox of this conversation")
    user_id, now = user.id, call.now
    call.app.ledger.write(lambda writing: followers.follow(writing, user_id, conversation.id, wanted, now))
    with call.app.database.session() as session:
        return Answer(following(session, conversation))


def following(session: Session, conversation: Conversation) -> FollowerList:
    found = followers.followers(session, conversation)
    return FollowerList(data=[FollowerOut(email=user.email, name=user.name) for user in found])


def conversation_of(session: Session, call: Call) -> Conversation:
    """The conversation in the path, by id or number. Raises Problem."""
    named = call.path("id")
    number = read_number(named)
    found = get_conversation(session, read_id("con", named)) if number is None else by_number(session, number)
    if found is None:
        raise Problem("not-found")
    return found


def user_of(session: Session, email: str) -> User:
    """The user with this login address. Raises Problem."""
    user = users.user_by_email(session, email[:320])
    if user is None or user.disabled_at:
        raise Problem("not-found")
    return user


def list_agents(call: Call) -> Answer:
    """The users with the addresses from which they work by mail."""
    read_query(call, NoQuery)
    with call.app.database.session() as session:
        return Answer(AgentList(data=[agent_out(session, user) for user in users.list_users(session)]))


def agent_out(session: Session, user: User) -> AgentOut:
    rows = agents.addresses_of(session, user.id)
    return AgentOut(
        email=user.email,
        name=user.name,
        follows_assigned=user.follows_assigned,
        addresses=[AgentAddressOut(address=row.address, confirmed_at=row.confirmed_at) for row in rows],
    )


def set_follows(call: Call) -> Answer:
    """Whether an agent gets the mail of what is assigned to him."""
    read_query(call, NoQuery)
    wanted = read_json(call, FOLLOWS)
    with call.app.database.session() as session:
        user_id = user_of(session, call.path("id")).id
    call.app.ledger.write(lambda writing: followers.set_follows_assigned(writing, user_id, wanted.follows_assigned))
    return agent_now(call)


def add_agent_address(call: Call) -> Answer:
    """Send the mail that proves an address of an agent; he works from there once its link was used."""
    read_query(call, NoQuery)
    wanted = read_json(call, ADDRESS)
    with call.app.database.session() as session:
        user = user_of(session, call.path("id"))
    try:
        ask_agent_to_confirm(call.app.gate, user, parse_address(wanted.address), call.now)
    except ValueError as error:
        raise wrong_field("#/address", str(error)) from None
    return agent_now(call)


def remove_agent_address(call: Call) -> Answer:
    """Forget an address of an agent: nothing goes there, and nothing from there is acted upon."""
    read_query(call, NoQuery)
    address = call.path("address").lower()
    with call.app.database.session() as session:
        user = user_of(session, call.path("id"))
        if address not in {row.address for row in agents.addresses_of(session, user.id)}:
            raise Problem("not-found")
    user_id, now = user.id, call.now
    call.app.ledger.write(lambda writing: agents.remove_address(writing, user_id, address, now))
    return agent_now(call)


def agent_now(call: Call) -> Answer:
    with call.app.database.session() as session:
        return Answer(agent_out(session, user_of(session, call.path("id"))))


ONE = "/conversations/{id}/followers/{address}"
OWN = "/agents/{id}/addresses"
DESK: tuple[Operation, ...] = (
    Operation("GET", "/conversations/{id}/followers", list_followers, DESK_SCOPE, FollowerList, NoQuery, problems=HERE),
    Operation("PUT", ONE, follow, DESK_SCOPE, FollowerList, NoQuery, problems=(*HERE, "refused")),
    Operation("DELETE", ONE, unfollow, DESK_SCOPE, FollowerList, NoQuery, problems=HERE),
    Operation("GET", "/agents", list_agents, DESK_SCOPE, AgentList, NoQuery),
    Operation(
        "PUT", "/agents/{id}", set_follows, DESK_SCOPE, AgentOut, NoQuery, takes=FOLLOWS, problems=(*BODY, *HERE)
    ),
    Operation(
        "POST",
        OWN,
        add_agent_address,
        DESK_SCOPE,
        AgentOut,
        NoQuery,
        takes=ADDRESS,
        status=202,
        problems=(*BODY, *HERE, "refused", "sender-not-allowed"),
        once=False,
    ),
    Operation("DELETE", OWN + "/{address}", remove_agent_address, DESK_SCOPE, AgentOut, NoQuery, problems=HERE),
)
