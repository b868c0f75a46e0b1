"""The real application over a real database, with people, mailboxes and mail in it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from functools import cache
from typing import Any

import pytest
from argon2 import PasswordHasher
from jinja2 import Environment
from sqlmodel import Session
from starlette.applications import Starlette
from starlette.testclient import TestClient

from gatepost.blobs import Blobs, Content
from gatepost.database import Database, open_database
from gatepost.gateway.accept import Gate
from gatepost.ids import new_id
from gatepost.ledger import Ledger
from gatepost.model import Conversation, Delivery, DeliveryEvent, Message, SandboxMail
from gatepost.seal import Keys, make_keys
from gatepost.settings import Settings
from gatepost.store import channels, conversations, deliveries, messages, oauth_clients, users
from gatepost.web.app import create_app
from gatepost.web.assets import load_assets
from gatepost.web.live import Live
from gatepost.web.render import make_environment
from gatepost.web.state import App
from tests.conftest import NOW, settings_in

PASSWORD = "correct horse battery"
BASE = "http://127.0.0.1:8025"
HERE = {"Sec-Fetch-Site": "same-origin"}
HTML = '<p>Hi <b>there</b></p><script>alert(1)</script><img src="http://evil.example/x.png" onerror="alert(2)">'


@cache
def hashed() -> str:
    """One hash for all tests, and one that is quickly checked: argon2 is slow on purpose, by what the hash says."""
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)


@cache
def templates(theme: str) -> Environment:
    """One environment for all tests: what it compiles once, every site shows."""
    return make_environment(load_assets(), theme=theme)


@dataclass
class Site:
    """The application and what is in it; time moves by setting `now`."""

    app: Starlette
    parts: App
    now: datetime
    support: str = ""
    billing: str = ""
    conversation: int = 0
    foreign: int = 0
    message: str = ""
    foreign_message: str = ""
    inbound: str = ""
    kept: str = ""
    foreign_kept: str = ""
    admin: str = ""
    agent: str = ""

    def client(self, email: str = "") -> TestClient:
        """A browser, logged in where an address is given."""
        client = TestClient(self.app, base_url=BASE, headers=HERE, follow_redirects=False)
        if email:
            answer = client.post("/login", data={"email": email, "password": PASSWORD})
            assert answer.status_code == 303, answer.text
        return client


@pytest.fixture(scope="session")
def filled(empty_sqlite: bytes, tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, dict[str, Any]]:
    """The file of a site, made once; each test gets a copy. With it, the fields of `Site` that tell what is in it."""
    path = tmp_path_factory.mktemp("site") / "gatepost.db"
    path.write_bytes(empty_sqlite)
    database = open_database(f"sqlite:///{path}")
    ledger = Ledger(database).start()
    known = ledger.write(lambda session: fill(session, NOW))
    ledger.close()
    database.close()
    return path.read_bytes(), known


@pytest.fixture
def content(request: pytest.FixtureRequest, empty_sqlite: bytes) -> bytes:
    """What the database of a test holds at its beginning: what a site has, where the test is about one."""
    if "site" in request.fixturenames:
        octets: bytes = request.getfixturevalue("filled")[0]
        return octets
    return empty_sqlite


@pytest.fixture
def site(
    settings: Settings,
    database: Database,
    ledger: Ledger,
    keys: Keys,
    filled: tuple[bytes, dict[str, Any]],
) -> Site:
    """An installation with an admin, an agent of Support, and a conversation in Support and one in Billing."""
    return site_of(settings, database, ledger, keys, filled[1])


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


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory, filled: tuple[bytes, dict[str, Any]]) -> Iterator[Site]:
    """The same installation for all tests of a module: for those that only ask, or are refused."""
    folder = tmp_path_factory.mktemp("asked")
    (folder / "gatepost.db").write_bytes(filled[0])
    database = open_database(f"sqlite:///{folder / 'gatepost.db'}")
    ledger = Ledger(database).start()
    yield site_of(settings_in(folder), database, ledger, make_keys(folder / "key"), filled[1])
    ledger.close()
    database.close()


def site_of(settings: Settings, database: Database, ledger: Ledger, keys: Keys, known: dict[str, Any]) -> Site:
    """The application over a database that holds what is known."""
    gate = Gate(settings, database, ledger, keys, Blobs(settings.home / "blobs"))
    holder: list[Site] = []
    clock: Callable[[], datetime] = lambda: holder[0].now  # noqa: E731
    parts = App(settings, database, ledger, keys, gate, Live(database, clock), None, clock)
    site = Site(create_app(parts), parts, NOW, **known)
    site.app.state.templates = templates(settings.theme)
    holder.append(site)
    return site


def fill(session: Session, now: datetime) -> dict[str, Any]:
    """The people, mailboxes and mail of a site."""
    admin = users.create_user(
        session, email="ada@example.org", name="Ada", role="admin", password_hash=hashed(), now=now
    )
    agent = users.create_user(
        session, email="ben@example.org", name="Ben", role="agent", password_hash=hashed(), now=now
    )
    support = channels.create_channel(session, name="Support", address="support@example.org", now=now).id
    billing = channels.create_channel(session, name="Billing", address="billing@example.org", now=now).id
    users.set_memberships(session, agent.id, [support])
    conversation, inbound, message, kept = talk(session, support, "Broken parcel", now)
    foreign, _, foreign_message, foreign_kept = talk(session, billing, "Secret invoice", now)
    return {
        "admin": admin.id, "agent": agent.id, "support": support, "billing": billing,
        "conversation": conversation, "inbound": inbound, "message": message, "kept": kept,
        "foreign": foreign, "foreign_message": foreign_message, "foreign_kept": foreign_kept,
    }  # fmt: skip


def talk(session: Session, channel_id: str, subject: str, now: datetime) -> tuple[int, str, str, str]:
    """A conversation: a customer's mail with HTML and an attachment, and an answer that failed for one of two."""
    conversation = conversations.create_conversation(
        session, subject=subject, requester="carol@customer.example", channel_id=channel_id, now=now
    )
    conversations.add_participants(session, conversation.id, [("carol@customer.example", "Carol", "requester")])
    inbound = put(
        session, "in", conversation, "carol@customer.example", "support@example.org", now - timedelta(hours=1)
    )
    outbound = put(
        session, "out", conversation, "support@example.org", "carol@customer.example, bad@customer.example", now
    )
    kept = ""
    for address, state, code, status in (
        ("carol@customer.example", "delivered", 250, "2.0.0"),
        ("bad@customer.example", "failed", 550, "5.1.1"),
    ):
        kept = deliver(session, outbound, address, state, code, status, now)
    conversations.touch(session, conversation.id, "Here it is", now, reopen=False)
    deliveries.count_failures(session, conversation)
    return conversation.number, inbound.id, outbound.id, kept


