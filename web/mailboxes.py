"""Mailboxes (channels): the addresses that people write to, each with an inlet by MX, an IMAP account, or both."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from sqlmodel import Session
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from gatepost.activation import Facts, missing_conditions
from gatepost.address import AddressError, parse_address
from gatepost.connectors.idle import idle_words
from gatepost.model import Account, Channel
from gatepost.reply import capital
from gatepost.store import accounts, approvals, attempts, channels, sent_copies, write_back
from gatepost.store.completeness import get_verification, verifications
from gatepost.store.domains import list_domains
from gatepost.store.idling import WATCHABLE, state_of
from gatepost.store.mailboxes import change_channel
from gatepost.store.sending import route_of_account
from gatepost.web.acknowledgement import acknowledgement_context
from gatepost.web.forms import Form, filled
from gatepost.web.render import show
from gatepost.web.route import NOT_HERE, Visit

NOTICES = {
    "created": "The mailbox is ready.",
    "saved": "The changes are saved.",
    "deleted": "The mailbox is deleted.",
    "connected": "The login works. New mail is fetched from now on.",
    "disconnected": "Fetching is switched off. What was fetched stays.",
    "again": "The mailbox is connected again. What came meanwhile is fetched now.",
    "revoked": "The mailbox is disconnected and its permission given back. What was fetched stays.",
    "ended": "The mailbox is disconnected and its tokens are forgotten. At the provider, its owner removes the app in "
    "the security settings of the account. What was fetched stays.",
    "link-ended": "The link to connect this mailbox is ended.",
    "polling": "The mailbox is asked for new mail now.",
}


def mailboxes(visit: Visit) -> Response:
    """All mailboxes with their state."""
    return show(visit, "mailboxes.html", list_context(visit))


def list_context(visit: Visit) -> dict[str, Any]:
    by_channel = {account.channel_id: account for account in accounts.list_accounts(visit.session)}
    rows = [(channel, by_channel.get(channel.id)) for channel in channels.list_channels(visit.session)]
    settings = visit.app.settings
    checks = verifications(visit.session)
    return {
        "section": "mailboxes",
        "boxes": rows,
        "checks": checks,
        "notices": NOTICES,
        "mx": settings.mx,
        "domain": settings.domain,
    }


def create(visit: Visit) -> Response:
    """A new mailbox."""
    values, problems = read_channel(visit.form)
    if not problems:
        now = visit.now
        made, problems = attempt(visit, lambda session: channels.create_channel(session, **values, now=now).id)
        if not problems:
            return RedirectResponse(f"/mailboxes/{made}?done=created", 303)
    context = {**list_context(visit), "form": visit.form.wrong(problems)}
    return show(visit, "mailboxes.html", context, status=422)


def read_channel(form: Form) -> tuple[dict[str, Any], dict[str, str]]:
    """The fields of a mailbox, and what is wrong with which."""
    problems: dict[str, str] = {}
    address = ""
    try:
        address = parse_address(form.get("address")).key
    except AddressError as error:
        problems["address"] = str(error)
    name = form.get("name")[:100] or address
    values = {
        "name": name,
        "address": address,
        "sender_name": form.get("sender_name")[:100],
        "footer": form.text("footer")[:5000],
        "by_mx": form.get("by_mx") == "yes",
    }
    return values, problems


def attempt(visit: Visit, op: Callable[[Session], Any]) -> tuple[Any, dict[str, str]]:
    """Write, with a refusal of the store as a problem of the address."""
    try:
        return visit.app.ledger.write(op), {}
    except ValueError as error:
        return None, {"address": sentence(str(error))}


def sentence(text: str) -> str:
    """A problem as a sentence."""
    return capital(text) + ("" if text.endswith((".", "?", "!")) else ".")


def channel_of(visit: Visit) -> Channel:
    """The mailbox in the path. Raises HTTPException 404."""
    channel = channels.get_channel(visit.session, visit.path("id"))
    if channel is None:
        raise HTTPException(404, NOT_HERE)
    return channel


def account_of(visit: Visit, channel: Channel) -> Account | None:
    """The account that is fetched into a mailbox."""
    return next(iter(accounts.list_accounts(visit.session, channel.id)), None)


def mailbox(visit: Visit) -> Response:
    """One mailbox: its settings and its account."""
    return mailbox_view(visit, channel_of(visit))


def mailbox_view(
    visit: Visit,
    channel: Channel,
    *,
    form: Form | None = None,
    account_form: Form | None = None,
    acknowledgement: Form | None = None,
    status: int = 200,
) -> Response:
    """The page, with what was typed when it was wrong."""
    account = account_of(visit, channel)
    aliases = "\n".join(channels.aliases_of(visit.session, channel.id))
    known = filled(
        name=channel.name,
        address=channel.address,
        sender_name=channel.sender_name,
        footer=channel.footer,
        by_mx="yes" if channel.by_mx else "",
        aliases=aliases,
        active="yes" if channel.state == "active" else "",
        visible="yes" if channel.visible else "",
    )
    context = {
        "section": "mailboxes",
        "channel": channel,
        "account": account,
        "form": form or known,
        "unmet": unmet(visit, channel, by_mx=channel.by_mx, sender_name=channel.sender_name),
        "account_form": account_form or known_account(account, channel),
        "notices": NOTICES,
        "mx": visit.app.settings.mx,
        "checked": get_verification(visit.session, account.id) if account else None,
        "sends_by": route_of_account(visit.session, account) if account else None,
        "undone": undone(visit, account) if account else False,
        "watched": how_watched(visit, account) if account else "",
        **connecting_context(visit, channel),
        **acknowledgement_context(visit, channel, acknowledgement),
    }
    return show(visit, "mailbox.html", context, status=status)


def undone(visit: Visit, account: Account) -> bool:
    """Whether something could not be done at its provider, or not yet."""
    return bool(sent_copies.troubled(visit.session, account.id, 1) or write_back.troubled(visit.session, account.id, 1))


def how_watched(visit: Visit, account: Account) -> str:
    """How new mail of an account is noticed; empty where none is fetched."""
    if account.state not in WATCHABLE:
        return ""
    row = state_of(visit.session, account.id, visit.now)
    return idle_words(row.word if row else "", row.why if row else "", visit.app.settings.poll_seconds)


def connecting_context(visit: Visit, channel: Channel) -> dict[str, Any]:
    """What is under way to connect the mailbox: an approval that is waited for, a colleague's link."""
    approval = approvals.open_approval(visit.session, channel.id, visit.now)
    where = f"{approval.provider}?address={quote(approval.address, safe='@')}" if approval else ""
    return {
        "approval": approval,
        "approval_path": f"/mailboxes/{channel.id}/connect/{where}",
        "link": attempts.open_link(visit.session, channel.id, visit.now),
    }


