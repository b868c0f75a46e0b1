"""Connecting a mailbox at a provider over IMAP: tried before it is saved, fetched read-only."""

from datetime import datetime
from typing import Any

from sqlmodel import Session
from starlette.responses import RedirectResponse, Response

from gatepost.address import AddressError, parse_domain
from gatepost.model import Account
from gatepost.seal import SealError
from gatepost.store import accounts, attempts, imports
from gatepost.store.sending import set_sending
from gatepost.web.forms import Form
from gatepost.web.mailboxes import account_of, channel_of, mailbox_view
from gatepost.web.route import Visit
from gatepost.web.state import TypedLogin

SECURITY = ("tls", "starttls")
FIELDS = ("host", "port", "security", "username", "password", "folder")
SMTP_FIELDS = ("smtp_host", "smtp_port", "smtp_security")
WITHOUT_SENDING = "The login for fetching works; leave the server for sending empty to connect without it."


def connect(visit: Visit) -> Response:
    """Try the login, then save it; an account that is there is changed, and keeps how far it was read."""
    channel = channel_of(visit)
    account = account_of(visit, channel)
    values, problems = read_account(visit.form, known=account is not None)
    server, wrong = read_server(visit.form) if visit.form.get("smtp_host") and account is None else ({}, {})
    problems |= wrong
    secret = visit.form.fields.get("password", [""])[0]
    if not problems:
        problems = try_login(visit, values | server, secret, account)
    if problems:
        return mailbox_view(visit, channel, account_form=visit.form.wrong(problems), status=422)
    keys, now, channel_id, user_id = visit.app.keys, visit.now, channel.id, visit.user.id

    def write(session: Session) -> None:
        held = accounts.get_account(session, account.id) if account else None
        if held is None:
            held = accounts.create_account(session, keys, channel_id=channel_id, secret=secret, **values, now=now)
            imports.ask_import(session, held)
            set_sending(session, held, **server)
        else:
            accounts.reconnect(session, keys, held, **values, secret=secret or None, now=now)
        attempts.end_asking(session, channel_id, now)
        held.user_id = held.user_id or user_id
        session.add(held)

    visit.app.ledger.write(write)
    return RedirectResponse(f"/mailboxes/{channel_id}{'?done=connected' if account else '/import'}", 303)


def read_account(form: Form, *, known: bool) -> tuple[dict[str, Any], dict[str, str]]:
    """The fields of a login, and what is wrong with which."""
    values, problems = read_place(form, "", "imap.example.com", "993 (TLS) and 143 (STARTTLS)")
    if not form.get("username"):
        problems["username"] = "Write the name that you log in with, mostly the whole address."
    if not known and not form.fields.get("password", [""])[0]:
        problems["password"] = "Write the password, or an app password where the provider asks for one."  # noqa: S105
    return {**values, "username": form.get("username")[:254], "folder": form.get("folder")[:200] or "INBOX"}, problems


def read_server(form: Form) -> tuple[dict[str, Any], dict[str, str]]:
    """The fields of a server for sending, which need not be named, and what is wrong with which."""
    return read_place(form, "smtp_", "smtp.example.com", "465 (TLS) and 587 (STARTTLS)", required=False)


def read_place(
    form: Form, prefix: str, example: str, usual: str, *, required: bool = True
) -> tuple[dict[str, Any], dict[str, str]]:
    """Host, port and security of a server, in fields of names with this prefix, and what is wrong with which."""
    problems: dict[str, str] = {}
    host, port, security = form.get(f"{prefix}host").lower(), form.get(f"{prefix}port"), form.get(f"{prefix}security")
    if host or required:
        try:
            host = parse_host(host)
        except AddressError as error:
            problems[f"{prefix}host"] = f"{error} Write the server's name, such as {example}."
    if not (port.isascii() and port.isdigit() and len(port) < 6 and 0 < int(port) < 65536):
        problems[f"{prefix}port"] = f"A port is a number from 1 to 65535; usual are {usual}."
    if security not in SECURITY:
        problems[f"{prefix}security"] = "Choose TLS or STARTTLS; a password is never sent without encryption."
    number = int(port) if f"{prefix}port" not in problems else 0
    return {f"{prefix}host": host[:254], f"{prefix}port": number, f"{prefix}security": security}, problems


def parse_host(host: str) -> str:
    """A host name or an IPv4 address. Raises AddressError."""
    return host if host.replace(".", "").isdigit() and host.count(".") == 3 else parse_domain(host)


def try_login(visit: Visit, values: dict[str, Any], secret: str, account: Account | None) -> dict[str, str]:
    """What the server says to this login; a problem stands beside its field, else above the form."""
    check = visit.app.check_account
    if not secret and account is not None:
        if (values["host"], values["security"]) != (account.host.lower(), account.security):
            known = f"{account.host} with {account.security.upper()}"
            return {"password": f"Type the password again: it was given for {known}, and goes nowhere else by itself."}
        try:
            secret = accounts.open_secret(visit.app.keys, account)
        except SealError:
            return {"password": "The stored password cannot be read with this key file; type it again."}
    if check is None:
        return {}
    problem = check(TypedLogin(**values, password=secret))
    if problem is None:
        return {}
    field, sentence = problem
    if field.startswith("smtp_"):
        field = field if field in SMTP_FIELDS else "smtp_host"
        return {field: f"{sentence} {WITHOUT_SENDING}"}
    return {field if field in FIELDS else "login": sentence}


def disconnect(visit: Visit) -> Response:
    """Stop fetching, and let nobody connect it who was asked to."""

    def stop(session: Session, account: Account, now: datetime) -> None:
        accounts.disable(session, account, now)
        attempts.give_up(session, account.channel_id, now)

    return change(visit, "disconnected", stop)


def enable(visit: Visit) -> Response:
    """Fetch again."""
    return change(visit, "polling", accounts.enable)


def poll(visit: Visit) -> Response:
    """Fetch now."""
    return change(visit, "polling", accounts.poll_now)


def change(visit: Visit, done: str, act: Any) -> Response:
    channel = channel_of(visit)
    account, now = account_of(visit, channel), visit.now

    def write(session: Session) -> None:
        held = accounts.get_account(session, account.id) if account else None
        if held:
            act(session, held, now)

    visit.app.ledger.write(write)
    visit.app.bell.ring()
    return RedirectResponse(f"/mailboxes/{channel.id}?done={done}", 303)
