"""The API of streams (RFC 8058): which credential's mail belongs to one that its recipients can leave."""

from typing import Annotated

from pydantic import Field, TypeAdapter

from gatepost.store import credentials, unsubscribes
from gatepost.store.credentials import SENDERS_SCOPE
from gatepost.web.api_call import Answer, Call, Operation, read_json, read_query
from gatepost.web.api_errors import BODY, HERE, Problem, wrong_field
from gatepost.web.api_models import Given
from gatepost.web.api_requests import NoQuery, Taken, read_id


class StreamIn(Taken):
    """The stream as recipients read it, such as Order news; empty for none."""

    stream: Annotated[str, Field(max_length=200)]


class StreamOut(Given):
    """A credential and the stream that its mail belongs to; empty where recipients cannot leave it."""

    id: str
    name: str
    stream: str


class StreamList(Given):
    """All credentials by name, with their streams."""

    data: list[StreamOut]


STREAM: TypeAdapter[StreamIn] = TypeAdapter(StreamIn)


def list_streams(call: Call) -> Answer:
    """The credentials by name, each with the stream of its mail."""
    read_query(call, NoQuery)
    with call.app.database.session() as session:
        rows = credentials.list_credentials(session)
        return Answer(StreamList(data=[StreamOut(id=row.id, name=row.name, stream=row.stream) for row in rows]))


def name_stream(call: Call) -> Answer:
    """Say which stream a credential's mail belongs to, or none; it counts for mail that is taken from now on."""
    read_query(call, NoQuery)
    given, key = read_json(call, STREAM), read_id("crd", call.path("id"))
    with call.app.database.session() as session:
        if credentials.get_credential(session, key) is None:
            raise Problem("not-found")
    try:
        call.app.ledger.write(lambda session: unsubscribes.set_stream(session, key, given.stream))
    except ValueError as error:
        raise wrong_field("#/stream", str(error)) from None
    with call.app.database.session() as session:
        row = credentials.get_credential(session, key)
        if row is None:
            raise Problem("not-found")
        return Answer(StreamOut(id=row.id, name=row.name, stream=row.stream))


STREAMS: tuple[Operation, ...] = (
    Operation("GET", "/streams", list_streams, SENDERS_SCOPE, StreamList, NoQuery),
    Operation(
        "PUT",
        "/streams/{id}",
        name_stream,
        SENDERS_SCOPE,
        StreamOut,
        NoQuery,
        takes=STREAM,
        problems=(*HERE, *BODY),
        once=False,
    ),
)
