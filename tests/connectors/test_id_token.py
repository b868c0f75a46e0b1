import time
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest

from gatepost.connectors.grant import Unreachable
from gatepost.connectors.id_token import BadToken, check_id_token
from tests.connectors.logins import guard_of
from tests.rig.identity import Identity
from tests.rig.identity_tokens import sign

NOW = int(time.time())
CLAIMS = {"iss": "i", "sub": "s", "aud": "client", "exp": NOW + 3600, "iat": NOW, "nonce": "n"}


def check(identity: Identity, token: str, **changes: Any) -> dict[str, Any]:
    values = {"audience": "client", "nonce": "n", "now": datetime.fromtimestamp(NOW, UTC), **changes}
    return check_id_token(token, keys_url=f"{identity.origin}/jwks", guard=guard_of(identity), **values)


def test_a_token_for_us_is_taken(shared_identity: Identity) -> None:
    assert check(shared_identity, sign(shared_identity.state, dict(CLAIMS)))["sub"] == "s"
    several = {**CLAIMS, "aud": ["other", "client"]}
    assert check(shared_identity, sign(shared_identity.state, several))["sub"] == "s"


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"aud": "other"}, "InvalidAudience"),
        ({"exp": None}, "MissingRequiredClaim"),
        ({"iat": "soon"}, "times"),
        ({"exp": NOW - 300}, "ended"),
        ({"nbf": NOW + 900}, "future"),
        ({"nonce": "m"}, "another login"),
    ],
)
def test_any_other_is_not(shared_identity: Identity, claims: dict[str, Any], why: str) -> None:
    values = {name: value for name, value in {**CLAIMS, **claims}.items() if value is not None}
    with pytest.raises(BadToken, match=why):
        check(shared_identity, sign(shared_identity.state, values))


def test_a_clock_that_is_a_little_wrong_is_forgiven(shared_identity: Identity) -> None:
    token = sign(shared_identity.state, {**CLAIMS, "exp": NOW + 10})
    assert check(shared_identity, token, now=datetime.fromtimestamp(NOW + 60, UTC))
    assert check(shared_identity, token, now=datetime.fromtimestamp(NOW - 60, UTC))


def test_no_other_key_and_no_other_way_of_signing_counts(shared_identity: Identity) -> None:
    state = shared_identity.state
    unsigned = jwt.encode(dict(CLAIMS), "", algorithm="none", headers={"kid": state.key_id})
    symmetric = jwt.encode(dict(CLAIMS), "x" * 32, algorithm="HS256", headers={"kid": state.key_id})
    unknown = jwt.encode(dict(CLAIMS), state.key, algorithm="RS256", headers={"kid": "other"})
    good = sign(state, dict(CLAIMS))
    forged = good[:-8] + ("A" * 8 if good[-8:] != "A" * 8 else "B" * 8)
    for token in (unsigned, symmetric, unknown, forged, "", "a.b.c", "x" * 40_000):
        with pytest.raises(BadToken):
            check(shared_identity, token)


def test_keys_that_cannot_be_fetched_are_trouble_of_the_provider(identity: Identity) -> None:
    token = sign(identity.state, dict(CLAIMS))
    identity.fail("jwks", status=503)
    with pytest.raises(Unreachable):
        check(identity, token)
    identity.fail("jwks", status=200, body={"keys": ["x", {"kty": "RSA", "kid": identity.state.key_id}]}, times=2)
    with pytest.raises(BadToken):
        check(identity, token)
