"""The API of who we send as: domains with the records to publish and what the DNS says, and sender addresses."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from gatepost.address import AddressError, parse_address
from gatepost.gateway.confirm import ask_to_confirm
from gatepost.gateway.domain_watch import check_domain, wanted_records
from gatepost.gateway.standing import address_standing, domain_standing
from gatepost.model import Domain
from gatepost.resolver import dns_resolver
from gatepost.store import domains, senders
from gatepost.store.credentials import SENDERS_SCOPE
from gatepost.store.links import AskedOften
from gatepost.web.api_call import Answer, Call, Operation, read_json, read_query
from gatepost.web.api_errors import BODY, HERE, Problem, wrong_field
from gatepost.web.api_models import Given
from gatepost.web.api_requests import NoQuery, Taken, read_id


class DomainIn(Taken):
    """A domain to send as."""

    name: Annotated[str, Field(min_length=1, max_length=300)]


class SenderIn(Taken):
    """An address to send as; its owner gets a mail with a link."""

    address: Annotated[str, Field(min_length=3, max_length=320)]


class RecordOut(Given):
    """A record to publish, and what the last check found; `state` is null before the first one."""

    kind: str
    name: str
    type: str
    value: str
    needed: bool
    state: Literal["ok", "missing", "wrong", "unknown"] | None
    why: str
    fix: str


class DomainOut(Given):
    """A domain; `usable` says whether its addresses may stand in From, and `why`."""

    id: str
    name: str
    usable: bool
    why: str
    verified_at: datetime | None
    checked_at: datetime | None
    broken_at: datetime | None
    records: list[RecordOut]


class DomainList(Given):
    """The domains by name."""

    data: list[DomainOut]


class SenderOut(Given):
    """Whether an address may stand in From, why, and what to do about it."""

    address: str
    usable: bool
    why: str
    fix: str
    confirmed_at: datetime | None


class SenderList(Given):
    """The addresses that were asked to confirm."""

    data: list[SenderOut]


DOMAIN: TypeAdapter[DomainIn] = TypeAdapter(DomainIn)
SENDER: TypeAdapter[SenderIn] = TypeAdapter(SenderIn)


def domain_out(call: Call, session: Any, domain: Domain) -> DomainOut:
    settings = call.app.settings
    standing = domain_standing(session, settings, domain.name)
    found = {(row["kind"], row["name"], row["value"]): row for row in domain.report}
    records = []
    for record in wanted_records(session, settings, domain):
        row = found.get((record.kind, record.name, record.value), {})
        records.append(
            RecordOut(
                kind=record.kind,
                name=record.name,
                type=record.type,
                value=record.value,
                needed=record.needed,
                state=row.get("state"),
                why=row.get("why", ""),
                fix=row.get("fix", ""),
            )
        )
    times = {name: getattr(domain, name) for name in ("verified_at", "checked_at", "broken_at")}
    return DomainOut(id=domain.id, name=domain.name, usable=standing.usable, why=standing.why, records=records, **times)


def one_domain(call: Call, domain_id: str) -> DomainOut:
    """A domain by its id. Raises Problem."""
    with call.app.database.session() as session:
        domain = domains.get_domain(session, domain_id)
        if domain is None:
            raise Problem("not-found")
        return domain_out(call, session, domain)


def list_domains(call: Call) -> Answer:
    """The domains that we sign for, each with its records."""
    read_query(call, NoQuery)
    with call.app.database.session() as session:
        found = [domain_out(call, session, domain) for domain in domains.list_domains(session)]
    return Answer(DomainList(data=found))


def create_domain(call: Call) -> Answer:
    """Make keys for a domain; the answer has the records to publish."""
    read_query(call, NoQuery)
    given = read_json(call, DOMAIN)
    try:
        new = domains.new_domain(call.app.keys, given.name, call.now)
        call.app.ledger.write(lambda session: domains.add_domain(session, new))
    except domains.DomainError as error:
        raise wrong_field("#/name", str(error)) from None
    return Answer(one_domain(call, new.domain.id))


def get_one_domain(call: Call) -> Answer:
    """A domain with its records."""
    read_query(call, NoQuery)
    return Answer(one_domain(call, read_id("dom", call.path("id"))))


def check_one_domain(call: Call) -> Answer:
    """Ask the DNS for each record, now."""
    read_query(call, NoQuery)
    found = one_domain(call, read_id("dom", call.path("id")))
    check_domain(call.app.gate, found.id, dns_resolver(call.app.settings.dns_servers or None), call.now)
    return Answer(one_domain(call, found.id))


def sender_out(call: Call, address: str) -> SenderOut:
    with call.app.database.session() as session:
        row = next(iter(senders.senders_of(session, [address])), None)
        standing = (
            address_standing(session, call.app.settings, parse_address(address))
            if "@" in address
            else domain_standing(session, call.app.settings, address)
        )
    return SenderOut(
        address=address,
        usable=standing.usable,
        why=standing.why,
        fix=standing.fix,
        confirmed_at=row.confirmed_at if row else None,
    )


def list_senders(call: Call) -> Answer:
    """The addresses that were asked to confirm, and whether they did."""
    read_query(call, NoQuery)
    with call.app.database.session() as session:
        found = [row.address for row in senders.list_senders(session)]
    return Answer(SenderList(data=[sender_out(call, address) for address in found]))


def create_sender(call: Call) -> Answer:
    """Send a confirmation mail to an address, once more for one that waits; none where it needs no confirmation."""
    read_query(call, NoQuery)
    given = read_json(call, SENDER)
    try:
        address = parse_address(given.address)
        if not sender_out(call, address.key).usable:
            ask_to_confirm(call.app.gate, address, call.now)
    except (AddressError, AskedOften) as error:
        raise wrong_field("#/address", str(error)) from None
    return Answer(sender_out(call, address.key))


SENDERS: tuple[Operation, ...] = (
    Operation("GET", "/domains", list_domains, SENDERS_SCOPE, DomainList, NoQuery),
    Operation(
        "POST",
        "/domains",
        create_domain,
        SENDERS_SCOPE,
        DomainOut,
        NoQuery,
        takes=DOMAIN,
        status=201,
        problems=BODY,
        once=False,
    ),
    Operation("GET", "/domains/{id}", get_one_domain, SENDERS_SCOPE, DomainOut, NoQuery, problems=HERE),
    Operation("POST", "/domains/{id}/check", check_one_domain, SENDERS_SCOPE, DomainOut, NoQuery, problems=HERE),
    Operation("GET", "/senders", list_senders, SENDERS_SCOPE, SenderList, NoQuery),
    Operation(
        "POST",
        "/senders",
        create_sender,
        SENDERS_SCOPE,
        SenderOut,
        NoQuery,
        takes=SENDER,
        status=202,
        problems=(*BODY, "refused", "sender-not-allowed"),
        once=False,
    ),
)
