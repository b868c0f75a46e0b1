"""A desk with a mailbox, and short ways to receive and to send."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from gatepost.blobs import Content
from gatepost.ids import new_id
from gatepost.ledger import Ledger
from gatepost.model import Conversation, Credential, Message, User
from gatepost.store import conversations, messages
from gatepost.store.agents import ask_agent, confirm_address
from gatepost.store.arrivals import get_arrival
from gatepost.store.users import create_user, set_memberships
from gatepost.threading.intake import Arriving, Desk, Received, receive, store_arrival
from gatepost.threading.reading import read
from gatepost.words import Strength
from tests.rows import put_deliveries

SUPPORT = "support@shop.example"
ANA, BEN, EVE = "ana@calderon.example", "ben@calderon.example", "eve@evil.example"


@dataclass
class Office:
    """One desk with a mailbox, and short ways to receive and to send."""

    ledger: Ledger
    desk: Desk
    now: datetime
    credential: Credential

    def receive(
        self, raw: bytes, *, recipient: str = SUPPORT, strength: Strength = Strength.NONE, **k: str
    ) -> Received:
        envelope_from = "" if b"MAILER-DAEMON" in raw else "someone@calderon.example"
        arriving = Arriving(raw, "mx", recipient, envelope_from, strength=strength)
        reading = read(raw, arriving.envelope_from)
        content = self.desk.blobs.keep(raw)

        def op(session: Session) -> Received:
            arrival = store_arrival(session, arriving, content, self.now)
            received = receive(session, self.desk, arrival, reading, self.now)
            kept = get_arrival(session, arrival.id)
            assert kept is not None
            session.refresh(kept)
            assert kept.outcome == received.outcome
            return received

        return self.ledger.write(op)

    def relay(self, to: list[str], recipients: list[str], header_id: str = "order-1@shop.example") -> str:
        """A mail that a system had sent through us."""
        row_id = new_id("msg")

        def op(session: Session) -> str:
            shown = [{"field": "to", "address": address, "name": ""} for address in to]
            message = Message(
                id=row_id,
                direction="out",
                digest=row_id,
                message_id=header_id,
                subject="Your order",
                from_address=SUPPORT,
                recipients_shown=shown,
                at=self.now,
                size=1,
                credential_id=self.credential.id,
            )
            messages.put_message(session, message, Content(b"x", None, 1))
            put_deliveries(session, row_id, recipients, self.now)
            return row_id

        return self.ledger.write(op)

    def conversation(self, received: Received) -> Conversation:
        assert received.conversation_id
        with self.ledger.database.session() as session:
            row = conversations.get_conversation(session, received.conversation_id)
            assert row is not None
            return row

    def people(self, received: Received) -> list[str]:
        with self.ledger.database.session() as session:
            return [row.address for row in conversations.participants(session, received.conversation_id or "")]

    def shown(self, received: Received) -> list[str]:
        with self.ledger.database.session() as session:
            conversation = self.conversation(received)
            return [row.message_id for row in messages.conversation_messages(session, conversation)]

    def message(self, received: Received) -> Message:
        with self.ledger.database.session() as session:
            row = messages.get_message(session, received.message_id or "")
            assert row is not None
            return row


def mail(sender: str = ANA, subject: str = "Hello", header_id: str = "1@calderon.example", *lines: str) -> bytes:
    fields = [f"From: {sender}", f"To: {SUPPORT}", f"Subject: {subject}", f"Message-ID: <{header_id}>", *lines]
    return ("\r\n".join(fields) + "\r\n\r\nHello there\r\n").encode()


def reply(sender: str = ANA, to: str = "order-1@shop.example", header_id: str = "2@calderon.example") -> bytes:
    return mail(sender, "Re: Your order", header_id, f"In-Reply-To: <{to}>")


def employ(session: Session, channel_id: str, address: str, now: datetime) -> User:
    """An agent of a mailbox, who has confirmed an address to work from by mail."""
    user = create_user(session, email=address, name="Mia", role="agent", now=now)
    set_memberships(session, user.id, [channel_id])
    ask_agent(session, user.id, address, user.id, now)
    assert confirm_address(session, user.id, now)
    return user
