"""What an inbound mail points at: the conversations behind its reply address, the ids it references and its subject."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice

from sqlmodel import Session

from gatepost.address import Address, AddressError, parse_address
from gatepost.mail import Mail
from gatepost.model import Channel, Conversation, KnownId, Message
from gatepost.seal import Keys
from gatepost.settings import Settings
from gatepost.store.channels import channel_by_address
from gatepost.store.conversations import answering, by_number, known_ids, participants
from gatepost.store.credentials import get_credential
from gatepost.store.deliveries import deliveries_of, get_delivery
from gatepost.store.gone import gone
from gatepost.store.messages import get_message, position, position_of, sent_by_header_id
from gatepost.store.placing import (
    channels_of,
    has_earlier,
    last_before,
    named_in,
    of_person,
    of_provider_thread,
    survivor,
    took_part,
)
from gatepost.threading.archive_gather import FAR
from gatepost.threading.forwarded import addressed, is_forward
from gatepost.threading.place import Candidate, Carries
from gatepost.threading.subject import base_subject
from gatepost.tokens import read_message_id, read_reply_address, read_return_path
from gatepost.words import DELETED, PURGED

SUBJECT_NUMBER = re.compile(r"\[#(\d{1,9})\]")
MOST_IDS = 30
MOST_CANDIDATES = 60
MOST_ADDRESSES = 100
PASSED_ON_FIELDS = ("Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "X-Delivered-To")


@dataclass(frozen=True, slots=True)
class Search:
    """What a search needs to know.

    `channel_id`, `account_id` and `provider_thread` are where the mail came; `before` is the stored message to look for
    anew, as if neither it nor anything later had come.
    """

    session: Session
    settings: Settings
    keys: Keys
    sender: str
    channel_id: str | None = None
    account_id: str | None = None
    provider_thread: str = ""
    before: Message | None = None
    subjects: bool = False


def find_candidates(search: Search, mail: Mail, recipient: str) -> list[Candidate]:
    """Every conversation that the mail points at, strongest signal first, each once; at most 60 are looked at."""
    found: dict[tuple[str | None, str | None], Candidate] = {}
    everything = chain(
        by_recipient(search, mail, recipient),
        by_minted_id(search, mail),
        by_known_id(search, mail),
        by_provider_thread(search),
        by_subject(search, mail),
        by_words(search, mail) if search.subjects else (),
    )
    for candidate in islice(everything, MOST_CANDIDATES):
        if candidate.conversation_id is None or is_known_by_then(search, candidate.conversation_id):
            found.setdefault((candidate.conversation_id, candidate.origin_id), candidate)
    if not found:
        return []
    aim = aim_of(search.session, search.settings, mail)
    return [replace(candidate, elsewhere=passed_on(search, aim, candidate)) for candidate in found.values()]


def is_known_by_then(search: Search, conversation_id: str) -> bool:
    """Whether a conversation was there before the message that is looked for anew."""
    return search.before is None or has_earlier(search.session, conversation_id, search.before.id)


def referenced(mail: Mail) -> list[tuple[str, str]]:
    """The ids a mail references, nearest first, then In-Reply-To, each with its field; at most 30 of each."""
    ordered = dict.fromkeys([*reversed(mail.references[-MOST_IDS:]), *mail.in_reply_to[:MOST_IDS]])
    direct = set(mail.in_reply_to)
    return [(key, "In-Reply-To" if key in direct else "References") for key in ordered]


def recipients_of(mail: Mail, recipient: str) -> list[tuple[str, str]]:
    """Every address the mail was sent to, as far as it tells, with the field: the envelope's first, at most 100."""
    found = {recipient: "Reply address"}
    for field, boxes in (("To", mail.to), ("Cc", mail.cc)):
        for box in boxes[:MOST_ADDRESSES]:
            found.setdefault(str(box.address) if box.address else "", f"Reply address in {field}")
    for field in PASSED_ON_FIELDS:
        for value in mail.all(field)[:MOST_IDS]:
            found.setdefault(value.strip().strip("<>"), f"Reply address in {field}")
    return [(address, where) for address, where in found.items() if address][:MOST_ADDRESSES]


def by_recipient(search: Search, mail: Mail, recipient: str) -> Iterator[Candidate]:
    """The messages whose reply address, or the deliveries whose return path, the mail was sent to."""
    for written, where in recipients_of(mail, recipient):
        try:
            address = parse_address(written)
        except AddressError:
            continue
        yield from by_token(search, address, where)


