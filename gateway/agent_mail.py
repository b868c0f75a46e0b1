"""Acting upon an agent's mail: his answer goes to the customer as the desk's, or becomes a note; commands are done.

All of it is one transaction with the note that it was done, so that no mail is acted upon twice.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from gatepost.access import access
from gatepost.acts import Actor
from gatepost.child import JobFailed
from gatepost.compose import File
from gatepost.gateway.accept import Gate, prepare
from gatepost.gateway.agent_commands import BadCommand, Command, carry_out, check_commands, foresee, read_commands
from gatepost.gateway.answer import NoAnswer, is_internal, make_answer, reply_subject
from gatepost.gateway.own_mail import Letter, prepare_letter
from gatepost.gateway.put import Prepared, put
from gatepost.mail import Mail
from gatepost.model import AgentCopy, AgentMail, Channel, Conversation, Message, User
from gatepost.reply import Refused
from gatepost.store.agents import (
    agent_mail_of,
    confirmed_addresses,
    end_agent_mail,
    get_copy,
    release_agent_mail,
)
from gatepost.store.conversations import add_note, get_conversation
from gatepost.store.events import add_event
from gatepost.store.gone import why_not
from gatepost.store.messages import RawLost, get_message, raw_of
from gatepost.store.showing import channel_to_answer_from
from gatepost.store.users import get_user, memberships
from gatepost.threading.agent_mail import bound_to
from gatepost.threading.quoted import Quoted
from gatepost.threading.reading import TRIES, parse_safely, read_reply_safely
from gatepost.words import Outcome

RECEIPT, WAITS = "agent receipt", "agent mail waits"
NOTHING_LEFT = "nothing would remain"
MOST_ADDRESSES = 100

Op = Callable[[Session], None]


@dataclass(frozen=True, slots=True)
class Written:
    """An agent's mail with all that it is bound to."""

    message: Message
    mail: AgentMail
    copy: AgentCopy
    user: User
    conversation: Conversation
    channel: Channel


class NotDone(ValueError):
    """Why nothing was done, in a sentence for the agent."""


def read_written(session: Session, gate: Gate, written: Written) -> tuple[Mail, Quoted]:
    """An agent's mail, and what he wrote himself, without what he answered. Raises NotDone, RawLost."""
    raw = raw_of(session, written.message.raw_id, gate.blobs)
    sent_copy = get_message(session, written.copy.message_id)
    try:
        copy = parse_safely(raw_of(session, sent_copy.raw_id, gate.blobs), TRIES).text if sent_copy else ""
        return read_reply_safely(raw, copy, TRIES)
    except JobFailed as failed:
        raise NotDone(f"Your mail cannot be read. {failed}.") from None


def own_words(found: Quoted, hidden: dict[str, str]) -> str:
    """What the agent wrote, without his signature; addresses of `hidden` are replaced."""
    text = "" if NOTHING_LEFT in found.why else found.reply
    for address, instead in hidden.items():
        text = re.sub(re.escape(address), lambda _, own=instead: own, text, flags=re.IGNORECASE)  # type: ignore[misc]
    return text


def hidden_addresses(session: Session, gate: Gate, written: Written, mail: Mail) -> dict[str, str]:
    """What no customer may see: the agent's own addresses, and reply addresses; the mailbox stands instead."""
    named = (box.address.key for box in (*mail.to, *mail.cc)[:MOST_ADDRESSES] if box.address)
    theirs = {key for key in named if is_internal(key, gate.settings)}
    theirs |= {*confirmed_addresses(session, written.user.id), written.message.from_address}
    return {address: written.channel.address for address in sorted(theirs, key=len, reverse=True) if address}


def find_written(session: Session, message_id: str) -> Written | None:
    """An agent's mail that is to be acted upon. Raises NotDone where it cannot be any more."""
    mail = agent_mail_of(session, message_id)
    message = get_message(session, message_id)
    if mail is None or message is None or mail.acted_at:
        return None
    copy = get_copy(session, mail.copy_id)
    user = get_user(session, copy.user_id) if copy else None
    conversation = get_conversation(session, copy.conversation_id) if copy else None
    channel = channel_to_answer_from(session, conversation, user) if conversation and user else None
    if not copy or not user or not conversation or not channel:
        raise NotDone("The conversation or its mailbox is not there any more.")
    bound = bound_to(session, mail.copy_id)
    if not bound or not bound.may_answer:
        raise NotDone(f"{user.name} may not answer in this mailbox any more.")
    return Written(message, mail, copy, user, conversation, channel)


