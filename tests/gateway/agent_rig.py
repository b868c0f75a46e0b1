"""A desk with an agent who works by mail: short ways for mail to come in, and to see what went out."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, select

from gatepost.gateway.accept import Gate
from gatepost.gateway.desk import follow_once
from gatepost.ids import new_id
from gatepost.mail import Mail, parse
from gatepost.model import AgentCopy, Arrival, Channel, Conversation, Delivery, Message, User
from gatepost.store.agents import ask_agent, confirm_address
from gatepost.store.arrivals import get_arrival
from gatepost.store.channels import create_channel
from gatepost.store.conversations import assign, get_conversation
from gatepost.store.messages import get_message, raw_of
from gatepost.store.settled import Horizon
from gatepost.store.users import create_user, set_memberships
from gatepost.threading.intake import Arriving, Desk, Received, receive, store_arrival
from gatepost.threading.reading import read
from gatepost.tokens import agent_address
from gatepost.words import Strength

SUPPORT = "support@shop.example"
ANA, MARTA, EVE = "ana@calderon.example", "marta@home.example", "eve@evil.example"


@dataclass
class Rig:
    """One mailbox, one customer, one agent."""

    gate: Gate
    now: datetime
    channel: Channel
    marta: User

    def mail_in(
        self, raw: bytes, recipient: str = SUPPORT, strength: Strength = Strength.ALIGNED, envelope_from: str = ANA
    ) -> Received:
        """A mail that came by MX."""
        desk = Desk(self.gate.settings, self.gate.keys, self.gate.blobs)
        arriving = Arriving(raw, "mx", recipient, envelope_from, strength=strength)
        reading, content = read(raw, envelope_from), desk.blobs.keep(raw)

        def op(session: Session) -> Received:
            arrival = store_arrival(session, arriving, content, self.now)
            return receive(session, desk, arrival, reading, self.now)

        return self.gate.ledger.write(op)

    def customer(self, text: str = "Where is it?", extra: str = "") -> Received:
        """Ana writes."""
        head = f"From: Ana Ruiz <{ANA}>\r\nTo: {SUPPORT}\r\nSubject: Order\r\nMessage-ID: <{new_id('msg')}@c>\r\n"
        raw = f"{head}{extra}\r\n{text}\r\n"
        return self.mail_in(raw.encode())

    def follow(self, **later: float) -> None:
        """What happened is followed."""
        self.now += timedelta(**later)
        while follow_once(self.gate, Horizon(), self.now, {}):
            pass

    def assign(self, conversation_id: str) -> None:
        """To Marta."""

        def op(session: Session) -> None:
            conversation = get_conversation(session, conversation_id)
            assert conversation
            assign(session, conversation, self.marta, None, self.now)

        self.gate.ledger.write(op)

    def sent(self, trigger: str = "") -> list[tuple[Message, Mail, list[str]]]:
        """What went out, oldest first: the row, the mail, the recipients."""
        with self.gate.database.session() as session:
            wanted = select(Message).where(Message.direction == "out").order_by(Message.id)
            rows = [row for row in session.exec(wanted).all() if trigger in ("", row.trigger)]
            return [
                (
                    row,
                    parse(raw_of(session, row.raw_id, self.gate.blobs)),
                    list(session.exec(select(Delivery.recipient).where(Delivery.message_id == row.id)).all()),
                )
                for row in rows
            ]

    def copy_row(self) -> AgentCopy:
        """The newest copy."""
        with self.gate.database.session() as session:
            return session.exec(select(AgentCopy).order_by(AgentCopy.message_id.desc())).first()  # type: ignore[attr-defined,return-value]

    def reply_to(self, role: str = "public") -> str:
        """The reply address of the newest copy."""
        return f"{agent_address(self.gate.keys, self.copy_row().message_id, role)}@{self.gate.settings.replies}"

    def answer(
        self, text: str, *, role: str = "public", from_: str = MARTA, strength: Strength = Strength.ALIGNED,
        extra: str = "", to: str = "", envelope_from: str = MARTA,
    ) -> Received:  # fmt: skip
        """Marta answers the newest copy."""
        address = to or self.reply_to(role)
        raw = (
            f"From: Marta Home <{from_}>\r\nTo: {address}\r\nSubject: Re: Order\r\n"
            f"Message-ID: <{new_id('msg')}@home>\r\n{extra}\r\n{text}\r\n"
        )
        return self.mail_in(raw.encode(), address, strength, envelope_from)

    def conversation(self, conversation_id: str) -> Conversation:
        with self.gate.database.session() as session:
            row = get_conversation(session, conversation_id)
            assert row
            return row

    def message(self, received: Received) -> Message:
        with self.gate.database.session() as session:
            row = get_message(session, received.message_id or "")
            assert row
            return row

    def arrival(self, arrival_id: str) -> Arrival:
        with self.gate.database.session() as session:
            row = get_arrival(session, arrival_id)
            assert row
            return row

    def message_ids(self, conversation_id: str) -> list[str]:
        """The Message-IDs of a conversation, oldest first."""
        with self.gate.database.session() as session:
            wanted = select(Message).where(Message.conversation_id == conversation_id).order_by(Message.id)
            return [row.message_id for row in session.exec(wanted).all()]

    def notes(self, conversation_id: str) -> list[str]:
        """What notes say."""
        with self.gate.database.session() as session:
            wanted = select(Message).where(Message.conversation_id == conversation_id, Message.direction == "note")
            return [raw_of(session, row.raw_id, self.gate.blobs).decode() for row in session.exec(wanted).all()]


def make_rig(gate: Gate, now: datetime) -> Rig:
    """The desk."""

    def op(session: Session) -> tuple[Channel, User]:
        channel = create_channel(session, name="Shop", address=SUPPORT, footer="Shop Ltd", now=now)
        user = create_user(session, email="marta@shop.example", name="Marta", role="agent", now=now)
        set_memberships(session, user.id, [channel.id])
        ask_agent(session, user.id, MARTA, "t" * 20, now)
        confirm_address(session, "t" * 20, now)
        return channel, user

    return Rig(gate, now, *gate.ledger.write(op))
