"""A mailbox on its way to being connected: who connects which address at which provider, and what stands so far."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from gatepost.connectors.admin_link import admin_link, tenant_for
from gatepost.connectors.consent import Advice, by_key, shown_at
from gatepost.connectors.consent_data import ENTRA
from gatepost.connectors.provider import Provider, configure_all
from gatepost.connectors.provider_data import PROVIDERS
from gatepost.http import Guard
from gatepost.model import AdminApproval, Channel, ConnectAttempt, OAuthClient
from gatepost.settings import Settings
from gatepost.store import accounts, approvals, attempts, oauth_clients
from gatepost.store.accounts import AccountState
from gatepost.store.users import token_hash
from gatepost.web.route import Guest
from gatepost.web.state import App

WITH_LOGIN = ("google", "microsoft")
SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Journey:
    """`path` is its page; `user_id` the user who connects, else `link_hash` the link that lets a colleague do it."""

    channel: Channel
    address: str
    provider: Provider
    path: str
    user_id: str | None = None
    link_hash: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a journey is: the login under way, why the last one failed, and the approval that is waited for."""

    waiting: ConnectAttempt | None
    connected: bool
    result: Advice | None
    said: str
    approval: AdminApproval | None
    approval_link: str


def known_providers(settings: Settings) -> dict[str, Provider]:
    """All providers, as the settings change them."""
    return configure_all(PROVIDERS, settings.providers)


def redirect_uri(settings: Settings) -> str:
    """The one address that providers lead back to, for logins and for approvals."""
    return f"{settings.base_url}/connect/callback"


def guard_of(app: App) -> Guard:
    """What the client may ask of providers."""
    return Guard(private=app.settings.private_hosts, seconds=SECONDS)


def cookie_name(secure: bool) -> str:
    """The cookie that binds a login at a provider to the browser that began it."""
    return "__Host-gatepost-connect" if secure else "gatepost-connect"


def browser_of(guest: Guest) -> str:
    """What this browser is known by while it connects, or nothing."""
    return guest.request.cookies.get(cookie_name(guest.app.secure), "")[:128]


def path_of(channel_id: str, provider: str, address: str) -> str:
    """The page of a journey that an admin makes."""
    return f"/mailboxes/{channel_id}/connect/{provider}?address={quote(address, safe='@')}"


def organisation(address: str) -> str:
    """The organisation as a person knows it: the domain of the address."""
    return address.rpartition("@")[2]


def not_registered(journey: Journey) -> str:
    """Why nobody can log in there: there is no OAuth client."""
    name = journey.provider.name
    return f"Gatepost is not registered at {name} yet. An admin does that once, on the page OAuth clients."


def standing(guest: Guest, journey: Journey, client: OAuthClient | None) -> Standing:
    """How far it is; who came by a link sees nothing of others."""
    wanted = (journey.address, journey.provider.key)
    rows = attempts.attempts_of(guest.session, journey.channel.id)
    seen = (row for row in rows if not journey.link_hash or row.link_hash == journey.link_hash)
    last = next((row for row in seen if (row.address, row.provider) == wanted), None)
    waiting = last if last and not last.used_at and last.expires_at > guest.now else None
    key, _, said = last.result.partition(" ") if last else ("", "", "")
    approval = approvals.open_approval(
        guest.session, journey.channel.id, guest.now, by_link=True if journey.link_hash else None
    )
    if approval and (approval.address, approval.provider) != wanted:
        approval = None
    result = None if waiting else by_key(key, tenant=organisation(journey.address))
    return Standing(
        waiting,
        key == attempts.CONNECTED and is_connected(guest, journey),
        result,
        said if last and is_his(guest, journey, last) else "",
        approval,
        link_of(guest.app, journey.provider, client, approval),
    )


def is_his(guest: Guest, journey: Journey, attempt: ConnectAttempt) -> bool:
    """Whether an attempt is that of who looks: what it says, such as the address that logged in, is for him alone."""
    if journey.link_hash or attempt.link_hash:
        return attempt.browser == token_hash(browser_of(guest))
    return attempt.user_id == journey.user_id


def is_connected(guest: Guest, journey: Journey) -> bool:
    """Whether the mailbox is fetched by this address's login now."""
    rows = accounts.list_accounts(guest.session, journey.channel.id)
    return any(row.address == journey.address and row.state != AccountState.DISABLED for row in rows)


def link_of(app: App, provider: Provider, client: OAuthClient | None, approval: AdminApproval | None) -> str:
    """The link for the organisation's administrator; empty where there is none to give."""
    if client is None or approval is None or approval.approved_at:
        return ""
    state = approvals.approval_state(app.keys, approval)
    names = [scope.name for scope in provider.scopes]
    try:
        return admin_link(
            provider.authority,
            approval.tenant,
            client.client_id,
            redirect_uri(app.settings),
            state,
            names,
            app_only=approval.app_only,
        )
    except ValueError:
        return ""


def asked_tenant(journey: Journey, client: OAuthClient) -> str:
    """Whose administrator can approve; empty where nobody can."""
    return tenant_for(journey.address, client.tenant) if journey.provider.oauth == "microsoft" else ""


def journey_context(guest: Guest, journey: Journey) -> dict[str, Any]:
    """What the page of a journey shows."""
    client = oauth_clients.get_client(guest.session, journey.provider.key)
    tenant = organisation(journey.address)
    return {
        "journey": journey,
        "provider": journey.provider,
        "client": client,
        "standing": standing(guest, journey, client),
        "scopes": by_reason(journey.provider),
        "shown": shown_at(journey.provider.key, tenant=tenant),
        "organisation": tenant,
        "entra": ENTRA,
        "it_page": f"{guest.app.settings.base_url}/connect/it/{journey.provider.key}",
        "domain": guest.app.settings.domain,
        "who_acts": WHO,
    }


def by_reason(provider: Provider) -> list[tuple[str, list[str]]]:
    """The permissions that are asked for, those for the same reason together."""
    found: dict[str, list[str]] = {}
    for scope in provider.scopes:
        found.setdefault(scope.why, []).append(scope.name)
    return list(found.items())


WHO = {
    "owner": "You, the owner of the mailbox",
    "it": "Your organisation's administrator",
    "admin": "The admin of Gatepost",
    "nobody": "Nobody: it passes by itself",
}
