"""Microsoft's login; the one module that imports msal."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msal

from gatepost.connectors.grant import Client, Tokens, Unreachable, read_tokens
from gatepost.connectors.id_token import BadToken
from gatepost.connectors.oauth_http import MsalHttp
from gatepost.connectors.provider import Provider
from gatepost.http import Guard

RESERVED = ("openid", "profile", "offline_access")  # msal adds them, and takes them from nobody else
TENANT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
EVERYBODY = "common"


def app(provider: Provider, client: Client, guard: Guard, tenant: str = "") -> msal.ConfidentialClientApplication:
    """The library's application, new each time: it keeps answers of its own otherwise. Raises Unreachable."""
    authority = f"{provider.authority}/{tenant or client.tenant or EVERYBODY}"
    try:
        return msal.ConfidentialClientApplication(
            client.client_id,
            client_credential=client.secret,
            authority=authority,
            instance_discovery=False,
            http_client=MsalHttp(guard),
        )
    except ValueError:
        raise Unreachable("Microsoft does not know this tenant, or did not describe its login.") from None


def asked(scopes: list[str]) -> list[str]:
    """What is passed to the library."""
    return [scope for scope in scopes if scope not in RESERVED]


def begin(
    provider: Provider,
    client: Client,
    *,
    redirect_uri: str,
    state: str,
    hint: str,
    scopes: list[str],
    consent: bool,
    guard: Guard,
) -> tuple[str, dict[str, Any]]:
    """The address to go to, and what the answer needs. The library makes verifier and nonce. Raises Unreachable.

    The answer comes by GET: with a form that another site posts, no session cookie would come (SameSite).
    """
    kept = app(provider, client, guard).initiate_auth_code_flow(
        asked(scopes),
        redirect_uri=redirect_uri,
        state=state,
        prompt="consent" if consent else "select_account",
        login_hint=hint or None,
        response_mode="form_post",
    )
    url = str(kept.pop("auth_uri")).replace("response_mode=form_post", "response_mode=query")
    return url, {"msal": kept, "nonce": ""}


def exchange(
    provider: Provider, client: Client, kept: Mapping[str, Any], query: Mapping[str, str], *, guard: Guard
) -> dict[str, object]:
    """The token endpoint's answer to a code, or its refusal (`error`). Raises Unreachable."""
    try:
        answer = app(provider, client, guard).acquire_token_by_auth_code_flow(dict(kept["msal"]), dict(query))
    except RuntimeError:
        return {"error": "invalid_id_token", "error_description": "it answers another login"}
    except (ValueError, KeyError):
        raise Unreachable("Microsoft answered with something that is no token.") from None
    return dict(answer)


def who(provider: Provider, client: Client, claims: Mapping[str, Any]) -> tuple[tuple[str, ...], str]:
    """The names of who logged in, best first, and the tenant's id, by checked claims. Raises BadToken.

    They are names only: a tenant can write any `email`. What proves a mailbox is the login there.
    """
    tenant = str(claims.get("tid") or "").lower()
    if not TENANT.fullmatch(tenant) or claims["iss"] != f"{provider.authority}/{tenant}/v2.0":
        raise BadToken("another issuer made it")
    if TENANT.fullmatch(client.tenant.lower()) and client.tenant.lower() != tenant:
        raise BadToken("it is of another tenant")
    names = [claims.get(name) for name in ("preferred_username", "email", "upn")]
    found = tuple(str(name) for name in names if isinstance(name, str) and "@" in name)
    if not found:
        raise BadToken("it names nobody")
    return found, tenant


def refresh(
    provider: Provider, client: Client, refresh_token: str, *, scopes: list[str], guard: Guard, now: datetime
) -> Tokens | dict[str, object]:
    """New tokens, with the next refresh token, or the refusal. Raises Unreachable."""
    needed = [scope.name for scope in provider.scopes if scope.needed]
    wanted = [scope for scope in asked(scopes) if scope.startswith("https://")] or needed
    try:
        answer = app(provider, client, guard).acquire_token_by_refresh_token(refresh_token, wanted)
    except (ValueError, KeyError, RuntimeError):
        raise Unreachable("Microsoft answered with something that is no token.") from None
    return dict(answer) if "error" in answer else read_tokens(answer, now)


def app_token(
    provider: Provider, client: Client, tenant: str, *, guard: Guard, now: datetime
) -> Tokens | dict[str, object]:
    """A token of our own (RFC 6749 section 4.4), or the refusal. Raises Unreachable."""
    try:
        answer = app(provider, client, guard, tenant).acquire_token_for_client([provider.app_scope])
    except (ValueError, KeyError, RuntimeError):
        raise Unreachable("Microsoft answered with something that is no token.") from None
    return dict(answer) if "error" in answer else read_tokens(answer, now)
