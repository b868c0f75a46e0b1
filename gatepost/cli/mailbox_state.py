"""`gatepost mailbox show`, `import` and `expiries`: how a mailbox stands, its old mail, and what ends some day."""

import sys
import time
from typing import Any

from sqlmodel import Session

from gatepost.account_states import meaning_of
from gatepost.cli.frame import DONE, FINDINGS, BadInput, opened, print_object, print_rows, say
from gatepost.cli.mailbox import account_of, known_channel
from gatepost.expiries import tone_of
from gatepost.model import Account
from gatepost.parts import Parts, clock
from gatepost.settings import Settings
from gatepost.store import accounts, imports
from gatepost.store.completeness import get_verification
from gatepost.store.expiries import list_expiries
from gatepost.words import ImportState

WATCH_SECONDS = 2.0


def show_mailbox(settings: Settings, address: str, as_json: bool) -> None:
    """One mailbox: state, since when, why, next step, import, and what the last comparison found."""
    with opened(settings) as parts, parts.database.session() as session:
        channel = known_channel(session, "ADDRESS", address)
        account = next(iter(accounts.list_accounts(session, channel.id)), None)
        found: dict[str, Any] = {
            "address": channel.address,
            "name": channel.name,
            "state": channel.state,
            "shown": channel.visible,
            "mx": channel.by_mx,
        }
        if account:
            found |= account_row(session, account)
    if as_json:
        print_object(found)
        return
    width = max(len(key) for key in found)
    for key, value in found.items():
        say(f"{key.replace('_', ' '):{width}}  {shown(value)}".rstrip())


def account_row(session: Session, account: Account) -> dict[str, Any]:
    """An account's state with what it means."""
    meaning, step = meaning_of(account.state)
    checked = get_verification(session, account.id)
    return {
        "account": f"{account.username} at {account.host}:{account.port}",
        "provider": account.provider,
        "account_state": account.state,
        "since": account.state_since,
        "why": account.state_why or meaning,
        "next_step": step,
        "last_fetched": account.last_sync_at,
        **import_row(account),
        "compared": checked.checked_at if checked else None,
        "on_server": checked.on_server if checked and checked.checked_at else None,
        "missing": checked.missing if checked and checked.checked_at else None,
    }


def import_row(account: Account) -> dict[str, Any]:
    """How far the first import is."""
    return {
        "import": account.import_choice,
        "import_from": account.import_from,
        "import_state": account.import_state or None,
        "import_done": account.import_done,
        "import_total": account.import_total,
    }


def shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:%Y-%m-%d %H:%M} UTC" if hasattr(value, "strftime") else "" if value is None else str(value)


def import_old(settings: Settings, address: str, choice: str, days: int, act: str, watch: bool, as_json: bool) -> None:
    """Choose, pause, resume or begin again; then say, or watch, how far it is. Raises BadInput."""

    def op(session: Session) -> None:
        account, now = account_of(session, address), clock()
        if choice:
            try:
                imports.choose_import(session, account, choice, days, now)
            except ValueError as error:
                raise BadInput(f"--days {days}: {error}") from None
        elif act:
            imports.ACTS[act](session, account, now)

    with opened(settings) as parts:
        parts.ledger.write(op)
        account = read(parts, address)
        while watch and account.import_state == ImportState.RUNNING:
            tell_progress(address, account, as_json)
            time.sleep(WATCH_SECONDS)
            account = read(parts, address)
    tell_progress(address, account, as_json)


def read(parts: Parts, address: str) -> Account:
    with parts.database.session() as session:
        return account_of(session, address)


def tell_progress(address: str, account: Account, as_json: bool) -> None:
    """How far it is: an object, or a line, or a bar on a terminal."""
    if as_json:
        print_object({"address": address.strip().lower(), "state": account.state, **import_row(account)})
        return
    done, total = account.import_done, account.import_total
    if not account.import_state:
        say(f"{address}: nothing is being imported.")
    elif sys.stdout.isatty() and total:
        filled = 30 * done // total
        say(f"{address}: [{'#' * filled}{'.' * (30 - filled)}] {done:,} of {total:,}, {account.import_state}")
    else:
        say(f"{address}: {done:,} of {total:,} old mails are here, {account.import_state}.")


def expiries(settings: Settings, as_json: bool) -> int:
    """Everything that ends, what ends first standing first; 3 when something ends within 30 days."""
    with opened(settings) as parts, parts.database.session() as session:
        found = list_expiries(session, settings)
    now = clock()
    rows = [
        {
            "ends": one.ends_at.date(),
            "days": (one.ends_at - now).days,
            "what": one.what,
            "name": one.name,
            "state": "renews itself" if one.renews else tone_of(one, now),
            "fix": one.fix,
        }
        for one in found
    ]
    print_rows(rows, as_json, "Nothing that is known here ends.")
    return FINDINGS if any(tone_of(one, now) != "fine" for one in found) else DONE
