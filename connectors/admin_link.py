"""The link by which an administrator of a Microsoft organisation approves us, and what comes back from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from gatepost.address import AddressError, parse_domain
from gatepost.connectors.problem import Problem, read_problem

ANY_ORGANISATION = "organizations"
NOT_FOR_ADMINS = ("common", "consumers")
PRIVATE_DOMAINS = ("outlook", "hotmail", "live", "msn", "passport")
EVERYTHING = (
    "https://ps.outlook.com/.default"  # as the Exchange documentation says; tokens are for outlook.office365.com
)
GUID = frozenset("0123456789abcdef-")


@dataclass(frozen=True, slots=True)
class Answered:
    """What an administrator's visit brought: approved, or the problem why not."""

    approved: bool
    problem: Problem | None = None


def tenant_for(address: str, registered: str) -> str:
    """The organisation to ask: that of our registration, else the address's domain; empty for a private account.

    Microsoft takes a tenant id or any of its verified domains; `common` never, for an approval is of one organisation.
    """
    if registered and registered not in (*NOT_FOR_ADMINS, ANY_ORGANISATION):
        return registered if is_tenant(registered) else ""
    domain = address.rpartition("@")[2].lower()
    if domain.partition(".")[0] in PRIVATE_DOMAINS or not is_tenant(domain):
        return ""
    return domain


def is_tenant(text: str) -> bool:
    """Whether this is a tenant id or a domain name, and nothing that could change a URL."""
    if len(text) == 36 and set(text.lower()) <= GUID:
        return True
    try:
        return parse_domain(text) == text.lower() and "." in text
    except AddressError:
        return False


def admin_link(
    authority: str, tenant: str, client_id: str, redirect_uri: str, state: str, scopes: Sequence[str], *, app_only: bool
) -> str:
    """The approval page of one organisation (v2.0/adminconsent). Raises ValueError for no single organisation."""
    if tenant in NOT_FOR_ADMINS or not (tenant == ANY_ORGANISATION or is_tenant(tenant)):
        raise ValueError(f"{tenant!r} is no organisation whose administrator could approve")
    asked = EVERYTHING if app_only else " ".join(scope for scope in scopes if scope.startswith("https://"))
    query = urlencode(
        {"client_id": client_id, "scope": asked, "redirect_uri": redirect_uri, "state": state}, quote_via=quote
    )
    return f"{authority.rstrip('/')}/{tenant}/v2.0/adminconsent?{query}"


def read_answer(query: Mapping[str, str]) -> Answered:
    """What stands in the address that the administrator was sent back to.

    `error` is read first: a refusal carries `admin_consent=True` as well. The tenant in it proves nothing.
    """
    if query.get("error"):
        return Answered(False, read_problem("microsoft", "authorize", query))
    return Answered(query.get("admin_consent", "")[:10].lower() == "true")
