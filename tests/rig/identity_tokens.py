"""The servers' side of the identity provider of the tests: tokens, their revocation and introspection."""

import base64
import hashlib
import time
from typing import Any

import jwt

from tests.rig.identity_http import Asked, Said, Wrong, aadsts, say
from tests.rig.identity_state import MAIL_SCOPES, TENANTS, Fault, Person, State, Token, person_id


def client_of(state: State, asked: Asked) -> str:
    """The client that proves itself, by form or Basic. Raises Wrong."""
    name, secret = asked.form.get("client_id", ""), asked.form.get("client_secret", "")
    if asked.authorization.startswith("Basic "):
        name, _, secret = base64.b64decode(asked.authorization[6:]).decode().partition(":")
    known = state.clients.get(name)
    if known and known.secret == secret:
        return name
    if "/oauth2/v2.0/" in asked.path:
        raise aadsts(7000215, "Invalid client secret provided.", "invalid_client", 401)
    raise Wrong("invalid_client", "The provided client secret is invalid.", 401)


def token(state: State, asked: Asked, dialect: str, tenant: str) -> Said:
    """The token endpoint (RFC 6749 section 3.2). Raises Wrong."""
    client = client_of(state, asked)
    match asked.form.get("grant_type"):
        case "authorization_code":
            return redeem(state, asked, dialect, client)
        case "refresh_token":
            return refresh(state, asked, dialect, client)
        case "client_credentials" if dialect == "microsoft":
            play(state.fault("token", None, "client_credentials"))
            scopes = asked.form.get("scope", "").split()
            made = state.new_access(client, None, tenant, scopes)
            return say({"token_type": "Bearer", "expires_in": state.seconds, "access_token": made})
    raise Wrong("unsupported_grant_type")


def play(fault: Fault | None) -> None:
    """Refuse as a fault says. Raises Wrong."""
    if fault:
        more = {name: value for name, value in fault.body.items() if name not in ("error", "error_description")}
        raise Wrong(fault.body.get("error", ""), fault.body.get("error_description", ""), fault.status, **more)


def redeem(state: State, asked: Asked, dialect: str, client: str) -> Said:
    """A code for tokens, once, with its verifier (RFC 7636)."""
    code = state.codes.pop(asked.form.get("code", ""), None)
    play(state.fault("token", code.person if code else None, "authorization_code"))
    microsoft = dialect == "microsoft"
    fits = code and code.expires > time.time() and code.asked["client_id"] == client
    if not code or not fits or code.asked["redirect_uri"] != asked.form.get("redirect_uri"):
        raise aadsts(54005, "Code was already redeemed.") if microsoft else Wrong("invalid_grant", "Bad Request")
    digest = hashlib.sha256(asked.form.get("code_verifier", "").encode()).digest()
    if base64.urlsafe_b64encode(digest).decode().rstrip("=") != code.asked.get("code_challenge"):
        raise aadsts(501481, "The Code_Verifier does not match.") if microsoft else Wrong("invalid_grant", "Verifier")
    return issue(state, asked, dialect, client, code.person, code.scopes, code.offline, code.asked.get("nonce", ""))


def refresh(state: State, asked: Asked, dialect: str, client: str) -> Said:
    """New tokens for a refresh token; Microsoft gives a new one each time and keeps the old (`keeps_old`)."""
    kept = state.refresh.get(asked.form.get("refresh_token", ""))
    play(state.fault("token", kept.person if kept else None, "refresh_token"))
    microsoft = dialect == "microsoft"
    if kept is None or kept.person is None or kept.client != client:
        raise aadsts(70000, "Provided grant is invalid.") if microsoft else Wrong("invalid_grant", "Bad Request")
    if not kept.live:
        if microsoft:
            raise aadsts(50173, "The provided grant has expired due to it being revoked.", suberror="bad_token")
        raise Wrong("invalid_grant", "Token has been expired or revoked.")
    if not microsoft:
        return issue(state, asked, dialect, client, kept.person, kept.scopes, False)
    scopes = check_directory(state, asked, kept)
    if not state.keeps_old:
        kept.revoked = True
    return issue(state, asked, dialect, client, kept.person, scopes, True)


