"""An agent's answer from the page: to whom and why, composed so that it threads at the customer, by the one door."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from gatepost.address import AddressError, format_mailbox, parse_address
from gatepost.compose import File, compose
from gatepost.envelope import Envelope
from gatepost.gateway.accept import Gate, accept
from gatepost.gateway.large import split_source
from gatepost.gateway.put import Submission
from gatepost.gateway.senders import allowed
from gatepost.ids import new_id
from gatepost.mail import parse_head
from gatepost.model import Channel, Conversation, Credential, Message, User
from gatepost.settings import Settings
from gatepost.store.channels import aliases_of, get_channel, list_channels
from gatepost.store.conversations import get_conversation, participants
from gatepost.store.gone import why_not
from gatepost.store.handed_over import customer_of, handed_over
from gatepost.store.messages import conversation_messages, get_message, open_raw
from gatepost.store.showing import channel_to_answer_from, homes_of
from gatepost.store.users import get_user
from gatepost.tokens import mint_message_id, reply_address

TRIGGER = "agent reply"


class NoAnswer(ValueError):
    """Why this conversation cannot be answered, in words that name the fix."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What an agent writes into a conversation, or a system in his place: from which mailbox, to whom, in what words.

    Recipients are (name, address). `answered` is the message it answers; one that answers none has a `subject`. `key`
    is a system's idempotency key with the hash of its request.
    """

    conversation: Conversation
    channel: Channel
    user: User | None
    to: list[tuple[str, str]]
    cc: list[tuple[str, str]]
    text: str
    references: list[str]
    answered: Message | None = None
    subject: str = ""
    credential: Credential | None = None
    key: tuple[str, str] | None = None
    files: Sequence[File] = ()


@dataclass(frozen=True, slots=True)
class AnswerRecipient:
    """One proposed recipient: `to` or `cc`, the address, its name, and why he is proposed."""

    field: str
    address: str
    name: str
    why: str


def answer_recipients(
    session: Session, conversation_id: str, settings: Settings, answered: Message | None = None
) -> list[AnswerRecipient]:
    """To: who wrote last (else the requester), or wrote `answered`; Cc: whom he wrote to besides us, who are left out.

    An unproven mail brings nobody new into a conversation: of its To and Cc only those who take part are proposed.
    """
    conversation = get_conversation(session, conversation_id)
    if conversation is None:
        return []
    ours = own_addresses(session)
    answered = answered or answered_message(session, conversation)
    if answered is None or answered.direction == "out":
        origin = answered.recipients_shown if answered else []
        found = [AnswerRecipient(row["field"], row["address"], row["name"], "they got this mail") for row in origin]
        found = found or [AnswerRecipient("to", conversation.requester, "", "the requester")]
    elif customer := customer_of(answered):
        found = [AnswerRecipient("to", *customer, "wrote the mail that an agent forwarded")]
    else:
        found = [AnswerRecipient("to", answered.from_address, answered.from_name, "wrote the last message")]
        known = people_before(session, conversation, answered)
        for row in answered.recipients_shown:
            if known is not None and row["address"] not in known:
                continue
            why = f"was in {row['field'].capitalize()} of the last message"
            found.append(AnswerRecipient("cc", row["address"], row["name"], why))
    unique: dict[str, AnswerRecipient] = {}
    for recipient in found:
        if recipient.address not in ours and not is_internal(recipient.address, settings):
            unique.setdefault(recipient.address, recipient)
    return list(unique.values())


def people_before(session: Session, conversation: Conversation, answered: Message) -> set[str] | None:
    """Who took part before an unproven mail joined; None where everybody it names may be proposed."""
    if answered.verified or conversation.messages < 2:
        return None
    return {person.address for person in participants(session, conversation.id)}


def own_addresses(session: Session) -> set[str]:
    """The address keys of all channels."""
    found: set[str] = set()
    for channel in list_channels(session):
        found.update([channel.address, *aliases_of(session, channel.id)])
    return found


def is_internal(address: str, settings: Settings) -> bool:
    """Whether an address is one of our reply addresses or return paths."""
    return address.rpartition("@")[2] in (settings.replies, settings.bounces)


def answered_message(session: Session, conversation: Conversation) -> Message | None:
    """What an answer answers: the last mail from outside, else the last one of ours."""
    mails = [row for row in conversation_messages(session, conversation) if row.direction != "note"]
    inbound = [row for row in mails if row.direction == "in"]
    wanted = inbound or mails
    return wanted[-1] if wanted else None


def answer(
    gate: Gate,
    *,
    conversation_id: str,
    user_id: str | None,
    to: list[str],
    cc: list[str],
    text: str,
    now: datetime,
    credential: Credential | None = None,
    key: tuple[str, str] | None = None,
) -> str:
    """Send an agent's answer and wait until it is durably stored; the id of its message.

    A system that answers as the desk names its `credential`, and may name its idempotency key and request hash.
    Raises NoAnswer for what the writer can mend, Refused for what may not go out.
    """
    submission = make_answer(
        gate,
        conversation_id=conversation_id,
        user_id=user_id,
        to=to,
        cc=cc,
        text=text,
        now=now,
        credential=credential,
        key=key,
    )
    return accept(gate, submission, now).result()


def make_answer(
    gate: Gate,
    *,
    conversation_id: str,
    user_id: str | None,
    to: list[str],
    cc: list[str],
    text: str,
    now: datetime,
    credential: Credential | None = None,
    key: tuple[str, str] | None = None,
    answered_id: str = "",
    files: Sequence[File] = (),
) -> Submission:
    """An agent's answer, composed; `answered_id` is the message it answers, else the last. Raises NoAnswer."""
    if not text.strip():
        raise NoAnswer("Write something first: the answer is empty")
    with gate.database.session() as session:
        conversation = writable(session, conversation_id)
        user = get_user(session, user_id) if user_id else None
        channel = channel_of_answer(session, conversation, user, credential)
        if channel is None:
            raise NoAnswer("This conversation belongs to no mailbox, so there is no address to answer from")
        if channel.state != "active":
            raise NoAnswer(f"The mailbox {channel.address} is switched off; switch it on to answer")
        named_one = get_message(session, answered_id) if answered_id else None
        answered = named_one or answered_message(session, conversation)
        references = references_of(session, gate, conversation, answered)
        names = {one.address.lower(): one.name for one in answer_recipients(session, conversation_id, gate.settings)}
    draft = Draft(
        conversation,
        channel,
        user,
        to=named(addresses(to), names),
        cc=named(addresses(cc), names),
        text=text,
        references=references,
        answered=answered,
        credential=credential,
        key=key,
        files=files,
    )
    if not draft.to:
        raise NoAnswer("Name at least one recipient in To")
    return submission_of(gate, draft, now)


