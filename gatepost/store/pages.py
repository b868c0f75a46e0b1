"""Read-only questions that pages ask about conversations: lists, counts, searches, as far as their reader may see."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, String, and_, cast, exists, false, true
from sqlmodel import Session, col, func, or_, select

from gatepost.model import (
    Arrival,
    Channel,
    Conversation,
    ConversationChannel,
    Delivery,
    Message,
    Participant,
    Seen,
    User,
)
from gatepost.store import showing
from gatepost.store.showing import shown_to
from gatepost.words import DELETED, GONE, NOT_DELIVERED, WAITING, DeliveryState

TABS = ("all", "mine", "unassigned", "failed", "closed", "deleted")
PAGE = 50

Scope = frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Progress:
    """How the deliveries of one message stand."""

    total: int = 0
    failed: int = 0
    waiting: int = 0
    delayed: int = 0
    delivered: int = 0


@dataclass(frozen=True, slots=True)
class ListRow:
    """A conversation as lists show it; `trouble` is its newest message that was not delivered or is delayed."""

    conversation: Conversation
    people: tuple[str, ...]
    unread: bool
    assignee: str
    trouble: Progress


def within(column: Any, scope: Scope) -> ColumnElement[bool]:
    """Only what belongs to these channels; everything for None."""
    if scope is None:
        return true()
    return col(column).in_(sorted(scope)) if scope else false()


def pattern(text: str) -> str:
    """A LIKE pattern that finds `text` anywhere, escaped with a backslash."""
    escaped = text.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def like(column: Any, text: str) -> ColumnElement[bool]:
    return func.lower(col(column)).like(pattern(text), escape="\\")


def tab_where(tab: str, user_id: str) -> ColumnElement[bool]:
    """Which conversations a tab holds."""
    is_open = col(Conversation.state) == "open"
    return {
        "mine": and_(is_open, col(Conversation.assignee_id) == user_id),
        "unassigned": and_(is_open, col(Conversation.assignee_id).is_(None)),
        "failed": and_(col(Conversation.failed) > 0, is_there()),
        "closed": col(Conversation.state) == "closed",
        "deleted": col(Conversation.state) == DELETED,
    }.get(tab, is_open)


def is_there() -> ColumnElement[bool]:
    """Conversations that nobody deleted."""
    return col(Conversation.state).not_in(GONE)


def search_where(text: str) -> ColumnElement[bool]:
    """Conversations that fit a search: words `tag:NAME` must all be tags, the rest is looked for as one text."""
    words = text.split()
    tags = [word[4:] for word in words if word.lower().startswith("tag:")]
    rest = " ".join(word for word in words if not word.lower().startswith("tag:")) if tags else text
    return and_(true(), *(tag_where(tag) for tag in tags), *([text_where(rest)] if rest else []))


def tag_where(tag: str) -> ColumnElement[bool]:
    """Conversations with this tag, in any letters; tags are kept as a JSON list."""
    return func.lower(cast(col(Conversation.tags), String)).like(pattern(json.dumps(tag)), escape="\\")


def text_where(text: str) -> ColumnElement[bool]:
    """Conversations with this text in subject, beginning, participant or number."""
    person = exists().where(
        col(Participant.conversation_id) == col(Conversation.id),
        or_(like(Participant.address, text), like(Participant.name, text)),
    )
    number = text.removeprefix("#")
    by_number = col(Conversation.number) == int(number) if number.isdecimal() and len(number) < 10 else false()
    return or_(like(Conversation.subject, text), like(Conversation.snippet, text), person, by_number)


def conversation_list(
    session: Session, *, scope: Scope, user_id: str, tab: str, text: str = "", channel_id: str = "", offset: int = 0
) -> list[ListRow]:
    """Up to 50 conversations, last changed first; a search looks at closed ones too, at deleted ones in their tab."""
    query = select(Conversation).where(shown_to(scope))
    if text:
        query = query.where(search_where(text))
    query = query.where(is_there() if text and tab == "all" else tab_where(tab, user_id))
    if channel_id:
        query = query.where(shown_to({channel_id}))
    order = (col(Conversation.updated_at).desc(), col(Conversation.number).desc())
    found = session.exec(query.order_by(*order).offset(offset).limit(PAGE)).all()
    return list_rows(session, found, user_id)


def list_rows(session: Session, found: Sequence[Conversation], user_id: str) -> list[ListRow]:
    ids = [conversation.id for conversation in found]
    seen_rows = session.exec(select(Seen).where(Seen.user_id == user_id, col(Seen.conversation_id).in_(ids)))
    seen = {row.conversation_id: row.at for row in seen_rows}
    people = people_of(session, ids)
    names = user_names(session, {c.assignee_id for c in found if c.assignee_id})
    trouble = trouble_of(session, found)
    return [
        ListRow(
            conversation,
            people.get(conversation.id, (conversation.requester,)),
            conversation.id not in seen or seen[conversation.id] < conversation.updated_at,
            names.get(conversation.assignee_id or "", ""),
            trouble.get(conversation.id, Progress()),
        )
        for conversation in found
    ]


def people_of(session: Session, ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The names of conversations' people, the requester first, at most four."""
    rows = session.exec(select(Participant).where(col(Participant.conversation_id).in_(ids))).all()
    found: dict[str, list[str]] = {}
    for row in sorted(rows, key=lambda row: (row.role != "requester", row.address)):
        found.setdefault(row.conversation_id, []).append(row.name or row.address)
    return {conversation_id: tuple(names[:4]) for conversation_id, names in found.items()}


