"""What an admin and the holder of a colleague's link see of each other's attempts, and when a link ends."""

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlmodel import Session
from starlette.testclient import TestClient

from gatepost.store import approvals, attempts
from tests.web.conftest import Site

ADA, OWNER, OTHER = "ada@example.org", "support@example.org", "private@elsewhere.example"


def link_for(site: Site) -> str:
    page = site.client(ADA).post(f"/mailboxes/{site.support}/connect/link", data={"owner": OWNER}).text
    return page[page.index("/connect/link/") :].split("<")[0]


def begin(client: TestClient, path: str) -> str:
    """Begin a login; its state."""
    answer = client.post(path, data={"address": OWNER})
    assert answer.status_code == 200, answer.text
    return parse_qs(urlsplit(answer.headers["refresh"].removeprefix("0; url=")).query)["state"][0]


def fail(site: Site, client: TestClient, path: str) -> None:
    """A login by another account, which the provider told us of."""
    state, browser = begin(client, path), client.cookies["gatepost-connect"]

    def write(session: Session) -> None:
        attempt = attempts.take_attempt(session, state, browser, site.now)
        assert attempt
        attempts.note_result(session, attempt, "wrong_address", OTHER, site.now)

    site.parts.ledger.write(write)


def test_who_has_a_link_cannot_keep_an_admin_from_connecting(ready: Site) -> None:
    guest, path = ready.client(), f"{link_for(ready)}/google"
    for _ in range(attempts.MOST_AT_ONCE):
        begin(guest, path)
    refused = guest.post(path, data={})
    assert (refused.status_code, "This link was tried many times" in refused.text) == (422, True)
    assert begin(ready.client(ADA), f"/mailboxes/{ready.support}/connect/google")


def test_what_others_tried_is_not_shown(ready: Site) -> None:
    """The address that an admin logged in with by mistake is nothing for who has the link, nor the other way round."""
    admin, guest, link = ready.client(ADA), ready.client(), link_for(ready)
    own = f"/mailboxes/{ready.support}/connect/google?address={OWNER}"
    fail(ready, admin, own.partition("?")[0])
    assert OTHER in admin.get(own).text
    page = guest.get(f"{link}/google").text
    assert OTHER not in page
    assert "Not connected" not in page
    ready.now = ready.now.replace(microsecond=5)
    fail(ready, guest, f"{link}/google")
    assert OTHER in guest.get(f"{link}/google").text
    stranger = ready.client().get(f"{link}/google").text
    assert ("Another account logged in" in stranger, OTHER in stranger) == (True, False)
    theirs = admin.get(own).text
    assert ("Another account logged in" in theirs, OTHER in theirs) == (True, False)


def test_an_admins_approval_link_is_not_the_colleagues(ready: Site) -> None:
    def write(session: Session) -> str:
        row = approvals.ask_approval(
            session, channel_id=ready.support, provider="microsoft", address=OWNER, tenant="example.org",
            user_id=ready.admin, app_only=True, now=ready.now,
        )  # fmt: skip
        return approvals.approval_state(ready.parts.keys, row)

    state, link = ready.parts.ledger.write(write), link_for(ready)
    assert state in ready.client(ADA).get(f"/mailboxes/{ready.support}/connect/microsoft?address={OWNER}").text
    assert state not in ready.client().get(f"{link}/microsoft").text


def by_hand(site: Site) -> None:
    form = {
        "host": "imap.example.org", "port": "993", "security": "tls", "username": OWNER, "password": "s3cret",
        "folder": "INBOX",
    }  # fmt: skip
    assert site.client(ADA).post(f"/mailboxes/{site.support}/account", data=form).status_code == 303


def by_login(site: Site) -> None:
    """What saving does in its transaction, after a login that went well."""
    site.parts.ledger.write(lambda session: attempts.end_asking(session, site.support, site.now))


@pytest.mark.parametrize("connect", [by_hand, by_login])
def test_a_link_ends_when_an_admin_connects_the_mailbox_and_says_so(
    ready: Site, connect: Callable[[Site], None]
) -> None:
    link, guest = link_for(ready), ready.client()
    state = begin(guest, f"{link}/google")
    connect(ready)
    for path in (link, f"{link}/google"):
        page = guest.get(path)
        assert (page.status_code, f"{OWNER} is connected" in page.text) == (404, True)
    assert guest.post(f"{link}/google", data={}).status_code == 404
    assert guest.get("/connect/callback", params={"code": "x", "state": state}).status_code == 400
    assert "is connected" not in guest.get("/connect/link/nonsense").text


def test_a_link_ends_when_fetching_is_stopped(ready: Site) -> None:
    by_hand(ready)
    link = link_for(ready)
    assert ready.client().get(link).status_code == 200
    assert ready.client(ADA).post(f"/mailboxes/{ready.support}/account/off").status_code == 303
    assert ready.client().get(link).status_code == 404
