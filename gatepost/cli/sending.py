"""`gatepost mailbox test` and `mailbox sending`: what a connected mailbox can do, and how it sends."""

from dataclasses import asdict, dataclass
from typing import Any

from sqlmodel import Session

from gatepost.cli.frame import DONE, FINDINGS, BadInput, opened, print_object, say
from gatepost.cli.mailbox import account_of, known_channel
from gatepost.gateway.accept import Gate
from gatepost.mailbox_access import access_of, smtp_login
from gatepost.model import Account
from gatepost.parts import clock
from gatepost.settings import Settings
from gatepost.store.sending import COPIES, SECURITIES, route_of_account, send_over_account, set_sending
from gatepost.trial import try_account

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


def test_mailbox(settings: Settings, address: str, round_trip: bool, as_json: bool) -> int:
    """Try a mailbox; 3 when a step failed."""
    with opened(settings) as parts:
        with parts.database.session() as session:
            account, channel = account_of(session, address), known_channel(session, "ADDRESS", address)
        if round_trip and not account.smtp_host:
            raise BadInput("--send: no server for sending is known; name it with `gatepost mailbox sending --host`")
        access = access_of(parts)
        login = smtp_login(access)
        gate = Gate(parts.settings, parts.database, parts.ledger, parts.keys, parts.blobs, account_login=login)
        found = try_account(gate, access, account, account.address or channel.address, round_trip=round_trip)
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
        try:
            told = parts.ledger.write(lambda session: written(session, account_of(session, address), wanted))
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


def written(session: Session, account: Account, wanted: Wanted) -> dict[str, Any]:
    """Change an account in the caller's transaction; how it is then. Raises ValueError."""
    security, port = wanted.security, wanted.port
    if wanted.host:
        security = security or account.smtp_security or ("tls" if port == 465 else "starttls")
        port = port or (465 if security == "tls" else 587)
    set_sending(
        session,
        account,
        smtp_host=wanted.host.strip().lower() if wanted.host is not None else None,
        smtp_port=port,
        smtp_security=security,
        sent_copy=wanted.copies,
        sent_folder=wanted.sent_folder,
        two_way=wanted.two_way,
    )
    if wanted.through is not None:
        send_over_account(session, account, wanted.through, clock())
    names = ("smtp_host", "smtp_port", "smtp_security", "sent_copy", "sent_folder", "two_way")
    route = route_of_account(session, account)
    return {**{name: getattr(account, name) for name in names}, "route": route.name if route else None}
