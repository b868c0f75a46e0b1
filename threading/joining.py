"""Writing down where an inbound mail was placed: its message, conversation, who takes part, which ids lead there."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from sqlmodel import Session

from gatepost.address import AddressError, parse_address
from gatepost.mail import Mail
from gatepost.model import Arrival, Conversation, Message, Why
from gatepost.seal import Keys
from gatepost.settings import Settings
from gatepost.store.arrivals import note_channel
from gatepost.store.channels import channel_by_address, get_channel
from gatepost.store.conversations import (
    add_participants,
    create_conversation,
    get_conversation,
    know_ids,
    note_contact,
    touch,
)
from gatepost.store.deleted import restore_by_answer
from gatepost.store.deliveries import count_failures
from gatepost.store.events import add_event
from gatepost.store.handed_over import reason, tell_handed_over
from gatepost.store.messages import get_message, put_message
from gatepost.store.placing import channels_of
from gatepost.store.showing import show
from gatepost.threading.candidates import Search, aim_of, channel_for, find_candidates
from gatepost.threading.identity import name_of, sender_of
from gatepost.threading.inbound_row import inbound_row
from gatepost.threading.on_behalf import on_behalf
from gatepost.threading.place import DESK, Placement, Policy, Sender, place
from gatepost.threading.showing import apart, is_named, may_widen
from gatepost.words import DELETED, Kind, Outcome, Strength

MOST_SHOWN = 200
FIRST_MAIL = datetime(1982, 8, 13, tzinfo=UTC)
"""The date of RFC 822: what claims to be older has a wrong clock."""
RECENT = timedelta(days=7)
"""What is older came with the first reading of a mailbox, and keeps its date."""


@dataclass(frozen=True, slots=True)
class Joined:
    """Where a mail ended."""

    outcome: Outcome
    why: str
    message_id: str
    conversation_id: str | None


def join(
    session: Session,
    settings: Settings,
    keys: Keys,
    arrival: Arrival,
    mail: Mail,
    digest: str,
    kind: Kind,
    snippet: str,
    now: datetime,
    copy_of: Message | None = None,
) -> Joined:
    """Place a mail and store it there; an automatic answer opens no closed conversation and none for relayed mail.

    `copy_of` is the message that it is, where it gets a conversation of its own in another mailbox all the same.
    """
    sender, placement = place_mail(session, settings, keys, arrival, mail)
    channel_id = channel_of(session, arrival)
    if copy_of is not None:
        placement = apart(session, placement, copy_of)
    elif is_for_others(session, settings, channel_id, mail, placement):
        placement, digest = apart(session, placement), f"{digest}:{channel_id}"
    automatic = kind == Kind.AUTO_REPLY
    outcome = outcome_of(kind, sender)
    at = time_of(arrival, mail, now)
    behalf = on_behalf(session, settings, channel_id, mail, kind, sender, placement)
    people = [(behalf.address, behalf.name)] if behalf else people_of(session, mail, sender)
    conversation = conversation_for(session, channel_id, mail, placement, people, automatic, at, arrival.inlet)
    message = message_of(arrival, mail, digest, kind, snippet, outcome, placement, sender, at)
    if behalf:
        message.user_id, message.why = behalf.agent.id, [*message.why, reason(behalf.address, behalf.name, behalf.why)]
    if conversation:
        message.conversation_id, message.channel_id = conversation.id, conversation.channel_id
    put_message(session, message, None)
    if conversation:
        if channel_id and placement.conversation_id:
            show_where_it_came(session, conversation, message, arrival, channel_id, now)
        seen = noticed(arrival, placement, at, now)
        enter(session, conversation, message, mail, sender, placement, people, reopen=not automatic, now=seen)
        if behalf:
            tell_handed_over(session, message, behalf.agent.id, behalf.address, now)
    data = {"from": sender.key, "kind": kind, "outcome": outcome, "inlet": arrival.inlet}
    tell_received(session, message, data, now)
    return Joined(outcome, sentence(placement.why), message.id, message.conversation_id)


def tell_received(session: Session, message: Message, data: dict[str, str], now: datetime) -> None:
    """The event of a mail that came in."""
    add_event(
        session,
        "message.received",
        now=now,
        message_id=message.id,
        conversation_id=message.conversation_id,
        channel_id=message.channel_id,
        data=data,
    )


def is_for_others(
    session: Session, settings: Settings, channel_id: str | None, mail: Mail, placement: Placement
) -> bool:
    """Whether a mail came to a mailbox that must not see the conversation it joins, which gets one of its own.

    Only where the conversation's own mailbox gets the mail too: else it joins there, and is seen there alone.
    """
    if channel_id is None or placement.conversation_id is None:
        return False
    homes = channels_of(session, placement.conversation_id)
    if not homes or channel_id in homes:
        return False
    aim = aim_of(session, settings, mail)
    return not may_widen(placement, named=channel_id in aim.channels)[0] and bool(aim.token or aim.channels & homes)


def show_where_it_came(
    session: Session, conversation: Conversation, message: Message, arrival: Arrival, channel_id: str, now: datetime
) -> None:
    """Show a conversation that a mail joins in the mailbox that the mail came to, where the mail may do that."""
    if channel_id in channels_of(session, conversation.id):
        return
    channel = get_channel(session, channel_id)
    named = channel is not None and is_named(session, message, channel.id)
    if channel and may_widen(message, named=named)[0]:
        note_channel(session, arrival.id, channel_id)
        show(session, conversation, channel, message.id, now)


def place_mail(
    session: Session,
    settings: Settings,
    keys: Keys,
    arrival: Arrival,
    mail: Mail,
    policy: Policy = DESK,
    before: Message | None = None,
) -> tuple[Sender, Placement]:
    """Who wrote a mail and where it belongs; nothing is stored. `before` is its message, to be placed anew."""
    sender = known_sender(session, settings, sender_of(mail, Strength(arrival.strength)))
    search = Search(
        session,
        settings,
        keys,
        sender.key,
        channel_of(session, arrival),
        arrival.account_id,
        arrival.provider_thread,
        before,
        policy.subjects,
    )
    return sender, place(sender, find_candidates(search, mail, arrival.recipient), policy)


def known_sender(session: Session, settings: Settings, sender: Sender) -> Sender:
    """The sender, marked where the address is one of ours."""
    internal = sender.domain in (settings.replies, settings.bounces)
    return replace(sender, own=bool(sender.key) and (internal or channel_for(session, sender.key) is not None))


def people_of(session: Session, mail: Mail, sender: Sender) -> list[tuple[str, str]]:
    """Who takes part by this mail, as (address key, name): its sender; never an address of ours.

    Where one of us wrote with another mail program, authenticated, those take part to whom it was written.
    """
    if not sender.own:
        return [(sender.key, name_of(mail))] if sender.key else []
    boxes = [box for box in (*mail.to, *mail.cc)[:MOST_SHOWN] if box.address] if sender.aligned else []
    found = {box.address.key: box.name for box in boxes if box.address}
    return [(key, name) for key, name in found.items() if channel_for(session, key) is None]


def time_of(arrival: Arrival, mail: Mail, now: datetime) -> datetime:
    """A mail's place in time: when it came. For one that had lain in a mailbox or archive its server knows when, else
    its Date says so; neither is believed where it cannot be.
    """
    if arrival.inlet not in ("imap", "import"):
        return now
    told = (at for at in (arrival.internal_date, mail.date) if at and FIRST_MAIL < at <= now)
    return next(told, now)


def noticed(arrival: Arrival, placement: Placement, at: datetime, now: datetime) -> datetime:
    """When lists say that a mail came: an answer fetched now is new, though somebody looked after it was written."""
    return now if arrival.inlet == "imap" and placement.conversation_id and now - at < RECENT else at


def outcome_of(kind: Kind, sender: Sender) -> Outcome:
    """Mail whose authentication failed waits for a person's look; it never joins by itself."""
    if sender.strength == Strength.FAILING:
        return Outcome.REVIEW
    return Outcome.AUTOMATIC if kind == Kind.AUTO_REPLY else Outcome.PLACED