def act(gate: Gate, message_id: str, now: datetime) -> list[Op]:
    """What an agent's mail leads to, to be done in one transaction: answer or note, commands, and what he is told."""
    with gate.database.session() as session:
        try:
            written = find_written(session, message_id)
        except NotDone as error:
            return [lambda session, why=str(error): fail(session, message_id, why, now)]  # type: ignore[misc]
        if written is None:
            return []
        try:
            return steps(gate, session, written, now)
        except (NotDone, NoAnswer, BadCommand, Refused, RawLost) as error:
            why = error.reply.text if isinstance(error, Refused) else str(error)
            told = tell(gate, session, written, f"Nothing was done, and nothing was sent. {why}", "Not done", now)
            return [lambda session: fail(session, message_id, why, now), *told]


def steps(gate: Gate, session: Session, written: Written, now: datetime) -> list[Op]:
    """As `act`. Raises NotDone, NoAnswer, BadCommand, Refused, RawLost: nothing is done then."""
    if gone := why_not(written.conversation):
        raise NotDone(f"{gone}.")
    mail, found = read_written(session, gate, written)
    text = own_words(found, hidden_addresses(session, gate, written, mail))
    commands, text = read_commands(text)
    if not written.mail.full:
        commands = []  # of a mail that a person released only the words count
    check_commands(session, written.conversation, written.user, commands)
    noted = next((command for command in commands if command.name == "note"), None)
    text = "\n".join(part for part in (noted.value if noted else "", text) if part)
    files = files_of(mail)
    if not text.strip() and not commands:
        raise NotDone("Your mail has no text of its own above the one that it answers.")
    private = noted is not None or written.mail.role != "public" or not written.copy.people
    answer = make_public(gate, written, text, files, now) if text.strip() and not private else None
    note = text if text.strip() and private else ""
    done = "answered" if answer else "noted" if note else "commands"
    ops: list[Op] = [lambda session: finish(session, written, answer, note, commands, done, now)]
    if commands:
        said = " ".join(f"#{command.name} {command.value}".strip() for command in commands)
        ops += tell_done(gate, session, written, commands, said, answer, note, now)
    return ops


def files_of(mail: Mail) -> list[File]:
    """What is attached; parts that stand in the signature's HTML are left out."""
    return [(one.name, one.content_type, mail.parts[one.index].content) for one in mail.attachments if not one.inline]


def make_public(gate: Gate, written: Written, text: str, files: list[File], now: datetime) -> Prepared:
    """The answer to those who were named in the copy, and to nobody else. Raises NoAnswer, Refused."""
    people = written.copy.people
    submission = make_answer(
        gate,
        conversation_id=written.conversation.id,
        user_id=written.user.id,
        to=[one["address"] for one in people if one["field"] == "to"],
        cc=[one["address"] for one in people if one["field"] != "to"],
        text=text,
        now=now,
        answered_id=written.copy.answers_id,
        files=files,
    )
    return prepare(gate, submission, now)


def finish(
    session: Session, written: Written, answer: Prepared | None, note: str, commands: list[Command], done: str,
    now: datetime,
) -> None:  # fmt: skip
    """Do it, unless it was done."""
    if not end_agent_mail(session, written.message.id, done, now):
        return
    if answer:
        put(session, answer, now)
    if note:
        add_note(session, written.conversation, written.user, note, now)
    carry_out(session, written.conversation, written.user, commands, now)
    data = {"result": done, "from": written.message.from_address}
    tell_history(session, written, data, now)


def tell_history(session: Session, written: Written, data: dict[str, str], now: datetime) -> None:
    add_event(
        session,
        "agent.acted",
        now=now,
        message_id=written.message.id,
        conversation_id=written.conversation.id,
        channel_id=written.channel.id,
        user_id=written.user.id,
        data=data,
    )


def fail(session: Session, message_id: str, why: str, now: datetime) -> None:
    """Note that nothing was done, and why."""
    if end_agent_mail(session, message_id, f"not done: {why}"[:500], now):
        add_event(session, "agent.failed", now=now, message_id=message_id, data={"why": why[:500]})


