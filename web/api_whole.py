"""The API of a mailbox's completeness and import, and of what ends, for the keys of operators."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter
from sqlmodel import Session

from gatepost.connectors.completeness import NO_DAY
from gatepost.expiries import tone_of
from gatepost.model import Account
from gatepost.store import accounts, channels, completeness, imports
from gatepost.store.credentials import DESK_SCOPE
from gatepost.store.expiries import list_expiries
from gatepost.web.api_call import Answer, Call, Operation, read_json, read_query
from gatepost.web.api_errors import BODY, HERE, Problem, wrong_field
from gatepost.web.api_models import Given
from gatepost.web.api_requests import NoQuery, Taken


class DayOut(Given):
    """One folder and day of arrival (null where the server does not say it); `uids` are some that are missing."""

    folder: str
    day: date | None
    on_server: int
    stored: int
    skipped: int
    waiting: int
    missing: int
    reasons: dict[str, int]
    uids: list[int]


class CompletenessOut(Given):
    """What a mailbox's server has and what is here, as compared at `checked_at`; `trouble` is of a later try."""

    mailbox: str
    checked_at: datetime | None
    next_at: datetime | None
    on_server: int
    stored: int
    skipped: int
    waiting: int
    missing: int
    trouble: str
    days: list[DayOut]


class ImportIn(Taken):
    """What of the mail that was there before is wanted (`choice`, with `days` its number), or an `act`."""

    choice: Literal["new", "days", "all"] | None = None
    days: Annotated[int, Field(ge=0, le=imports.MOST_DAYS)] = 0
    act: Literal["pause", "resume", "again"] | None = None


class ImportOut(Given):
    """How far the import is; `choice` is `asking` while nobody has chosen and nothing is fetched."""

    mailbox: str
    choice: str
    since: datetime | None
    state: str
    done: int
    total: int


class ExpiryOut(Given):
    """Something that ends; `state` is past, urgent (7 days), soon (30 days) or fine."""

    what: str
    name: str
    ends_at: datetime
    state: Literal["past", "urgent", "soon", "fine"]
    renews_itself: bool
    then: str
    fix: str


class ExpiryList(Given):
    """What ends, what ends first standing first."""

    data: list[ExpiryOut]


IMPORT: TypeAdapter[ImportIn] = TypeAdapter(ImportIn)


def account_of(session: Session, call: Call) -> Account:
    """The account of the mailbox in the path. Raises Problem."""
    channel = channels.channel_by_address(session, call.path("address").lower())
    account = next(iter(accounts.list_accounts(session, channel.id)), None) if channel else None
    if account is None:
        raise Problem("not-found")
    return account


def get_completeness(call: Call) -> Answer:
    """What the last comparison of a mailbox with its server found."""
    read_query(call, NoQuery)
    return completeness_answer(call)


def completeness_answer(call: Call) -> Answer:
    with call.app.database.session() as session:
        account = account_of(session, call)
        row = completeness.get_verification(session, account.id)
        sums = {name: getattr(row, name) if row else 0 for name in completeness.SUMS}
        days = [
            DayOut(**{**day.model_dump(exclude={"account_id"}), "day": None if day.day == NO_DAY else day.day})
            for day in completeness.ledger_of(session, account.id)
        ]
        times = {"checked_at": row.checked_at if row else None, "next_at": row.next_at if row else None}
        trouble = row.trouble if row else ""
        return Answer(CompletenessOut(mailbox=call.path("address"), trouble=trouble, days=days, **sums, **times))


def ask_comparison(call: Call) -> Answer:
    """Have the running server compare a mailbox now; the answer is what is known so far."""
    read_query(call, NoQuery)
    call.app.ledger.write(lambda session: completeness.verify_soon(session, account_of(session, call).id, call.now))
    return completeness_answer(call)


def get_import(call: Call) -> Answer:
    """How far the import of a mailbox's old mail is."""
    read_query(call, NoQuery)
    return import_answer(call)


def import_answer(call: Call) -> Answer:
    with call.app.database.session() as session:
        row = account_of(session, call)
        numbers = {"done": row.import_done, "total": row.import_total}
        words = {"choice": row.import_choice, "since": row.import_from, "state": row.import_state}
        return Answer(ImportOut(mailbox=call.path("address"), **words, **numbers))


def set_import(call: Call) -> Answer:
    """Choose what is imported, or pause, resume, or look again."""
    read_query(call, NoQuery)
    given = read_json(call, IMPORT)
    if (given.choice is None) == (given.act is None):
        raise wrong_field("#/choice", "Give either a choice or an act.")

    def write(session: Session) -> None:
        account = account_of(session, call)
        if given.act:
            imports.ACTS[given.act](session, account, call.now)
        elif given.choice:
            imports.choose_import(session, account, given.choice, given.days, call.now)

    try:
        call.app.ledger.write(write)
    except ValueError as error:
        raise wrong_field("#/days", f"{str(error).capitalize()}.") from None
    call.app.bell.ring()
    return import_answer(call)


def get_expiries(call: Call) -> Answer:
    """What ends some day: client secrets, logins, the certificate, DKIM keys."""
    read_query(call, NoQuery)
    with call.app.database.session() as session:
        found = list_expiries(session, call.app.settings)
    data = [
        ExpiryOut(
            what=one.what,
            name=one.name,
            ends_at=one.ends_at,
            state=tone_of(one, call.now),
            renews_itself=one.renews,
            then=one.then,
            fix=one.fix,
        )
        for one in found
    ]
    return Answer(ExpiryList(data=data))


PLACE = "/mailboxes/{address}"
WHOLE: tuple[Operation, ...] = (
    Operation("GET", f"{PLACE}/completeness", get_completeness, DESK_SCOPE, CompletenessOut, NoQuery, problems=HERE),
    Operation("POST", f"{PLACE}/completeness", ask_comparison, DESK_SCOPE, CompletenessOut, NoQuery, problems=HERE),
    Operation("GET", f"{PLACE}/import", get_import, DESK_SCOPE, ImportOut, NoQuery, problems=HERE),
    Operation(
        *("POST", f"{PLACE}/import", set_import, DESK_SCOPE, ImportOut, NoQuery),
        takes=IMPORT,
        problems=(*HERE, *BODY),
        once=False,
    ),
    Operation("GET", "/expiries", get_expiries, DESK_SCOPE, ExpiryList, NoQuery),
)
