"""Life e: an admin connects a mailbox in the web page, with a real Dovecot at the other end."""

import uuid
from collections.abc import Iterator

import httpx2
import pytest

from gatepost.store.accounts import list_accounts
from tests.lives.letters import letter
from tests.rig.dovecot import PASSWORD, Dovecot
from tests.rig.gatepost import Product, started

ADMIN, AGENT = "maya@northwind.example", "tom@northwind.example"
ADDRESS = "orders@northwind.example"


@pytest.fixture(scope="module")
def product(shared_dovecot: Dovecot) -> Iterator[Product]:
    with started({"SSL_CERT_FILE": str(shared_dovecot.certificate)}) as running:
        running.user(ADMIN)
        running.user(AGENT, "agent")
        yield running


@pytest.fixture
def admin(product: Product) -> Iterator[httpx2.Client]:
    with product.client(ADMIN) as client:
        yield client


def test_from_the_form_to_live(product: Product, admin: httpx2.Client, shared_dovecot: Dovecot) -> None:
    user = shared_dovecot.add_user()
    header_id, mail = letter("kim@harbour.test", ADDRESS, "Waiting since yesterday", "Hello?")
    shared_dovecot.deliver(user, mail)
    made = admin.post("/mailboxes", data={"address": ADDRESS, "name": "Orders"})
    assert made.status_code == 303
    page = made.headers["location"].partition("?")[0]
    port = str(shared_dovecot.tls_port)
    login = {"host": "localhost", "port": port, "security": "tls", "username": user, "folder": "INBOX"}

    wrong = admin.post(f"{page}/account", data={**login, "password": "not-this-one"})
    assert wrong.status_code == 422
    assert "localhost refused the user name or the password." in wrong.text
    assert "not-this-one" not in wrong.text
    assert product.read(list_accounts) == []

    saved = admin.post(f"{page}/account", data={**login, "password": PASSWORD})
    assert saved.headers["location"] == f"{page}/import"
    counted = admin.get(saved.headers["location"]).text
    assert "1 mail" in counted
    assert "Nothing is fetched before you have chosen" in counted
    assert admin.post(f"{page}/import", data={"choice": "all"}).status_code == 303
    (account,) = product.read(list_accounts)
    assert PASSWORD.encode() not in account.secret_sealed
    product.until(lambda: product.messages(header_id) and product.read(list_accounts)[0].state == "live")
    shown = admin.get(page).text
    assert "Connected" in shown
    assert PASSWORD not in shown
    conversation = product.conversation(product.message(header_id).id)
    assert conversation.channel_id == account.channel_id
    assert "Hello?" in admin.get(f"/inbox/{conversation.number}").text


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"host": "no such host"}, "Write the server's name"),
        ({"port": "imap"}, "A port is a number from 1 to 65535"),
        ({"port": "1"}, "Nothing answers on port 1 of localhost."),
        ({"security": "none"}, "a password is never sent without encryption"),
        ({"port": "plain"}, "does not speak TLS from the first byte"),
        ({"folder": "Nowhere"}, "There is no folder Nowhere"),
        ({"password": ""}, "Write the password"),
    ],
)
def test_what_does_not_work_is_told(
    product: Product, admin: httpx2.Client, shared_dovecot: Dovecot, change: dict[str, str], sentence: str
) -> None:
    channel = product.channel(f"{uuid.uuid4().hex}@northwind.example")
    login = {
        "host": "localhost",
        "port": str(shared_dovecot.tls_port),
        "security": "tls",
        "username": "user1@mail.test",
        "folder": "INBOX",
        "password": PASSWORD,
    }
    refused = admin.post(f"/mailboxes/{channel.id}/account", data={**login, **ports_of(change, shared_dovecot)})
    assert refused.status_code == 422
    assert sentence in refused.text.replace("&#39;", "'")
    assert product.read(lambda session: list_accounts(session, channel.id)) == []


def ports_of(change: dict[str, str], dovecot: Dovecot) -> dict[str, str]:
    """The change with the port that takes STARTTLS where it says `plain`."""
    return {name: str(dovecot.port) if value == "plain" else value for name, value in change.items()}


def test_an_agent_may_not(product: Product) -> None:
    with product.client(AGENT) as client:
        assert client.get("/mailboxes").status_code in (403, 404)
        assert client.post("/mailboxes", data={"address": "x@northwind.example"}).status_code in (403, 404)
    with httpx2.Client(base_url=product.web) as stranger:
        answer = stranger.get("/mailboxes")
        assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/login")
