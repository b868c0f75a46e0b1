"""An administrator's answer: what it may do, and for whom, without a provider."""

from dataclasses import replace

import pytest
from sqlmodel import Session, col, select
from starlette.requests import Request

from gatepost.model import AdminApproval, ConnectLink, Message
from gatepost.store import approvals, attempts, channels, oauth_clients, users
from gatepost.store.accounts import create_account, list_accounts
from gatepost.web.app import create_app
from gatepost.web.connect_begin import note
from gatepost.web.forms import Form
from gatepost.web.journey import Journey, known_providers
from gatepost.web.route import Guest
from tests.web.conftest import Site

ADA, ANN = "ada@example.org", "ann@contoso.com"


@pytest.fixture
def contoso(site: Site) -> Site:
    """Registered at Microsoft for one organisation."""

    def write(session: Session) -> None:
        oauth_clients.save_client(
            session, site.parts.keys, "microsoft", client_id="abc", secret="s3cret", tenant="contoso.com", now=site.now
        )

    site.parts.ledger.write(write)
    return site


def begin_by_link(site: Site) -> AdminApproval:
    """A colleague has begun a login by the admin's link; the approval that is at hand for it."""
    ledger, now = site.parts.ledger, site.now

    def make(session: Session) -> str:
        token = attempts.make_link(session, channel_id=site.support, address=ANN, user_id=site.admin, now=now)
        return users.token_hash(token)

    hashed = ledger.write(make)
    with site.parts.database.session() as session:
        channel = channels.get_channel(session, site.support)
        client = oauth_clients.get_client(session, "microsoft")
        assert channel
        assert client
        session.expunge_all()
        provider = known_providers(site.parts.settings)["microsoft"]
        guest = Guest(site.parts, Request({"type": "http"}), session, now, Form())
        note(guest, Journey(channel, ANN, provider, "/", link_hash=hashed), client, "c-1", "b", "{}", False)
    with site.parts.database.session() as session:
        row = approvals.open_approval(session, site.support, now)
        assert row
        session.expunge(row)
    return row


def link_of(site: Site) -> ConnectLink | None:
    with site.parts.database.session() as session:
        return attempts.open_link(session, site.support, site.now)


def come_back(site: Site, approval: AdminApproval) -> int:
    state = approvals.approval_state(site.parts.keys, approval)
    return site.client().get("/connect/callback", params={"admin_consent": "True", "state": state}).status_code


def test_a_colleague_gets_a_new_link_that_works_like_the_first(contoso: Site) -> None:
    approval, first = begin_by_link(contoso), link_of(contoso)
    assert approval.user_id == contoso.admin
    assert come_back(contoso, approval) == 200
    second = link_of(contoso)
    assert first
    assert second
    assert (second.user_id, second.address) == (contoso.admin, ANN)
    assert second.token_hash != first.token_hash
    assert come_back(contoso, approval) == 200
    assert link_of(contoso) == second


@pytest.mark.parametrize("why", ["the admin ended it", "the admin made another one", "the admin is none any more"])
def test_no_approval_brings_back_a_link_that_was_ended(contoso: Site, why: str) -> None:
    approval = begin_by_link(contoso)
    admin, link = contoso.client(ADA), f"/mailboxes/{contoso.support}/connect/link"
    if why == "the admin ended it":
        assert admin.post(f"{link}/end").status_code == 303
    elif why == "the admin made another one":
        assert admin.post(link, data={"owner": "bob@contoso.com"}).status_code == 200
    else:
        contoso.parts.ledger.write(lambda session: demote(session, contoso.admin))
    before = link_of(contoso)
    come_back(contoso, approval)
    assert link_of(contoso) == before


def demote(session: Session, user_id: str) -> None:
    user = users.get_user(session, user_id)
    assert user
    user.role = "agent"
    session.add(user)


