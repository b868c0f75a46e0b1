"""`gatepost mailbox connect` and `check`: an IMAP account, tried with a real login before it is saved."""

import sys
from dataclasses import dataclass
from pathlib import Path

from sqlmodel import Session

from gatepost.amount import amount
from gatepost.cli.frame import DONE, FINDINGS, BadInput, Failed, opened, print_object, say, warn
from gatepost.cli.mailbox import account_of, known_channel, tell
from gatepost.connectors.imap import Check, check
from gatepost.connectors.trouble import SECURITIES, Trouble
from gatepost.connectors.wire import Connect
from gatepost.mailbox_access import access_of, imap_login
from gatepost.model import Account
from gatepost.parts import Parts, clock
from gatepost.settings import Settings
from gatepost.store import accounts, attempts, imports
from gatepost.trial import in_words, try_login
from gatepost.words import ImportChoice

PORTS = {"tls": 993, "starttls": 143, "none": 143}


@dataclass(frozen=True, slots=True)
class Login:
    """What the options say; port 0 and an empty user name stand for the usual ones."""

    host: str
    port: int
    security: str
    username: str
    password_file: Path | None
    folder: str
    authserv_id: str
    old: str = "all"


OLD_MAIL = {
    "all": "All mail that is there comes too, behind new mail and without telling anybody",
    "new": "Of the mail that is there nothing is fetched",
    "ask": "Nothing is fetched before it is chosen what of the mail that is there is wanted",
}


def connect(settings: Settings, address: str, login: Login, tried: bool, as_json: bool) -> None:
    """Save a mailbox's account, after a real login unless `tried` is False. Raises BadInput and Failed."""
    check_options(login)
    with opened(settings) as parts:
        with parts.database.session() as session:
            channel = known_channel(session, "ADDRESS", address)
        wanted = Connect(
            login.host.strip().lower(),
            login.port or PORTS[login.security],
            login.security,
            login.username or channel.address,
            read_password(login.password_file),
            login.folder,
        )
        said = require(wanted, settings) if tried else "Saved without a check."
        account, new = parts.ledger.write(lambda session: save(session, parts, channel.id, wanted, login))
    if as_json:
        print_object({"address": channel.address, "account": account.id, "state": account.state, "check": said})
    else:
        say(said)
        say(f"{channel.address} is connected; the running `gatepost serve` fetches it from now on.")
        if new:
            what = (
                OLD_MAIL.get(login.old) or f"Of the mail that is there that of the last {days_of(login.old)} comes too"
            )
            say(f"{what}: `gatepost mailbox import {channel.address}` shows how far it is, and changes it.")


def is_days(old: str) -> bool:
    return old.isascii() and old.isdigit() and 1 <= int(old[:6]) <= imports.MOST_DAYS


def days_of(old: str) -> str:
    return amount(int(old), "day")


def check_options(login: Login) -> None:
    """Refuse what can be seen to be wrong. Raises BadInput."""
    if login.security not in SECURITIES:
        raise BadInput(f"--security {login.security}: choose {', '.join(SECURITIES)}")
    if not login.host.strip() or any(mark in login.host for mark in " /@"):
        raise BadInput("--host: write the server's name, such as imap.example.com")
    if not 0 <= login.port < 65536:
        raise BadInput(f"--port {login.port}: a port is a number from 1 to 65535; usual are 993 (tls), 143 (starttls)")
    if login.old not in OLD_MAIL and not is_days(login.old):
        raise BadInput(f"--import {login.old}: choose all, new, ask or a number of days up to {imports.MOST_DAYS:,}")
    if login.security == "none":
        warn("gatepost: warning: with --security none the password goes over the network in the clear")


def read_password(file: Path | None) -> str:
    """The password from its file's first line, or asked for without showing it. Raises BadInput."""
    if file:
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(f"--password-file {file}: it cannot be read: {getattr(error, 'strerror', error)}") from None
        if not lines or not lines[0]:
            raise BadInput(f"--password-file {file}: its first line is empty; write the password there")
        return lines[0]
    if not sys.stdin.isatty():
        raise BadInput("--password-file: name the file that holds the password; there is no terminal to ask on")
    import typer

    return str(typer.prompt("Password", hide_input=True, err=True))


