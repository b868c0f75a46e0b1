"""Logging in at a provider (RFC 6749 with RFC 7636), whichever it is: begin, finish, refresh, revoke.

What of a refusal is temporary is decided here: a person is only asked to act where the token endpoint, or the browser's
answer, says so in OAuth's own words. The two libraries are loaded when they are first needed: they would take a tenth
of the start, and 8 MB.
"""

import hmac
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from gatepost.connectors.grant import Begun, Client, Granted, Refused, Tokens, Unreachable, read_tokens
from gatepost.connectors.id_token import BadToken, check_id_token
from gatepost.connectors.problem import Problem, Stage, read_problem
from gatepost.connectors.provider import Provider
from gatepost.http import Guard
from gatepost.model import OAuthClient
from gatepost.seal import Keys
from gatepost.store.oauth_clients import open_client_secret

LATER_ERRORS = ("temporarily_unavailable", "server_error", "slow_down")
LATER_CODES = (90033, 90006, 90024, 50196)
WITHOUT_DOTS = ("gmail.com", "googlemail.com")


def client_of(row: OAuthClient, keys: Keys) -> Client:
    """A stored registration. Raises SealError."""
    return Client(row.provider, row.client_id, open_client_secret(keys, row), row.tenant)


def begin(
    provider: Provider,
    client: Client,
    *,
    redirect_uri: str,
    state: str,
    login_hint: str = "",
    mailbox: str = "",
    shared: bool = False,
    consent: bool = False,
    guard: Guard,
) -> Begun:
    """Begin a login; `mailbox` is the one that is meant, empty for that of whoever logs in. Raises Unreachable.

    `shared`: another person's login opens it. `consent` asks for the consent page again, which is only needed where
    Google gave no refresh token.
    """
    scopes = [scope.name for scope in provider.scopes]
    hint = login_hint or ("" if shared else mailbox)
    if provider.oauth == "google":
        from gatepost.connectors import oauth_google

        url, kept = oauth_google.begin(
            provider, client, redirect_uri=redirect_uri, state=state, hint=hint, scopes=scopes, consent=consent
        )
    else:
        from gatepost.connectors import oauth_microsoft

        url, kept = oauth_microsoft.begin(
            provider,
            client,
            redirect_uri=redirect_uri,
            state=state,
            hint=hint,
            scopes=scopes,
            consent=consent,
            guard=guard,
        )
    kept |= {
        "provider": provider.key,
        "state": state,
        "redirect_uri": redirect_uri,
        "scopes": scopes,
        "mailbox": mailbox,
        "shared": shared,
    }
    return Begun(url, json.dumps(kept))


def finish(
    provider: Provider, client: Client, flow: str, query: Mapping[str, str], *, now: datetime, guard: Guard
) -> Granted:
    """What the browser brought back, for tokens; once, for the code is worth nothing afterwards.

    Checked are the state, who issued the ID token for whom, that the permission for mail was given, and that it was
    the mailbox that was meant. Raises Refused, Unreachable.
    """
    kept = open_flow(provider, flow, query)
    if query.get("error"):
        raise Refused(read_problem(provider.key, "authorize", query))
    if not query.get("code"):
        raise Refused(Problem(provider.key, "authorize", "invalid_request", text="no code came back"))
    from gatepost.connectors import oauth_google, oauth_microsoft

    library = oauth_google if provider.oauth == "google" else oauth_microsoft
    answer = library.exchange(provider, client, kept, query, guard=guard)
    check_answer(provider, "token", answer)
    tokens = read_tokens(answer, now)
    scopes = check_scopes(provider, kept, str(answer.get("scope") or ""))
    try:
        claims = check_id_token(
            str(answer.get("id_token") or ""),
            keys_url=provider.keys_url,
            audience=client.client_id,
            nonce=str(kept.get("nonce") or ""),
            now=now,
            guard=guard,
        )
        names, tenant = library.who(provider, client, claims)
    except BadToken as error:
        raise Refused(Problem(provider.key, "token", "invalid_id_token", text=f"the ID token: {error}")) from None
    mailbox = check_address(provider, kept, names)
    return Granted(names[0].lower(), mailbox, tenant, scopes, tokens)