def conversation_for(
    session: Session,
    channel_id: str | None,
    mail: Mail,
    placement: Placement,
    people: Sequence[tuple[str, str]],
    automatic: bool,
    now: datetime,
    inlet: str = "",
) -> Conversation | None:
    """The conversation a mail was placed in, made where it is new; None for an automatic answer to relayed mail.

    Who asks in a new one is the first of `people`: who wrote; where one of us wrote, proven, to whom; else nobody.
    """
    if placement.conversation_id:
        return get_conversation(session, placement.conversation_id)
    if automatic and placement.origin_id:
        return None
    origin = get_message(session, placement.origin_id) if placement.origin_id else None
    return create_conversation(
        session,
        subject=(origin.subject if origin else mail.subject) or "(no subject)",
        requester=next((key for key, _ in people), ""),
        channel_id=channel_id or channel_of_cause(session, placement, origin),
        credential_id=origin.credential_id if origin else None,
        origin_id=placement.origin_id,
        claims_id=placement.claims_id,
        now=now,
        inlet=inlet,
    )


def channel_of(session: Session, arrival: Arrival) -> str | None:
    """The channel that the mail was sent to: what the inlet says, else the recipient, also without its detail."""
    if arrival.channel_id:
        return arrival.channel_id
    try:
        address = parse_address(arrival.recipient)
    except AddressError:
        return None
    channel = channel_for(session, address.key)
    return channel.id if channel else None


