"""The API of a domain's keys: its zone file, where the rotation of each key stands, and the next step or one back."""

from datetime import datetime
from typing import Literal

from pydantic import TypeAdapter

from gatepost.domain_key import ALGORITHMS
from gatepost.gateway.domain_records import zone_file
from gatepost.gateway.domain_watch import wanted_records
from gatepost.gateway.rotation import NotNow, advance, next_step, roll_back
from gatepost.model import Domain, DomainKey
from gatepost.store import domains
from gatepost.store.credentials import SENDERS_SCOPE
from gatepost.web.api_call import Answer, Call, Operation, read_json, read_query
from gatepost.web.api_errors import BODY, HERE, Problem
from gatepost.web.api_models import Given
from gatepost.web.api_requests import NoQuery, Taken, read_id

Algorithm = Literal["rsa-sha256", "ed25519-sha256"]


class StepIn(Taken):
    """The key to move on; with `back` one step back instead: the new key is given up, or the old one signs again."""

    algorithm: Algorithm = "rsa-sha256"
    back: bool = False


class ZoneOut(Given):
    """What to publish for a domain, as lines of a zone file."""

    domain: str
    zone: str


class EvidenceOut(Given):
    """Since when a key is in a state, and why."""

    state: str
    why: str
    at: datetime


class KeyOut(Given):
    """A DKIM key with its evidence, oldest first; a stopped one must stay in the DNS until it is retired."""

    selector: str
    state: Literal["made", "seen", "signing", "stopped", "retired"]
    created_at: datetime
    stopped_at: datetime | None
    steps: list[EvidenceOut]


class RotationOut(Given):
    """Where the rotation of one key stands: the next step, whether it is possible now, and why (not)."""

    algorithm: Algorithm
    next: Literal["begin", "publish", "both", "switch", "retire"]
    possible: bool
    why: str
    keys: list[KeyOut]


class RotationList(Given):
    """A domain's rotations, one for each algorithm."""

    data: list[RotationOut]


STEP: TypeAdapter[StepIn] = TypeAdapter(StepIn)


def domain_of(call: Call) -> tuple[Domain, list[DomainKey]]:
    """The domain in the path, and its keys. Raises Problem."""
    with call.app.database.session() as session:
        domain = domains.get_domain(session, read_id("dom", call.path("id")))
        if domain is None:
            raise Problem("not-found")
        return domain, domains.domain_keys(session, domain.id)


def rotation_out(call: Call, algorithm: str) -> RotationOut:
    """Where a rotation stands at this moment."""
    domain, keys = domain_of(call)
    step = next_step(domain, keys, algorithm, call.now)
    mine = sorted((key for key in keys if key.algorithm == algorithm), key=lambda key: key.created_at)
    found = [
        {"selector": key.selector, "state": key.state, "created_at": key.created_at, "stopped_at": key.stopped_at}
        | {"steps": key.steps}
        for key in mine
    ]
    told = {"algorithm": algorithm, "next": step.step, "possible": step.possible, "why": step.why, "keys": found}
    return RotationOut.model_validate(told)


def get_domain_zone(call: Call) -> Answer:
    """The records to publish as lines of a zone file (RFC 1035 section 5)."""
    read_query(call, NoQuery)
    domain, _ = domain_of(call)
    with call.app.database.session() as session:
        records = wanted_records(session, call.app.settings, domain)
    return Answer(ZoneOut(domain=domain.name, zone=zone_file(domain, records, call.now)))


def get_domain_rotation(call: Call) -> Answer:
    """Where the rotation of each key stands."""
    read_query(call, NoQuery)
    return Answer(RotationList(data=[rotation_out(call, algorithm) for algorithm in ALGORITHMS]))


def rotate_domain(call: Call) -> Answer:
    """Take the next step of replacing a key, or one back; what its evidence does not allow is refused with why."""
    read_query(call, NoQuery)
    given, (domain, _) = read_json(call, STEP), domain_of(call)
    try:
        (roll_back if given.back else advance)(call.app.gate, domain.id, given.algorithm, call.now)
    except NotNow as error:
        raise Problem("refused", str(error)) from None
    return Answer(rotation_out(call, given.algorithm))


ROTATING: tuple[Operation, ...] = (
    Operation("GET", "/domains/{id}/zone", get_domain_zone, SENDERS_SCOPE, ZoneOut, NoQuery, problems=HERE),
    Operation(
        "GET", "/domains/{id}/rotation", get_domain_rotation, SENDERS_SCOPE, RotationList, NoQuery, problems=HERE
    ),
    Operation(
        "POST",
        "/domains/{id}/rotation",
        rotate_domain,
        SENDERS_SCOPE,
        RotationOut,
        NoQuery,
        takes=STEP,
        problems=(*HERE, *BODY, "refused"),
        once=False,
    ),
)