def writable(session: Session, conversation_id: str) -> Conversation:
    """A conversation that may be written into. Raises NoAnswer."""
    conversation = get_conversation(session, conversation_id)
    if conversation is None:
        raise NoAnswer("This conversation is not there any more")
    if told := why_not(conversation):
        raise NoAnswer(told)
    return conversation


def channel_of_answer(
    session: Session, conversation: Conversation, user: User | None, credential: Credential | None
) -> Channel | None:
    """The mailbox that answers: of those that show the conversation the first that the writer may write as.

    Who may answer here was asked before; who works nowhere, such as a system, writes as the conversation's own.
    """
    if credential is None:
        found = channel_to_answer_from(session, conversation, user)
        return found or channel_to_answer_from(session, conversation, None)
    here = [one for home in homes_of(session, conversation) if home and (one := get_channel(session, home))]
    usable = [one for one in here if allowed(parse_address(one.address), credential.senders)]
    return next(iter(usable or here), None)


def addresses(written: list[str]) -> list[str]:
    """Each address checked, once. Raises NoAnswer naming the bad one."""
    found = []
    for text in written:
        try:
            found.append(str(parse_address(text.strip())))
        except AddressError as error:
            raise NoAnswer(f"{text}: {error}") from None
    return list(dict.fromkeys(found))