def channel_of_cause(session: Session, placement: Placement, origin: Message | None) -> str | None:
    """For mail to a reply address or return path: the channel of what it answers or claims, whose agents see it, also
    where that was deleted.
    """
    if origin:
        channel = channel_by_address(session, origin.from_address)
        return channel.id if channel else None
    about = placement.claims_id or placement.gone_id
    claimed = get_conversation(session, about) if about else None
    return claimed.channel_id if claimed else None


def message_of(
    arrival: Arrival,
    mail: Mail,
    digest: str,
    kind: Kind,
    snippet: str,
    outcome: Outcome,
    placement: Placement,
    sender: Sender,
    now: datetime,
) -> Message:
    """An inbound mail as a row, with how it was placed."""
    shown = [
        {"field": field, "address": box.address.key, "name": box.name}
        for field, boxes in (("to", mail.to), ("cc", mail.cc))
        for box in boxes
        if box.address
    ]
    return inbound_row(
        arrival,
        mail,
        digest,
        kind,
        snippet,
        sender,
        now,
        recipients_shown=shown[:MOST_SHOWN],
        trigger=arrival.inlet,
        outcome=outcome,
        strength=placement.strength if sender.key else Strength(arrival.strength),
        verified=placement.verified,
        why=placement.why,
    )


def enter(
    session: Session,
    conversation: Conversation,
    message: Message,
    mail: Mail,
    sender: Sender,
    placement: Placement,
    people: Sequence[tuple[str, str]],
    *,
    reopen: bool,
    now: datetime,
) -> None:
    """Let a message into its conversation: its ids lead there, and `people` (address key, name) take part."""
    know_ids(session, conversation.id, message.id, message.message_id, (*mail.references, *mail.in_reply_to))
    for key, name in people:
        note_contact(session, key, name, now)
    first = "requester" if placement.conversation_id is None else "participant"
    roles = [first, *["participant"] * len(people)]
    add_participants(
        session, conversation.id, [(key, name, role) for (key, name), role in zip(people, roles, strict=False)]
    )
    if placement.origin_id:
        bring_origin(session, conversation, placement.origin_id, sender)
    if reopen and conversation.state == DELETED:
        restore_by_answer(session, conversation, message.id, now)
    touch(session, conversation.id, message.snippet, now, reopen=reopen)


def bring_origin(session: Session, conversation: Conversation, origin_id: str, sender: Sender) -> None:
    """A conversation that answers a relayed mail starts with it, and those who saw each other in it take part."""
    origin = get_message(session, origin_id)
    if origin is None:
        return
    know_ids(session, conversation.id, origin.id, origin.message_id, ())
    visible = [(shown["address"], shown["name"], "participant") for shown in origin.recipients_shown]
    if sender.key in {address for address, _, _ in visible}:
        add_participants(session, conversation.id, visible)
    count_failures(session, conversation)
    touch(session, conversation.id, "", conversation.updated_at, reopen=False)


def sentence(why: Why) -> str:
    """The reason that decided, in words."""
    decisive = [reason for reason in why if reason.get("result") in ("joined", "new")]
    return str(decisive[0]["text"]) if decisive else ""
