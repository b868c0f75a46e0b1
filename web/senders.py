"""Who may send: addresses that may stand in From, credentials of systems, and domains that we sign for."""

from ipaddress import ip_network
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from gatepost.address import parse_address
from gatepost.gateway.senders import read_senders as as_listed
from gatepost.gateway.standing import Standing, address_standing, domain_standing
from gatepost.model import Credential, Sender
from gatepost.store import channels, credentials, domains
from gatepost.store import senders as senders_store
from gatepost.web.forms import Form
from gatepost.web.mailboxes import sentence
from gatepost.web.render import show
from gatepost.web.route import NOT_HERE, Visit

NOTICES = {
    "disabled": "The credential is switched off; systems that use it are refused from now on.",
    "enabled": "The credential works again.",
    "asked": "The mail is on its way. When its owner has opened the link and pressed Confirm, the address can be used.",
    "removed": "The address is forgotten.",
    "domain-removed": "The domain and its keys are removed.",
}


def senders(visit: Visit) -> Response:
    """Sender addresses, credentials and domains."""
    return senders_view(visit)


def senders_view(
    visit: Visit,
    *,
    form: Form | None = None,
    which: str = "",
    made: Credential | None = None,
    secret: str = "",
    status: int = 200,
) -> Response:
    """The page; `form` holds what was wrong in the form `which`, `made` a credential whose secret is shown now."""
    context = {
        "section": "senders",
        "addresses": addresses_in_use(visit),
        "waiting": [row for row in senders_store.list_senders(visit.session) if not row.confirmed_at],
        "credentials": credentials.list_credentials(visit.session),
        "domains": domains.list_domains(visit.session),
        "domain_standing": lambda name: domain_standing(visit.session, visit.app.settings, name),
        "scopes": credentials.SCOPES,
        "settings": visit.app.settings,
        "notices": NOTICES,
        "made": made,
        "secret": secret,
        "which": which,
        "form": form or Form(),
    }
    return show(visit, "senders.html", context, status=status)


def addresses_in_use(visit: Visit) -> list[tuple[str, Sender | None, Standing, str]]:
    """Every address that is confirmed, asked for, of a mailbox, or listed by a credential: whether it may be used, why.

    The last value says where it is used.
    """
    session, settings = visit.session, visit.app.settings
    rows = {row.address: row for row in senders_store.list_senders(session)}
    users: dict[str, list[str]] = {address: [] for address in rows if "@" in address}
    for channel in channels.list_channels(session):
        users.setdefault(channel.address, []).append(f"mailbox {channel.name}")
    for credential in credentials.list_credentials(session):
        for address in credential.senders:
            users.setdefault(address, []).append(f"credential {credential.name}")
    found = []
    for address in sorted(users):
        standing = (
            address_standing(session, settings, parse_address(address))
            if "@" in address
            else domain_standing(session, settings, address)
        )
        found.append((address, rows.get(address), standing, ", ".join(users[address])))
    return found


def create_credential(visit: Visit) -> Response:
    """A new credential; the answer is the only page that ever shows its secret."""
    values, problems = read_credential(visit.form)
    made, secret = None, ""
    if not problems:
        keys, now = visit.app.keys, visit.now
        try:
            made, secret = visit.app.ledger.write(
                lambda session: credentials.create_credential(session, keys, **values, now=now)
            )
        except ValueError as error:
            problems["name"] = sentence(str(error))
    if problems:
        return senders_view(visit, form=visit.form.wrong(problems), which="credential", status=422)
    visit.session.rollback()
    return senders_view(visit, made=made, secret=secret)


def read_credential(form: Form) -> tuple[dict[str, Any], dict[str, str]]:
    """The fields of a credential, and what is wrong with which."""
    problems: dict[str, str] = {}
    kind = form.get("kind")
    if kind not in credentials.KINDS:
        problems["kind"] = "Choose SMTP or API."
    if not form.get("name"):
        problems["name"] = "Give it the name of the system that uses it, such as “shop”."
    allowed, problem = read_senders(form.text("senders"))
    if problem:
        problems["senders"] = problem
    networks = form.text("networks").split()
    for network in networks:
        try:
            ip_network(network)
        except ValueError:
            problems["networks"] = f"{network[:60]} is not a network; write it as 192.0.2.0/24."
    values = {
        "kind": kind,
        "name": form.get("name")[:100],
        "senders": allowed,
        "scopes": [scope for scope in form.all("scopes") if scope in credentials.SCOPES] if kind == "api" else [],
        "networks": networks if kind == "smtp" else [],
        "conversations": form.get("conversations", "answer"),
    }
    return values, problems


def read_senders(text: str) -> tuple[list[str], str]:
    """Addresses or domains that may stand in From, separated by spaces, commas or lines; and what is wrong."""
    try:
        return as_listed(text.replace(",", " ").split()), ""
    except ValueError as error:
        return [], sentence(str(error))


def toggle_credential(visit: Visit) -> Response:
    """Switch a credential off or on."""
    credential = credentials.get_credential(visit.session, visit.path("id"))
    if credential is None:
        raise HTTPException(404, NOT_HERE)
    off, identifier = visit.form.get("off") == "yes", credential.id
    at = visit.now if off else None
    visit.app.ledger.write(lambda session: credentials.disable_credential(session, identifier, at))
    return RedirectResponse(f"/senders?done={'disabled' if off else 'enabled'}", 303)


def add_domain(visit: Visit) -> Response:
    """A domain that we sign for from now on."""
    try:
        new = domains.new_domain(visit.app.keys, visit.form.get("domain"), visit.now)
        visit.app.ledger.write(lambda session: domains.add_domain(session, new))
    except ValueError as error:
        form = visit.form.wrong({"domain": sentence(str(error))})
        return senders_view(visit, form=form, which="domain", status=422)
    return RedirectResponse(f"/senders/domains/{new.domain.id}?done=added", 303)