def user_names(session: Session, ids: Iterable[str]) -> dict[str, str]:
    """Users' names by id."""
    return {user.id: user.name for user in session.exec(select(User).where(col(User.id).in_(sorted(ids))))}


def progress_of(session: Session, message_ids: Sequence[str]) -> dict[str, Progress]:
    """How messages' deliveries stand, by message id."""
    counts = (
        select(Delivery.message_id, Delivery.state, func.count())
        .where(col(Delivery.message_id).in_(message_ids))
        .group_by(Delivery.message_id, Delivery.state)
    )
    found: dict[str, dict[str, int]] = {}
    for message_id, state, count in session.exec(counts):
        found.setdefault(message_id, {})[state] = count
    return {message_id: sum_up(states) for message_id, states in found.items()}


def sum_up(states: dict[str, int]) -> Progress:
    """One message's progress from its counts by state."""
    return Progress(
        total=sum(states.values()),
        failed=sum(states.get(state, 0) for state in NOT_DELIVERED),
        waiting=sum(states.get(state, 0) for state in WAITING),
        delayed=states.get(DeliveryState.DELAYED, 0),
        delivered=states.get(DeliveryState.DELIVERED, 0),
    )


def trouble_of(session: Session, found: Sequence[Conversation]) -> dict[str, Progress]:
    """The newest message of each conversation that has a failed or delayed delivery."""
    ids = [conversation.id for conversation in found]
    states = [*NOT_DELIVERED, DeliveryState.DELAYED]
    query = (
        select(Message.conversation_id, Message.id, Message.at)
        .join(Delivery, col(Delivery.message_id) == col(Message.id))
        .where(col(Message.conversation_id).in_(ids), col(Delivery.state).in_(states))
        .distinct()
    )
    newest: dict[str, tuple[datetime, str]] = {}
    for conversation_id, message_id, at in session.exec(query):
        if conversation_id and newest.get(conversation_id, (at, "")) <= (at, message_id):
            newest[conversation_id] = (at, message_id)
    for conversation in found:
        if conversation.failed and conversation.origin_id and conversation.id not in newest:
            newest[conversation.id] = (conversation.created_at, conversation.origin_id)
    progress = progress_of(session, [message_id for _, message_id in newest.values()])
    return {key: progress[message_id] for key, (_, message_id) in newest.items() if message_id in progress}


