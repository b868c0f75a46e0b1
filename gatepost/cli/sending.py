"""`gatepost mailbox test` and `mailbox sending`: what a connected mailbox can do, and how it sends."""

import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlmodel import Session

from gatepost.cli.connect import read_password
from gatepost.cli.frame import DONE, FINDINGS, BadInput, Failed, opened, print_object, say
from gatepost.cli.mailbox import account_of, known_channel
from gatepost.gateway.accept import Gate
from gatepost.gateway.account_login import Server, TypeAgain, leads_elsewhere, require_password
from gatepost.mailbox_access import access_of, smtp_login
from gatepost.model import Account, SentCopy, WriteBack
from gatepost.parts import Parts, clock
from gatepost.settings import Settings
from gatepost.store import sent_copies, write_back
from gatepost.store.chores import try_now
from gatepost.store.sending import COPIES, SECURITIES, route_of_account, send_over_account, set_sending
from gatepost.trial import try_account, try_new_server

MARKS = {True: "ok", False: "FAILED", None: "-"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the options say; None leaves it as it is."""

    host: str | None = None
    port: int | None = None
    security: str | None = None
    through: bool | None = None
    copies: str | None = None
    sent_folder: str | None = None
    two_way: bool | None = None
    password_file: Path | None = None
    again: bool = False
    anyway: bool = False


def test_mailbox(settings: Settings, address: str, round_trip: bool, as_json: bool) -> int:
    """Try a mailbox; 3 when a step failed."""
    with opened(settings) as parts:
        with parts.database.session() as session:
            account, channel = account_of(session, address), known_channel(session, "ADDRESS", address)
        if round_trip and not account.smtp_host:
            raise BadInput("--send: no server for sending is known; name it with `gatepost mailbox sending --host`")
        found = try_account(
            gate_of(parts), access_of(parts), account, account.address or channel.address, round_trip=round_trip
        )
    if as_json:
        steps = [asdict(step) for step in found.steps]
        print_object({"address": address, "ok": found.ok, "sent_folder": found.sent_folder, "steps": steps})
    for step in () if as_json else found.steps:
        say(f"{MARKS[step.ok]:6} {step.name:8} {step.sentence}{' ' + step.fix if step.fix else ''}")
    return DONE if found.ok else FINDINGS


def change_sending(settings: Settings, address: str, wanted: Wanted, as_json: bool) -> None:
    """Change what is wanted, and show how it is then. Raises BadInput."""
    check_wanted(wanted)
    with opened(settings) as parts:
        password = password_of(parts, address, wanted)
        try:
            try_server(parts, address, wanted, password)
            told = parts.ledger.write(lambda session: written(session, parts, address, wanted, password))
        except TypeAgain as error:
            raise BadInput(f"--password-file: {error}") from None
        except ValueError as error:
            raise BadInput(f"{error}: `gatepost mailbox sending {address} --host ...`") from None
    if as_json:
        print_object({"address": address, **told})
        return
    server = f"{told['smtp_host']}:{told['smtp_port']} ({told['smtp_security']})" if told["smtp_host"] else "not known"
    say(f"Server for sending: {server}")
    through = f"over its own account (route {told['route']})" if told["route"] else "as any other mail"
    say(f"Mail of {address} goes out {through}.")
    say(f"Copies in Sent: {told['sent_copy']}, folder {told['sent_folder'] or 'as the server marks it'}")
    say(f"Two ways: {'on' if told['two_way'] else 'off'}")
    for failed in told["failed"]:
        when = "given up" if failed["next_at"] is None else f"tried again at {failed['next_at']:%Y-%m-%d %H:%M} UTC"
        say(f"Not done there: {failed['what']} of {failed['mail']}, {when}: {failed['why']}")
    if wanted.again:
        say("What was given up is tried again within seconds.")


def check_wanted(wanted: Wanted) -> None:
    """Refuse what can be seen to be wrong. Raises BadInput."""
    if wanted.security is not None and wanted.security not in SECURITIES:
        raise BadInput(f"--security {wanted.security}: choose {', '.join(SECURITIES)}")
    if wanted.copies is not None and wanted.copies not in COPIES:
        raise BadInput(f"--copies {wanted.copies}: choose {', '.join(COPIES)}")
    if wanted.port is not None and not 0 < wanted.port < 65536:
        raise BadInput(f"--port {wanted.port}: a port is a number from 1 to 65535; usual are 465 (tls), 587 (starttls)")
    if wanted.host and any(mark in wanted.host for mark in " /@\r\n\0"):
        raise BadInput("--host: write the server's name, such as smtp.example.com")


def password_of(parts: Parts, address: str, wanted: Wanted) -> str:
    """The mailbox's password, asked for where it would go to another server. Raises BadInput."""
    with parts.database.session() as session:
        account = account_of(session, address)
    elsewhere = account.auth == "password" and leads_elsewhere(account, *server_of(account, wanted)[::2])
    can_ask = wanted.password_file is not None or sys.stdin.isatty()
    return read_password(wanted.password_file) if elsewhere and can_ask else ""


def try_server(parts: Parts, address: str, wanted: Wanted, password: str) -> None:
    """Try another server before it is saved. Raises Failed, and TypeAgain before the password goes anywhere."""
    with parts.database.session() as session:
        account = account_of(session, address)
    server = Server(*server_of(account, wanted))
    require_password(parts.keys, account, server.host, server.security, password)
    wrong = try_new_server(gate_of(parts), access_of(parts), account, server, password)
    if wrong and not (wrong.passing and wanted.anyway):
        passing = " This may pass by itself: --anyway saves it all the same." if wrong.passing else ""
        raise Failed(wrong.sentence + passing)


def gate_of(parts: Parts) -> Gate:
    """What is needed to log in to a server for sending."""
    login = smtp_login(access_of(parts))
    return Gate(parts.settings, parts.database, parts.ledger, parts.keys, parts.blobs, account_login=login)


def server_of(account: Account, wanted: Wanted) -> tuple[str, int, str]:
    """The server for sending, its port and security, as they will be."""
    host, port, security = wanted.host, wanted.port, wanted.security
    if host:
        security = security or account.smtp_security or ("tls" if port == 465 else "starttls")
        port = port or (465 if security == "tls" else 587)
    named = account.smtp_host if host is None else host.strip().lower()
    return named, port or account.smtp_port, security or account.smtp_security


def written(session: Session, parts: Parts, address: str, wanted: Wanted, password: str) -> dict[str, Any]:
    """Change an account in the caller's transaction; how it is then. Raises ValueError."""
    account = account_of(session, address)
    host, port, security = server_of(account, wanted)
    require_password(parts.keys, account, host, security, password)
    set_sending(
        session,
        account,
        smtp_host=host,
        smtp_port=port,
        smtp_security=security,
        sent_copy=wanted.copies,
        sent_folder=wanted.sent_folder,
        two_way=wanted.two_way,
    )
    if wanted.through is not None:
        send_over_account(session, account, wanted.through, clock())
    if wanted.again:
        try_now(session, account.id, clock())
    names = ("smtp_host", "smtp_port", "smtp_security", "sent_copy", "sent_folder", "two_way")
    route = route_of_account(session, account)
    known = {name: getattr(account, name) for name in names}
    return {**known, "route": route.name if route else None, "failed": failed_of(session, account.id)}


def failed_of(session: Session, account_id: str) -> list[dict[str, Any]]:
    """What could not be done at the provider, the newest first: copies, then what was to be written back."""
    copies = [
        failed_row("copy in Sent", copy, message.id) for copy, message in sent_copies.troubled(session, account_id)
    ]
    acts = write_back.troubled(session, account_id)
    return copies + [failed_row(row.act, row, arrival.id) for row, arrival, _ in acts]


def failed_row(what: str, row: SentCopy | WriteBack, mail: str) -> dict[str, Any]:
    return {"what": what, "mail": mail, "why": row.why, "next_at": row.next_at if row.state == "due" else None}
