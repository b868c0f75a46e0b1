"""The pages of a colleague's link follow what happens at the provider, by asking again and again."""

import re
from html import unescape

from httpx2 import Response
from starlette.testclient import TestClient

from gatepost.store import approvals, attempts
from tests.web.conftest import Site
from tests.web.test_connecting import ADA, begin, link_for


def asked_again(guest: TestClient, page: str) -> Response:
    """What the page gets when it asks for news."""
    found = re.search(r'id="journey" hx-get="([^"]*)" hx-trigger="every 3s"', page)
    assert found, page
    return guest.get(unescape(found[1]), headers={"HX-Request": "true"})


def test_the_page_of_a_link_shows_what_happens_without_being_loaded_again(ready: Site) -> None:
    link, guest = f"{link_for(ready, ready.client(ADA))}/google", ready.client()
    page = guest.get(link).text
    assert asked_again(guest, page).status_code == 204
    state = begin(ready, guest, link)
    going = asked_again(guest, page).text
    assert "<html" not in going
    assert "The login at Google is under way" in going
    assert asked_again(guest, going).status_code == 204
    guest.get("/connect/callback", params={"error": "access_denied", "state": state})
    refused = asked_again(guest, going).text
    assert "sent you back without permission" in refused
    assert asked_again(guest, refused).status_code == 204


def test_the_approval_link_stands_there_once_a_login_was_begun(ready: Site) -> None:
    link, guest = f"{link_for(ready, ready.client(ADA))}/microsoft", ready.client()
    page = guest.get(link).text
    assert "the approval link stands here then" in page
    ready.parts.ledger.write(
        lambda session: approvals.ask_approval(
            session, channel_id=ready.support, provider="microsoft", address="support@example.org",
            tenant="example.org", user_id=ready.admin, by_link=True, now=ready.now,
        )
    )  # fmt: skip
    going = asked_again(guest, page).text
    assert 'id="approval-part" hx-swap-oob="true"' in going
    assert 'id="approval-link"' in going
    assert asked_again(guest, going).status_code == 204


def test_the_page_of_a_link_that_is_done_or_ended_says_so(ready: Site) -> None:
    admin, guest = ready.client(ADA), ready.client()
    link = f"{link_for(ready, admin)}/google"
    page = guest.get(link).text
    with ready.parts.database.session() as session:
        row = attempts.open_link(session, ready.support, ready.now)
    assert row
    hashed = row.token_hash
    ready.parts.ledger.write(lambda session: attempts.use_link(session, hashed, ready.now))
    over = asked_again(guest, page).text
    assert f"{row.address} is connected" in over
    assert "hx-get" not in over
    assert 'id="go" hx-swap-oob="delete"' in over
    page = guest.get(f"{link_for(ready, admin)}/google").text
    admin.post(f"/mailboxes/{ready.support}/connect/link/end")
    assert "no longer valid" in asked_again(guest, page).text
