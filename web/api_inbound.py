"""`/v1/inbound`: mail that was set aside, and what is decided about it; for the keys of operators."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter
from sqlmodel import Session

from gatepost.acts import Actor
from gatepost.gateway import review, set_aside
from gatepost.mail import headers_of
from gatepost.model import Arrival
from gatepost.store.arrivals import get_arrival
from gatepost.store.conversations import get_conversation
from gatepost.store.credentials import DESK_SCOPE
from gatepost.store.messages import RawLost, get_message, open_raw
from gatepost.store.set_aside import counts, waiting
from gatepost.threading.intake import Desk
from gatepost.web.api_call import Answer, Call, Operation, read_json, read_query
from gatepost.web.api_errors import BODY, HERE, Problem
from gatepost.web.api_models import Given, PersonOut
from gatepost.web.api_requests import NoQuery, Paging, Taken, read_id

HEAD = 64 * 1024
MOST_FIELDS = 200


class InboundQuery(Paging):
    """Which list: could not be read, to review, or reports that fit no mail."""

    list: Literal["quarantined", "review", "unlinked"] = "review"


class ReleaseIn(Taken):
    """With `into` into the conversation that it claims to belong to."""

    into: bool = False


class DiscardIn(Taken):
    """Why; the history keeps it."""

    reason: Annotated[str, Field(min_length=1, max_length=500)]


class BelongsIn(Taken):
    """The delivery that a report is about."""

    delivery: Annotated[str, Field(min_length=1, max_length=100)]


class ArrivalOut(Given):
    """A mail as it came; `decided` is what a person said about it, `claims` the number it claims to belong to."""

    id: str
    outcome: str
    why: str
    decided: str
    recipient: str
    envelope_from: str | None
    received_at: datetime
    tries: int
    from_: PersonOut | None = Field(alias="from")
    subject: str
    message_id: str | None
    conversation: int | None
    claims: int | None


class FieldOut(Given):
    """A header field, cleaned for reading."""

    name: str
    value: str


class ArrivalDetail(ArrivalOut):
    """A mail as it came, with the header fields of its first 64 KB."""

    headers: list[FieldOut]


class InboundList(Given):
    """One page of a list, newest first; `waiting` counts what waits in each list."""

    data: list[ArrivalOut]
    next: str | None
    waiting: dict[str, int]


RELEASE: TypeAdapter[ReleaseIn] = TypeAdapter(ReleaseIn)
DISCARD: TypeAdapter[DiscardIn] = TypeAdapter(DiscardIn)
BELONGS: TypeAdapter[BelongsIn] = TypeAdapter(BelongsIn)
Act = Callable[[Arrival], object]


def list_inbound(call: Call) -> Answer:
    """Mail that waits for a person, each with why."""
    query = read_query(call, InboundQuery)
    with call.app.database.session() as session:
        rows = waiting(session, query.list, query.limit + 1, query.after or "")
        page = [ArrivalOut.model_validate(described(session, row)) for row in rows[: query.limit]]
        number = counts(session)
    return Answer(InboundList(data=page, next=page[-1].id if len(rows) > query.limit else None, waiting=number))


def get_inbound(call: Call) -> Answer:
    """One mail that was set aside, with its headers."""
    read_query(call, NoQuery)
    return shown(call)


def let_in(call: Call) -> Answer:
    """Let a mail in that waits in review; an agent's mail is then carried out, but for its commands."""
    read_query(call, NoQuery)
    wanted = read_json(call, RELEASE)
    return done(call, lambda row: review.let_in(call.app.gate, row.id, actor(call), call.now, into=wanted.into))


def keep_out(call: Call) -> Answer:
    """Leave a mail out that waits in review."""
    read_query(call, NoQuery)
    return done(call, lambda row: review.keep_out(call.app.gate, row.id, actor(call), call.now))