def by_token(search: Search, address: Address, where: str) -> Iterator[Candidate]:
    """The message of ours that one address names."""
    if address.domain == search.settings.replies:
        message_id = read_reply_address(search.keys, address.local)
        message = get_message(search.session, message_id) if message_id else None
        if message:
            yield from of_message(search, message, "token", where)
    elif address.domain == search.settings.bounces:
        delivery_id = read_return_path(search.keys, address.local)
        delivery = get_delivery(search.session, delivery_id) if delivery_id else None
        message = get_message(search.session, delivery.message_id) if delivery else None
        if message and delivery:
            where = where.replace("Reply address", "Return path")
            yield from of_message(search, message, "token", where, delivery.recipient.lower())


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
    rows = [row for row in known_ids(search.session, [key for key, _ in places], search.sender) if is_seen(search, row)]
    led: set[str] = set()
    for header_id, where in places:
        for row in (row for row in rows if row.message_id == header_id and row.conversation_id not in led):
            led.add(row.conversation_id)
            conversation = survivor(search.session, row.conversation_id)
            if conversation:
                yield of_known(search, conversation, row.message_pk, where)
        for message in sent_by_header_id(search.session, header_id):
            yield from of_message(search, message, "known", where)


def awaited(search: Search, mail: Mail) -> Iterator[Candidate]:
    """Conversations in which an earlier mail referenced this one."""
    for row in known_ids(search.session, [mail.message_id or ""], search.sender):
        conversation = survivor(search.session, row.conversation_id)
        if conversation and (row.message_pk is None or is_own(search, row)):
            yield of_conversation(search, conversation, None, "known", "Message-ID")


def is_seen(search: Search, row: KnownId) -> bool:
    """Whether an id was known before the message that is looked for anew, and not by it."""
    return search.before is None or row.message_pk is None or row.message_pk < search.before.id


def is_own(search: Search, row: KnownId) -> bool:
    return search.before is not None and row.message_pk == search.before.id


def by_provider_thread(search: Search) -> Iterator[Candidate]:
    """The conversation of other mails of this thread in the same mailbox at its provider; the thread ids of two
    mailboxes have nothing to do with each other.
    """
    if not search.account_id or not search.provider_thread:
        return
    earlier = search.before.id if search.before else ""
    for message in of_provider_thread(search.session, search.account_id, search.provider_thread, earlier):
        conversation = survivor(search.session, message.conversation_id or "")
        if conversation:
            yield of_conversation(search, conversation, message, "provider", "Provider's thread")


def by_words(search: Search, mail: Mail) -> Iterator[Candidate]:
    """Conversations of this sender in this mailbox with the same base subject, the newest first (`archive` only).

    A mail that is no answer by its subject belongs to none in which nobody wrote for a month.
    """
    subject = base_subject(mail.subject)
    at = search.before.at if search.before else mail.date
    if not subject.text:
        return
    for conversation in of_person(search.session, search.sender, search.channel_id):
        if base_subject(conversation.subject).text.casefold() != subject.text.casefold():
            continue
        last = last_before(search.session, conversation.id, at) if at and not subject.is_reply else None
        if at is None or last is None or at - last <= FAR:
            yield of_conversation(search, conversation, None, "words", "Subject")


def by_subject(search: Search, mail: Mail) -> Iterator[Candidate]:
    """The conversation whose number stands in the subject, `[#1042]`; it can be guessed."""
    found = SUBJECT_NUMBER.search(mail.subject)
    named = by_number(search.session, int(found[1])) if found else None
    conversation = survivor(search.session, named.id) if named else None
    if conversation:
        yield of_conversation(search, conversation, None, "subject", "Subject")


def of_message(
    search: Search, message: Message, carries: Carries, where: str, recipient: str = ""
) -> Iterator[Candidate]:
    """The conversation of a message of ours; for a relayed one those that answer it, or one yet to be made.

    `recipient` is the one whose own token it was.
    """
    if search.before and message.id > search.before.id:
        return
    for candidate in places_of(search, message, carries, where):
        yield replace(candidate, holder=holder_of(search, message, candidate, recipient))


