"""The API of how a connected mailbox sends, of what could not be done there, and of trying it, for operators."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter
from sqlmodel import Session

from gatepost.address import AddressError
from gatepost.gateway.account_login import TypeAgain, leads_elsewhere, require_password
from gatepost.model import Account
from gatepost.store import sent_copies, write_back
from gatepost.store.chores import try_now
from gatepost.store.credentials import DESK_SCOPE
from gatepost.store.sending import route_of_account, send_over_account, set_sending
from gatepost.web.accounts import parse_host
from gatepost.web.api_call import Answer, Call, Operation, read_json, read_query
from gatepost.web.api_errors import BODY, HERE, Problem, wrong_field
from gatepost.web.api_models import Given
from gatepost.web.api_requests import NoQuery, Taken
from gatepost.web.api_whole import PLACE, account_of
from gatepost.web.sending import TOO_MANY_TRIES, USUAL, try_first
from gatepost.web.session import may_try, net_of


class FailedOut(Given):
    """A mail for which something could not be done at the provider; `next_at` is null where it was given up."""

    what: str
    why: str
    message: str | None
    inbound: str | None
    next_at: datetime | None


class SendingOut(Given):
    """How a mailbox sends: over its account by `route`, or (`over_account` false) as any other mail."""

    mailbox: str
    over_account: bool
    route: str | None
    smtp_host: str
    smtp_port: int
    smtp_security: str
    sent_copy: str
    sent_folder: str
    two_way: bool
    failed: list[FailedOut]


class SendingIn(Taken):
    """What shall be otherwise; what is not given stays. `again` has what was given up tried once more.

    Another server, or other security, needs the mailbox's `password` again where it is connected by one: a stored
    password goes nowhere else by itself. Another server is tried first; `anyway` saves one that does not answer now.
    """

    over_account: bool | None = None
    smtp_host: Annotated[str, Field(min_length=1, max_length=254)] | None = None
    smtp_port: Annotated[int, Field(ge=1, le=65535)] | None = None
    smtp_security: Literal["tls", "starttls"] | None = None
    sent_copy: Literal["auto", "always", "never"] | None = None
    sent_folder: Annotated[str, Field(max_length=200)] | None = None
    two_way: bool | None = None
    again: bool = False
    anyway: bool = False
    password: Annotated[str, Field(min_length=1, max_length=1000)] | None = None


class TrialIn(Taken):
    """`round_trip` also sends a mail to the mailbox itself and waits up to a minute for it."""

    round_trip: bool = False


class StepOut(Given):
    """One step of a trial; `ok` is null for one that was not tried."""

    name: str
    ok: bool | None
    sentence: str
    fix: str


class TrialOut(Given):
    """Whether nothing failed, the folder of sent mail, and the steps in their order."""

    mailbox: str
    ok: bool
    sent_folder: str
    steps: list[StepOut]


CHANGE: TypeAdapter[SendingIn] = TypeAdapter(SendingIn)
TRIAL: TypeAdapter[TrialIn] = TypeAdapter(TrialIn)


def get_sending(call: Call) -> Answer:
    """How a mailbox sends, and what could not be done at its provider."""
    read_query(call, NoQuery)
    return sending_answer(call)


def sending_answer(call: Call) -> Answer:
    with call.app.database.session() as session:
        row = account_of(session, call)
        route = route_of_account(session, row)
        names = ("smtp_host", "smtp_port", "smtp_security", "sent_copy", "sent_folder", "two_way")
        values: dict[str, Any] = {name: getattr(row, name) for name in names}
        return Answer(
            SendingOut(
                mailbox=call.path("address"),
                over_account=route is not None,
                route=route.name if route else None,
                failed=failed_of(session, row.id),
                **values,
            )
        )


def failed_of(session: Session, account_id: str) -> list[FailedOut]:
    """Copies first, then what was to be written back."""
    copies = [
        FailedOut(
            what="copy", why=copy.why, message=message.id, inbound=None, next_at=next_of(copy.state, copy.next_at)
        )
        for copy, message in sent_copies.troubled(session, account_id)
    ]
    return copies + [
        FailedOut(
            what=row.act,
            why=row.why,
            message=arrival.message_id,
            inbound=arrival.id,
            next_at=next_of(row.state, row.next_at),
        )
        for row, arrival, _ in write_back.troubled(session, account_id)
    ]


def next_of(state: str, next_at: datetime) -> datetime | None:
    return next_at if state == "due" else None


def change_sending(call: Call) -> Answer:
    """Change how a mailbox sends; what is not given stays."""
    read_query(call, NoQuery)
    given = read_json(call, CHANGE)
    values = given.model_dump(exclude={"over_account", "again", "anyway", "password"}, exclude_none=True)
    if given.smtp_host:
        try:
            values["smtp_host"] = parse_host(given.smtp_host.lower())
        except AddressError as error:
            raise wrong_field("#/smtp_host", f"{error} Write the server's name, such as smtp.example.com.") from None

    def write(session: Session) -> None:
        account = account_of(session, call)
        wanted = with_usual(account, values)
        require_password(call.app.keys, account, *server_of(account, wanted), given.password or "")
        set_sending(session, account, **wanted)
        if given.over_account is not None:
            send_over_account(session, account, given.over_account, call.now)
        if given.again:
            try_now(session, account.id, call.now)

    if given.password:
        count_guess(call, values)
    try:
        try_server(call, given, values)
        call.app.ledger.write(write)
    except TypeAgain as error:
        raise wrong_field("#/password", str(error)) from None
    except ValueError as error:
        raise wrong_field("#/over_account", f"{error}.") from None
    return sending_answer(call)


def try_server(call: Call, given: SendingIn, values: dict[str, Any]) -> None:
    """Try another server before it is saved. Raises Problem, and TypeAgain before the password goes anywhere."""
    with call.app.database.session() as session:
        account = account_of(session, call)
    wanted = with_usual(account, values)
    server = (wanted.get("smtp_port", account.smtp_port), wanted.get("smtp_security", account.smtp_security))
    host = wanted.get("smtp_host", account.smtp_host)
    require_password(call.app.keys, account, host, server[1], given.password or "")
    named = {"smtp_host": host, "smtp_port": server[0], "smtp_security": server[1]}
    wrong = try_first(call.app, account, named, given.password or "")
    if wrong and not (wrong.passing and given.anyway):
        passing = " This may pass by itself: `anyway` saves it all the same." if wrong.passing else ""
        raise wrong_field(f"#/{wrong.field}", wrong.sentence + passing)


def server_of(account: Account, values: dict[str, Any]) -> tuple[str, str]:
    """The server for sending and its security, as they will be."""
    return values.get("smtp_host", account.smtp_host), values.get("smtp_security", account.smtp_security)


def count_guess(call: Call, values: dict[str, Any]) -> None:
    """Count a password that comes with another server, as a login that may be refused. Raises Problem."""
    with call.app.database.session() as session:
        account = account_of(session, call)
        client = call.request.client.host if call.request.client else ""
        guesses = leads_elsewhere(account, *server_of(account, with_usual(account, values)))
        if guesses and not may_try(call.app.ledger, session, account.id, net_of(client), call.now):
            raise wrong_field("#/password", TOO_MANY_TRIES)


def with_usual(account: Account, values: dict[str, Any]) -> dict[str, Any]:
    """The values, with STARTTLS and the usual port where a server is named and nothing is known of it."""
    if "smtp_host" not in values:
        return values
    security = values.get("smtp_security") or account.smtp_security or "starttls"
    port = values.get("smtp_port") or account.smtp_port or USUAL.get(security, 587)
    return {**values, "smtp_security": security, "smtp_port": port}


def try_mailbox(call: Call) -> Answer:
    """Try a mailbox step by step with its own login; nothing stays there."""
    read_query(call, NoQuery)
    given = read_json(call, TRIAL)
    with call.app.database.session() as session:
        account = account_of(session, call)
    if call.app.try_account is None:
        raise Problem("not-found")
    if given.round_trip and not account.smtp_host:
        raise wrong_field("#/round_trip", "No server for sending is known; name it first.")
    found = call.app.try_account(account.id, given.round_trip)
    steps = [StepOut(name=step.name, ok=step.ok, sentence=step.sentence, fix=step.fix) for step in found.steps]
    return Answer(TrialOut(mailbox=call.path("address"), ok=found.ok, sent_folder=found.sent_folder, steps=steps))


MAILBOX_SENDING: tuple[Operation, ...] = (
    Operation("GET", f"{PLACE}/sending", get_sending, DESK_SCOPE, SendingOut, NoQuery, problems=HERE),
    Operation(
        *("POST", f"{PLACE}/sending", change_sending, DESK_SCOPE, SendingOut, NoQuery),
        takes=CHANGE,
        problems=(*HERE, *BODY),
        once=False,
    ),
    Operation(
        *("POST", f"{PLACE}/test", try_mailbox, DESK_SCOPE, TrialOut, NoQuery),
        takes=TRIAL,
        problems=(*HERE, *BODY),
        once=False,
    ),
)
