"""What an inbound mail points at: the conversations behind its reply address, the ids it references and its subject."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice

from sqlmodel import Session

from gatepost.address import AddressError, parse_address
from gatepost.mail import Mail
from gatepost.model import Conversation, Message
from gatepost.seal import Keys
from gatepost.settings import Settings
from gatepost.store.conversations import answering, by_number, get_conversation, known_ids, participants
from gatepost.store.credentials import get_credential
from gatepost.store.deliveries import deliveries_of, get_delivery
from gatepost.store.messages import get_message, messages_by_header_id, position
from gatepost.threading.place import Candidate, Carries
from gatepost.tokens import read_message_id, read_reply_address, read_return_path

SUBJECT_NUMBER = re.compile(r"\[#(\d{1,9})\]")
MOST_IDS = 30
MOST_CANDIDATES = 60


@dataclass(frozen=True, slots=True)
class Search:
    """What a search needs to know."""

    session: Session
    settings: Settings
    keys: Keys
    sender: str


def find_candidates(search: Search, mail: Mail, recipient: str) -> list[Candidate]:
    """Every conversation that the mail points at, strongest signal first, each once; at most 60 are looked at."""
    found: dict[tuple[str | None, str | None], Candidate] = {}
    everything = chain(
        by_recipient(search, recipient), by_minted_id(search, mail), by_known_id(search, mail), by_subject(search, mail)
    )
    for candidate in islice(everything, MOST_CANDIDATES):
        found.setdefault((candidate.conversation_id, candidate.origin_id), candidate)
    return list(found.values())


def referenced(mail: Mail) -> list[tuple[str, str]]:
    """The ids a mail references, nearest first, each with the field it was found in; at most 30."""
    ordered = dict.fromkeys([*reversed(mail.references), *mail.in_reply_to])
    direct = set(mail.in_reply_to)
    return [(key, "In-Reply-To" if key in direct else "References") for key in ordered][:MOST_IDS]


def by_recipient(search: Search, recipient: str) -> Iterator[Candidate]:
    """The message whose reply address, or the delivery whose return path, the mail was sent to."""
    try:
        address = parse_address(recipient)
    except AddressError:
        return
    message_id = None
    where = "Reply address"
    if address.domain == search.settings.replies:
        message_id = read_reply_address(search.keys, address.local)
    elif address.domain == search.settings.bounces:
        delivery_id = read_return_path(search.keys, address.local)
        delivery = get_delivery(search.session, delivery_id) if delivery_id else None
        message_id, where = (delivery.message_id, "Return path") if delivery else (None, where)
    message = get_message(search.session, message_id) if message_id else None
    if message:
        yield from of_message(search, message, "token", where)


def by_minted_id(search: Search, mail: Mail) -> Iterator[Candidate]:
    """Messages of ours whose signed Message-ID is referenced."""
    for header_id, where in referenced(mail):
        message_id = read_message_id(search.keys, header_id)
        message = get_message(search.session, message_id) if message_id else None
        if message:
            yield from of_message(search, message, "minted", where)


def by_known_id(search: Search, mail: Mail) -> Iterator[Candidate]:
    """Conversations that an id leads to, whether its mail was seen or only referenced, and relayed messages.

    The mail's own id counts where it was referenced before it came: the order of arrival does not matter.
    """
    yield from awaited(search, mail)
    places = referenced(mail)
    rows = known_ids(search.session, [header_id for header_id, _ in places], search.sender)
    for header_id, where in places:
        for row in (row for row in rows if row.message_id == header_id):
            conversation = get_conversation(search.session, row.conversation_id)
            message = get_message(search.session, row.message_pk) if row.message_pk else None
            if conversation:
                yield of_conversation(search, conversation, message, "known", where)
        for message in messages_by_header_id(search.session, header_id):
            if message.direction == "out":
                yield from of_message(search, message, "known", where)


def awaited(search: Search, mail: Mail) -> Iterator[Candidate]:
    """Conversations in which an earlier mail referenced this one."""
    for row in known_ids(search.session, [mail.message_id or ""], search.sender):
        conversation = get_conversation(search.session, row.conversation_id)
        if conversation and row.message_pk is None:
            yield of_conversation(search, conversation, None, "known", "Message-ID")


def by_subject(search: Search, mail: Mail) -> Iterator[Candidate]:
    """The conversation whose number stands in the subject, `[#1042]`; it can be guessed."""
    found = SUBJECT_NUMBER.search(mail.subject)
    conversation = by_number(search.session, int(found[1])) if found else None
    if conversation:
        yield of_conversation(search, conversation, None, "subject", "Subject")


def of_message(search: Search, message: Message, carries: Carries, where: str) -> Iterator[Candidate]:
    """The conversation of a message of ours; for a relayed one those that answer it, or one yet to be made."""
    shared = where != "Return path" and len(deliveries_of(search.session, message.id)) > 1
    for candidate in places_of(search, message, carries, where):
        yield replace(candidate, shared=shared)


def places_of(search: Search, message: Message, carries: Carries, where: str) -> Iterator[Candidate]:
    """As `of_message`, whoever else got the message."""
    if message.conversation_id:
        conversation = get_conversation(search.session, message.conversation_id)
        if conversation:
            yield of_conversation(search, conversation, message, carries, where)
        return
    answers = answering(search.session, message.id, search.sender)
    for conversation in answers:
        yield of_conversation(search, conversation, message, carries, where)
    credential = get_credential(search.session, message.credential_id) if message.credential_id else None
    if credential and credential.conversations != "never":
        people = may_answer(search, message)
        if not any(people & people_of(search, conversation.id) for conversation in answers):
            yield Candidate(None, None, carries, where, f"the relayed mail “{message.subject}”", "", people, message.id)


def may_answer(search: Search, message: Message) -> frozenset[str]:
    """Who shares a conversation with this sender about a relayed mail: those named in its To and Cc, or he alone."""
    visible = frozenset(shown["address"] for shown in message.recipients_shown)
    if search.sender in visible:
        return visible
    recipients = {delivery.recipient.lower() for delivery in deliveries_of(search.session, message.id)}
    return frozenset({search.sender} & recipients) or visible


def of_conversation(
    search: Search, conversation: Conversation, message: Message | None, carries: Carries, where: str
) -> Candidate:
    people = people_of(search, conversation.id)
    if message and carries in ("token", "minted") and message.conversation_id == conversation.id:
        people |= {delivery.recipient.lower() for delivery in deliveries_of(search.session, message.id)}
    if message:
        matched = f"message {position(search.session, conversation, message)} of #{conversation.number}"
    else:
        matched = f"#{conversation.number}" if carries == "subject" else f"an id that #{conversation.number} refers to"
    return Candidate(conversation.id, conversation.number, carries, where, matched, conversation.requester, people)


def people_of(search: Search, conversation_id: str) -> frozenset[str]:
    return frozenset(person.address for person in participants(search.session, conversation_id))
