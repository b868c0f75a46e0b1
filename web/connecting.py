"""The wizard that connects a mailbox: its address, the provider found for it, and what will happen before it does."""

from starlette.exceptions import HTTPException
from starlette.responses import Response

from gatepost.address import AddressError, parse_address
from gatepost.connectors.discover import find_provider
from gatepost.connectors.provider import Provider
from gatepost.http import Guard
from gatepost.model import Channel
from gatepost.resolver import dns_resolver
from gatepost.store import oauth_clients
from gatepost.web.connect_begin import begin
from gatepost.web.forms import Form, filled
from gatepost.web.journey import WITH_LOGIN, Journey, journey_context, known_providers, path_of
from gatepost.web.mailboxes import account_of, channel_of, known_account
from gatepost.web.render import show
from gatepost.web.route import NOT_HERE, Visit

LOOK_SECONDS = 4.0


def address_page(visit: Visit) -> Response:
    """The first step, and with an address the second: its provider's button first, manual settings last."""
    channel = channel_of(visit)
    typed = visit.query("address", 254)
    if not typed:
        return wizard(visit, channel, filled(address=channel.address))
    try:
        address = parse_address(typed).key
    except AddressError as error:
        return wizard(visit, channel, filled(address=typed).wrong({"address": str(error)}), status=422)
    visit.session.expunge_all()
    visit.session.rollback()
    settings = visit.app.settings
    guard = Guard(private=settings.private_hosts, seconds=LOOK_SECONDS)
    resolver = dns_resolver(settings.dns_servers or None, LOOK_SECONDS)
    found, why = find_provider(address, known_providers(settings), resolver, guard)
    return wizard(visit, channel, filled(address=address), found, why)


def wizard(
    visit: Visit, channel: Channel, form: Form, found: Provider | None = None, why: str = "", status: int = 200
) -> Response:
    """The page of the first two steps."""
    providers = known_providers(visit.app.settings)
    address = form.get("address")
    context = {
        "section": "mailboxes",
        "channel": channel,
        "account": account_of(visit, channel),
        "form": form,
        "found": found,
        "why": why,
        "buttons": sorted((providers[key] for key in WITH_LOGIN), key=lambda each: each is not found),
        "ready": {row.provider for row in oauth_clients.list_clients(visit.session)},
        "table": [each for each in providers.values() if each.key != "other"],
        "paths": {key: path_of(channel.id, key, address) for key in WITH_LOGIN},
        "account_form": manual_form(channel, address, found),
    }
    return show(visit, "connect.html", context, status=status)


def manual_form(channel: Channel, address: str, found: Provider | None) -> Form:
    """The form for a password, filled in as far as the provider is known."""
    if found is None or not found.imap.host:
        return known_account(None, channel)
    username = address.partition("@")[0] if found.username == "local" else address
    return filled(
        host=found.imap.host,
        port=str(found.imap.port),
        security=found.imap.security,
        username=username,
        folder="INBOX",
        smtp_host=found.smtp.host,
        smtp_port=str(found.smtp.port),
        smtp_security=found.smtp.security,
    )


def journey_of(visit: Visit, typed: str) -> Journey:
    """The journey that a path and an address name. Raises HTTPException 404."""
    channel, key = channel_of(visit), visit.path("provider")
    if key not in WITH_LOGIN:
        raise HTTPException(404, NOT_HERE)
    try:
        address = parse_address(typed or channel.address).key
    except AddressError:
        raise HTTPException(404, NOT_HERE) from None
    provider = known_providers(visit.app.settings)[key]
    return Journey(channel, address, provider, path_of(channel.id, key, address), visit.user.id)


def journey_page(visit: Visit) -> Response:
    """What will happen, the button to the provider, and what to do where it does not lead back."""
    journey = journey_of(visit, visit.query("address", 254))
    return journey_view(visit, journey)


def journey_view(visit: Visit, journey: Journey, problem: str = "", status: int = 200) -> Response:
    """The page, with why it could not begin."""
    context = {"section": "mailboxes", "problem": problem, **journey_context(visit, journey)}
    part = "_connect_approval.html" if visit.query("part") == "approval" else "_connect_state.html"
    template = part if visit.partial else "connect_go.html"
    return show(visit, template, context, status=status)


def go(visit: Visit) -> Response:
    """Begin the login at the provider."""
    journey = journey_of(visit, visit.form.get("address"))
    answer = begin(visit, journey, shared=visit.form.get("shared") == "yes")
    return journey_view(visit, journey, answer, 422) if isinstance(answer, str) else answer
