"""Google's login; the one module that imports google-auth-oauthlib."""

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from google.auth.exceptions import GoogleAuthError, RefreshError
from google.oauth2.credentials import Credentials
from google_auth_oauthlib.flow import Flow
from oauthlib.oauth2 import OAuth2Error

from gatepost.connectors.grant import Client, Tokens, Unreachable, read_tokens
from gatepost.connectors.id_token import BadToken
from gatepost.connectors.oauth_adapter import GuardedAdapter
from gatepost.connectors.oauth_http import GoogleHttp, ask, fields_of
from gatepost.connectors.provider import Provider
from gatepost.http import Guard

FORM = {"content-type": "application/x-www-form-urlencoded"}


def flow_of(provider: Provider, client: Client, scopes: list[str], redirect_uri: str, verifier: str) -> Flow:
    """The library's flow at this provider's addresses; the verifier is ours, for the answer meets another process."""
    config = {
        "web": {
            "client_id": client.client_id,
            "client_secret": client.secret,
            "auth_uri": provider.authorize_url,
            "token_uri": provider.token_url,
        }
    }
    return Flow.from_client_config(
        config, scopes, redirect_uri=redirect_uri, code_verifier=verifier, autogenerate_code_verifier=False
    )


def begin(
    provider: Provider, client: Client, *, redirect_uri: str, state: str, hint: str, scopes: list[str], consent: bool
) -> tuple[str, dict[str, Any]]:
    """The address to go to, and what the answer needs: RFC 7636 with S256, offline access.

    Google gives a refresh token with its consent page only, so `consent` asks for that page where none is stored.
    """
    kept = {"verifier": secrets.token_urlsafe(64), "nonce": secrets.token_urlsafe(24)}
    flow = flow_of(provider, client, scopes, redirect_uri, kept["verifier"])
    more = {"prompt": "consent"} if consent else {}
    more |= {"login_hint": hint} if hint else {}
    url, _ = flow.authorization_url(state=state, access_type="offline", nonce=kept["nonce"], **more)
    return str(url), kept


def exchange(
    provider: Provider, client: Client, kept: Mapping[str, Any], query: Mapping[str, str], *, guard: Guard
) -> dict[str, object]:
    """The token endpoint's answer to a code, or its refusal (`error`). Raises Unreachable."""
    flow = flow_of(provider, client, list(kept["scopes"]), kept["redirect_uri"], kept["verifier"])
    session = flow.oauth2session
    session.trust_env = False
    session.mount("https://", GuardedAdapter(guard))
    try:
        return plain(flow.fetch_token(code=query["code"]))
    except OAuth2Error as error:
        return {"error": error.error, "error_description": error.description}
    except Warning as changed:  # the library takes other scopes than were asked for as an accident
        return plain(getattr(changed, "token", {}))
    except ValueError:
        raise Unreachable("The provider answered with something that is no token.") from None


def plain(token: Mapping[str, Any]) -> dict[str, object]:
    """The library's token as the endpoint gave it: scopes in one text."""
    scopes = token.get("scope") or ""
    return {**token, "scope": scopes if isinstance(scopes, str) else " ".join(scopes)}


def who(provider: Provider, client: Client, claims: Mapping[str, Any]) -> tuple[tuple[str, ...], str]:
    """The address that logged in, and the Workspace domain, by checked claims. Raises BadToken."""
    if claims["iss"] not in (provider.issuer, provider.issuer.removeprefix("https://")):
        raise BadToken("another issuer made it")
    if claims.get("email_verified") is not True or not isinstance(claims.get("email"), str):
        raise BadToken("it names no verified address")
    return (str(claims["email"]),), str(claims.get("hd") or "")


def refresh(
    provider: Provider, client: Client, refresh_token: str, *, guard: Guard, now: datetime
) -> Tokens | dict[str, object]:
    """New tokens, or the refusal. Raises Unreachable."""
    transport = GoogleHttp(guard)
    credentials = Credentials(  # type: ignore[no-untyped-call]
        None,
        refresh_token=refresh_token,
        token_uri=provider.token_url,
        client_id=client.client_id,
        client_secret=client.secret,
    )
    try:
        credentials.refresh(transport)  # type: ignore[no-untyped-call]
    except RefreshError:
        return fields_of(transport.seen[-1].data) if transport.seen else {}
    except GoogleAuthError:
        raise Unreachable("Google could not be asked for a new token.") from None
    return read_tokens(fields_of(transport.seen[-1].data), now)


def revoke(provider: Provider, token: str, *, guard: Guard) -> tuple[bool, str]:
    """End the whole grant (RFC 7009); a token that is dead already is as good."""
    try:
        answer = ask("POST", provider.revoke_url, guard, urlencode({"token": token}).encode(), FORM)
    except Unreachable as trouble:
        return False, str(trouble)
    if answer.status == 200:
        return True, "Google has taken back the permission."
    error = fields_of(answer.body).get("error")
    if error in ("invalid_token", "invalid_grant"):
        return True, "The permission had ended before."
    return False, f"Google answered {answer.status}; remove the permission in the Google Account under Security."