def known_account(account: Account | None, channel: Channel) -> Form:
    """The account form as it stands."""
    if account is None:
        return filled(username=channel.address, security="tls", port="993", folder="INBOX")
    return filled(
        host=account.host,
        port=str(account.port),
        security=account.security,
        username=account.username,
        folder=account.folder,
    )


def save(visit: Visit) -> Response:
    """Change a mailbox."""
    channel = channel_of(visit)
    values, problems = read_channel(visit.form)
    aliases, wrong = read_aliases(visit.form.text("aliases"))
    problems |= wrong
    state = "active" if visit.form.get("active") == "yes" else "inactive"
    if not problems and state == "active" and channel.state != "active":
        missing = unmet(visit, channel, by_mx=values["by_mx"], sender_name=values["sender_name"])
        problems |= {"active": " ".join(missing)} if missing else {}
    if not problems:
        visible = visit.form.get("visible") == "yes"

        def write(session: Session) -> None:
            change_channel(session, channel.id, **values, state=state, visible=visible)
            channels.set_aliases(session, channel.id, aliases)

        _, problems = attempt(visit, write)
    if problems:
        return mailbox_view(visit, channel, form=visit.form.wrong(problems), status=422)
    return RedirectResponse(f"/mailboxes/{channel.id}?done=saved", 303)


def unmet(visit: Visit, channel: Channel, *, by_mx: bool, sender_name: str) -> list[str]:
    """What `activation` asks for before this mailbox can be switched on, and is not there yet."""
    facts = Facts(
        inlet=by_mx or account_of(visit, channel) is not None,
        signed=any(row.name == channel.address.rpartition("@")[2] for row in list_domains(visit.session)),
        sender_name=bool(sender_name.strip()),
    )
    return missing_conditions(visit.app.settings.activation, facts)


def read_aliases(text: str) -> tuple[list[str], dict[str, str]]:
    """Further addresses, one a line."""
    found: list[str] = []
    for line in text.split("\n")[:100]:
        try:
            found += [parse_address(line.strip()).key] if line.strip() else []
        except AddressError as error:
            return found, {"aliases": str(error)}
    return found, {}


def delete(visit: Visit) -> Response:
    """Remove a mailbox that nothing hangs on."""
    channel = channel_of(visit)
    _, problems = attempt(visit, lambda session: channels.delete_channel(session, channel.id))
    if problems:
        return mailbox_view(visit, channel, form=visit.form.wrong({"delete": problems["address"]}), status=422)
    return RedirectResponse("/mailboxes?done=deleted", 303)
