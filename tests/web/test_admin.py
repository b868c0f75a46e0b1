"""Setting up: mailboxes, accounts, credentials, domains and users; every problem beside its field."""

import re

import pytest

from gatepost.store import accounts, channels, credentials, users
from gatepost.web.state import TypedLogin
from tests.web.conftest import Site

ACCOUNT = {
    "host": "imap.example.org",
    "port": "993",
    "security": "tls",
    "username": "me",
    "password": "s3cret",
    "folder": "",
}


def trying(site: Site, problem: tuple[str, str] | None) -> list[TypedLogin]:
    """Let the login be tried by a function of the test, at the border; returns what it was asked."""
    asked: list[TypedLogin] = []

    def check(login: TypedLogin) -> tuple[str, str] | None:
        asked.append(login)
        return problem

    object.__setattr__(site.parts, "check_account", check)
    return asked


def test_a_mailbox_is_made_changed_and_deleted(site: Site) -> None:
    admin = site.client("ada@example.org")
    answer = admin.post("/mailboxes", data={"address": "Help@Example.org", "name": "Help", "by_mx": "yes"})
    path = answer.headers["location"].partition("?")[0]
    assert "help@example.org" in admin.get(path).text
    data = {
        "address": "help@example.org",
        "name": "Help desk",
        "aliases": "hilfe@example.org\n\nayuda@example.org",
        "active": "",
    }
    assert admin.post(path, data=data).status_code == 303
    with site.parts.database.session() as session:
        channel = channels.channel_by_address(session, "ayuda@example.org")
    assert channel
    assert (channel.name, channel.by_mx, channel.state) == ("Help desk", False, "inactive")
    assert admin.post(f"{path}/delete", data={}).headers["location"].startswith("/mailboxes?")
    assert admin.get(path).status_code == 404


@pytest.mark.parametrize(("data", "problem"), [
    ({"address": "nonsense", "name": "Kept name"}, "the @ is missing"),
    ({"address": "support@example.org", "name": "Kept name"}, "already"),
])  # fmt: skip
def test_a_mailbox_that_cannot_be_names_the_field(site: Site, data: dict[str, str], problem: str) -> None:
    answer = site.client("ada@example.org").post("/mailboxes", data=data)
    assert answer.status_code == 422
    assert problem in answer.text
    assert 'value="Kept name"' in answer.text
    assert 'aria-describedby="problem-address"' in answer.text


def test_an_alias_of_somebody_else_changes_nothing(site: Site) -> None:
    data = {"address": "support@example.org", "name": "New", "aliases": "billing@example.org", "active": "yes"}
    answer = site.client("ada@example.org").post(f"/mailboxes/{site.support}", data=data)
    assert answer.status_code == 422
    with site.parts.database.session() as session:
        channel = channels.get_channel(session, site.support)
    assert channel
    assert channel.name == "Support"


def test_a_mailbox_with_conversations_is_not_deleted(site: Site) -> None:
    answer = site.client("ada@example.org").post(f"/mailboxes/{site.support}/delete", data={})
    assert answer.status_code == 422
    assert "has conversations" in answer.text


def test_an_account_is_tried_before_it_is_saved(site: Site) -> None:
    admin = site.client("ada@example.org")
    asked = trying(site, ("password", "The server refused the password."))
    answer = admin.post(f"/mailboxes/{site.support}/account", data=ACCOUNT)
    assert answer.status_code == 422
    beside_its_field = answer.text.partition('id="problem-password"')[2].partition("</p>")[0]
    assert "The server refused the password." in beside_its_field
    assert 'value="imap.example.org"' in answer.text
    assert "s3cret" not in answer.text
    assert asked[0].password == "s3cret"
    with site.parts.database.session() as session:
        assert not accounts.list_accounts(session)
    trying(site, None)
    assert admin.post(f"/mailboxes/{site.support}/account", data=ACCOUNT).status_code == 303
    asked = trying(site, None)
    changed = {**ACCOUNT, "folder": "Orders", "password": ""}
    assert admin.post(f"/mailboxes/{site.support}/account", data=changed).status_code == 303
    assert asked[0].password == "s3cret"
    elsewhere = admin.post(f"/mailboxes/{site.support}/account", data={**changed, "host": "imap2.example.org"})
    assert (elsewhere.status_code, len(asked)) == (422, 1)
    assert "Type the password again: it was given for imap.example.org" in elsewhere.text
    with site.parts.database.session() as session:
        (account,) = accounts.list_accounts(session)
    assert (account.host, account.folder) == ("imap.example.org", "Orders")
    assert b"s3cret" not in account.secret_sealed
    for act, state in (("off", "disabled"), ("on", "connecting"), ("poll", "connecting")):
        assert admin.post(f"/mailboxes/{site.support}/account/{act}", data={}).status_code == 303
        with site.parts.database.session() as session:
            assert accounts.list_accounts(session)[0].state == state


