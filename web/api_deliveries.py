"""The API of acts: a system tries its own mail again, holds, releases or cancels it, and reads why it is suppressed."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, TypeAdapter

from gatepost.acts import SENDS, Actor
from gatepost.address import parse_address
from gatepost.gateway import acts
from gatepost.gateway.standing import address_standing
from gatepost.model import Suppression
from gatepost.store import api, suppressions
from gatepost.store.deliveries import authors_of, get_delivery
from gatepost.store.queue import Which
from gatepost.web import api_views as views
from gatepost.web.api_call import Answer, Call, Operation, read_json, read_query
from gatepost.web.api_errors import BODY, HERE, Problem, wrong_field
from gatepost.web.api_models import DeliveryOut, Given
from gatepost.web.api_requests import NoQuery, Taken, read_id


class ActOut(Given):
    """Whether the act was done, why not where it was not, and the delivery as it is now."""

    done: bool
    why: str
    delivery: DeliveryOut


class RerouteIn(Taken):
    """The route to send over, or `auto` for the one that the rules choose."""

    route: Annotated[str, Field(min_length=1, max_length=40)]


REROUTE: TypeAdapter[RerouteIn] = TypeAdapter(RerouteIn)


class SuppressionOut(Given):
    """An address of this key's mail that is not written to, with the proof; without an end it is for good."""

    address: str
    reason: str
    source: str
    evidence: str
    since: datetime
    until: datetime | None


class SuppressionList(Given):
    """The suppressed recipients of this key's mail, by address."""

    data: list[SuppressionOut]


def retry(call: Call) -> Answer:
    """Try now, also what has ended without being delivered."""
    return act(call, "retry")


def hold(call: Call) -> Answer:
    """Keep back what waits."""
    return act(call, "hold")


def release(call: Call) -> Answer:
    """Send what is held; not what the key or its sender holds until a person decides."""
    return act(call, "release")


def cancel(call: Call) -> Answer:
    """Give up what waits or is held."""
    return act(call, "cancel")


def reroute(call: Call) -> Answer:
    """Send over another route what waits, is held or has ended."""
    read_query(call, NoQuery)
    own_delivery(call)
    given = read_json(call, REROUTE)
    try:
        via = acts.check_route(call.app.database, call.app.settings.route, given.route)
    except ValueError as error:
        raise wrong_field("#/route", str(error)) from None
    return act(call, "reroute", via)


def own_delivery(call: Call) -> str:
    """The id of the delivery in the path, when it is of this key's mail. Raises Problem."""
    delivery_id = read_id("dlv", call.path("id"))
    with call.app.database.session() as session:
        row = get_delivery(session, delivery_id)
        if row is None or api.own_message(session, call.credential.id, row.message_id) is None:
            raise Problem("not-found")
    return delivery_id


def check_sending(call: Call, *delivery_ids: str) -> None:
    """Whether mail of the key may leave by the key's own word: what waits for a person is not sent around him.

    A delivery that was given up, or never began, leads to the same mail; so this holds for every way of sending it.
    Raises Problem.
    """
    if call.credential.held:
        raise Problem("missing-scope", "Mail of this key is held until a person releases it on the pages")
    with call.app.database.session() as session:
        for author in authors_of(session, delivery_ids):
            standing = address_standing(session, call.app.settings, parse_address(author))
            if not standing.usable:
                raise Problem("sender-not-allowed", f"Not sent: {standing.why}; {standing.fix}")


def actor_of(call: Call) -> Actor:
    return Actor(f"the system {call.credential.name}")


def act(call: Call, name: str, via: str = "") -> Answer:
    read_query(call, NoQuery)
    app, delivery_id = call.app, own_delivery(call)
    if name in SENDS:
        check_sending(call, delivery_id)
    done = acts.perform(app.database, app.ledger, name, Which(ids=(delivery_id,)), actor_of(call), call.now, via)
    app.gate.wake()
    with app.database.session() as session:
        now = get_delivery(session, delivery_id)
        if now is None:
            raise Problem("not-found")
        why = "" if done.changed else "; ".join(done.refused)
        return Answer(ActOut(done=done.changed > 0, why=why, delivery=views.delivery(now)))


def list_suppressions(call: Call) -> Answer:
    """Which recipients of the key's mail are not written to, and why."""
    read_query(call, NoQuery)
    with call.app.database.session() as session:
        rows = suppressions.suppressed_for(session, call.credential.id, call.now)
    return Answer(SuppressionList(data=[suppression_out(row) for row in rows]))


def suppression_out(row: Suppression) -> SuppressionOut:
    return SuppressionOut(
        address=row.address,
        reason=row.reason,
        source=row.source,
        evidence=row.evidence,
        since=row.at,
        until=row.expires_at,
    )


SENDING = (*HERE, "sender-not-allowed")
DELIVERIES: tuple[Operation, ...] = (
    *(
        Operation("POST", f"/deliveries/{{id}}/{name}", serve, "messages:send", ActOut, NoQuery, problems=problems)
        for name, serve, problems in (
            ("retry", retry, SENDING),
            ("hold", hold, HERE),
            ("release", release, SENDING),
            ("cancel", cancel, HERE),
        )
    ),
    Operation(
        *("POST", "/deliveries/{id}/reroute", reroute, "routes:manage", ActOut, NoQuery),
        takes=REROUTE,
        problems=(*SENDING, *BODY),
        once=False,
    ),
    Operation("GET", "/suppressions", list_suppressions, "messages:read", SuppressionList, NoQuery),
)
