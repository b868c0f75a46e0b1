"""Read-only questions that the pages of messages and of the sandbox ask, limited to what their reader may see."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, exists, false
from sqlmodel import Session, col, func, or_, select

from gatepost.model import Conversation, Delivery, Message, SandboxMail
from gatepost.store.pages import PAGE, Progress, Scope, like, progress_of
from gatepost.store.showing import shown_to
from gatepost.words import NOT_DELIVERED, WAITING, DeliveryState

SHOWS = ("all", "waiting", "delivered", "failed")


@dataclass(frozen=True, slots=True)
class MessageRow:
    """An outgoing message as lists show it, and the number of its conversation."""

    message: Message
    progress: Progress
    recipients: tuple[str, ...]
    number: int | None


def message_where(scope: Scope, show: str, text: str, code: str = "") -> list[ColumnElement[bool]]:
    """Outgoing messages of a scope, in this state, with this text in subject, sender or recipient, with this code.

    States and scope are sets made once: as `exists` SQLite walks all deliveries in a state for each message.
    """
    where: list[ColumnElement[bool]] = [col(Message.direction) == "out"]
    if scope is not None:
        channels = sorted(scope)
        here = shown_to(channels)
        mine = or_(
            col(Message.conversation_id).in_(select(Conversation.id).where(here)),
            col(Message.id).in_(select(Conversation.origin_id).where(here, col(Conversation.origin_id).is_not(None))),
        )
        where.append(or_(col(Message.channel_id).in_(channels), mine) if channels else false())
    if show != "all":
        states = {"waiting": WAITING, "delivered": (DeliveryState.DELIVERED,), "failed": NOT_DELIVERED}[show]
        where.append(col(Message.id).in_(select(Delivery.message_id).where(col(Delivery.state).in_(list(states)))))
    if code:
        number = int(code) if code.isdecimal() else None
        coded = col(Delivery.status) == code if number is None else col(Delivery.code) == number
        where.append(col(Message.id).in_(select(Delivery.message_id).where(coded)))
    if text:
        recipient = exists().where(col(Delivery.message_id) == col(Message.id), like(Delivery.recipient, text))
        sender = or_(like(Message.from_address, text), like(Message.from_name, text))
        where.append(or_(like(Message.subject, text), sender, recipient))
    return where


def message_list(
    session: Session, *, scope: Scope, show: str = "all", text: str = "", code: str = "", offset: int = 0
) -> list[MessageRow]:
    """Up to 50 outgoing messages, newest first."""
    where = message_where(scope, show, text, code)
    order = (col(Message.at).desc(), col(Message.id).desc())
    found = session.exec(select(Message).where(*where).order_by(*order).offset(offset).limit(PAGE)).all()
    ids = [message.id for message in found]
    progress = progress_of(session, ids)
    recipients: dict[str, list[str]] = {}
    for message_id, recipient in session.exec(
        select(Delivery.message_id, Delivery.recipient).where(col(Delivery.message_id).in_(ids)).order_by(Delivery.id)
    ):
        recipients.setdefault(message_id, []).append(recipient)
    conversation_ids = [message.conversation_id for message in found if message.conversation_id]
    pairs = select(Conversation.id, Conversation.number).where(col(Conversation.id).in_(conversation_ids))
    numbers = dict(session.exec(pairs).all())
    return [
        MessageRow(
            message,
            progress.get(message.id, Progress()),
            tuple(recipients.get(message.id, [])),
            numbers.get(message.conversation_id or ""),
        )
        for message in found
    ]


def message_counts(session: Session, scope: Scope) -> dict[str, int]:
    """How many outgoing messages each filter of the Messages page shows."""
    return {
        show: session.exec(select(func.count()).select_from(Message).where(*message_where(scope, show, ""))).one()
        for show in SHOWS
    }


def relayed_failures(session: Session, scope: Scope) -> int:
    """How many outgoing messages outside any conversation were not delivered to somebody."""
    shown = exists().where(col(Conversation.origin_id) == col(Message.id))
    where = [*message_where(scope, "failed", ""), col(Message.conversation_id).is_(None), ~shown]
    return session.exec(select(func.count()).select_from(Message).where(*where)).one()


def get_sandbox_mail(session: Session, mail_id: str) -> SandboxMail | None:
    """A mail that the sandbox kept."""
    return session.get(SandboxMail, mail_id)


def sandbox_list(
    session: Session, *, scope: Scope, text: str = "", offset: int = 0
) -> list[tuple[SandboxMail, Message]]:
    """Up to 50 mails that the sandbox kept, newest first, with their messages."""
    query = (
        select(SandboxMail, Message)
        .join(Message, col(Message.id) == col(SandboxMail.message_id))
        .where(*message_where(scope, "all", ""))
    )
    if text:
        query = query.where(
            or_(like(SandboxMail.recipient, text), like(Message.subject, text), like(Message.from_address, text))
        )
    order = (col(SandboxMail.at).desc(), col(SandboxMail.id).desc())
    return list(session.exec(query.order_by(*order).offset(offset).limit(PAGE)).all())
