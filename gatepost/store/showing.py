"""Where a conversation is shown beside its own mailbox, and which of its mails are the reason."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, false, true
from sqlmodel import Session, col, or_, select

from gatepost.access import access, access_any
from gatepost.acts import Actor
from gatepost.model import Arrival, Channel, Conversation, ConversationChannel, Message, User
from gatepost.store.channels import get_channel
from gatepost.store.events import add_event
from gatepost.store.placing import show_in, shown_in
from gatepost.store.users import get_user, memberships

SHOWN = "conversation.shown"
UNPROVEN = ("none", "failing")


@dataclass(frozen=True, slots=True)
class Further:
    """A further mailbox that shows a conversation, and the newest mail there that came to it too."""

    channel: Channel
    message: Message | None


def shown_to(scope: Collection[str] | None) -> ColumnElement[bool]:
    """Conversations that one of these channels shows, its own ones and those that it shows too; all for None."""
    if scope is None:
        return true()
    channels = sorted(scope)
    if not channels:
        return false()
    further = select(ConversationChannel.conversation_id).where(col(ConversationChannel.channel_id).in_(channels))
    return or_(col(Conversation.channel_id).in_(channels), col(Conversation.id).in_(further))


def homes_of(session: Session, conversation: Conversation) -> tuple[str | None, ...]:
    """The channels of a conversation: its own first (None where it has none), then those that show it too."""
    return (conversation.channel_id, *sorted(shown_in(session, conversation.id)))


def homes_among(session: Session, conversation_ids: Iterable[str]) -> dict[str, list[str]]:
    """The further channels of several conversations."""
    where = col(ConversationChannel.conversation_id).in_(sorted(set(conversation_ids)))
    found: dict[str, list[str]] = {}
    for row in session.exec(select(ConversationChannel).where(where).order_by(ConversationChannel.channel_id)):
        found.setdefault(row.conversation_id, []).append(row.channel_id)
    return found


def may(session: Session, user: User, conversation: Conversation, action: Any) -> bool:
    """Whether a user may act on a conversation, by one of the mailboxes that show it."""
    return access_any(user, memberships(session, user.id), homes_of(session, conversation), action)


def channel_to_answer_from(session: Session, conversation: Conversation, user: User | None) -> Channel | None:
    """The mailbox whose address an answer is from: the conversation's own where the writer works there, else the one
    by which he sees it. Nobody writes as a mailbox that he does not work in.
    """
    homes = homes_of(session, conversation)
    if user is not None:
        mine = memberships(session, user.id)
        homes = tuple(home for home in homes if access(user, mine, home, "answer"))
    home = next((home for home in homes if home), "")
    return get_channel(session, home) if home else None


def further_of(session: Session, conversation: Conversation) -> list[Further]:
    """The further mailboxes of a conversation with the reason, by address."""
    found = []
    for channel_id in shown_in(session, conversation.id):
        channel = get_channel(session, channel_id)
        if channel:
            mails = mails_that_came(session, conversation.id, channel_id)
            found.append(Further(channel, mails[-1] if mails else None))
    return sorted(found, key=lambda one: one.channel.address)


def mails_that_came(session: Session, conversation_id: str, channel_id: str) -> Sequence[Message]:
    """The mails of a conversation that came to a mailbox, oldest first."""
    came = select(Arrival.message_id).where(Arrival.channel_id == channel_id, col(Arrival.message_id).is_not(None))
    query = select(Message).where(Message.conversation_id == conversation_id, col(Message.id).in_(came))
    return session.exec(query.order_by(col(Message.at), Message.id)).all()


def show(session: Session, conversation: Conversation, channel: Channel, message_id: str, now: datetime) -> None:
    """Show a conversation in a further mailbox because of a mail that came there, and tell it in the history."""
    if channel.id in homes_of(session, conversation):
        return
    show_in(session, conversation.id, channel.id, now)
    add_event(
        session,
        SHOWN,
        now=now,
        conversation_id=conversation.id,
        message_id=message_id,
        channel_id=channel.id,
        data={"address": channel.address},
    )


def hide(session: Session, conversation_id: str, channel_ids: Collection[str]) -> None:
    """Show a conversation there no more."""
    where = (
        col(ConversationChannel.conversation_id) == conversation_id,
        col(ConversationChannel.channel_id).in_(channel_ids),
    )
    session.execute(delete(ConversationChannel).where(*where))


def drop_unfounded(session: Session, conversation_id: str) -> list[str]:
    """Show a conversation no more in mailboxes to which none of its mails came; which these were."""
    gone = [
        channel_id
        for channel_id in sorted(shown_in(session, conversation_id))
        if not mails_that_came(session, conversation_id, channel_id)
    ]
    if gone:
        hide(session, conversation_id, gone)
    return gone


def take_along(
    session: Session, source: Conversation, target: Conversation, kind: str, actor: Actor, now: datetime
) -> None:
    """After mails went from one conversation to another: each is shown where a mail that it holds came to.

    A conversation split off is shown where its mails were. One that was there before is shown to more people only by a
    proven mail, and only in a mailbox in which the person works who moves it: no forged mail leads others to it.
    """
    user = get_user(session, actor.user_id) if actor.user_id else None
    mine = memberships(session, user.id) if user else frozenset[str]()
    for channel_id in sorted(shown_in(session, source.id) - {target.channel_id}):
        mails = mails_that_came(session, target.id, channel_id)
        proven = any(mail.verified and mail.strength not in UNPROVEN for mail in mails)
        entitled = user is not None and access(user, mine, channel_id, "assign")
        channel = get_channel(session, channel_id)
        if channel and mails and (kind == "split" or (proven and entitled)):
            show(session, target, channel, mails[-1].id, now)
