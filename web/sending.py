"""How a connected mailbox sends, what becomes of copies, whether it works two ways, and trying it all."""

from typing import Any

from sqlmodel import Session
from starlette.responses import RedirectResponse, Response

from gatepost.gateway.account_login import NotTaken, Server, TypeAgain, leads_elsewhere, require_password
from gatepost.model import Account, Channel
from gatepost.store import accounts, sent_copies, write_back
from gatepost.store.chores import try_now
from gatepost.store.sending import COPIES, route_of_account, send_over_account, set_sending
from gatepost.web.accounts import read_server
from gatepost.web.forms import Form, filled
from gatepost.web.mailboxes import account_of, channel_of
from gatepost.web.render import show
from gatepost.web.route import Visit
from gatepost.web.session import may_try, net_of
from gatepost.web.state import App

USUAL = {"tls": 465, "starttls": 587}
TOO_MANY_TRIES = "The password was tried many times. Wait 15 minutes, then try again."
ACTS = {
    "read": "Mark as read",
    "unread": "Mark as unread",
    "archive": "Archive",
    "inbox": "Put back into the inbox",
    "spam": "Move to junk",
    "trash": "Move to the trash",
    "back": "Put back into the archive",
}


def sending_page(visit: Visit) -> Response:
    """The settings."""
    channel = channel_of(visit)
    account = account_of(visit, channel)
    if account is None:
        return to_connect(channel)
    return sending_view(visit, channel, account, known(visit.session, account))


def to_connect(channel: Channel) -> Response:
    """Where a mailbox without an account gets one."""
    return RedirectResponse(f"/mailboxes/{channel.id}#account", 303)


def known(session: Session, account: Account) -> Form:
    """The form as it is stored; a server of the same provider is proposed where none is known."""
    guess = account.host.lower().replace("imap", "smtp", 1) if account.host.lower().startswith("imap") else ""
    return filled(
        smtp_host=account.smtp_host or guess,
        smtp_security=account.smtp_security or "starttls",
        smtp_port=str(account.smtp_port or USUAL.get(account.smtp_security or "starttls", 587)),
        sends="yes" if route_of_account(session, account) else "",
        sent_copy=account.sent_copy,
        sent_folder=account.sent_folder,
        two_way="yes" if account.two_way else "",
    )


def sending_view(
    visit: Visit,
    channel: Channel,
    account: Account,
    form: Form,
    *,
    status: int = 200,
    found: Any = None,
    passing: bool = False,
) -> Response:
    """The page; `passing`: what is wrong may pass by itself, so that it can be saved all the same."""
    context = {"section": "mailboxes", "channel": channel, "account": account, "form": form, "found": found}
    context["passing"] = passing
    context["copies"] = sent_copies.troubled(visit.session, account.id)
    context["words"] = ACTS
    context["unwritten"] = write_back.troubled(visit.session, account.id)
    context["given_up"] = any(row.state == "failed" for row, *_ in (*context["copies"], *context["unwritten"]))
    return show(visit, "sending.html", {**context, "route": route_of_account(visit.session, account)}, status=status)


def save_sending(visit: Visit) -> Response:
    """Keep the settings."""
    channel = channel_of(visit)
    account = account_of(visit, channel)
    if account is None:
        return to_connect(channel)
    values, problems = read_sending(visit.form)
    if visit.form.get("sends") and not values["smtp_host"] and "smtp_host" not in problems:
        problems["smtp_host"] = "Write the server's name, such as smtp.example.com."
    problems, passing = (problems, False) if problems else write_sending(visit, account, values)
    if problems:
        return sending_view(visit, channel, account, visit.form.wrong(problems), status=422, passing=passing)
    return RedirectResponse(f"/mailboxes/{channel.id}/sending?done=saved", 303)


def write_sending(visit: Visit, account: Account, values: dict[str, Any]) -> tuple[dict[str, str], bool]:
    """Try another server, and write what the form says; why not, by field, and whether it can be saved all the same.

    Guesses of the password are counted as those of a login are.
    """
    sends, now, user_id, keys = bool(visit.form.get("sends")), visit.now, visit.user.id, visit.app.keys
    server, password = (values["smtp_host"], values["smtp_security"]), visit.form.fields.get("password", [""])[0]

    def write(session: Session) -> None:
        held = accounts.get_account(session, account.id)
        if held:
            require_password(keys, held, *server, password)
            set_sending(session, held, **values)
            send_over_account(session, held, sends, now, user_id)

    guesses = password and leads_elsewhere(account, *server)
    if guesses and not may_try(visit.app.ledger, visit.session, account.id, net_of(visit.ip), now):
        return {"password": TOO_MANY_TRIES}, False
    try:
        require_password(keys, account, *server, password)
        wrong = try_first(visit.app, account, values, password)
        if wrong and not (wrong.passing and visit.form.get("anyway")):
            return {wrong.field: wrong.sentence}, wrong.passing
        visit.app.ledger.write(write)
    except TypeAgain as error:
        return {"password": str(error)}, False
    except ValueError as error:
        return {"sends": f"{error}. See Routes."}, False
    return {}, False


def try_first(app: App, account: Account, values: dict[str, Any], password: str) -> NotTaken | None:
    """What another server for sending says to the mailbox's login; the password was proven before."""
    if app.try_server is None or "smtp_host" not in values:
        return None
    return app.try_server(account, Server(values["smtp_host"], values["smtp_port"], values["smtp_security"]), password)


def read_sending(form: Form) -> tuple[dict[str, Any], dict[str, str]]:
    """The fields, and what is wrong with which."""
    server, problems = read_server(form)
    copies = form.get("sent_copy") or "auto"
    if copies not in COPIES:
        problems["sent_copy"] = "Choose what becomes of copies in Sent."
    values = {
        **server,
        "sent_copy": copies,
        "sent_folder": form.get("sent_folder")[:200],
        "two_way": bool(form.get("two_way")),
    }
    return values, problems


def try_failed(visit: Visit) -> Response:
    """Try once more what could not be filed in Sent or written back, and was given up."""
    channel = channel_of(visit)
    account, now = account_of(visit, channel), visit.now
    if account is None:
        return to_connect(channel)

    def write(session: Session) -> None:
        try_now(session, account.id, now)

    visit.app.ledger.write(write)
    return RedirectResponse(f"/mailboxes/{channel.id}/sending?done=again#failed", 303)


def try_sending(visit: Visit) -> Response:
    """Try the mailbox as it is stored, step by step."""
    channel = channel_of(visit)
    account = account_of(visit, channel)
    if account is None:
        return to_connect(channel)
    if visit.app.try_account is None:
        return RedirectResponse(f"/mailboxes/{channel.id}/sending", 303)
    found = visit.app.try_account(account.id, bool(visit.form.get("round_trip")))
    return sending_view(visit, channel, account, known(visit.session, account), found=found)