def named(written: list[str], names: dict[str, str]) -> list[tuple[str, str]]:
    """Each address with the name that its owner gave himself, as mail programs answer."""
    return [(names.get(address.lower(), ""), address) for address in written]


def header_of(session: Session, gate: Gate, message: Message) -> bytes:
    """The header block of a mail, or a little more. Raises RawLost."""
    return split_source(open_raw(session, message.raw_id, gate.blobs))[0]


def anchor_of(gate: Gate, conversation: Conversation) -> str:
    """The id that stands first in References of all we send into a conversation.

    No relay rewrites it there, as some do with our Message-ID, so that answers lead back and mail programs group them.
    """
    return mint_message_id(gate.keys, conversation.id, gate.settings.domain)


def references_of(session: Session, gate: Gate, conversation: Conversation, answered: Message | None) -> list[str]:
    """The References of an answer: our anchor, our first mail, what the answered one references, and its own id."""
    anchor = anchor_of(gate, conversation)
    if answered is None:
        return [anchor]
    mails = conversation_messages(session, conversation)
    first = next((row.message_id for row in mails if row.direction == "out"), "")
    before = parse_head(header_of(session, gate, answered)) if answered.direction == "in" else None
    chain = (*before.references, *before.in_reply_to) if before else ()
    own = "" if handed_over(answered) else answered.message_id
    return list(dict.fromkeys(part for part in (anchor, first, *chain, own) if part))


def in_reply_to(answered: Message | None, references: list[str]) -> list[str]:
    """The id of the answered mail; of one that an agent forwarded not his own, which is told to nobody."""
    if answered is None or handed_over(answered):
        return references[-1:] if answered and len(references) > 1 else []
    return [answered.message_id] if answered.message_id else []


def submission_of(gate: Gate, draft: Draft, now: datetime) -> Submission:
    """A draft composed, with an id of its own."""
    row_id = new_id("msg")
    return Submission(
        envelope=Envelope("", tuple(address for _, address in draft.to + draft.cc), composed(gate, draft, row_id, now)),
        senders=(draft.channel.address,),
        trigger="api" if draft.credential else TRIGGER,
        credential=draft.credential,
        key=draft.key,
        conversation_id=draft.conversation.id,
        channel_id=draft.channel.id,
        user_id=draft.user.id if draft.user else None,
        row_id=row_id,
        snippet=" ".join(draft.text.split())[:200],
    )


def composed(gate: Gate, draft: Draft, row_id: str, now: datetime) -> bytes:
    """The mail; where answers come to us by SMTP, with a reply address that names it."""
    channel = draft.channel
    footer = f"\n\n-- \n{channel.footer}" if channel.footer.strip() else ""
    extra = {}
    if channel.by_mx:
        token = f"{reply_address(gate.keys, row_id)}@{gate.settings.replies}"
        extra["Reply-To"] = format_mailbox(channel.sender_name, token)
    return compose(
        from_=(sender_name(channel, draft.user), channel.address),
        to=draft.to,
        cc=draft.cc,
        subject=draft.subject or reply_subject(draft.conversation.subject),
        text=draft.text.replace("\r\n", "\n").rstrip("\n") + footer + "\n",
        message_id=mint_message_id(gate.keys, row_id, gate.settings.domain),
        date=now,
        in_reply_to=in_reply_to(draft.answered, draft.references),
        references=draft.references,
        extra_headers=extra,
        attachments=draft.files,
    )


def sender_name(channel: Channel, user: User | None) -> str:
    """What the customer sees before the address: the agent at the channel, or the channel alone."""
    return f"{user.name} ({channel.sender_name})" if user else channel.sender_name


def reply_subject(subject: str) -> str:
    """A stable subject, by which mail programs group: one `Re:`, whatever was there."""
    return subject if subject[:3].lower() == "re:" else f"Re: {subject}"