def require(wanted: Connect, settings: Settings) -> str:
    """What a real login says. Raises BadInput for a field to correct and Failed for trouble of the server."""
    found = try_login(settings, wanted)
    wrong = None if found.receives else found.problem
    if wrong is None:
        return in_words(found, wanted.folder)
    sentence = f"{wrong.sentence} {wrong.fix}"
    if wrong.field in ("host", "port", "security", "username", "password", "folder"):
        option = "--password-file" if wrong.field == "password" else f"--{wrong.field}"
        raise BadInput(f"{option}: {sentence} Nothing was saved.")
    raise Failed(f"{sentence} Nothing was saved; --no-check saves it all the same.")


def save(session: Session, parts: Parts, channel_id: str, wanted: Connect, login: Login) -> tuple[Account, bool]:
    """A new account (True), or the one that is there with its identity and its cursors."""
    held = next(iter(accounts.list_accounts(session, channel_id)), None)
    now, authserv_id = clock(), login.authserv_id
    attempts.end_asking(session, channel_id, now)
    if held is None:
        made = accounts.create_account(
            session,
            parts.keys,
            channel_id=channel_id,
            host=wanted.host,
            port=wanted.port,
            security=wanted.security,
            username=wanted.username,
            secret=wanted.password,
            folder=wanted.folder,
            authserv_id=authserv_id or None,
            now=now,
        )
        choose(session, made, login.old)
        return made, True
    accounts.reconnect(
        session,
        parts.keys,
        held,
        host=wanted.host,
        port=wanted.port,
        security=wanted.security,
        username=wanted.username,
        folder=wanted.folder,
        secret=wanted.password,
        now=now,
    )
    held.authserv_id = authserv_id or held.authserv_id
    session.add(held)
    return held, False


def choose(session: Session, account: Account, old: str) -> None:
    """What of the mail that is there is fetched."""
    if old == "ask":
        imports.ask_import(session, account)
    elif old == "new":
        imports.choose_import(session, account, ImportChoice.NEW, 0, clock())
    elif old != "all":
        imports.choose_import(session, account, ImportChoice.DAYS, int(old), clock())


def check_mailbox(settings: Settings, address: str, as_json: bool) -> int:
    """Try a mailbox's stored login; 3 when it does not work."""
    with opened(settings) as parts:
        with parts.database.session() as session:
            account = account_of(session, address)
        tried = check_account(account, parts)
    if as_json:
        found = {"address": address, "ok": tried.ok, "sentence": tried.sentence, "messages": tried.messages}
        print_object({**found, "folders": list(tried.folders), "state": account.state})
    else:
        say(f"{address}: {tried.sentence}")
    return DONE if tried.ok else FINDINGS


def check_account(account: Account, parts: Parts) -> Check:
    try:
        wanted = imap_login(access_of(parts), account)
    except Trouble as trouble:
        return Check(False, (), 0, str(trouble), trouble.field)
    return check(wanted, parts.settings.private_hosts)


def stop(session: Session, account: Account) -> None:
    """Fetch no more, and let nobody connect it who was asked to."""
    now = clock()
    accounts.disable(session, account, now)
    attempts.give_up(session, account.channel_id, now)


def disconnect(settings: Settings, address: str, as_json: bool) -> None:
    """Stop fetching, and give a permission back to the provider; what was fetched stays."""
    with opened(settings) as parts:
        parts.ledger.write(lambda session: stop(session, account_of(session, address)))
        with parts.database.session() as session:
            account = account_of(session, address)
        told = access_of(parts).disconnect(account)[1] if account.auth != "password" else ""
    sentence = f"is not fetched any more; what was fetched stays. {told}"
    tell(address, as_json, "disconnected", sentence.rstrip(" ."))
