"""Copies of a customer's message for agents who follow its conversation, with a reply address for each role."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from gatepost.address import format_mailbox
from gatepost.child import JobFailed
from gatepost.gateway.accept import Gate
from gatepost.gateway.answer import AnswerRecipient, anchor_of, answer_recipients, reply_subject
from gatepost.gateway.budget import for_reading
from gatepost.gateway.own_mail import Letter, prepare_letter
from gatepost.gateway.put import Prepared, put
from gatepost.ids import new_id
from gatepost.model import AgentCopy, Channel, Conversation, Message, User
from gatepost.store.agents import confirmed_addresses, put_copy
from gatepost.store.followers import followers
from gatepost.store.messages import raw_of
from gatepost.store.showing import channel_to_answer_from, may
from gatepost.threading.answered import parent_text
from gatepost.threading.reading import TRIES, read_reply_safely
from gatepost.tokens import agent_address

TRIGGER = "agent copy"
LASTS = timedelta(days=30)
TEXT_SHOWN = 50_000
LINE = "-" * 60


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy, ready to be stored, and what its reply addresses are bound to."""

    prepared: Prepared
    row: AgentCopy


def recipients_of_copies(session: Session, conversation: Conversation, message: Message) -> list[tuple[User, str]]:
    """Who gets a copy, and where: followers who may read here and have a confirmed address; not who wrote it."""
    found = []
    for user in followers(session, conversation):
        addresses = confirmed_addresses(session, user.id)
        if (
            addresses
            and may(session, user, conversation, "answer")
            and message.from_address not in addresses
            and message.user_id != user.id
        ):
            found.append((user, addresses[0]))
    return found


def make_copies(
    gate: Gate, session: Session, conversation: Conversation, message: Message, now: datetime
) -> list[Copy]:
    """A copy of a message for each follower. Raises Refused, RawLost."""
    wanted = recipients_of_copies(session, conversation, message)
    if not wanted:
        return []
    people = answer_recipients(session, conversation.id, gate.settings, message) if message.direction == "in" else []
    with gate.budget.hold(for_reading(message.size)):
        text = text_shown(session, gate, message)
    return [
        make_copy(gate, conversation, channel, message, user, address, people, text, now)
        for user, address in wanted
        if (channel := channel_to_answer_from(session, conversation, user))
    ]


def text_shown(session: Session, gate: Gate, message: Message) -> str:
    """As much of a mail's new text, or of a note, as a copy shows. Raises RawLost."""
    raw = raw_of(session, message.raw_id, gate.blobs)
    text = new_text(session, gate, message, raw) if message.direction == "in" else raw.decode("utf-8", "replace")
    return text[:TEXT_SHOWN]


def new_text(session: Session, gate: Gate, message: Message, raw: bytes) -> str:
    """What a mail says that is new; of one that cannot be read a sentence."""
    try:
        _, found = read_reply_safely(raw, parent_text(session, message, raw, gate.blobs), TRIES)
    except JobFailed as failed:
        return f"[The text of this mail cannot be shown: {failed}. Download the mail from the page.]"
    return found.reply


def make_copy(
    gate: Gate, conversation: Conversation, channel: Channel, message: Message, user: User, address: str,
    people: list[AnswerRecipient], text: str, now: datetime,
) -> Copy:  # fmt: skip
    """One copy: on top who will see the answer, below what was written.

    It belongs to no mailbox, so that no other agent reads its reply addresses on a page.
    """
    row_id = new_id("msg")
    expires = now + LASTS
    public, private = (
        f"{agent_address(gate.keys, row_id, role)}@{gate.settings.replies}" for role in ("public", "private")
    )
    answerable = channel.by_mx
    writer = message.from_name or message.from_address
    top = head(gate, conversation, channel, message, people, private if answerable else "", expires, address)
    letter = Letter(
        to=(user.name, address),
        subject=reply_subject(conversation.subject),
        text=f"{top}\n{LINE}\n\n{text}\n",
        trigger=TRIGGER,
        from_=(f"{writer} via {channel.sender_name}", f"no-reply@{gate.settings.domain}"),
        reply_to=(public if people else private) if answerable else "",
        references=(anchor_of(gate, conversation),),
        row_id=row_id,
        snippet=f"#{conversation.number} for {user.name}",
    )
    told = [{"field": one.field, "address": one.address, "name": one.name} for one in people]
    row = AgentCopy(
        message_id=row_id,
        conversation_id=conversation.id,
        user_id=user.id,
        answers_id=message.id,
        people=told,
        expires_at=expires,
    )
    return Copy(prepare_letter(gate, letter, now), row)


def head(
    gate: Gate, conversation: Conversation, channel: Channel, message: Message, people: list[AnswerRecipient],
    private: str, expires: datetime, address: str,
) -> str:  # fmt: skip
    """What stands above the message: who wrote, who sees an answer, where a note goes."""
    writer = format_mailbox(message.from_name, message.from_address) if message.from_address else message.from_name
    page = f"{gate.settings.base_url}/inbox/{conversation.number}"
    if not private:
        return f"{writer} wrote in #{conversation.number}, {channel.name}.\nAnswer on the page: {page}\n"
    lines = [f"{writer} wrote in #{conversation.number}, {channel.name}. {page}", ""]
    if people:
        named = ", ".join(format_mailbox(one.name, one.address) for one in people)
        lines += [
            f"YOUR ANSWER GOES TO: {named}",
            f"They see it as a mail from {channel.sender_name} <{channel.address}>.",
            f"For a note that only your team sees, write to: {private}",
        ]
    else:
        lines += ["YOUR ANSWER BECOMES A NOTE that only your team sees."]
    lines += [
        f"Answer from {address}, until {expires:%Y-%m-%d}. First lines such as #close or #assign me are commands.",
    ]
    return "\n".join(lines)


def store_copy(session: Session, copy: Copy, now: datetime) -> None:
    """Queue a copy, with what its addresses are bound to."""
    put(session, copy.prepared, now)
    put_copy(session, copy.row)
