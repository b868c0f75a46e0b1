"""The duty that tells people what became of their mailboxes, and what ends soon; not through a mailbox that is dead."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from datetime import datetime, timedelta

import structlog
from sqlmodel import Session

from gatepost.account_states import STEPS, Notice, Told, due_notices
from gatepost.expiries import Expiry, sentence_of, to_tell
from gatepost.gateway.accept import Gate
from gatepost.gateway.own_mail import Letter, prepare_letter
from gatepost.gateway.put import Prepared, put
from gatepost.model import Account, Channel
from gatepost.reply import Refused
from gatepost.rounds import Duty, When, rounds
from gatepost.store.accounts import AccountState
from gatepost.store.events import add_event
from gatepost.store.expiries import list_expiries, note_expiry, told_expiries
from gatepost.store.standings import accounts_named, leads_through, note_told, send_by, standings, whom_to_tell

TRIGGER = "account notice"
EXPIRING = "expiry.near"
OUTAGE = "account.outage"
ROUND_SECONDS = 30.0
EXPIRIES_EVERY = timedelta(hours=1)
SHOWN = 50

Named = Sequence[tuple[Account, Channel]]

log = structlog.get_logger("account-notices")


class ToldAlready(Exception):
    """Another process told it first."""


def subject_of(notice: Notice, named: Named) -> str:
    """The subject of a notice."""
    account, channel = named[0]
    match notice.what:
        case Told.WORKS:
            return f"{channel.address} works again"
        case Told.OUTAGE:
            return f"{len(named)} mailboxes at {place_of(account)} do not answer"
        case Told.OVER:
            return f"The mailboxes at {place_of(account)} work again"
    short = {AccountState.DELAYED: "is delayed", AccountState.NEEDS_APPROVAL: "needs an administrator's approval"}
    return f"{channel.address} {short.get(AccountState(account.state), 'has to be connected again')}"


def place_of(account: Account) -> str:
    """Whose outage it is, for people."""
    return {"google": "Google", "microsoft": "Microsoft"}.get(account.provider, account.host)


def text_of(notice: Notice, named: Named, base_url: str) -> str:
    """What a notice says: what happened, since when, why, the next step, and where."""
    account, channel = named[0]
    since = f"{account.state_since:%Y-%m-%d %H:%M} UTC"
    link = f"  {base_url}/mailboxes/{channel.id}\n"
    match notice.what:
        case Told.WORKS:
            return (
                f"The mailbox {channel.address} is read again since {since}. What came meanwhile is fetched by itself; "
                f"nothing has to be done.\n\n{link}"
            )
        case Told.OUTAGE:
            return (
                f"Gatepost cannot read {len(named)} mailboxes at {place_of(account)} since about {since}. So many at "
                "once are an outage there, not your settings: do not connect them again. Each is tried by itself until "
                f"it works, and nothing is lost.\n\n{list_of(named)}\nThe last reason: {account.state_why}\n"
            )
        case Told.OVER:
            return (
                f"The mailboxes at {place_of(account)} are read again. What came meanwhile is fetched by itself; "
                f"nothing has to be done.\n\n{list_of(named)}"
            )
    step, why = STEPS[AccountState(account.state)], account.state_why or "the log says more."
    return (
        f"The mailbox {channel.address} is not read since {since}.\n\nWhy: {why}\n"
        f"Next step: {step}\n\n{link}\nMail that arrives at the provider meanwhile stays there, and is fetched later.\n"
    )


def list_of(named: Named) -> str:
    """The mailboxes, one a line."""
    lines = [f"  {channel.address}\n" for _, channel in named[:SHOWN]]
    return "".join([*lines, f"  and {len(named) - SHOWN} more\n" if len(named) > SHOWN else ""])


def tell_once(gate: Gate, now: datetime) -> int:
    """Tell what has to be told of states; how many notices that were."""
    with gate.database.session() as session:
        notices = due_notices(standings(session), now)
    for notice in notices:
        tell(gate, notice, now)
    return len(notices)


def tell(gate: Gate, notice: Notice, now: datetime) -> None:
    """One notice: its mails, its event and the note that it was told, in one transaction."""
    letters: list[Prepared] = []
    around = ""
    ids = [one.id for one in notice.accounts]
    with gate.database.session() as session:
        named = accounts_named(session, ids)
        if notice.what != Told.JOINED and named:
            letters = letters_of(gate, session, notice, named, now)
            around = gate.settings.route if leads_through(session, ids) else ""

    def write(session: Session) -> None:
        if not all(note_told(session, one, notice.to_state) for one in notice.accounts):
            raise ToldAlready
        for letter in letters:
            message_id = put(session, letter, now)
            if around:
                send_by(session, message_id, around)
        if notice.what in (Told.OUTAGE, Told.OVER):
            over = notice.what == Told.OVER
            data = {"provider": notice.accounts[0].group, "accounts": len(ids), "state": "over" if over else "begun"}
            add_event(session, OUTAGE, now=now, data=data)

    with suppress(ToldAlready):
        gate.ledger.write(write)
        gate.wake()


def letters_of(gate: Gate, session: Session, notice: Notice, named: Named, now: datetime) -> list[Prepared]:
    """A mail for everybody who is to be told; one that cannot be sent is logged."""
    dead = {name for account, channel in named for name in (account.address.lower(), channel.address) if name}
    if notice.what in (Told.WORKS, Told.OVER):
        dead = set()
    subject, text = subject_of(notice, named), text_of(notice, named, gate.settings.base_url)
    people = whom_to_tell(session, [account for account, _ in named], dead)
    return prepared_for(gate, people, subject, text, now)


def prepared_for(
    gate: Gate, people: Sequence[tuple[str, str]], subject: str, text: str, now: datetime
) -> list[Prepared]:
    """One letter for each of these people."""
    found = []
    for person in people:
        letter = Letter(to=person, subject=subject, text=text, trigger=TRIGGER, null_path=True, snippet=subject)
        try:
            found.append(prepare_letter(gate, letter, now))
        except Refused as error:
            log.warning("a notice about a mailbox cannot be sent", to=person[1], why=str(error))
    return found


def tell_expiries(gate: Gate, now: datetime) -> int:
    """Tell what ends soon, weeks before and again when it comes near; how many ends that were."""
    with gate.database.session() as session:
        due = to_tell(list_expiries(session, gate.settings), told_expiries(session), now)
        letters = [] if not due else expiry_letters(gate, session, [expiry for expiry, _ in due], now)
    if not due:
        return 0

    def write(session: Session) -> None:
        fresh = [(expiry, days) for expiry, days in due if note_expiry(session, expiry, days)]
        for expiry, days in fresh:
            data = {"what": expiry.what, "name": expiry.name, "days": days, "ends_at": expiry.ends_at.isoformat()}
            add_event(session, EXPIRING, now=now, data={**data, "why": sentence_of(expiry, now)})
        for letter in letters if fresh else []:
            put(session, letter, now)

    gate.ledger.write(write)
    gate.wake()
    return len(due)


def expiry_letters(gate: Gate, session: Session, due: Sequence[Expiry], now: datetime) -> list[Prepared]:
    """One mail to the admins, and to owners of mailboxes whose login ends, about all that ends."""
    ids = {expiry.account_id for expiry in due if expiry.account_id}
    accounts = [account for account, _ in accounts_named(session, ids)]
    people = dict.fromkeys(whom_to_tell(session, [], ()))
    people |= dict.fromkeys(whom_to_tell(session, accounts, ())) if accounts else {}
    lines = [f"{sentence_of(one, now)}\n  {one.then}\n  To do: {one.fix}\n" for one in due]
    text = "\n".join([*lines, f"All ends are listed here:\n  {gate.settings.base_url}/expiries\n"])
    subject = sentence_of(due[0], now) if len(due) == 1 else f"{len(due)} things of Gatepost end soon"
    return prepared_for(gate, list(people), subject.rstrip("."), text, now)


def telling_owners(gate: Gate, clock: Callable[[], datetime]) -> AbstractAsyncContextManager[None]:
    """People are told for as long as this is open."""
    next_expiries = clock()

    def work(now: datetime) -> When:
        nonlocal next_expiries
        tell_once(gate, now)
        if now >= next_expiries:
            tell_expiries(gate, now)
            next_expiries = now + EXPIRIES_EVERY
        return now

    return rounds(Duty("telling owners", work, ROUND_SECONDS, gate.ledger, clock))