def put(session: Session, direction: str, conversation: Conversation, sender: str, to: str, at: datetime) -> Message:
    """A stored mail."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, to, conversation.subject
    mail["Message-ID"] = f"<{new_id('msg')}@customer.example>"
    mail.set_content("It <came> broken, see https://example.com/photo.")
    if direction == "in":
        mail.add_alternative(HTML, subtype="html")
        mail.add_attachment(b"<html>evil</html>", maintype="text", subtype="html", filename='a"\u202e/../x.html')
    raw = mail.as_bytes().replace(b"\n", b"\r\n")
    identifier = new_id("msg")
    shown = [{"field": "to", "address": address.strip(), "name": ""} for address in to.split(",")]
    message = Message(
        id=identifier,
        direction=direction,
        digest=identifier,
        message_id=mail["Message-ID"].strip("<>"),
        subject=conversation.subject,
        from_name="",
        from_address=sender,
        recipients_shown=shown,
        snippet="It came broken",
        at=at,
        size=len(raw),
        conversation_id=conversation.id,
        channel_id=conversation.channel_id,
        strength="aligned" if direction == "in" else "none",
        why=[{"text": "A new conversation: the mail refers to none that we know"}] if direction == "in" else [],
        trigger="agent reply" if direction == "out" else "",
    )
    messages.put_message(session, message, Content(raw, None, len(raw)))
    return message


def deliver(session: Session, message: Message, address: str, state: str, code: int, status: str, now: datetime) -> str:
    """A delivery that ended, with its history and what the sandbox kept of it."""
    text, host = "as the server said", "mx.customer.example"
    delivery = Delivery(
        id=new_id("dlv"), message_id=message.id, recipient=address, state=state, attempts=1, code=code, status=status,
        text=text, remote_host=host, created_at=now, updated_at=now,
    )  # fmt: skip
    session.add(delivery)
    session.flush()
    event = DeliveryEvent(
        id=new_id("dev"), delivery_id=delivery.id, at=now, state=state, source="dialogue", attempt=1, code=code,
        status=status, text=text, remote_host=host,
    )  # fmt: skip
    kept = SandboxMail(
        id=new_id("sbx"), delivery_id=delivery.id, message_id=message.id, mail_from="b@x", recipient=address, at=now,
        code=code, status=status, text=text,
    )  # fmt: skip
    session.add_all([event, kept])
    session.flush()
    return kept.id
