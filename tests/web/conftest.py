"""The real application over a real database, with people, mailboxes and mail in it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from functools import cache

import pytest
from sqlmodel import Session
from starlette.applications import Starlette
from starlette.testclient import TestClient

from gatepost.blobs import Blobs, Content
from gatepost.database import Database
from gatepost.gateway.accept import Gate
from gatepost.ids import new_id
from gatepost.ledger import Ledger
from gatepost.model import Conversation, Delivery, DeliveryEvent, Message, SandboxMail
from gatepost.password import hash_password
from gatepost.seal import Keys
from gatepost.settings import Settings
from gatepost.store import channels, conversations, deliveries, messages, users
from gatepost.web.app import create_app
from gatepost.web.live import Live
from gatepost.web.state import App

PASSWORD = "correct horse battery"
BASE = "http://127.0.0.1:8025"
HERE = {"Sec-Fetch-Site": "same-origin"}
HTML = '<p>Hi <b>there</b></p><script>alert(1)</script><img src="http://evil.example/x.png" onerror="alert(2)">'


@cache
def hashed() -> str:
    """One hash for all tests: argon2 is slow on purpose."""
    return hash_password(PASSWORD)


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


@pytest.fixture
def site(settings: Settings, database: Database, ledger: Ledger, keys: Keys, now: datetime) -> Site:
    """An installation with an admin, an agent of Support, and a conversation in Support and one in Billing."""
    gate = Gate(settings, database, ledger, keys, Blobs(settings.home / "blobs"))
    holder: list[Site] = []
    clock: Callable[[], datetime] = lambda: holder[0].now  # noqa: E731
    parts = App(settings, database, ledger, keys, gate, Live(database, clock), None, clock)
    site = Site(create_app(parts), parts, now)
    holder.append(site)
    ledger.write(lambda session: fill(session, site))
    return site


def fill(session: Session, site: Site) -> None:
    """The people, mailboxes and mail of a site."""
    now = site.now
    admin = users.create_user(
        session, email="ada@example.org", name="Ada", role="admin", password_hash=hashed(), now=now
    )
    agent = users.create_user(
        session, email="ben@example.org", name="Ben", role="agent", password_hash=hashed(), now=now
    )
    site.admin, site.agent = admin.id, agent.id
    site.support = channels.create_channel(session, name="Support", address="support@example.org", now=now).id
    site.billing = channels.create_channel(session, name="Billing", address="billing@example.org", now=now).id
    users.set_memberships(session, agent.id, [site.support])
    site.conversation, site.inbound, site.message, site.kept = talk(session, site, site.support, "Broken parcel")
    site.foreign, _, site.foreign_message, site.foreign_kept = talk(session, site, site.billing, "Secret invoice")


def talk(session: Session, site: Site, channel_id: str, subject: str) -> tuple[int, str, str, str]:
    """A conversation: a customer's mail with HTML and an attachment, and an answer that failed for one of two."""
    now = site.now
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