def test_the_server_for_sending_is_named_with_a_new_account(site: Site) -> None:
    admin, page = site.client("ada@example.org"), f"/mailboxes/{site.support}"
    assert 'name="smtp_host"' in admin.get(page).text
    server = {"smtp_host": "SMTP.example.org", "smtp_port": "465", "smtp_security": "tls"}
    wrong = admin.post(f"{page}/account", data={**ACCOUNT, **server, "smtp_port": "no"})
    assert (wrong.status_code, "usual are 465 (TLS) and 587" in wrong.text) == (422, True)
    for field, beside in (("smtp_security", "smtp_security"), ("smtp_password", "smtp_host")):
        trying(site, (field, "It takes no such login."))
        refused = admin.post(f"{page}/account", data={**ACCOUNT, **server})
        told = refused.text.partition(f'id="problem-{beside}"')[2].partition("</p>")[0]
        assert "It takes no such login. The login for fetching works; leave the server for sending empty" in told
    asked = trying(site, None)
    assert admin.post(f"{page}/account", data={**ACCOUNT, **server}).status_code == 303
    with site.parts.database.session() as session:
        (account,) = accounts.list_accounts(session)
    assert (account.smtp_host, account.smtp_port, account.smtp_security) == ("smtp.example.org", 465, "tls")
    assert (asked[0].smtp_host, asked[0].smtp_port, asked[0].smtp_security) == ("smtp.example.org", 465, "tls")
    assert "As any other mail" in admin.get(page).text  # sending over it is chosen on its page


@pytest.mark.parametrize(("field", "value", "problem"), [
    ("host", "not a host", "Write the server"), ("port", "0", "from 1 to 65535"), ("port", "99999999999", "65535"),
    ("port", "0000199999", "65535"),
    ("security", "none", "never sent without encryption"), ("username", "", "log in with"),
    ("password", "", "app password"),
])  # fmt: skip
def test_an_account_names_the_field_that_is_wrong(site: Site, field: str, value: str, problem: str) -> None:
    asked = trying(site, None)
    answer = site.client("ada@example.org").post(f"/mailboxes/{site.support}/account", data={**ACCOUNT, field: value})
    assert answer.status_code == 422
    assert problem in answer.text
    assert not asked


def test_a_secret_is_shown_once(site: Site) -> None:
    admin = site.client("ada@example.org")
    data = {"name": "shop", "kind": "smtp", "senders": "shop@example.org, example.net", "conversations": "answer"}
    page = admin.post("/senders/credentials", data=data).text
    username = re.search(r'id="made-user">([^<]+)<', page)
    secret = re.search(r'id="made-secret">([^<]+)<', page)
    assert username
    assert secret
    with site.parts.database.session() as session:
        made = credentials.check_credential(session, site.parts.keys, username[1], secret[1])
    assert made
    assert made.senders == ["shop@example.org", "example.net"]
    assert secret[1] not in admin.get("/senders").text
    admin.post(f"/senders/credentials/{made.id}/switch", data={"off": "yes"})
    with site.parts.database.session() as session:
        assert not credentials.check_credential(session, site.parts.keys, username[1], secret[1])