def test_a_late_approval_does_not_connect_a_mailbox_that_was_disconnected(contoso: Site) -> None:
    ledger, now = contoso.parts.ledger, contoso.now

    def write(session: Session) -> AdminApproval:
        create_account(
            session, contoso.parts.keys, channel_id=contoso.support, host="imap.example.org", port=993, security="tls",
            username="support@example.org", secret="s3cret", now=now,
        )  # fmt: skip
        row = approvals.ask_approval(
            session, channel_id=contoso.support, provider="microsoft", address=ANN, tenant="contoso.com",
            user_id=contoso.admin, app_only=True, now=now,
        )  # fmt: skip
        session.expunge(row)
        return row

    approval = ledger.write(write)
    attempt = f"/mailboxes/{contoso.support}/disconnect"
    assert contoso.client(ADA).post(attempt).status_code == 303
    assert come_back(contoso, approval) == 404
    with contoso.parts.database.session() as session:
        (account,) = list_accounts(session, contoso.support)
        assert (account.state, account.auth) == ("disabled", "password")


def ask_for(site: Site, tenant: str = "contoso.com", *, app_only: bool = False) -> AdminApproval:
    """An approval that the admin waits for."""

    def write(session: Session) -> AdminApproval:
        row = approvals.ask_approval(
            session, channel_id=site.support, provider="microsoft", address=ANN, tenant=tenant, user_id=site.admin,
            app_only=app_only, now=site.now,
        )  # fmt: skip
        session.expunge(row)
        return row

    return site.parts.ledger.write(write)


def letters(site: Site) -> list[str]:
    """The subjects of what was mailed about approvals."""
    with site.parts.database.session() as session:
        query = select(Message.subject).where(Message.trigger == "admin approval").order_by(col(Message.at))
        return list(session.exec(query))


def test_what_a_link_says_is_told_as_its_word_and_not_as_the_truth(contoso: Site) -> None:
    """Whoever has the link can come back without having approved anything."""
    approval = ask_for(contoso)
    state = approvals.approval_state(contoso.parts.keys, approval)
    query = {"admin_consent": "True", "state": state}
    for _ in range(3):
        page = contoso.client().get("/connect/callback", params=query)
        assert "whether the approval holds shows there" in page.text
    assert letters(contoso) == [f"The approval link came back: try to connect {ANN}"]
    shown = contoso.client(ADA).get(f"/mailboxes/{contoso.support}/connect/microsoft?address={ANN}").text
    assert "The approval link came back" in shown
    assert "has approved" not in shown


def test_not_more_than_a_few_such_mails_a_day_go_out_for_a_mailbox(contoso: Site) -> None:
    for number in range(5):
        assert come_back(contoso, ask_for(contoso, f"contoso{number}.com")) == 200
    assert len(letters(contoso)) == 3


def test_app_only_access_is_tried_before_anything_is_believed(contoso: Site) -> None:
    """A token is the first proof: without one nothing is noted and nobody is told, and it is not tried for ever."""
    settings = contoso.parts.settings.model_copy(
        update={"providers": {"microsoft": {"authority": "https://127.0.0.1:9"}}}
    )
    contoso.app = create_app(replace(contoso.parts, settings=settings))
    approval = ask_for(contoso, app_only=True)
    state = approvals.approval_state(contoso.parts.keys, approval)
    for _ in range(7):
        page = contoso.client().get("/connect/callback", params={"admin_consent": "True", "state": state})
        assert "Not connected yet" in page.text
    with contoso.parts.database.session() as session:
        row = session.get_one(AdminApproval, approval.id)
        tries = users.failures_since(session, contoso.now.replace(year=2000), account=approval.id)
    assert (row.approved_at, letters(contoso), tries) == (None, [], 5)


def test_a_mailbox_that_an_admin_connects_by_a_password_waits_for_no_approval(contoso: Site) -> None:
    approval = ask_for(contoso, app_only=True)
    form = {
        "host": "imap.example.org", "port": "993", "security": "tls", "username": ANN, "password": "s3cret",
        "folder": "INBOX",
    }  # fmt: skip
    assert contoso.client(ADA).post(f"/mailboxes/{contoso.support}/account", data=form).status_code == 303
    assert come_back(contoso, approval) == 404
