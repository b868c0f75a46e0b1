"""What is tried with a provider's token before a mailbox is saved, at a real Dovecot."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from gatepost.connectors.grant import Tokens
from gatepost.connectors.imap import system_trust
from gatepost.connectors.provider import Server
from gatepost.connectors.provider_data import PROVIDERS
from gatepost.store.channels import get_channel
from gatepost.web.connect_save import try_mailbox
from gatepost.web.journey import Journey
from gatepost.web.state import App
from tests.rig.provider import ProviderRig
from tests.rig.provider import provider_rig as provider_rig
from tests.web.conftest import Site


@pytest.fixture
def app(site: Site, provider_rig: ProviderRig, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    """One that may ask a server on this machine, and trusts its certificate."""
    monkeypatch.setenv("SSL_CERT_FILE", str(provider_rig.trust))
    system_trust.cache_clear()
    yield replace(site.parts, settings=site.parts.settings.model_copy(update={"private_hosts": True}))
    system_trust.cache_clear()


def test_a_mail_is_put_into_drafts_and_taken_away_before_anything_is_saved(
    site: Site, app: App, provider_rig: ProviderRig
) -> None:
    person = provider_rig.identity.person()
    token = provider_rig.identity.state.new_access("x", person, "", ["https://mail.google.com/"])
    here = replace(PROVIDERS["google"], imap=Server("localhost", provider_rig.dovecot.tls_port, "tls"))
    with site.parts.database.session() as session:
        channel = get_channel(session, site.support)
    assert channel
    journey = Journey(channel, person.address, here, "/", site.admin)
    life = (site.now, site.now + timedelta(hours=1))
    assert try_mailbox(app, journey, person.address, Tokens(token, *life)) is None
    drafts = provider_rig.dovecot.maildir(person.address, "Drafts")
    assert " N2 " in (drafts / "dovecot-uidlist").read_text().splitlines()[0]  # UID 1 was there
    assert [mail for part in ("cur", "new") for mail in (drafts / part).iterdir()] == []
    wrong = try_mailbox(app, journey, person.address, Tokens("another", *life))
    assert wrong
    assert (wrong.stage, wrong.provider) == ("login", "google")
    away = replace(journey, provider=replace(here, imap=Server("localhost", 1, "tls")))
    gone = try_mailbox(app, away, person.address, Tokens(token, *life))
    assert gone
    assert gone.text.startswith("[unavailable] ")
