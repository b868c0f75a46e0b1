"""The identity provider and the Dovecot that takes its tokens, as the tests count on them."""

import imaplib
import ssl

import pytest

from tests.rig.identity_state import Person
from tests.rig.provider import ProviderRig

GOOGLE = ["https://mail.google.com/"]


def log_in(rig: ProviderRig, mechanism: str, mailbox: str, token: str) -> str:
    """Log in by token; returns the answer's kind. Raises imaplib's error."""
    port = rig.dovecot.tls_port
    context = ssl.create_default_context(cafile=str(rig.trust))
    first = f"user={mailbox}\1auth=Bearer {token}\1\1"
    if mechanism == "OAUTHBEARER":
        first = f"n,a={mailbox},\1host=localhost\1port={port}\1auth=Bearer {token}\1\1"
    with imaplib.IMAP4_SSL("localhost", port, ssl_context=context, timeout=20) as client:
        answers = iter((first.encode(), b"\1" if mechanism == "OAUTHBEARER" else b""))
        return client.authenticate(mechanism, lambda _: next(answers))[0]


def token_of(rig: ProviderRig, person: Person, scopes: list[str] = GOOGLE) -> str:
    return rig.identity.state.new_access("gatepost-google", person, person.tenant, scopes)


def test_dovecot_takes_the_providers_tokens_and_no_others(provider_rig: ProviderRig) -> None:
    anna, bernd = provider_rig.identity.person(), provider_rig.identity.person("contoso")
    token = token_of(provider_rig, anna)
    for mechanism in ("XOAUTH2", "OAUTHBEARER"):
        assert log_in(provider_rig, mechanism, anna.address, token) == "OK"
    for mailbox, wrong in ((bernd.address, token), (anna.address, "nothing"), (anna.address, "")):
        with pytest.raises(imaplib.IMAP4.error):
            log_in(provider_rig, "XOAUTH2", mailbox, wrong)
    with pytest.raises(imaplib.IMAP4.error):
        log_in(provider_rig, "XOAUTH2", anna.address, token_of(provider_rig, anna, ["openid"]))
    provider_rig.identity.expire(anna)
    with pytest.raises(imaplib.IMAP4.error):
        log_in(provider_rig, "XOAUTH2", anna.address, token)


def test_dovecot_opens_a_shared_mailbox_with_the_token_of_who_may(provider_rig: ProviderRig) -> None:
    anna = provider_rig.identity.person("contoso")
    token = token_of(provider_rig, anna)
    shared = f"support-{anna.address}"
    with pytest.raises(imaplib.IMAP4.error):
        log_in(provider_rig, "XOAUTH2", shared, token)
    provider_rig.identity.state.delegates[anna.address] = shared
    assert log_in(provider_rig, "XOAUTH2", shared, token) == "OK"
    assert log_in(provider_rig, "XOAUTH2", anna.address, token) == "OK"


def test_dovecot_says_that_it_is_not_the_tokens_fault_when_it_cannot_ask(provider_rig: ProviderRig) -> None:
    anna = provider_rig.identity.person()
    provider_rig.identity.fail("introspect", status=503, times=2)
    with pytest.raises(imaplib.IMAP4.error, match="UNAVAILABLE"):
        log_in(provider_rig, "XOAUTH2", anna.address, token_of(provider_rig, anna))