def holder_of(search: Search, message: Message, candidate: Candidate, recipient: str) -> str:
    """Who alone can know a message's token: its one recipient, as long as nobody else was in the conversation.

    Whoever answers passes the token on to those he names in To and Cc.
    """
    got = {delivery.recipient.lower() for delivery in deliveries_of(search.session, message.id)}
    got = {recipient} if recipient else got
    named = named_in(search.session, candidate.conversation_id) if candidate.conversation_id else frozenset()
    strangers = {
        key for key in (named - got) if key.rpartition("@")[2] not in (search.settings.replies, search.settings.bounces)
    }
    if len(got) != 1 or any(channel_by_address(search.session, key) is None for key in strangers):
        return ""
    return got.pop()


def places_of(search: Search, message: Message, carries: Carries, where: str) -> Iterator[Candidate]:
    """As `of_message`, whoever else got the message."""
    if message.conversation_id:
        conversation = survivor(search.session, message.conversation_id)
        if conversation:
            yield of_conversation(search, conversation, message, carries, where)
        return
    answers = [
        found
        for answer in answering(search.session, message.id, search.sender)
        if is_known_by_then(search, answer.id) and (found := survivor(search.session, answer.id))
    ]
    for conversation in answers:
        yield of_conversation(search, conversation, message, carries, where)
    credential = get_credential(search.session, message.credential_id) if message.credential_id else None
    if credential and credential.conversations != "never":
        people = may_answer(search, message)
        if not any(people & people_of(search, one.id) for one in answers if not why_closed(search, one, carries)):
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
    told = why_closed(search, conversation, carries)
    found = (conversation.id, conversation.number, carries, where, matched, conversation.requester, people)
    return Candidate(*found, gone=told)


def why_closed(search: Search, conversation: Conversation, carries: Carries) -> str:
    """Why nobody joins a conversation any more; empty where people may. Who deleted it, only its own mailboxes hear.

    What was deleted as spam is not restored by its sender's next mail: that he wrote it, he can prove.
    """
    spam = conversation.state == DELETED and conversation.spam and search.before is None
    if not spam and conversation.state != PURGED:
        return ""
    homes = channels_of(search.session, conversation.id)
    if search.channel_id not in homes if search.channel_id else carries == "subject":
        return f"#{conversation.number} was deleted"
    return f"{gone(conversation)}{', as spam' if spam else ''}"


def of_known(search: Search, conversation: Conversation, message_pk: str | None, where: str) -> Candidate:
    """By an id that is known; `message_pk` is its message, where that was seen."""
    place = position_of(search.session, conversation, message_pk) if message_pk else 0
    candidate = of_conversation(search, conversation, None, "known", where)
    return replace(candidate, matched=f"message {place} of #{conversation.number}") if place else candidate


def people_of(search: Search, conversation_id: str) -> frozenset[str]:
    """Who takes part; where a message is looked for anew, its sender only if he did before."""
    people = frozenset(person.address for person in participants(search.session, conversation_id))
    if search.before and not took_part(search.session, conversation_id, search.sender, search.before.id):
        people -= {search.sender}
    return people


@dataclass(frozen=True, slots=True)
class Aim:
    """Whom a mail is written to: the addresses in To and Cc, our mailboxes among them, whether it has a token of ours,
    and whether it passes a mail on.
    """

    people: frozenset[str]
    channels: frozenset[str]
    token: bool
    forward: bool


def aim_of(session: Session, settings: Settings, mail: Mail) -> Aim:
    """Read from To and Cc; a hundred addresses are looked at."""
    people = frozenset(sorted(addressed(mail))[:MOST_ADDRESSES])
    found = {channel.id for key in people if (channel := channel_for(session, key))}
    token = any(key.rpartition("@")[2] in (settings.replies, settings.bounces) for key in people)
    return Aim(people, frozenset(found), token, is_forward(mail))


def channel_for(session: Session, key: str) -> Channel | None:
    """The channel of an address key, also without its detail."""
    try:
        base = parse_address(key).base.key
    except AddressError:
        base = key
    return channel_by_address(session, key) or (channel_by_address(session, base) if base != key else None)


def passed_on(search: Search, aim: Aim, candidate: Candidate) -> bool:
    """Whether a mail that refers to a conversation was written to another mailbox of ours and to nobody in it.

    Nothing but the addresses tells: a forward has another prefix in every language, and some have none.
    """
    if candidate.conversation_id is None or candidate.carries == "token" or aim.token or search.channel_id is None:
        return False
    homes = channels_of(search.session, candidate.conversation_id)
    if not homes or search.channel_id in homes or aim.channels & homes:
        return False
    return aim.forward or not aim.people & (candidate.people - {search.sender})
