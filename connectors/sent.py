"""The copy of a sent mail in its account's Sent folder: exactly one, looked for before one is put there."""

import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlmodel import Session

from gatepost.connectors.imap import Client, begin_session, list_entries
from gatepost.connectors.logged_in import logged_in
from gatepost.connectors.trouble import Trouble
from gatepost.connectors.wire import Connect
from gatepost.connectors.write import append, find_ids, open_to_write
from gatepost.ledger import Ledger
from gatepost.model import Account, Message, SentCopy
from gatepost.rounds import is_past
from gatepost.store.accounts import AccountState
from gatepost.store.chores import Chore, Claimed, Needed, next_due
from gatepost.store.sent_copies import CopyState, claim_copies, get_copy, look_again, settle_copy

LOOKS = 3
"""So often a mail is looked for of which it is not known whether it was accepted."""
TRIES = 10
LOOK_AFTER = timedelta(minutes=5)
LONGEST = timedelta(hours=1)

log = structlog.get_logger("gatepost.sent")


@dataclass(frozen=True, slots=True)
class Filing:
    """What filing copies needs: how accounts log in (`logged_in.Logins`), a mail's octets, and the name of a provider
    that keeps its own copies (empty for one that does not).
    """

    ledger: Ledger
    login: Callable[[Account], Connect]
    content: Callable[[Message], bytes]
    keeps_copies: Callable[[Account], str]
    clock: Callable[[], datetime]
    message_size: int
    private_hosts: bool = False
    tls: ssl.SSLContext | None = None
    refused: Callable[[Account, str], None] = lambda account, token: None


@dataclass(frozen=True, slots=True)
class Decided:
    """What is to be done about a copy: `leave` it, `look` for it, or look and then `put` it there; and why."""

    act: str
    why: str


def decide(account: Account, copy: SentCopy, keeps_copies: str) -> Decided:
    """What becomes of a copy, by what is known without asking the server."""
    if account.state == AccountState.DISABLED:
        return Decided("leave", "The mailbox is disconnected")
    if not copy.sure:
        return Decided("look", "Whether the mail was accepted is not known")
    if account.sent_copy == "never":
        return Decided("leave", "Copies in Sent are switched off for this mailbox")
    if account.sent_copy == "auto" and keeps_copies:
        return Decided("leave", f"{keeps_copies} keeps a copy by itself")
    return Decided("put", "The provider keeps no copy by itself")


def file_copies(filing: Filing) -> bool:
    """Do what is due of one account; whether there was anything."""
    work = claimed(filing, SentCopy, claim_copies)
    if work is None:
        return False
    keeps = filing.keeps_copies(work.account)
    decided = [(copy, message, decide(work.account, copy, keeps)) for copy, message in work.items]
    for copy, _, what in decided:
        if what.act == "leave":
            settle(filing, copy, CopyState.LEFT, what.why)
    asked = [(copy, message, what.act == "put") for copy, message, what in decided if what.act != "leave"]
    if asked:
        try:
            file_in(filing, work, asked)
        except Trouble as trouble:
            log.warning("sent.trouble", account=work.account.id, why=trouble.what)
            for copy, _, _ in asked:
                later(filing, copy, str(trouble))
    return True


def claimed(
    filing: Filing, table: type[Chore], claim: Callable[[Session, datetime], Claimed[Chore, Needed] | None]
) -> Claimed[Chore, Needed] | None:
    """What is due of one account; first it is only looked, for a claim waits for other writers."""
    now = filing.clock()
    with filing.ledger.database.session() as session:
        if not is_past(next_due(session, table), now):
            return None
    return filing.ledger.write(lambda session: claim(session, now))


def file_in(filing: Filing, work: Claimed[SentCopy, Message], asked: Sequence[tuple[SentCopy, Message, bool]]) -> None:
    """Log in, open Sent, and see to each copy. Raises Trouble: those not seen to are due again."""
    with logged_in(work.account, filing) as client:
        begin_session(client)
        folder = work.account.sent_folder or sent_folder(client)
        if not folder:
            what = f"{work.account.host} has no folder for sent mail."
            raise Trouble("folder", what, "Name it in the settings of the mailbox, or switch copies off.", lasting=True)
        open_to_write(client, folder)
        for copy, message, put in asked:
            file_one(filing, client, folder, copy, message, put)


def sent_folder(client: Client) -> str:
    """The folder that the server marks as Sent, else one of a usual name; empty where there is none. Raises Trouble."""
    found = [entry for entry in list_entries(client) if entry.role == "sent" and entry.selectable]
    return next((entry.name for entry in sorted(found, key=lambda entry: not entry.by_flag)), "")


def file_one(filing: Filing, client: Client, folder: str, copy: SentCopy, message: Message, put: bool) -> None:
    """Find the copy, or put it there. Raises Trouble."""
    ids = (message.message_id, copy.header_id)
    if found := find_ids(client, ids):
        settle(filing, copy, CopyState.FOUND, f"It was there already, in {folder}", folder, found[0])
    elif put:
        append(client, folder, filing.content(message), ["seen"], message.at)
        uids = find_ids(client, ids)
        settle(filing, copy, CopyState.APPENDED, f"Put into {folder}", folder, uids[0] if uids else 0)
    elif copy.tries + 1 >= LOOKS:
        why = f"Looked for in {folder} {LOOKS} times and not found: the mail was probably not accepted"
        settle(filing, copy, CopyState.LEFT, why, folder)
    else:
        again(filing, copy, f"Not in {folder} yet", LOOK_AFTER)


def settle(filing: Filing, copy: SentCopy, state: CopyState, why: str, folder: str = "", uid: int = 0) -> None:
    now = filing.clock()
    filing.ledger.write(lambda session: settle_copy(session, copy, state, why, now, folder=folder, uid=uid))


def later(filing: Filing, copy: SentCopy, why: str) -> None:
    """Try again, longer after each time; in the end say that there is no copy."""
    with filing.ledger.database.session() as session:
        row = get_copy(session, copy.message_id, copy.account_id)
        done = row is None or row.state != CopyState.DUE or row.tries > copy.tries
    if done:
        return  # what was seen to before the trouble came
    if copy.tries + 1 >= TRIES:
        settle(filing, copy, CopyState.FAILED, why)
    else:
        again(filing, copy, why, wait_after(copy.tries))


def wait_after(tries: int) -> timedelta:
    """Half a minute, doubled with each try before, an hour at most."""
    return min(LONGEST, timedelta(seconds=30 * 2.0**tries))


def again(filing: Filing, copy: SentCopy, why: str, wait: timedelta) -> None:
    due = filing.clock() + wait
    filing.ledger.write(lambda session: look_again(session, copy, why, due))
