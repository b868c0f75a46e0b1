"""The API of corrected addresses: send the same mail there, one delivery or all that failed, after a preview."""

from typing import Annotated

from pydantic import Field, TypeAdapter

from gatepost.address import AddressError, parse_address
from gatepost.gateway import acts
from gatepost.gateway.fixing import preview_fixes, send_fixes
from gatepost.store import suppressions
from gatepost.store.deliveries import get_delivery
from gatepost.store.queue import Which
from gatepost.web import api_views as views
from gatepost.web.api_call import Answer, Call, Operation, read_json, read_query
from gatepost.web.api_deliveries import ActOut, SuppressionOut, actor_of, check_sending, own_delivery, suppression_out
from gatepost.web.api_errors import BODY, HERE, Problem, wrong_field
from gatepost.web.api_models import Given
from gatepost.web.api_requests import AddressText, NoQuery, Taken
from gatepost.words import NOT_DELIVERED


class ResendIn(Taken):
    """The corrected address."""

    address: AddressText


class FixIn(Taken):
    """One address that failed, and where its mail should go instead."""

    old: AddressText = Field(alias="from")
    new: AddressText = Field(alias="to")


class FixesIn(Taken):
    """Corrected addresses; without `send` it is only told what would be done."""

    fixes: Annotated[list[FixIn], Field(min_length=1, max_length=100)]
    send: bool = False


class PlannedOut(Given):
    """How many failed mails of an address go, or would go, to another one, and how many not, by the reason."""

    old: str = Field(alias="from")
    new: str = Field(alias="to")
    ready: int
    refused: dict[str, int]


class FixesOut(Given):
    """What would be done for each address; `sent` counts the mails that are on their way, 0 in a preview."""

    data: list[PlannedOut]
    sent: int


RESEND: TypeAdapter[ResendIn] = TypeAdapter(ResendIn)
FIXES: TypeAdapter[FixesIn] = TypeAdapter(FixesIn)


def resend_delivery(call: Call) -> Answer:
    """Send the same mail to a corrected address: a delivery of its own, and the old one ends."""
    read_query(call, NoQuery)
    given, delivery_id = read_json(call, RESEND), own_delivery(call)
    check_sending(call, delivery_id)
    try:
        made = acts.resend(call.app.ledger, delivery_id, given.address, actor_of(call), call.now)
    except ValueError as error:
        raise wrong_field("#/address", str(error)) from None
    call.app.gate.wake()
    with call.app.database.session() as session:
        new = get_delivery(session, made)
        if new is None:
            raise Problem("not-found")
        return Answer(ActOut(done=True, why="", delivery=views.delivery(new)))


def fix_deliveries(call: Call) -> Answer:
    """Send what failed at these addresses to corrected ones; first ask without `send` how many that are."""
    read_query(call, NoQuery)
    given, app = read_json(call, FIXES), call.app
    fixes = {fix.old.lower(): fix.new for fix in given.fixes}
    which = Which(states=tuple(sorted(NOT_DELIVERED)), credential=call.credential.id)
    rows = preview_fixes(app.database, which, fixes, call.now)
    sent = 0
    if given.send:
        check_sending(call, *(key for row in rows for key in row.ready))
        sent = send_fixes(app.database, app.ledger, which, fixes, actor_of(call), call.now).changed
        app.gate.wake()
    data = [PlannedOut(old=row.old, new=row.new, ready=len(row.ready), refused=row.refused) for row in rows]
    return Answer(FixesOut(data=data, sent=sent))


def delete_suppression(call: Call) -> Answer:
    """Write to an address of this key's mail again, unless a person put it on the list; answers what its entry was."""
    read_query(call, NoQuery)
    try:
        address = parse_address(call.path("address")[:320]).key
    except AddressError:
        raise Problem("not-found") from None
    with call.app.database.session() as session:
        own = suppressions.suppressed_for(session, call.credential.id, call.now)
    row = next((row for row in own if row.address == address), None)
    if row is None:
        raise Problem("not-found")
    if row.source == "person":
        raise Problem("missing-scope", "A person put this address on the list, so an admin takes it off on the pages")
    why, now = f"Removed by {actor_of(call).name}", call.now
    call.app.ledger.write(lambda session: suppressions.unsuppress(session, address, why, now))
    return Answer(suppression_out(row))


FIXING: tuple[Operation, ...] = (
    Operation(
        "POST",
        "/deliveries/{id}/resend",
        resend_delivery,
        "messages:send",
        ActOut,
        NoQuery,
        takes=RESEND,
        status=202,
        problems=(*HERE, "sender-not-allowed", *BODY),
        once=False,
    ),
    Operation(
        "POST",
        "/fixes",
        fix_deliveries,
        "messages:send",
        FixesOut,
        NoQuery,
        takes=FIXES,
        problems=("sender-not-allowed", *BODY),
        once=False,
    ),
    Operation(
        "DELETE",
        "/suppressions/{address}",
        delete_suppression,
        "messages:send",
        SuppressionOut,
        NoQuery,
        problems=HERE,
    ),
)
