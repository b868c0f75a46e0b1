"""Mail that an agent forwarded for a customer: whose conversation it began, and taking that back."""

from datetime import datetime

from sqlalchemy import delete, update
from sqlmodel import Session, col, select

from gatepost.acts import Actor
from gatepost.model import Conversation, Message, Participant
from gatepost.store.conversations import add_participants
from gatepost.store.events import add_event

HANDED_OVER, TAKEN_BACK = "conversation.handed_over", "conversation.taken_back"
WHY = "handed_over"


def handed_over(message: Message) -> bool:
    """Whether an agent forwarded an inbound mail for a customer."""
    return message.direction == "in" and message.user_id is not None


def reason(customer: str, name: str, text: str) -> dict[str, str]:
    """What stands among the reasons of such a mail."""
    return {"result": WHY, "customer": customer, "name": name, "text": text}


def customer_of(message: Message) -> tuple[str, str] | None:
    """The customer (address key, name) for whom an agent forwarded a mail."""
    if not handed_over(message):
        return None
    found = next((one for one in message.why if one.get("result") == WHY), None)
    return (str(found["customer"]), str(found["name"])) if found else None


def tell_handed_over(session: Session, message: Message, user_id: str, customer: str, now: datetime) -> None:
    """Append to the history who forwarded a mail, and for whom."""
    add_event(
        session,
        HANDED_OVER,
        now=now,
        conversation_id=message.conversation_id,
        message_id=message.id,
        channel_id=message.channel_id,
        user_id=user_id,
        data={"customer": customer},
    )


def take_back(session: Session, message: Message, actor: Actor, now: datetime) -> bool:
    """The mail counts as the agent's own: he is the requester, the customer takes part no more. False where it is.

    Whoever has written or was written to since stays.
    """
    customer = (customer_of(message) or ("", ""))[0]
    if not customer:
        return False
    where = (col(Message.id) == message.id, col(Message.user_id).is_not(None))
    changed = session.execute(update(Message).where(*where).values(user_id=None))
    conversation = session.get(Conversation, message.conversation_id or "", populate_existing=True)
    if not changed.rowcount or conversation is None:  # type: ignore[attr-defined]
        return False
    others = (Message.conversation_id == conversation.id, col(Message.id) != message.id, Message.direction != "note")
    if session.exec(select(Message.id).where(*others).limit(1)).first() is None:
        person = (col(Participant.conversation_id) == conversation.id, col(Participant.address) == customer)
        session.execute(delete(Participant).where(*person))
    whose = update(Conversation).where(col(Conversation.id) == conversation.id)
    session.execute(whose.values(requester=message.from_address))
    add_participants(session, conversation.id, [(message.from_address, message.from_name, "requester")])
    add_event(
        session,
        TAKEN_BACK,
        now=now,
        conversation_id=conversation.id,
        message_id=message.id,
        channel_id=conversation.channel_id,
        user_id=actor.user_id,
        data={"customer": customer, "by": actor.name},
    )
    return True