def tab_counts(session: Session, *, scope: Scope, user_id: str, channel_id: str = "") -> dict[str, int]:
    """How many conversations each tab holds; closed and deleted ones are not counted."""
    counts: dict[str, int] = {}
    for tab in TABS[:-2]:
        query = select(func.count()).select_from(Conversation).where(shown_to(scope))
        if channel_id:
            query = query.where(shown_to({channel_id}))
        counts[tab] = session.exec(query.where(tab_where(tab, user_id))).one()
    return counts


def open_by_channel(session: Session, scope: Scope) -> dict[str, int]:
    """How many open conversations each channel has."""
    query = (
        select(Conversation.channel_id, func.count())
        .where(Conversation.state == "open", within(Conversation.channel_id, scope))
        .group_by(Conversation.channel_id)
    )
    shared = (
        select(ConversationChannel.channel_id, func.count())
        .join(Conversation, col(Conversation.id) == col(ConversationChannel.conversation_id))
        .where(Conversation.state == "open", within(ConversationChannel.channel_id, scope))
        .group_by(col(ConversationChannel.channel_id))
    )
    counts: dict[str, int] = {}
    for channel_id, count in [*session.exec(query), *session.exec(shared)]:
        if channel_id:
            counts[channel_id] = counts.get(channel_id, 0) + count
    return counts


def channels_in(session: Session, scope: Scope) -> Sequence[Channel]:
    """The channels of a scope, by address."""
    return session.exec(select(Channel).where(within(Channel.id, scope)).order_by(Channel.address)).all()


def assignable(session: Session) -> Sequence[User]:
    """Users that may be given a conversation."""
    return session.exec(select(User).where(col(User.disabled_at).is_(None)).order_by(User.name)).all()


def conversations_with(session: Session, message: Message) -> Sequence[Conversation]:
    """The conversations that show a message: its own, and those that answer it."""
    where = or_(col(Conversation.id) == message.conversation_id, Conversation.origin_id == message.id)
    return session.exec(select(Conversation).where(where).order_by(col(Conversation.number))).all()


def homes_of(session: Session, message: Message) -> list[str | None]:
    """The channels that a message belongs to: its own and those of the conversations that show it."""
    shown = conversations_with(session, message)
    homes = list(dict.fromkeys(home for one in shown for home in showing.homes_of(session, one)))
    return [message.channel_id, *homes] if message.direction != "note" else homes


def keys_of(session: Session, conversation_ids: Iterable[str]) -> dict[str, tuple[int, list[str | None]]]:
    """Number and channels of conversations, for telling open pages."""
    ids = sorted(set(conversation_ids))
    query = select(Conversation.id, Conversation.number, Conversation.channel_id)
    rows = session.exec(query.where(col(Conversation.id).in_(ids))).all()
    further = showing.homes_among(session, ids)
    return {key: (number, [channel_id, *further.get(key, ())]) for key, number, channel_id in rows}


def conversations_by_message(session: Session, message_ids: Iterable[str]) -> dict[str, list[str]]:
    """The ids of the conversations that show messages, for telling open pages."""
    ids = sorted(set(message_ids))
    found: dict[str, list[str]] = {}
    own = select(Message.id, Message.conversation_id).where(col(Message.id).in_(ids))
    answering = select(Conversation.origin_id, Conversation.id).where(col(Conversation.origin_id).in_(ids))
    for message_id, conversation_id in [*session.exec(own), *session.exec(answering)]:
        if message_id and conversation_id:
            found.setdefault(message_id, []).append(conversation_id)
    return found


def outcome_counts(session: Session) -> dict[str, int]:
    """How many inbound mails had each outcome."""
    return dict(session.exec(select(Arrival.outcome, func.count()).group_by(Arrival.outcome)).all())


def newest_arrival(session: Session) -> datetime | None:
    """When the last inbound mail came."""
    return session.exec(select(func.max(Arrival.received_at))).one()
