"""The page of how a connected mailbox sends, and of trying it."""

from dataclasses import replace

from sqlmodel import Session
from starlette.testclient import TestClient

from gatepost.connectors.probe import Probe, Step
from gatepost.gateway.account_login import NotTaken, Server
from gatepost.ids import new_id
from gatepost.model import Account, Arrival, Message
from gatepost.store.accounts import create_account, list_accounts
from gatepost.store.channels import list_channels
from gatepost.store.sending import route_of_account
from gatepost.store.sent_copies import CopyState, note_sent, settle_copy
from gatepost.store.undone import Undone, undone_by_account
from gatepost.store.write_back import WriteState, settle, want
from gatepost.web.app import create_app
from tests.rows import copies_of, write_backs_of
from tests.web.conftest import BASE, HERE, PASSWORD, Site

FORM = {
    "smtp_host": "smtp.example.net", "smtp_port": "587", "smtp_security": "starttls", "sent_copy": "always",
    "sent_folder": "Sent Items", "sends": "yes", "two_way": "yes", "password": "s3cret",
}  # fmt: skip


def connect(site: Site) -> str:
    """Connect the first mailbox; its id."""

    def op(session: Session) -> str:
        channel = list_channels(session)[0]
        create_account(
            session, site.parts.keys, channel_id=channel.id, host="imap.example.net", port=993, security="tls",
            username=channel.address, secret="s3cret", now=site.now,
        )  # fmt: skip
        return channel.id

    return site.parts.ledger.write(op)


def account_of(site: Site) -> tuple[Account, str]:
    """The account, and the route that its mailbox's mail takes."""
    with site.parts.database.session() as session:
        (account,) = list_accounts(session)
        route = route_of_account(session, account)
        return account, route.name if route else ""


def test_a_mailbox_is_made_to_send_over_its_account(site: Site) -> None:
    page = f"/mailboxes/{connect(site)}"
    admin = site.client("ada@example.org")
    assert "As any other mail" in admin.get(page).text
    assert 'value="smtp.example.net"' in admin.get(f"{page}/sending").text  # proposed
    assert admin.post(f"{page}/sending", data=FORM).headers["location"] == f"{page}/sending?done=saved"
    account, route = account_of(site)
    assert (account.smtp_host, account.smtp_port, account.sent_copy, account.two_way) == (
        "smtp.example.net", 587, "always", True,
    )  # fmt: skip
    assert route
    assert "Over this account" in admin.get(page).text
    assert route in admin.get(f"{page}/sending").text
    assert admin.post(f"{page}/sending", data={**FORM, "sends": ""}).status_code == 303
    assert account_of(site)[1] == ""


def test_what_is_wrong_stands_beside_its_field(site: Site) -> None:
    page = f"/mailboxes/{connect(site)}/sending"
    admin = site.client("ada@example.org")
    wrong = admin.post(page, data={**FORM, "smtp_port": "x", "smtp_host": "no host", "smtp_security": "none"})
    assert wrong.status_code == 422
    for sentence in ("A port is a number", "Write the server", "never sent without encryption"):
        assert sentence in wrong.text
    nowhere = admin.post(page, data={**FORM, "smtp_host": ""})
    assert (nowhere.status_code, "Write the server" in nowhere.text) == (422, True)
    assert site.client("ben@example.org").get(page).status_code in (403, 404)


def test_the_stored_password_goes_to_another_server_only_when_it_is_typed_again(site: Site) -> None:
    page = f"/mailboxes/{connect(site)}/sending"
    admin = site.client("ada@example.org")
    assert "Only where the server for sending or its security is another one" in admin.get(page).text
    for password in ("", "guess"):
        answer = admin.post(page, data={**FORM, "smtp_host": "evil.example", "password": password})
        assert (answer.status_code, account_of(site)[0].smtp_host) == (422, "")
        sentence = "This is not the password" if password else "Type the mailbox&#39;s password again"
        assert sentence in answer.text
        assert "guess" not in answer.text
    assert admin.post(page, data=FORM).status_code == 303
    assert admin.post(page, data={**FORM, "password": "", "sent_copy": "never"}).status_code == 303
    assert admin.post(page, data={**FORM, "password": "", "smtp_security": "tls"}).status_code == 422


def test_the_password_cannot_be_guessed_there(site: Site) -> None:
    page = f"/mailboxes/{connect(site)}/sending"
    admin = site.client("ada@example.org")
    for _ in range(5):
        assert "This is not the password" in admin.post(page, data={**FORM, "password": "guess"}).text
    assert "tried many times" in admin.post(page, data=FORM).text
    assert account_of(site)[0].smtp_host == ""