@pytest.mark.parametrize(("changed", "problem"), [
    ({"name": ""}, "name of the system"), ({"senders": ""}, "at least one address"),
    ({"senders": "a b@"}, "problem-senders"),
    ({"kind": "fax"}, "Choose SMTP or API"), ({"networks": "everywhere"}, "is not a network"),
])  # fmt: skip
def test_a_credential_names_the_field_that_is_wrong(site: Site, changed: dict[str, str], problem: str) -> None:
    data = {"name": "shop", "kind": "smtp", "senders": "shop@example.org", **changed}
    answer = site.client("ada@example.org").post("/senders/credentials", data=data)
    assert answer.status_code == 422
    assert problem in answer.text
    with site.parts.database.session() as session:
        assert not credentials.list_credentials(session)


def test_a_domain_shows_its_record(site: Site) -> None:
    admin = site.client("ada@example.org")
    answer = admin.post("/senders/domains", data={"domain": "example.org"})
    assert answer.status_code == 303
    page = admin.get(answer.headers["location"]).text
    assert "._domainkey.example.org" in page
    assert "v=DKIM1; k=rsa; p=" in page
    again = admin.post("/senders/domains", data={"domain": "example.org"})
    assert again.status_code == 422
    assert "is there already" in again.text
    assert admin.post("/senders/domains", data={"domain": "no domain!"}).status_code == 422


def test_somebody_is_invited_by_a_link_that_is_shown_once(site: Site) -> None:
    admin = site.client("ada@example.org")
    data = {"email": "Nia@example.org", "name": "Nia", "role": "agent", "channels": [site.support, "chn_nonsense"]}
    page = admin.post("/users", data=data).text
    found = re.search(r'id="invite-link">([^<]+)<', page)
    assert found
    assert "Works once" in page or "works once" in page
    assert found[1] not in admin.get("/users").text
    assert "Welcome, Nia" in site.client().get("/invite/" + found[1].rpartition("/")[2]).text
    with site.parts.database.session() as session:
        user = users.user_by_email(session, "nia@example.org")
        assert user
        assert users.memberships(session, user.id) == {site.support}


@pytest.mark.parametrize(("data", "problem"), [
    ({"email": "nonsense", "role": "agent"}, "the @ is missing"),
    ({"email": "ben@example.org", "role": "agent"}, "already a user"),
    ({"email": "x@example.org", "role": "king"}, "A user is admin or agent."),
])  # fmt: skip
def test_an_invitation_names_the_field_that_is_wrong(site: Site, data: dict[str, str], problem: str) -> None:
    answer = site.client("ada@example.org").post("/users", data={"name": "Nia", **data})
    assert answer.status_code == 422
    assert problem in answer.text


def test_the_last_admin_stays(site: Site) -> None:
    admin = site.client("ada@example.org")
    for path, data in (
        (f"/users/{site.admin}", {"name": "Ada", "role": "agent"}),
        (f"/users/{site.admin}/switch", {"off": "yes"}),
    ):
        answer = admin.post(path, data=data)
        assert answer.status_code == 422
        assert "last admin" in answer.text


def test_a_user_who_is_switched_off_is_out_at_once(site: Site) -> None:
    admin, agent = site.client("ada@example.org"), site.client("ben@example.org")
    assert admin.post(f"/users/{site.agent}/switch", data={"off": "yes"}).status_code == 303
    assert agent.get("/inbox").status_code == 303
    refused = admin.post(f"/users/{site.agent}/link", data={})
    assert refused.status_code == 422
    assert admin.post(f"/users/{site.agent}/switch", data={"off": ""}).status_code == 303
    assert "invite-link" in admin.post(f"/users/{site.agent}/link", data={}).text


def test_a_new_membership_counts_at_once(site: Site) -> None:
    admin, agent = site.client("ada@example.org"), site.client("ben@example.org")
    assert agent.get(f"/inbox/{site.foreign}").status_code == 404
    admin.post(f"/users/{site.agent}", data={"name": "Ben", "role": "agent", "channels": [site.billing]})
    assert agent.get(f"/inbox/{site.foreign}").status_code == 200
    assert agent.get(f"/inbox/{site.conversation}").status_code == 404
