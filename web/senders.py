"""Who may send: credentials of systems, and domains that we sign for."""

from ipaddress import ip_network
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from gatepost.address import AddressError, parse_address, parse_domain
from gatepost.store import credentials, domains
from gatepost.web.forms import Form
from gatepost.web.mailboxes import sentence
from gatepost.web.render import show
from gatepost.web.route import NOT_HERE, Visit

NOTICES = {
    "disabled": "The credential is switched off; systems that use it are refused from now on.",
    "enabled": "The credential works again.",
    "domain": "The domain is added. Publish its record, then mail from it is signed and can be verified.",
}


def senders(visit: Visit) -> Response:
    """Credentials and domains."""
    return show(visit, "senders.html", context_of(visit))


def context_of(visit: Visit) -> dict[str, Any]:
    signed = [(domain, *domains.dns_record(domain)) for domain in domains.list_domains(visit.session)]
    return {
        "section": "senders",
        "credentials": credentials.list_credentials(visit.session),
        "domains": signed,
        "scopes": credentials.SCOPES,
        "settings": visit.app.settings,
        "notices": NOTICES,
        "made": None,
        "secret": "",
        "which": "",
    }


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
        context = {**context_of(visit), "form": visit.form.wrong(problems), "which": "credential"}
        return show(visit, "senders.html", context, status=422)
    visit.session.rollback()
    return show(visit, "senders.html", {**context_of(visit), "made": made, "secret": secret, "form": Form()})


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
    """Addresses or domains that may stand in From, separated by spaces, commas or lines."""
    found: list[str] = []
    for part in text.replace(",", " ").split():
        try:
            found.append(parse_address(part).key if "@" in part.lstrip("@") else parse_domain(part.lstrip("@")))
        except AddressError as error:
            return found, str(error)
    return found, "" if found else "Write at least one address or domain that it may send as."


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
        domain = domains.new_domain(visit.app.keys, visit.form.get("domain"), visit.now)
        visit.app.ledger.write(lambda session: domains.add_domain(session, domain))
    except ValueError as error:
        form = visit.form.wrong({"domain": sentence(str(error))})
        return show(visit, "senders.html", {**context_of(visit), "form": form, "which": "domain"}, status=422)
    return RedirectResponse("/senders?done=domain#domains", 303)
