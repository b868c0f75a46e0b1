"""Both libraries, unchanged, against the identity provider of the rig."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from gatepost.connectors import oauth
from gatepost.connectors.grant import Client, Refused, Unreachable
from gatepost.http import Guard
from tests.connectors.logins import CLIENTS, TENANT_OF, guard_of, log_in, provider_at
from tests.rig.identity import MICROSOFT_CLIENT, REDIRECT, Identity
from tests.rig.identity_state import TENANTS
from tests.rig.walker import Stuck, walk

BOTH = pytest.mark.parametrize("key", ["google", "microsoft"])


def now() -> datetime:
    return datetime.now(UTC)


@BOTH
def test_a_login_gives_tokens_and_says_who_it_was(shared_identity: Identity, key: str) -> None:
    person = shared_identity.person(TENANT_OF[key])
    granted = log_in(shared_identity, key, person, mailbox=person.address.upper())
    assert (granted.address, granted.mailbox) == (person.address, person.address)
    assert granted.tenant == TENANTS.get(TENANT_OF[key], "")
    assert granted.tokens.refresh_token
    assert timedelta(minutes=55) < granted.tokens.expires_at - now() < timedelta(minutes=61)
    assert granted.tokens.refresh_token not in repr(granted)
    assert granted.tokens.access_token not in repr(granted)


@BOTH
def test_the_request_is_bound_by_state_verifier_and_redirect_address(shared_identity: Identity, key: str) -> None:
    provider, guard = provider_at(shared_identity, key), guard_of(shared_identity)
    begun = oauth.begin(
        provider, CLIENTS[key], redirect_uri=REDIRECT, state="s-1", mailbox="anna@contoso.test", guard=guard
    )
    asked = {name: values[0] for name, values in parse_qs(urlsplit(begun.url).query).items()}
    assert asked["state"] == "s-1"
    assert asked["redirect_uri"] == REDIRECT
    assert asked["code_challenge_method"] == "S256"
    assert asked["code_challenge"]
    assert asked["nonce"]
    assert asked["login_hint"] == "anna@contoso.test"
    assert asked.get("prompt") == {"google": None, "microsoft": "select_account"}[key]
    offline = {"google": asked.get("access_type") == "offline", "microsoft": "offline_access" in asked["scope"]}
    assert offline[key]
    again = oauth.begin(provider, CLIENTS[key], redirect_uri=REDIRECT, state="s", consent=True, guard=guard)
    assert parse_qs(urlsplit(again.url).query)["prompt"] == ["consent"]
    assert asked["code_challenge"] not in again.url


@BOTH
def test_an_answer_to_another_login_is_refused(shared_identity: Identity, key: str) -> None:
    provider, guard = provider_at(shared_identity, key), guard_of(shared_identity)
    person = shared_identity.person(TENANT_OF[key])
    begun = [
        oauth.begin(provider, CLIENTS[key], redirect_uri=REDIRECT, state=state, guard=guard) for state in ("s-1", "s-2")
    ]
    query = walk(shared_identity, begun[0].url, person)
    with pytest.raises(Refused) as caught:
        oauth.finish(provider, CLIENTS[key], begun[1].flow, query, now=now(), guard=guard)
    assert caught.value.problem.error == "state_mismatch"
    with pytest.raises(Refused) as caught:  # a code that was slipped in: its verifier is another one
        oauth.finish(provider, CLIENTS[key], begun[1].flow, {**query, "state": "s-2"}, now=now(), guard=guard)
    assert caught.value.problem.error == "invalid_grant"
    with pytest.raises(Refused) as caught:  # the code is used up
        oauth.finish(provider, CLIENTS[key], begun[0].flow, query, now=now(), guard=guard)
    assert (caught.value.problem.stage, caught.value.problem.error) == ("token", "invalid_grant")


@BOTH
def test_a_cancel_is_told_in_the_providers_words(shared_identity: Identity, key: str) -> None:
    person = shared_identity.person(TENANT_OF[key])
    with pytest.raises(Refused) as caught:
        log_in(shared_identity, key, person, walking={"press": "deny"})
    problem = caught.value.problem
    assert (problem.stage, problem.error) == ("authorize", "access_denied")
    assert problem.suberror == {"google": "", "microsoft": "cancel"}[key]


@BOTH
def test_the_wrong_account_is_named(shared_identity: Identity, key: str) -> None:
    person = shared_identity.person(TENANT_OF[key])
    with pytest.raises(Refused) as caught:
        log_in(shared_identity, key, person, mailbox="somebody@else.test")
    assert (caught.value.problem.stage, caught.value.problem.text) == ("address", person.address)
    granted = log_in(shared_identity, key, person, mailbox="support@else.test", shared=True)
    assert (granted.address, granted.mailbox) == (person.address, "support@else.test")


def test_an_unticked_permission_is_noticed(shared_identity: Identity) -> None:
    person = shared_identity.person()
    with pytest.raises(Refused) as caught:
        log_in(shared_identity, "google", person, walking={"untick": ["https://mail.google.com/"]})
    assert (caught.value.problem.stage, caught.value.problem.text) == ("scopes", "https://mail.google.com/")


def test_google_gives_a_refresh_token_with_its_consent_page_only(shared_identity: Identity) -> None:
    person = shared_identity.person()
    assert log_in(shared_identity, "google", person).tokens.refresh_token
    assert log_in(shared_identity, "google", person).tokens.refresh_token == ""
    assert log_in(shared_identity, "google", person, consent=True).tokens.refresh_token


@BOTH
@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"aud": "another-client"}, "InvalidAudienceError"),
        ({"iss": "https://evil.example"}, "another issuer"),
        ({"exp": 1_000_000_000}, "ended"),
        ({"iat": 9_000_000_000}, "future"),
        ({"nonce": "another"}, "another login"),
    ],
)
def test_an_id_token_that_proves_nothing_is_refused(
    shared_identity: Identity, key: str, claims: dict[str, Any], why: str
) -> None:
    person = shared_identity.person(TENANT_OF[key])
    shared_identity.fail("id_token", body=claims)
    with pytest.raises(Refused) as caught:
        log_in(shared_identity, key, person)
    assert caught.value.problem.error == "invalid_id_token"
    assert why in caught.value.problem.text


def test_an_unverified_address_of_google_is_nobodys(shared_identity: Identity) -> None:
    shared_identity.fail("id_token", body={"email_verified": False})
    with pytest.raises(Refused) as caught:
        log_in(shared_identity, "google", shared_identity.person())
    assert "no verified address" in caught.value.problem.text


def test_new_keys_are_fetched_when_a_token_names_one(identity: Identity) -> None:
    log_in(identity, "google", identity.person())
    identity.rotate_key()
    assert log_in(identity, "google", identity.person()).tokens.refresh_token


def test_somebody_of_another_tenant_is_told(shared_identity: Identity) -> None:
    client = replace(CLIENTS["microsoft"], tenant="contoso")
    with pytest.raises(Refused) as caught:
        log_in(shared_identity, "microsoft", shared_identity.person("fabrikam"), client=client)
    assert caught.value.problem.codes == (50020,)
    strict = replace(CLIENTS["microsoft"], tenant=TENANTS["contoso"])
    assert log_in(shared_identity, "microsoft", shared_identity.person("contoso"), client=strict).tokens.refresh_token


def test_approval_by_an_administrator_sends_nobody_back_or_a_cancel_then_nothing_is_asked(identity: Identity) -> None:
    identity.state.policy("contoso").admin_consent = True
    person = identity.person("contoso")
    with pytest.raises(Refused) as caught:
        log_in(identity, "microsoft", person)
    assert (caught.value.problem.error, caught.value.problem.suberror) == ("access_denied", "cancel")
    identity.state.approved.add(("contoso", MICROSOFT_CLIENT[0]))
    assert log_in(identity, "microsoft", person).tokens.refresh_token
    identity.state.policy("contoso").conditional_access = True
    with pytest.raises(Stuck, match="AADSTS53003"):
        log_in(identity, "microsoft", person)


@BOTH
def test_a_refresh_brings_a_new_token_and_at_microsoft_a_new_refresh_token(identity: Identity, key: str) -> None:
    person = identity.person(TENANT_OF[key])
    granted = log_in(identity, key, person)
    old = granted.tokens.refresh_token
    provider, guard = provider_at(identity, key), guard_of(identity)
    new = oauth.refresh(provider, CLIENTS[key], old, granted.scopes, now=now(), guard=guard)
    assert new.access_token != granted.tokens.access_token
    assert (new.refresh_token not in ("", old)) is (key == "microsoft")
    identity.state.revoke(person.address)
    with pytest.raises(Refused) as caught:
        oauth.refresh(provider, CLIENTS[key], old, granted.scopes, now=now(), guard=guard)
    assert (caught.value.problem.stage, caught.value.problem.error) == ("token", "invalid_grant")


@pytest.mark.parametrize(
    ("key", "status", "body"),
    [
        ("google", 503, {}),
        ("google", 429, {}),
        ("microsoft", 500, {"error": "x"}),
        ("microsoft", 400, {"error": "temporarily_unavailable"}),
        ("microsoft", 400, {"error": "invalid_request", "error_codes": [90033]}),
    ],
)
def test_a_provider_in_trouble_is_asked_again_later(
    shared_identity: Identity, key: str, status: int, body: dict[str, str]
) -> None:
    person = shared_identity.person(TENANT_OF[key])
    granted = log_in(shared_identity, key, person)
    provider, guard = provider_at(shared_identity, key), guard_of(shared_identity)
    shared_identity.fail("token", status=status, body=body, person=person.address)
    args = (provider, CLIENTS[key], granted.tokens.refresh_token, granted.scopes)
    with pytest.raises(Unreachable):
        oauth.refresh(*args, now=now(), guard=guard)
    assert oauth.refresh(*args, now=now(), guard=guard).access_token


@BOTH
def test_a_provider_that_is_away_is_no_refusal(shared_identity: Identity, key: str) -> None:
    granted = log_in(shared_identity, key, shared_identity.person(TENANT_OF[key]))
    away = {"authority": "https://localhost:1", "token_url": "https://localhost:1/token"}
    provider = replace(provider_at(shared_identity, key), **away)  # type: ignore[arg-type]
    args = (provider, CLIENTS[key], granted.tokens.refresh_token, granted.scopes)
    with pytest.raises(Unreachable, match="localhost"):
        oauth.refresh(*args, now=now(), guard=guard_of(shared_identity))
    with pytest.raises(Unreachable, match="certificate"):
        oauth.refresh(
            provider_at(shared_identity, key), *args[1:], now=now(), guard=Guard(private=True)
        )  # another certificate
    with pytest.raises(Unreachable, match="private"):
        oauth.refresh(*args, now=now(), guard=Guard())


def test_a_wrong_client_secret_is_the_operators(shared_identity: Identity) -> None:
    granted = log_in(shared_identity, "microsoft", shared_identity.person("contoso"))
    provider, guard = provider_at(shared_identity, "microsoft"), guard_of(shared_identity)
    wrong = Client("microsoft", MICROSOFT_CLIENT[0], "old-secret")
    with pytest.raises(Refused) as caught:
        oauth.refresh(provider, wrong, granted.tokens.refresh_token, granted.scopes, now=now(), guard=guard)
    assert caught.value.problem.error == "invalid_client"
    assert caught.value.problem.codes == (7000215,)


def test_app_only_access_is_a_token_of_our_own(shared_identity: Identity) -> None:
    provider, guard = provider_at(shared_identity, "microsoft"), guard_of(shared_identity)
    tokens = oauth.app_token(provider, CLIENTS["microsoft"], TENANTS["contoso"], now=now(), guard=guard)
    assert shared_identity.state.access[tokens.access_token].person is None
    assert tokens.refresh_token == ""
    for key, tenant in (("microsoft", ""), ("google", "x")):
        with pytest.raises(Refused):
            oauth.app_token(provider_at(shared_identity, key), CLIENTS[key], tenant, now=now(), guard=guard)


def test_google_takes_a_permission_back(identity: Identity) -> None:
    person = identity.person()
    granted = log_in(identity, "google", person)
    provider, guard = provider_at(identity, "google"), guard_of(identity)
    assert oauth.revoke(provider, granted.tokens, guard=guard)[0]
    assert not identity.state.refresh[granted.tokens.refresh_token].live
    assert oauth.revoke(provider, granted.tokens, guard=guard) == (True, "The permission had ended before.")
    identity.fail("revoke", status=503)
    assert not oauth.revoke(provider, granted.tokens, guard=guard)[0]
    assert not oauth.revoke(provider_at(identity, "microsoft"), granted.tokens, guard=guard)[0]


def test_addresses_are_compared_as_their_providers_do() -> None:
    assert oauth.same_mailbox("Anna.Berg+x@googlemail.com", "annaberg@gmail.com")
    assert oauth.same_mailbox("Anna@northwind.de", "anna@NORTHWIND.de")
    assert not oauth.same_mailbox("anna.berg@northwind.de", "annaberg@northwind.de")
    assert not oauth.same_mailbox("anna@gmail.com", "anna@gmail.com.evil.example")


def test_what_is_kept_can_be_stored(shared_identity: Identity) -> None:
    for key in ("google", "microsoft"):
        provider, guard = provider_at(shared_identity, key), guard_of(shared_identity)
        begun = oauth.begin(provider, CLIENTS[key], redirect_uri=REDIRECT, state="s", guard=guard)
        assert json.loads(begun.flow)["provider"] == key
        assert CLIENTS[key].secret not in begun.flow
        assert begun.flow not in repr(begun)