def test_each_step_of_a_trial_is_shown_with_its_fix(site: Site) -> None:
    asked: list[bool] = []

    def trial(account_id: str, round_trip: bool) -> Probe:
        asked.append(round_trip)
        fix = "Set Security for sending to STARTTLS."
        bad = Step("send", False, "It speaks no TLS.", fix, "smtp_security")
        return Probe((Step("login", True, "Logged in."), bad))

    page = f"/mailboxes/{connect(site)}"
    client = TestClient(
        create_app(replace(site.parts, try_account=trial)), base_url=BASE, headers=HERE, follow_redirects=False
    )
    client.post("/login", data={"email": "ada@example.org", "password": PASSWORD})
    shown = client.post(f"{page}/test", data={"round_trip": "yes"}).text
    for words in ("Logged in.", "It speaks no TLS.", "Set Security for sending to STARTTLS."):
        assert words in shown
    assert asked == [True]


def test_another_server_is_tried_before_it_is_saved(site: Site) -> None:
    page = f"/mailboxes/{connect(site)}/sending"
    asked: list[tuple[Server, str]] = []
    answers = [
        NotTaken("smtp_port", "No mail server answers there.", passing=True),
        NotTaken("smtp_security", "It does not speak TLS."),
    ]

    def tried(account: Account, server: Server, password: str) -> NotTaken | None:
        asked.append((server, password))
        return answers[0] if answers else None

    client = TestClient(
        create_app(replace(site.parts, try_server=tried)), base_url=BASE, headers=HERE, follow_redirects=False
    )
    client.post("/login", data={"email": "ada@example.org", "password": PASSWORD})
    assert client.post(page, data={**FORM, "password": "guess"}).status_code == 422
    assert asked == []  # the password is proven before it goes anywhere
    away = client.post(page, data=FORM)
    assert (away.status_code, "No mail server answers there." in away.text) == (422, True)
    assert "Save anyway" in away.text
    assert "s3cret" not in away.text
    answers.pop(0)
    wrong = client.post(page, data={**FORM, "anyway": "yes"})  # what does not pass by itself is not saved
    assert (wrong.status_code, "Save anyway" in wrong.text) == (422, False)
    assert account_of(site)[0].smtp_host == ""
    answers[0] = NotTaken("smtp_port", "No mail server answers there.", passing=True)
    assert client.post(page, data={**FORM, "anyway": "yes"}).status_code == 303
    assert account_of(site)[0].smtp_host == "smtp.example.net"
    assert asked[-1] == (Server("smtp.example.net", 587, "starttls"), "s3cret")


def fail(site: Site) -> None:
    """A copy that was given up, and an act that was refused, of the account."""

    def op(session: Session) -> None:
        (account,) = list_accounts(session)
        note_sent(session, site.message, account.id, "", site.now)
        (copy,) = copies_of(session, site.message)
        settle_copy(session, copy, CopyState.FAILED, "The folder for sent mail is full.", site.now)
        message = session.get_one(Message, site.inbound)
        arrival = Arrival(
            id=new_id("arr"), receipt="imap:1", inlet="imap", raw_id=message.raw_id, received_at=site.now,
            message_id=site.inbound, account_id=account.id, outcome="placed",
        )  # fmt: skip
        session.add(arrival)
        session.flush()
        want(session, arrival.id, account.id, "archive", site.now)
        (row,) = write_backs_of(session, account.id)
        settle(session, row.id, WriteState.FAILED, "The server has no folder for it.", site.now)

    site.parts.ledger.write(op)


def test_what_failed_at_the_provider_is_listed_with_why_and_tried_again(site: Site) -> None:
    page = f"/mailboxes/{connect(site)}/sending"
    admin = site.client("ada@example.org")
    assert "could not be done at the provider" not in admin.get(page).text
    fail(site)
    assert "Something could not be done there" in admin.get(page.removesuffix("/sending")).text
    shown = admin.get(page).text
    for words in (
        "could not be done",
        "The folder for sent mail is full.",
        "Archive",
        "The server has no folder for it.",
    ):
        assert words in shown
    assert f"/messages/{site.message}" in shown
    assert "Try again what was given up" in shown
    number = f'gatepost_mailbox_undone{{mailbox="{account_of(site)[0].address}"}} 2.0'
    assert number in admin.get("/metrics").text
    with site.parts.database.session() as session:
        assert list(undone_by_account(session).values()) == [Undone(1, 1, 2, "The folder for sent mail is full.")]
    assert admin.post(f"{page}/again").headers["location"] == f"{page}?done=again#failed"
    with site.parts.database.session() as session:
        assert [one.given_up for one in undone_by_account(session).values()] == [0]
        (account,) = list_accounts(session)
        (copy,), (row,) = copies_of(session, site.message), write_backs_of(session, account.id)
    assert [(one.state, one.next_at) for one in (copy, row)] == [("due", site.now)] * 2
    assert "Try again what was given up" not in admin.get(page).text