def check_directory(state: State, asked: Asked, kept: Token) -> list[str]:
    """The scopes that a Microsoft-shaped refresh gives. Raises Wrong."""
    policy = state.policy(kept.tenant)
    if policy.conditional_access:
        raise aadsts(53003, "Access has been blocked by Conditional Access policies.", suberror="message_only")
    if policy.mfa:
        raise aadsts(50076, "You must use multi-factor authentication.", suberror="basic_action")
    wanted = asked.form.get("scope", "").split()
    if len({scope.rsplit("/", 1)[0] for scope in wanted if scope.startswith("https://")}) > 1:
        raise aadsts(28000, "It contains more than one resource.", "invalid_request")
    if any(scope not in kept.scopes for scope in wanted if scope.startswith("https://")):
        text = "The user or administrator has not consented to use the application."
        raise aadsts(65001, text, suberror="consent_required")
    return wanted or kept.scopes


def issue(
    state: State,
    asked: Asked,
    dialect: str,
    client: str,
    person: Person,
    scopes: list[str],
    offline: bool,
    nonce: str = "",
) -> Said:
    """Tokens, and an ID token where `openid` is among the scopes."""
    body: dict[str, Any] = {
        "token_type": "Bearer",
        "expires_in": state.seconds,
        "access_token": state.new_access(client, person, person.tenant, scopes),
        "scope": " ".join(scope for scope in scopes if scope != "offline_access" or dialect == "google"),
    }
    if offline:
        body["refresh_token"] = state.new_refresh(client, person, person.tenant, scopes)
    if "openid" in scopes:
        claims = google_claims(asked, person) if dialect == "google" else microsoft_claims(asked, person)
        body["id_token"] = sign(state, claims | {"aud": client} | ({"nonce": nonce} if nonce else {}))
    return say(body)


def google_claims(asked: Asked, person: Person) -> dict[str, Any]:
    """Who it is, as Google says it."""
    owner = {"hd": person.tenant} if person.tenant else {}
    return {"iss": f"{asked.origin}/google", "email": person.address, "email_verified": True, **common(person), **owner}


def microsoft_claims(asked: Asked, person: Person) -> dict[str, Any]:
    """Who it is, as Microsoft says it."""
    tenant = TENANTS.get(person.tenant, person.tenant)
    names = {"preferred_username": person.address, "oid": person_id(person.address), "tid": tenant, "ver": "2.0"}
    return {"iss": f"{asked.origin}/{tenant}/v2.0", **common(person), **names}


def common(person: Person) -> dict[str, Any]:
    """What both say."""
    now = int(time.time())
    return {"sub": person_id(person.address)[:22], "iat": now, "nbf": now, "exp": now + 3600}


def sign(state: State, claims: dict[str, Any]) -> str:
    """An ID token; a fault at `id_token` replaces claims."""
    fault = state.fault("id_token")
    claims |= fault.body if fault else {}
    return jwt.encode(claims, state.key, algorithm="RS256", headers={"kid": state.key_id})


def key_set(state: State) -> Said:
    """The public keys (RFC 7517)."""
    public = jwt.algorithms.RSAAlgorithm.to_jwk(state.key.public_key(), as_dict=True)
    return say({"keys": [public | {"kid": state.key_id, "use": "sig", "alg": "RS256"}]})


def revoke(state: State, asked: Asked) -> Said:
    """RFC 7009, the Google way: the whole grant ends."""
    play(state.fault("revoke"))
    named = asked.form.get("token") or asked.query.get("token", "")
    hit = state.refresh.get(named) or state.access.get(named)
    if hit is None or hit.person is None or not hit.live:
        raise Wrong("invalid_token", "Token expired or revoked")
    state.revoke(hit.person.address, hit.client)
    state.consents.pop((hit.person.address, hit.client), None)
    return say({})


def introspect(state: State, asked: Asked, shared: bool) -> Said:
    """RFC 7662, for mail servers; `shared` answers with the mailbox that the person may open as well."""
    client_of(state, asked)
    play(state.fault("introspect"))
    found = state.access.get(asked.form.get("token", ""))
    if found is None or not found.live or not MAIL_SCOPES & set(found.scopes):
        return say({"active": False})
    owner = found.person.address if found.person else ""
    mailbox = state.delegates.get(owner or found.client, "") if shared or not owner else owner
    if not mailbox:
        return say({"active": False})
    return say({"active": True, "scope": " ".join(found.scopes), "username": mailbox, "email": mailbox})