def read_again(call: Call) -> Answer:
    """Read a mail again that could not be read, with today's code."""
    read_query(call, NoQuery)
    app = call.app
    desk = desk_of(call)
    return done(call, lambda row: set_aside.read_again(desk, app.database, app.ledger, row.id, actor(call), call.now))


def discard(call: Call) -> Answer:
    """Take an unreadable mail or a report off its list."""
    read_query(call, NoQuery)
    wanted = read_json(call, DISCARD)
    return done(call, lambda row: set_aside.discard(call.app.ledger, row.id, wanted.reason, actor(call), call.now))


def belongs(call: Call) -> Answer:
    """Say which delivery a report is about; it suppresses nothing."""
    read_query(call, NoQuery)
    wanted = read_json(call, BELONGS)
    app, desk = call.app, desk_of(call)
    return done(
        call,
        lambda row: set_aside.belongs(desk, app.database, app.ledger, row.id, wanted.delivery, actor(call), call.now),
    )


def done(call: Call, act: Act) -> Answer:
    """Do it, and show the mail as it is then; a sentence of what cannot be done becomes a problem."""
    row = arrival_of(call)
    try:
        act(row)
    except ValueError as error:
        raise Problem("refused", str(error)) from None
    return shown(call)


def arrival_of(call: Call) -> Arrival:
    with call.app.database.session() as session:
        row = get_arrival(session, read_id("arr", call.path("id")))
    if row is None:
        raise Problem("not-found")
    return row


def shown(call: Call) -> Answer:
    """The mail in the path as it is now."""
    row = arrival_of(call)
    with call.app.database.session() as session:
        fields = described(session, row)
        try:
            content = open_raw(session, row.raw_id, call.app.blobs)
            head = content[:HEAD] if isinstance(content, bytes) else content.head(HEAD)
        except RawLost:
            head = b""
    headers = [FieldOut(name=name, value=value) for name, value in headers_of(head)[:MOST_FIELDS]]
    return Answer(ArrivalDetail.model_validate({**fields, "headers": headers}))


def described(session: Session, row: Arrival) -> dict[str, object]:
    """What is told of an arrival."""
    message = get_message(session, row.message_id) if row.message_id else None
    conversation = get_conversation(session, message.conversation_id or "") if message else None
    claimed = get_conversation(session, conversation.claims_id or "") if conversation else None
    return {
        "id": row.id,
        "outcome": row.outcome,
        "why": row.outcome_why,
        "decided": row.decided,
        "recipient": row.recipient,
        "envelope_from": row.envelope_from,
        "received_at": row.received_at,
        "tries": row.tries,
        "from": PersonOut(address=message.from_address, name=message.from_name) if message else None,
        "subject": message.subject if message else "",
        "message_id": message.id if message else None,
        "conversation": conversation.number if conversation else None,
        "claims": claimed.number if claimed else None,
    }


def actor(call: Call) -> Actor:
    return Actor(call.credential.name)


def desk_of(call: Call) -> Desk:
    return Desk(call.app.settings, call.app.keys, call.app.blobs)


def acting(name: str, serve: Callable[[Call], Answer], takes: TypeAdapter[Any] | None = None) -> Operation:
    """An act on one mail; it answers with the mail as it is then."""
    problems = (*(BODY if takes else ()), *HERE, "refused")
    path = f"/inbound/{{id}}/{name}"
    return Operation(
        "POST", path, serve, DESK_SCOPE, ArrivalDetail, NoQuery, takes=takes, problems=problems, once=False
    )


INBOUND: tuple[Operation, ...] = (
    Operation("GET", "/inbound", list_inbound, DESK_SCOPE, InboundList, InboundQuery),
    Operation("GET", "/inbound/{id}", get_inbound, DESK_SCOPE, ArrivalDetail, NoQuery, problems=HERE),
    acting("release", let_in, RELEASE),
    acting("keep-out", keep_out),
    acting("again", read_again),
    acting("discard", discard, DISCARD),
    acting("belongs", belongs, BELONGS),
)
