"""ID tokens, checked by ourselves (OpenID Connect Core section 3.1.3.7): the libraries do not all of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import jwt

from gatepost.connectors.oauth_http import document, fields_of
from gatepost.http import Guard

LEEWAY = 120.0
REQUIRED = ("iss", "sub", "aud", "exp", "iat")
MOST = 32_768


class BadToken(Exception):
    """An ID token that proves nothing; str() says why."""


def check_id_token(
    token: str, *, keys_url: str, audience: str, nonce: str, now: datetime, guard: Guard
) -> dict[str, Any]:
    """The claims of a token that was signed by a published key, for us, now. The issuer is the caller's to check.

    An unknown key id asks for the keys once more. Raises BadToken, Unreachable.
    """
    if not token or len(token) > MOST:
        raise BadToken("there is none")
    try:
        head = jwt.get_unverified_header(token)
    except jwt.PyJWTError:
        raise BadToken("it is no JWT") from None
    if head.get("alg") != "RS256":
        raise BadToken(f"it is signed by {str(head.get('alg'))[:20]}, not by RS256")
    key = find_key(keys_url, str(head.get("kid", "")), guard)
    try:
        options: Any = {"require": list(REQUIRED), "verify_exp": False, "verify_nbf": False, "verify_iat": False}
        claims = jwt.decode(token, key.key, algorithms=["RS256"], audience=audience, options=options)
    except jwt.PyJWTError as error:
        raise BadToken(f"it is not valid: {type(error).__name__}") from None
    check_times(claims, now)
    if nonce and claims.get("nonce") != nonce:
        raise BadToken("it answers another login")
    return claims


def check_times(claims: Mapping[str, Any], now: datetime) -> None:
    """Not ended, and not from the future. Raises BadToken."""
    times = {name: claims.get(name) for name in ("exp", "iat", "nbf") if name in claims}
    if not all(isinstance(value, int | float) for value in times.values()):
        raise BadToken("its times are none")
    at = now.timestamp()
    if float(claims["exp"]) < at - LEEWAY:
        raise BadToken("it has ended")
    if max(float(claims["iat"]), float(claims.get("nbf", 0))) > at + LEEWAY:
        raise BadToken("it is from the future: check the clock of this machine")


def find_key(url: str, kid: str, guard: Guard) -> jwt.PyJWK:
    """The published key with this id. Raises BadToken, Unreachable."""
    for fresh in (False, True):
        listed = fields_of(document(url, guard, fresh=fresh).body).get("keys")
        for each in listed if isinstance(listed, list) else []:
            if isinstance(each, dict) and each.get("kid") == kid and each.get("kty") == "RSA":
                try:
                    return jwt.PyJWK(each, algorithm="RS256")
                except jwt.PyJWTError:
                    continue
    raise BadToken("no published key signed it")
