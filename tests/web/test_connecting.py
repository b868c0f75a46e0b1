"""Connecting in the pages, without a provider: what begins, what may come back, and what may not."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.testclient import TestClient

from gatepost.store import attempts, oauth_clients, users
from gatepost.store.accounts import list_accounts
from tests.web.conftest import Site

ADA, BEN = "ada@example.org", "ben@example.org"


def journey(site: Site, provider: str = "google") -> str:
    return f"/mailboxes/{site.support}/connect/{provider}"


def begin(site: Site, client: TestClient, path: str = "") -> str:
    """Begin a login; the state that the provider would bring back."""
    answer = client.post(path or journey(site), data={"address": "support@example.org"})
    assert answer.status_code == 200, answer.text
    url = answer.headers["refresh"].removeprefix("0; url=")
    assert url.startswith("https://accounts.google.com/o/oauth2/v2/auth?")
    return parse_qs(urlsplit(url).query)["state"][0]


def results(site: Site) -> list[str]:
    with site.parts.database.session() as session:
        return [row.result for row in attempts.attempts_of(session, site.support)]


def test_e20_to_e25_the_wizard_leads_from_the_address_to_the_provider(ready: Site) -> None:
    client = ready.client(ADA)
    first = client.get(f"/mailboxes/{ready.support}/connect").text
    assert "Address to synchronise" in first
    assert "the same address that answers are sent from (support@example.org)" in first
    second = client.get(f"/mailboxes/{ready.support}/connect?address=ann@gmail.com").text
    assert "gmail.com is a domain of Google." in second
    assert (
        second.index("Continue with Google") < second.index("Continue with Microsoft") < second.index("Manual settings")
    )
    assert "Answers leave as support@example.org" in second
    third = client.get(f"{journey(ready)}?address=ann@gmail.com").text
    assert "https://mail.google.com/" in third
    assert "Log in at Google" in third
    assert "Nothing is deleted, moved or marked as read" in third


def test_e27_e28_the_table_of_providers_has_hosts_ports_and_notes(ready: Site) -> None:
    page = ready.client(ADA).get(f"/mailboxes/{ready.support}/connect?address=ann@gmx.de").text
    assert 'value="imap.gmx.net"' in page
    assert "secureimap.t-online.de:993" in page
    assert "Switch on POP3 and IMAP in the settings of GMX" in page


def test_without_a_registration_the_page_says_who_does_what(site: Site) -> None:
    client = site.client(ADA)
    page = client.get(f"/mailboxes/{site.support}/connect?address=ann@gmail.com").text
    assert "Gatepost is not registered at Google yet" in page
    answer = client.post(journey(site), data={"address": "support@example.org"})
    assert answer.status_code == 422
    assert "OAuth clients" in answer.text


def test_the_login_is_asked_for_with_pkce_an_exact_redirect_and_a_cookie_of_this_browser(ready: Site) -> None:
    client = ready.client(ADA)
    answer = client.post(journey(ready), data={"address": "support@example.org"})
    query = parse_qs(urlsplit(answer.headers["refresh"].removeprefix("0; url=")).query)
    assert query["redirect_uri"] == [f"{ready.parts.settings.base_url}/connect/callback"]
    assert query["code_challenge_method"] == ["S256"]
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie


def test_looking_begins_nothing(ready: Site) -> None:
    client = ready.client(ADA)
    client.get(journey(ready))
    assert results(ready) == []


def test_a_cancelled_login_is_explained_where_it_was_begun(ready: Site) -> None:
    client = ready.client(ADA)
    state = begin(ready, client)
    back = client.get("/connect/callback", params={"error": "access_denied", "state": state})
    assert back.status_code == 303
    assert back.headers["location"].startswith(journey(ready))
    page = client.get(back.headers["location"]).text
    assert "Google sent you back without permission" in page
    assert results(ready) == ["google_cancelled"]


def test_a_state_works_once_only_here_and_only_for_who_began(ready: Site) -> None:
    client = ready.client(ADA)
    state = begin(ready, client)
    query = {"error": "access_denied", "state": state}
    other = ready.client(ADA)
    for stranger in (ready.client(), other):
        assert stranger.get("/connect/callback", params=query).status_code == 400
    assert results(ready) == [""]
    assert client.get("/connect/callback", params=query).status_code == 303
    assert client.get("/connect/callback", params=query).status_code == 400


@pytest.mark.parametrize("query", [{}, {"state": ""}, {"state": "c-unknown", "code": "x"}, {"state": "x" * 5000}])
def test_what_nobody_asked_for_changes_nothing(ready: Site, query: dict[str, str]) -> None:
    answer = ready.client(ADA).get("/connect/callback", params=query)
    assert answer.status_code == 400
    assert "This login is over" in answer.text


def test_who_logged_out_or_lost_his_rights_finishes_nothing(ready: Site) -> None:
    client = ready.client(ADA)
    state = begin(ready, client)
    ready.parts.ledger.write(
        lambda session: users.create_user(session, email="eve@example.org", name="Eve", role="admin", now=ready.now)
    )
    ready.parts.ledger.write(lambda session: users.change_user(session, ready.admin, name="Ada", role="agent"))
    assert client.get("/connect/callback", params={"code": "x", "state": state}).status_code == 400


def test_too_late_is_told(ready: Site) -> None:
    client = ready.client(ADA)
    state = begin(ready, client)
    ready.now += timedelta(minutes=11)
    assert client.get("/connect/callback", params={"code": "x", "state": state}).status_code == 400


def test_hostile_answers_are_neither_shown_nor_believed(ready: Site) -> None:
    client = ready.client(ADA)
    state = begin(ready, client)
    evil = "<script>alert(1)</script> call 0800-EVIL"
    query = {"error": "access_denied", "error_description": evil, "error_uri": "https://evil.example", "state": state}
    page = client.get(client.get("/connect/callback", params=query).headers["location"]).text
    assert "EVIL" not in page
    assert "evil.example" not in page
    assert "alert(1)" not in page


def test_agents_connect_nothing(ready: Site) -> None:
    client = ready.client(BEN)
    for path in (f"/mailboxes/{ready.support}/connect", journey(ready), "/oauth-clients"):
        assert client.get(path).status_code == 403
    assert client.post(journey(ready), data={}).status_code == 403
    assert client.get("/help/permissions?q=AADSTS53003").status_code == 200


def test_a_form_of_another_site_begins_nothing(ready: Site) -> None:
    client = ready.client(ADA)
    answer = client.post(journey(ready), data={}, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert results(ready) == []


def link_for(site: Site, client: TestClient, *, mail: str = "") -> str:
    page = client.post(f"/mailboxes/{site.support}/connect/link", data={"owner": "support@example.org", "mail": mail})
    assert page.status_code == 200, page.text
    start = page.text.index("/connect/link/")
    return page.text[start:].split("<")[0]


def test_a_colleague_connects_by_a_link_without_a_login(ready: Site) -> None:
    link = link_for(ready, ready.client(ADA), mail="yes")
    guest = ready.client()
    assert "and only this one" in guest.get(link).text
    page = guest.get(f"{link}/google").text
    assert "Log in at Google" in page
    assert "Shared mailbox" not in page
    assert f"/mailboxes/{ready.support}" not in page
    state = begin(ready, guest, f"{link}/google")
    back = guest.get("/connect/callback", params={"error": "access_denied", "state": state})
    assert back.headers["location"] == f"{link}/google"
    assert "sent you back without permission" in guest.get(back.headers["location"]).text
    assert guest.get("/mailboxes").status_code == 303
    with ready.parts.database.session() as session:
        assert attempts.open_link(session, ready.support, ready.now) is not None


def test_a_link_ends_by_time_by_hand_and_with_its_maker(ready: Site) -> None:
    admin, guest = ready.client(ADA), ready.client()
    link = link_for(ready, admin)
    assert admin.post(f"/mailboxes/{ready.support}/connect/link/end").status_code == 303
    assert guest.get(link).status_code == 404
    assert guest.get("/connect/link/nonsense").status_code == 404
    link = link_for(ready, admin)
    state = begin(ready, guest, f"{link}/google")
    admin.post(f"/mailboxes/{ready.support}/connect/link/end")
    assert guest.get("/connect/callback", params={"code": "x", "state": state}).status_code == 400
    link = link_for(ready, admin)
    ready.now += timedelta(hours=72)
    assert guest.get(link).status_code == 404


def test_the_page_for_it_is_made_of_the_real_permissions_and_open_to_anybody(ready: Site) -> None:
    guest = ready.client()
    page = guest.get("/connect/it/microsoft").text
    for part in ("IMAP.AccessAsUser.All", "SMTP.Send", "id-microsoft", "/connect/callback", "AES-256-GCM"):
        assert part in page
    assert "s3cret" not in page
    assert guest.get("/connect/it/other").status_code == 404


def test_e33_to_e43_need_admin_approval_is_explained_in_place(ready: Site) -> None:
    page = ready.client(ADA).get(f"{journey(ready, 'microsoft')}?address=ann@contoso.com").text
    for part in (
        "Need admin approval",
        "That is a security measure of the organisation",
        "Nothing is to be set in Gatepost.",
        "entra.microsoft.com",
        "Global Administrator",
        "Enterprise apps",
        "Users can request admin consent to apps they are unable to consent to",
        "permissions, use of data, security measures",
        "ask your IT team for further restrictions",
    ):
        assert part in page.replace("&#34;", '"'), part


def named(values: dict[str, str]) -> dict[str, str]:
    """Fields as Microsoft's form names them."""
    return {f"microsoft_{name}": value for name, value in values.items()}


