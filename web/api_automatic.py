"""The API of automatic mail, for the keys of operators: acknowledgements, and who gets none for now."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, TypeAdapter
from sqlmodel import Session

from gatepost.gateway.acknowledge import TEXT_LIMIT, preview
from gatepost.model import Channel
from gatepost.store import automatic
from gatepost.store.channels import channel_by_address
from gatepost.store.credentials import DESK_SCOPE
from gatepost.web.api_call import Answer, Call, Operation, read_json, read_query
from gatepost.web.api_errors import BODY, HERE, Problem
from gatepost.web.api_models import Given
from gatepost.web.api_requests import NoQuery, Taken

SAMPLE = 1042


class AcknowledgementIn(Taken):
    """Whether a mailbox acknowledges mail, and with which text; empty for the usual one."""

    on: bool
    text: Annotated[str, Field(max_length=TEXT_LIMIT)] = ""


class AcknowledgementOut(Given):
    """What a mailbox answers by itself, and how that looks."""

    mailbox: str
    on: bool
    text: str
    subject: str
    preview: str


class StoppedOut(Given):
    """Who gets no automatic mail for now, by which rule, and what went round."""

    address: str
    rule: str
    until: datetime
    cycle: list[str]


class StoppedList(Given):
    """Who gets no automatic mail for now, the newest first."""

    data: list[StoppedOut]


ACKNOWLEDGEMENT: TypeAdapter[AcknowledgementIn] = TypeAdapter(AcknowledgementIn)


def get_acknowledgement(call: Call) -> Answer:
    """What a mailbox, named by its address, answers by itself."""
    read_query(call, NoQuery)
    with call.app.database.session() as session:
        return Answer(acknowledgement_out(session, mailbox_of(session, call)))


def set_acknowledgement(call: Call) -> Answer:
    """Switch a mailbox's acknowledgement on or off; the answer shows how it looks."""
    read_query(call, NoQuery)
    wanted = read_json(call, ACKNOWLEDGEMENT)
    with call.app.database.session() as session:
        channel = mailbox_of(session, call)
    text = wanted.text.strip()
    call.app.ledger.write(lambda writing: automatic.set_acknowledgement(writing, channel.id, wanted.on, text))
    with call.app.database.session() as session:
        return Answer(acknowledgement_out(session, channel))


def mailbox_of(session: Session, call: Call) -> Channel:
    channel = channel_by_address(session, call.path("address").lower())
    if channel is None:
        raise Problem("not-found")
    return channel


def acknowledgement_out(session: Session, channel: Channel) -> AcknowledgementOut:
    row = automatic.acknowledgement_of(session, channel.id)
    subject, text = preview(row.text, channel, SAMPLE)
    return AcknowledgementOut(mailbox=channel.address, on=row.on, text=row.text, subject=subject, preview=text)


def list_stopped(call: Call) -> Answer:
    """Who gets no automatic mail for now, and why."""
    read_query(call, NoQuery)
    with call.app.database.session() as session:
        return Answer(stopped(session, call.now))


def resume(call: Call) -> Answer:
    """Let an address get automatic mail again."""
    read_query(call, NoQuery)
    address, now = call.path("address").lower(), call.now
    if not call.app.ledger.write(lambda writing: automatic.reset(writing, address, None, now)):
        raise Problem("not-found")
    with call.app.database.session() as session:
        return Answer(stopped(session, now))


def stopped(session: Session, now: datetime) -> StoppedList:
    rows = automatic.list_breakers(session, now)
    found = [StoppedOut(address=row.address, rule=row.rule, until=row.until, cycle=list(row.cycle)) for row in rows]
    return StoppedList(data=found)


BOX = "/mailboxes/{address}/acknowledgement"
AUTOMATIC: tuple[Operation, ...] = (
    Operation("GET", BOX, get_acknowledgement, DESK_SCOPE, AcknowledgementOut, NoQuery, problems=HERE),
    Operation(
        "PUT",
        BOX,
        set_acknowledgement,
        DESK_SCOPE,
        AcknowledgementOut,
        NoQuery,
        takes=ACKNOWLEDGEMENT,
        problems=(*BODY, *HERE),
    ),
    Operation("GET", "/automatic-mail/stopped", list_stopped, DESK_SCOPE, StoppedList, NoQuery),
    Operation("DELETE", "/automatic-mail/stopped/{address}", resume, DESK_SCOPE, StoppedList, NoQuery, problems=HERE),
)
