"""What placing asks of the store: who wrote and was named where, which mailboxes show it, what was there before."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, exists, update
from sqlmodel import Session, and_, col, func, or_, select

from gatepost.model import Arrival, Conversation, ConversationChannel, Correction, Delivery, Message, Participant
from gatepost.store import foresight
from gatepost.store.conversations import get_conversation
from gatepost.store.rows import insert_missing

MOST = 50
MOST_READ = 200
IS_THERE = col(Message.purged_at).is_(None)


def survivor(session: Session, conversation_id: str) -> Conversation | None:
    """A conversation, or the one that it was merged into, and so on."""
    conversation = get_conversation(session, conversation_id)
    for _ in range(MOST):
        if conversation is None or conversation.merged_into is None:
            break
        conversation = get_conversation(session, conversation.merged_into)
    return conversation


def merged_origins(session: Session, conversation_id: str) -> list[tuple[Conversation, Message]]:
    """The conversations that went into this one and answer another relayed mail than it does, each with that mail."""
    found: list[Conversation] = []
    wave = [conversation_id]
    for _ in range(MOST):
        query = select(Conversation).where(col(Conversation.merged_into).in_(wave)).order_by(col(Conversation.number))
        rows = session.exec(query.limit(MOST_READ)).all()
        if not rows or len(found) > MOST_READ:
            break
        found += rows
        wave = [row.id for row in rows]
    told = [(row, session.get(Message, row.origin_id)) for row in found if row.origin_id]
    return [(row, mail) for row, mail in told if mail]


def named_in(session: Session, conversation_id: str) -> frozenset[str]:
    """The addresses of a conversation: its participants, and whom its newest 200 inbound mails named in To and Cc."""
    people = session.exec(select(Participant.address).where(Participant.conversation_id == conversation_id)).all()
    mails = (
        select(Message.recipients_shown)
        .where(Message.conversation_id == conversation_id, Message.direction == "in")
        .order_by(col(Message.at).desc())
        .limit(MOST_READ)
    )
    shown = {str(one.get("address", "")) for mail in session.exec(mails) for one in mail}
    return frozenset(people) | frozenset(shown - {""})


def channels_of(session: Session, conversation_id: str) -> frozenset[str]:
    """The mailboxes that show a conversation: its own, and those that it is shown in too."""
    conversation = get_conversation(session, conversation_id)
    own = conversation.channel_id if conversation else None
    return frozenset({own} if own else set()) | shown_in(session, conversation_id)


def shown_in(session: Session, conversation_id: str) -> frozenset[str]:
    """The further mailboxes that show a conversation."""
    foreseen = foresight.known(session, foresight.SHOWN, conversation_id)
    if foreseen is not None:
        return frozenset(foreseen)
    where = ConversationChannel.conversation_id == conversation_id
    return frozenset(session.exec(select(ConversationChannel.channel_id).where(where)).all())


def show_in(session: Session, conversation_id: str, channel_id: str, now: datetime) -> None:
    """Show a conversation in one more mailbox."""
    insert_missing(session, [ConversationChannel(conversation_id=conversation_id, channel_id=channel_id, at=now)])
    foreseen = foresight.known(session, foresight.SHOWN, conversation_id)
    if foreseen is not None:
        foreseen.append(channel_id)


def of_provider_thread(session: Session, account_id: str, thread: str, before: str = "") -> Sequence[Message]:
    """Messages with this thread id in this mailbox at its provider, oldest first; `before` an id, where it is given."""
    query = (
        select(Message)
        .join(Arrival, col(Arrival.message_id) == col(Message.id))
        .where(Arrival.account_id == account_id, Arrival.provider_thread == thread)
        .where(col(Message.conversation_id).is_not(None))
    )
    if before:
        query = query.where(col(Message.id) < before)
    return session.exec(query.order_by(col(Message.id)).limit(MOST)).all()


def of_person(session: Session, address: str, channel_id: str | None) -> Sequence[Conversation]:
    """The conversations of a mailbox in which an address takes part, the newest first."""
    mine = and_(col(Participant.conversation_id) == col(Conversation.id), col(Participant.address) == address)
    query = select(Conversation).join(Participant, mine).where(col(Conversation.merged_into).is_(None))
    if channel_id:
        query = query.where(Conversation.channel_id == channel_id)
    return session.exec(query.order_by(col(Conversation.number).desc()).limit(MOST)).all()


def has_earlier(session: Session, conversation_id: str, message_id: str) -> bool:
    """Whether a conversation, or one merged into it, held a message before this one; ids are ordered by time."""
    merged = select(Conversation.id).where(Conversation.merged_into == conversation_id)
    here = or_(Message.conversation_id == conversation_id, col(Message.conversation_id).in_(merged))
    return bool(session.exec(select(exists().where(here, col(Message.id) < message_id))).one())


def last_before(session: Session, conversation_id: str, at: datetime) -> datetime | None:
    """When the last message of a conversation came before a time; None where there is none."""
    where = (Message.conversation_id == conversation_id, col(Message.at) < at)
    return session.exec(select(func.max(Message.at)).where(*where)).one()


def took_part(session: Session, conversation_id: str, address: str, message_id: str) -> bool:
    """Whether somebody wrote in a conversation, or got a mail of it, before this message."""
    shown = or_(
        Message.conversation_id == conversation_id,
        Message.id == select(Conversation.origin_id).where(Conversation.id == conversation_id).scalar_subquery(),
    )
    earlier = and_(shown, col(Message.id) < message_id)
    wrote = exists().where(earlier, col(Message.direction) == "in", col(Message.from_address) == address)
    got = exists().where(earlier, col(Delivery.message_id) == col(Message.id), col(Delivery.recipient) == address)
    return bool(session.exec(select(or_(wrote, got))).one())


def inbound_since(session: Session, since: datetime, most: int) -> Sequence[str]:
    """The ids of inbound mails that have a conversation, since a time, in the order in which they came."""
    where = (Message.direction == "in", col(Message.at) >= since, col(Message.conversation_id).is_not(None), IS_THERE)
    return session.exec(select(Message.id).where(*where).order_by(col(Message.id)).limit(most)).all()


def newest_inbound(session: Session, since: datetime, most: int) -> Sequence[Message]:
    """As `inbound_since`, the newest first."""
    where = (Message.direction == "in", col(Message.at) >= since, col(Message.conversation_id).is_not(None), IS_THERE)
    return session.exec(select(Message).where(*where).order_by(col(Message.id).desc()).limit(most)).all()


def moved_by_hand(session: Session, message: Message) -> bool:
    """Whether a correction that still holds put a mail where it is."""
    where = (Correction.target_id == message.conversation_id, col(Correction.undone_at).is_(None))
    rows = session.exec(select(Correction).where(*where)).all()
    return any(message.id == one[0] for row in rows for one in row.before.get("messages", ()))


def mails_in(session: Session, conversation_id: str) -> int:
    """How many messages are in a conversation itself."""
    return session.exec(select(func.count()).where(Message.conversation_id == conversation_id)).one()


def note_policy(session: Session, correction_id: str, policy: str) -> None:
    """A correction was made by placing mail anew under this policy."""
    session.execute(update(Correction).where(col(Correction.id) == correction_id).values(policy=policy))


@dataclass(frozen=True, slots=True)
class Run:
    """Mail placed anew together, at one moment: by whom, under which policy, how many moves, how many still hold."""

    at: datetime
    policy: str
    actor: str
    moves: int
    holding: int


def runs(session: Session, most: int = 20) -> list[Run]:
    """What was placed anew, the newest first."""
    holding = func.sum(case((col(Correction.undone_at).is_(None), 1), else_=0))
    columns = (Correction.at, Correction.policy, Correction.actor)
    query = select(*columns, func.count(), holding).where(Correction.policy != "").group_by(*columns)  # type: ignore[call-overload]
    rows = session.exec(query.order_by(col(Correction.at).desc()).limit(most)).all()
    return [Run(at, policy, actor, moves, int(held)) for at, policy, actor, moves, held in rows]


def of_run(session: Session, at: datetime) -> Sequence[str]:
    """The ids of the corrections of a run that hold, the last first."""
    where = (Correction.at == at, Correction.policy != "", col(Correction.undone_at).is_(None))
    return session.exec(select(Correction.id).where(*where).order_by(col(Correction.id).desc())).all()
