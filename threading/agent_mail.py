"""Mail to an agent's reply address: whether it is acted upon, waits for a person, or is only kept; and why.

It never enters a conversation as it is: what the agent wrote becomes an answer of the desk or a note, made elsewhere.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from gatepost.address import AddressError, parse_address
from gatepost.mail import Mail
from gatepost.model import AgentCopy, AgentMail, Arrival, Conversation, Message, User
from gatepost.seal import Keys
from gatepost.settings import Settings
from gatepost.store.agents import confirmed_addresses, get_copy, put_agent_mail
from gatepost.store.conversations import get_conversation
from gatepost.store.deliveries import get_delivery
from gatepost.store.events import add_event
from gatepost.store.messages import put_message
from gatepost.store.showing import channel_to_answer_from, may
from gatepost.store.users import get_user
from gatepost.threading.identity import sender_of
from gatepost.threading.inbound_row import inbound_row
from gatepost.threading.place import Sender
from gatepost.tokens import read_agent_address, read_return_path
from gatepost.words import Kind, Outcome, Strength


@dataclass(frozen=True, slots=True)
class Bound:
    """What a reply address is bound to, as it stands when a mail arrives there."""

    copy: AgentCopy
    user: User | None
    conversation: Conversation | None
    addresses: tuple[str, ...]
    may_answer: bool


@dataclass(frozen=True, slots=True)
class Acted:
    """How an agent's mail ended: outcome, why, and the id of its message."""

    outcome: Outcome
    why: str
    message_id: str


def judge_agent(
    sender: Sender, bound: Bound | None, *, automatic: bool, named: bool, identified: bool, now: datetime
) -> tuple[Outcome, str]:
    """Whether a mail to an agent's reply address is his: token and aligned authentication, never one alone.

    `named`: the reply address stands in To or Cc; `identified`: the mail has a Message-ID, so that it counts once.
    """
    if automatic:
        return Outcome.AUTOMATIC, "An automatic mail of an agent is kept, and never passed on"
    if bound is None:
        return Outcome.REVIEW, "This reply address belongs to no mail that we still know"
    who = bound.user.name if bound.user else "an agent"
    checks = [
        (now < bound.copy.expires_at, f"this reply address ran out on {bound.copy.expires_at:%Y-%m-%d}"),
        (bool(sender.key), "the mail has no single From address"),
        (sender.strength != Strength.FAILING, f"the authentication of {sender.key} failed"),
        (sender.key in bound.addresses, f"{sender.key} is no confirmed address of {who}"),
        (sender.aligned, f"nothing proves that {sender.key} wrote it: its DKIM or SPF is not aligned with DMARC"),
        (named, "the reply address stands neither in To nor in Cc"),
        (identified, "it has no Message-ID, so that it could be sent again and again"),
        (bound.conversation is not None, "the conversation is not there any more"),
        (bound.may_answer, f"{who} may not answer in this mailbox any more"),
    ]
    failed = [text for holds, text in checks if not holds]
    if failed:
        return Outcome.REVIEW, f"A mail as {who} waits for a look: {failed[0]}"
    return Outcome.PLACED, f"By mail of {who}: reply address and authentication of {sender.key} agree"


def bound_to(session: Session, copy_id: str) -> Bound | None:
    """What a reply address is bound to; access is looked up now."""
    copy = get_copy(session, copy_id)
    if copy is None:
        return None
    user, conversation = get_user(session, copy.user_id), get_conversation(session, copy.conversation_id)
    may_answer = bool(user and conversation and may(session, user, conversation, "answer"))
    return Bound(copy, user, conversation, tuple(confirmed_addresses(session, copy.user_id)), may_answer)


def role_of(keys: Keys, settings: Settings, address: str) -> tuple[str, str] | None:
    """The copy and role of an agent's reply address; a return path of a copy has the role `bounce`."""
    try:
        parsed = parse_address(address)
    except AddressError:
        return None
    return read_agent_address(keys, parsed.local) if parsed.domain == settings.replies else None


def copy_of_return_path(session: Session, keys: Keys, settings: Settings, recipient: str) -> str | None:
    """The agent's copy whose return path a mail was sent to."""
    try:
        address = parse_address(recipient)
    except AddressError:
        return None
    delivery_id = read_return_path(keys, address.local) if address.domain == settings.bounces else None
    delivery = get_delivery(session, delivery_id) if delivery_id else None
    return delivery.message_id if delivery and get_copy(session, delivery.message_id) else None


def take_agent_mail(
    session: Session, settings: Settings, keys: Keys, arrival: Arrival, mail: Mail, digest: str, kind: Kind,
    snippet: str, now: datetime,
) -> Acted | None:  # fmt: skip
    """Store a mail to an agent's reply address with its outcome; None for any other mail."""
    found = role_of(keys, settings, arrival.recipient)
    returned = None if found else copy_of_return_path(session, keys, settings, arrival.recipient)
    if not found and not returned:
        return None
    copy_id, role = found or (returned or "", "returned")
    sender = sender_of(mail, Strength(arrival.strength))
    shown = [str(box.address) for box in (*mail.to, *mail.cc) if box.address]
    roles = {read[1] for read in (role_of(keys, settings, address) for address in shown) if read}
    role = "private" if "private" in roles and found else role
    bound = bound_to(session, copy_id)
    automatic = kind != Kind.MESSAGE or not found
    outcome, why = judge_agent(
        sender, bound, automatic=automatic, named=bool(roles), identified=bool(mail.message_id), now=now
    )
    message = inbound_row(
        arrival,
        mail,
        digest,
        kind,
        snippet,
        sender,
        now,
        trigger="agent mail",
        outcome=outcome,
        strength=arrival.strength,
        verified=outcome == Outcome.PLACED,
        why=[{"result": "new", "text": why}],
    )
    home = channel_to_answer_from(session, bound.conversation, bound.user) if bound and bound.conversation else None
    message.channel_id = home.id if home else None
    put_message(session, message, None)
    full = outcome == Outcome.PLACED
    put_agent_mail(session, AgentMail(message_id=message.id, copy_id=copy_id, role=role, full=full))
    tell_agent_mail(session, message, bound, sender, arrival.inlet, why, now)
    return Acted(outcome, why, message.id)


def tell_agent_mail(
    session: Session, message: Message, bound: Bound | None, sender: Sender, inlet: str, why: str, now: datetime
) -> None:
    """The event of an agent's mail, in the history of the conversation that it is about."""
    kinds = {Outcome.PLACED: "agent.mailed", Outcome.REVIEW: "agent.held"}
    data = {"from": sender.key, "kind": message.kind, "outcome": message.outcome, "inlet": inlet, "why": why}
    add_event(
        session,
        kinds.get(Outcome(message.outcome), "message.received"),
        now=now,
        message_id=message.id,
        conversation_id=bound.copy.conversation_id if bound else None,
        channel_id=message.channel_id,
        user_id=bound.copy.user_id if bound else None,
        data=data,
    )