def open_flow(provider: Provider, flow: str, query: Mapping[str, str]) -> dict[str, Any]:
    """What `begin` kept, if the browser brings its state back. Raises Refused."""
    kept = json.loads(flow)
    state = query.get("state", "").encode()
    if kept["provider"] != provider.key or not hmac.compare_digest(kept["state"].encode(), state):
        raise Refused(Problem(provider.key, "authorize", "state_mismatch", text="the answer belongs to another login"))
    return dict(kept)


def check_answer(provider: Provider, stage: Stage, answer: Mapping[str, object]) -> None:
    """Whether a token endpoint's answer is a success. Raises Refused, or Unreachable where it only says "later"."""
    if "error" not in answer:
        return
    problem = read_problem(provider.key, stage, answer)
    if problem.error in LATER_ERRORS or any(code in LATER_CODES for code in problem.codes):
        raise Unreachable(f"{provider.name} has trouble of its own ({problem.error}).")
    raise Refused(problem)


def check_scopes(provider: Provider, kept: Mapping[str, Any], granted: str) -> tuple[str, ...]:
    """The permissions that were given; one can be unticked at Google. Raises Refused where mail cannot be read.

    An answer without `scope` gave what was asked for (RFC 6749 section 5.1).
    """
    given = tuple(granted.split()) or tuple(kept["scopes"])
    lowered = {scope.lower() for scope in given}
    missing = [scope.name for scope in provider.scopes if scope.needed and scope.name.lower() not in lowered]
    if missing:
        raise Refused(Problem(provider.key, "scopes", "", text=" ".join(missing)))
    return given


def check_address(provider: Provider, kept: Mapping[str, Any], names: Iterable[str]) -> str:
    """The mailbox that was connected: the one meant, or that of who logged in. Raises Refused for another's."""
    found = list(names)
    meant = str(kept["mailbox"])
    if not meant:
        return found[0].lower()
    if kept["shared"] or any(same_mailbox(meant, name) for name in found):
        return meant.lower()
    raise Refused(Problem(provider.key, "address", "", text=found[0].lower()))


def same_mailbox(one: str, other: str) -> bool:
    """Whether two spellings name one mailbox: case never counts, and at Gmail neither do dots and what follows a +."""
    return plain_address(one) == plain_address(other)


def plain_address(address: str) -> str:
    """An address without what does not count."""
    local, _, domain = address.strip().lower().rpartition("@")
    if domain not in WITHOUT_DOTS:
        return f"{local}@{domain}"
    return f"{local.partition('+')[0].replace('.', '')}@gmail.com"


def refresh(
    provider: Provider,
    client: Client,
    refresh_token: str,
    scopes: Iterable[str],
    *,
    now: datetime,
    guard: Guard,
) -> Tokens:
    """New tokens; `refresh_token` in them is empty where the old one stays. Raises Refused, Unreachable."""
    if provider.oauth == "google":
        from gatepost.connectors import oauth_google

        found = oauth_google.refresh(provider, client, refresh_token, guard=guard, now=now)
    else:
        from gatepost.connectors import oauth_microsoft

        found = oauth_microsoft.refresh(provider, client, refresh_token, scopes=list(scopes), guard=guard, now=now)
    return tokens_or_trouble(provider, found)


def app_token(provider: Provider, client: Client, tenant: str, *, now: datetime, guard: Guard) -> Tokens:
    """A token by client credentials, for app-only access in one tenant. Raises Refused, Unreachable."""
    if provider.oauth != "microsoft" or not tenant:
        raise Refused(Problem(provider.key, "token", "unauthorized_client", text="app-only access needs a tenant"))
    from gatepost.connectors import oauth_microsoft

    return tokens_or_trouble(provider, oauth_microsoft.app_token(provider, client, tenant, guard=guard, now=now))


def tokens_or_trouble(provider: Provider, found: Tokens | dict[str, object]) -> Tokens:
    if isinstance(found, Tokens):
        return found
    check_answer(provider, "token", found)
    raise Unreachable(f"{provider.name} answered with something that is no token.")


def revoke(provider: Provider, tokens: Tokens, *, guard: Guard) -> tuple[bool, str]:
    """Take the permission back at the provider: whether that was done, and a sentence about it; never raises."""
    if provider.oauth == "google":
        from gatepost.connectors import oauth_google

        return oauth_google.revoke(provider, tokens.refresh_token or tokens.access_token, guard=guard)
    return False, (
        f"{provider.name} lets nobody but the person take a permission back: remove Gatepost at "
        "https://myapps.microsoft.com, or let an administrator remove it from the enterprise applications."
    )
