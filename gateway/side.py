"""Asking a third person from within a conversation: a mail of its own thread, whose answers the customer never sees."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session

from gatepost.address import parse_address
from gatepost.gateway.accept import Gate, prepare
from gatepost.gateway.answer import (
    Draft,
    NoAnswer,
    addresses,
    anchor_of,
    channel_of_answer,
    is_internal,
    own_addresses,
    submission_of,
    writable,
)
from gatepost.gateway.put import put
from gatepost.ids import new_id
from gatepost.model import Channel, Conversation, Credential, User
from gatepost.store.conversations import participants
from gatepost.store.showing import channel_to_answer_from
from gatepost.store.sides import open_side
from gatepost.store.users import get_user

LONGEST_SUBJECT = 200


def ask_aside(
    gate: Gate,
    *,
    conversation_id: str,
    user_id: str | None,
    to: Sequence[str],
    subject: str,
    text: str,
    now: datetime,
    credential: Credential | None = None,
) -> int:
    """Write to third people about a conversation, in a linked one of their own; its number.

    Nothing of the conversation goes along, no id either, so that no answer leads back into it. A system that asks names
    its `credential` in place of a user. Raises NoAnswer for what the writer can mend, Refused for what may not go out.
    """
    people = addresses(list(to))
    title = " ".join(subject.split())[:LONGEST_SUBJECT]
    if not text.strip() or not title:
        raise NoAnswer("Write a subject and a text: that is all that they see")
    with gate.database.session() as session:
        user = get_user(session, user_id) if user_id else None
        if user_id and user is None:
            raise NoAnswer("Whoever asks does not work here any more")
        side, channel = begin(session, gate, conversation_id, (user, credential), people, title, now)
    draft = Draft(
        side,
        channel,
        user,
        to=[("", address) for address in people],
        cc=[],
        text=text,
        references=[anchor_of(gate, side)],
        subject=title,
        credential=credential,
    )
    prepared = prepare(gate, submission_of(gate, draft, now), now)
    keys = [(parse_address(address).key, "") for address in people]

    def op(session: Session) -> int:
        made = open_side(session, side, conversation_id, keys, user_id, now)
        put(session, prepared, now)
        return made.number

    number = gate.ledger.write(op)
    gate.wake()
    return number


def begin(
    session: Session,
    gate: Gate,
    conversation_id: str,
    writer: tuple[User | None, Credential | None],
    people: Sequence[str],
    subject: str,
    now: datetime,
) -> tuple[Conversation, Channel]:
    """The new conversation as a value, and the mailbox that writes. Raises NoAnswer."""
    conversation = writable(session, conversation_id)
    user, credential = writer
    if credential:
        channel = channel_of_answer(session, conversation, user, credential)
    else:
        channel = channel_to_answer_from(session, conversation, user)
    if channel is None:
        raise NoAnswer("This conversation belongs to no mailbox, so there is no address to write from")
    if channel.state != "active":
        raise NoAnswer(f"The mailbox {channel.address} is switched off; switch it on to write from it")
    if not people:
        raise NoAnswer("Name at least one person to ask")
    here = {person.address for person in participants(session, conversation.id)}
    ours = own_addresses(session)
    for address in people:
        key = parse_address(address).key
        if key in here:
            raise NoAnswer(f"{address} takes part in this conversation: answer there, or ask somebody else")
        if key in ours or is_internal(key, gate.settings):
            raise NoAnswer(f"{address} is an address of yours: write a note instead, it tells your team")
    side = Conversation(
        id=new_id("con"), number=0, subject=subject, channel_id=channel.id, requester="", created_at=now, updated_at=now
    )
    return side, channel