def test_the_client_is_kept_sealed_and_its_redirect_shown(site: Site) -> None:
    client = site.client(ADA)
    page = client.get("/oauth-clients").text
    assert f"{site.parts.settings.base_url}/connect/callback" in page
    assert client.post("/oauth-clients/google", data={"google_client_id": "a b"}).status_code == 422
    wrong = client.post("/oauth-clients/microsoft", data=named({"client_id": "x", "secret": "y", "tenant": "a/b"}))
    assert "Copy the Directory (tenant) ID" in wrong.text
    values = {"client_id": "abc", "secret": "topsecret", "tenant": "contoso.com", "secret_expires_at": "2027-05-31"}
    assert client.post("/oauth-clients/microsoft", data=named(values)).status_code == 303
    assert client.post("/oauth-clients/microsoft", data=named({**values, "secret": ""})).status_code == 303
    page = client.get("/oauth-clients").text
    assert "topsecret" not in page
    assert 'value="2027-05-31"' in page
    with site.parts.database.session() as session:
        row = oauth_clients.get_client(session, "microsoft")
        assert row is not None
        assert oauth_clients.open_client_secret(site.parts.keys, row) == "topsecret"


def test_what_was_seen_at_a_provider_is_looked_up(site: Site) -> None:
    client = site.client(BEN)
    page = client.get("/help/permissions", params={"q": "AADSTS53003: blocked by Conditional Access"}).text
    assert "Trying again does not help." in page
    assert "No refusal is known" in client.get("/help/permissions", params={"q": "<b>x</b>"}).text


def test_disconnecting_forgets_and_stops(ready: Site) -> None:
    client = ready.client(ADA)
    assert client.post(f"/mailboxes/{ready.support}/disconnect").status_code == 303
    with ready.parts.database.session() as session:
        assert list_accounts(session, ready.support) == []
