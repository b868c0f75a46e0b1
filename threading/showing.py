"""A mail to several mailboxes of ours: whether its conversation is shown in each of them, and why (or why not).

A conversation is shown to more people only by a mail that begins it, or by one whose author is proven, and only where
that mail names them: who forges a mail, or sends a foreign one once more, leads nobody into a conversation.
"""

from dataclasses import replace
from datetime import datetime

from sqlmodel import Session

from gatepost.model import Arrival, Conversation, Message
from gatepost.store.arrivals import arrivals_of, note_channel
from gatepost.store.channels import get_channel
from gatepost.store.messages import message_by_digest
from gatepost.store.placing import channels_of, has_earlier, moved_by_hand, survivor
from gatepost.store.showing import show
from gatepost.threading.candidates import channel_for
from gatepost.threading.place import Placement
from gatepost.words import GONE, Outcome, Strength

PROVEN = (Strength.TOKEN, Strength.ALIGNED, Strength.BOTH)
ONE_MORE_VIEW = "The same mail had already come another way; it is one message with one more view"


def may_widen(mail: Placement | Message, *, named: bool) -> tuple[bool, str]:
    """Whether a mail that joins a conversation shows it in one more mailbox, and why not.

    `named`: that mailbox stands in its To or Cc.
    """
    if not mail.verified or mail.strength not in PROVEN:
        return False, "nothing proves who wrote it"
    if any(reason.get("third") for reason in mail.why):
        return False, "its sender did not take part before"
    if not named:
        return False, "it does not name this mailbox, so that somebody else may have sent it on"
    return True, "it is proven who wrote it, and it names this mailbox too"


def may_show(message: Message, *, begins: bool, moved: bool, named: bool, at_once: bool) -> tuple[bool, str]:
    """Whether a mail that is here already shows its conversation in a further mailbox to which it came, and why.

    `begins`: its conversation begins with it; `moved`: a person put it there; `at_once`: it came there in the same
    transaction, as a blind copy does.
    """
    if message.outcome == Outcome.REVIEW or message.strength == Strength.FAILING:
        return False, "it waits for a person's look"
    if moved:
        return False, "a person had put it into another conversation"
    if begins and (named or at_once):
        return True, "the conversation begins with this mail, which was sent to both mailboxes"
    return may_widen(message, named=named)


def is_named(session: Session, message: Message, channel_id: str) -> bool:
    """Whether a mailbox stands in To or Cc of a mail, by any of its addresses."""
    shown = (str(one.get("address", "")) for one in message.recipients_shown)
    return any(channel.id == channel_id for key in shown if (channel := channel_for(session, key)))


def view_in(
    session: Session, same: Message, digest: str, arrival: Arrival, channel_id: str | None, now: datetime
) -> tuple[Message, str] | None:
    """The message that an arrival is one more view of, shown in the arrival's mailbox, and why; None where it must
    not be shown there, or was deleted before it came there.
    """
    conversation = survivor(session, same.conversation_id or "")
    homes = channels_of(session, conversation.id) if conversation else frozenset[str]()
    if conversation is None or channel_id is None or channel_id in homes or not homes:
        return same, ONE_MORE_VIEW
    own = message_by_digest(session, "in", f"{digest}:{channel_id}")
    if own:
        return own, ONE_MORE_VIEW
    if conversation.state in GONE:
        return None
    may, why = may_show(
        same,
        begins=is_beginning(session, conversation, same),
        moved=moved_by_hand(session, same),
        named=is_named(session, same, channel_id),
        at_once=any(one.raw_id == arrival.raw_id for one in arrivals_of(session, same.id) if one.id != arrival.id),
    )
    channel = get_channel(session, channel_id)
    if not may or channel is None:
        return None
    note_channel(session, arrival.id, channel_id)
    show(session, conversation, channel, same.id, now)
    return same, f"{ONE_MORE_VIEW}. #{conversation.number} is shown in {channel.address} too: {why}"


def is_beginning(session: Session, conversation: Conversation, message: Message) -> bool:
    """Whether a conversation begins with a mail; one that answers a relayed mail begins with that."""
    return conversation.origin_id is None and not has_earlier(session, conversation.id, message.id)


def apart(session: Session, placement: Placement, copy_of: Message | None = None) -> Placement:
    """A conversation of its own, linked, for people who must not see the one that the mail is in or would join."""
    claims_id = copy_of.conversation_id if copy_of and not copy_of.purged_at else placement.conversation_id
    text = "A new conversation, for this mailbox alone: the mail came to another mailbox too, whose conversation is "
    text += f"not shown here, for {why_not(session, placement, copy_of)}"
    why = [{"result": "new", "text": text, "copy": True}, *({**one, "result": "passed over"} for one in placement.why)]
    return replace(placement, conversation_id=None, origin_id=None, claims_id=claims_id, why=why)


def why_not(session: Session, placement: Placement, copy_of: Message | None) -> str:
    """The reason in words."""
    mail = copy_of or placement
    there = survivor(session, copy_of.conversation_id or "") if copy_of else None
    if there and there.state in GONE:
        return "it was deleted there"
    why = may_widen(mail, named=False)[1]
    return "a person had put it there" if copy_of and moved_by_hand(session, copy_of) else why
