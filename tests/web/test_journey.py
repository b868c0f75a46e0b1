"""What an admin and the holder of a colleague's link see of each other's attempts, and when a link ends."""

from urllib.parse import parse_qs, urlsplit

import pytest
from sqlmodel import Session
from starlette.testclient import TestClient

from gatepost.store import attempts, oauth_clients
from tests.web.conftest import Site

ADA, OWNER = "ada@example.org", "support@example.org"


@pytest.fixture
def ready(site: Site) -> Site:
    """Registered at both providers."""

    def write(session: Session) -> None:
        for provider in ("google", "microsoft"):
            oauth_clients.save_client(
                session, site.parts.keys, provider, client_id=f"id-{provider}", secret="s3cret", now=site.now
            )

    site.parts.ledger.write(write)
    return site


def link_for(site: Site) -> str:
    page = site.client(ADA).post(f"/mailboxes/{site.support}/connect/link", data={"owner": OWNER}).text
    return page[page.index("/connect/link/") :].split("<")[0]


def begin(client: TestClient, path: str) -> str:
    """Begin a login; its state."""
    answer = client.post(path, data={"address": OWNER})
    assert answer.status_code == 200, answer.text
    return parse_qs(urlsplit(answer.headers["refresh"].removeprefix("0; url=")).query)["state"][0]


def test_who_has_a_link_cannot_keep_an_admin_from_connecting(ready: Site) -> None:
    guest, path = ready.client(), f"{link_for(ready)}/google"
    for _ in range(attempts.MOST_AT_ONCE):
        begin(guest, path)
    refused = guest.post(path, data={})
    assert (refused.status_code, "This link was tried many times" in refused.text) == (422, True)
    assert begin(ready.client(ADA), f"/mailboxes/{ready.support}/connect/google")