def tell_done(
    gate: Gate, session: Session, written: Written, commands: list[Command], said: str, answer: Prepared | None,
    note: str, now: datetime,
) -> list[Op]:  # fmt: skip
    """A mail to the agent of what his commands did."""
    lines, after = foresee(session, written.conversation, written.user, commands, now)
    state = status_of(session, after)
    if answer:
        lines.insert(0, f"Your answer went to {', '.join(answer.recipients)}.")
    if note:
        lines.insert(0, "Your text is a note that only your team sees.")
    text = f"You wrote: {said}\n\n" + "\n".join([*lines, "", state])
    return tell(gate, session, written, text, "Done", now)


def status_of(session: Session, conversation: Conversation) -> str:
    """Where a conversation stands, in a sentence."""
    assignee = get_user(session, conversation.assignee_id) if conversation.assignee_id else None
    tags = f", tags: {', '.join(conversation.tags)}" if conversation.tags else ""
    who = f"assigned to {assignee.name}" if assignee else "assigned to nobody"
    return f"#{conversation.number} is {conversation.state}, {who}{tags}."


def tell(gate: Gate, session: Session, written: Written, text: str, word: str, now: datetime) -> list[Op]:
    """A mail to the agent, at a confirmed address of his; none where he has none any more."""
    addresses = confirmed_addresses(session, written.user.id)
    if not addresses:
        return []
    at = written.message.from_address if written.message.from_address in addresses else addresses[0]
    letter = Letter(
        to=(written.user.name, at),
        subject=f"{word}: {reply_subject(written.conversation.subject)}",
        text=f"{text}\n\n{gate.settings.base_url}/inbox/{written.conversation.number}\n",
        trigger=RECEIPT,
        kind="auto-replied",
        in_reply_to=written.message.message_id if written.mail.full else "",
        channel_id=written.channel.id,
        snippet=" ".join(text.split())[:200],
    )
    try:
        prepared = prepare_letter(gate, letter, now)
    except Refused:
        return []
    return [lambda session: void(put(session, prepared, now))]


def void(_: object) -> None:
    """Nothing."""


def tell_held(gate: Gate, session: Session, message: Message, why: str, now: datetime) -> list[Op]:
    """Tell the agent, never who wrote, that a mail in his name waits for a look."""
    mail = agent_mail_of(session, message.id)
    bound = bound_to(session, mail.copy_id) if mail else None
    if not bound or not bound.user or not bound.addresses or bound.user.disabled_at or not bound.may_answer:
        return []
    text = (
        f"A mail that claims to be from you came to your reply address. Nothing of it was sent.\n\n{why}.\n"
        f"From: {message.from_address}\nSubject: {message.subject[:200]}\n\n"
        f"If you wrote it, release it here: {gate.settings.base_url}/messages/{message.id}\n"
    )
    letter = Letter(
        to=(bound.user.name, bound.addresses[0]),
        subject="A mail in your name waits for a look",
        text=text,
        trigger=WAITS,
        channel_id=message.channel_id,
        snippet=why[:200],
    )
    prepared = prepare_letter(gate, letter, now)
    return [lambda session: void(put(session, prepared, now))]


def release(gate: Gate, message_id: str, actor: Actor, now: datetime, user: User | None = None) -> None:
    """Let an agent's mail that waits in review be acted upon, by an operator or by a `user` who may answer there.

    Its commands are not carried out. Raises ValueError with a sentence.
    """
    with gate.database.session() as session:
        message = get_message(session, message_id)
        mail = agent_mail_of(session, message_id)
        if message is None or mail is None:
            raise ValueError("This is no mail to an agent's reply address.")
        if user and not access(user, memberships(session, user.id), message.channel_id, "answer"):
            raise ValueError("You may not answer in this mailbox.")
        bound = bound_to(session, mail.copy_id)
        if message.outcome != Outcome.REVIEW or bound is None or not bound.may_answer:
            raise ValueError("This mail does not wait any more, or its agent may not answer in this mailbox any more.")
    if not gate.ledger.write(lambda session: release_agent_mail(session, message_id, actor, now)):
        raise ValueError("This mail does not wait any more: somebody else was faster.")
