"""What a person does with mail that was set aside: read it again, discard it, let it in, keep it out, say whose it is.

Each act raises ValueError with a sentence where it cannot be done.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from sqlmodel import Session

from gatepost.acts import Actor
from gatepost.child import JobFailed
from gatepost.database import Database
from gatepost.ledger import Ledger
from gatepost.model import Arrival, Conversation, Message
from gatepost.store.arrivals import get_arrival
from gatepost.store.conversations import get_conversation, set_state
from gatepost.store.corrections import merge
from gatepost.store.deleted import restore
from gatepost.store.deliveries import get_delivery, note_report
from gatepost.store.messages import RawLost, conversation_messages, get_message, raw_of
from gatepost.store.set_aside import begin_again, decide, place_released, say_why, tell
from gatepost.threading.intake import Desk, Received, receive
from gatepost.threading.reading import Reading, read_apart
from gatepost.threading.report_facts import Recipient
from gatepost.threading.reported import fact_about, fact_of
from gatepost.words import Kind, Outcome

GONE = "This mail does not wait any more: somebody else was faster, or it never did."
UNREADABLE_AT_ONCE = 20
RELEASED = "a mail in it was released from review"
NO_CONTENT = "The content of this mail cannot be read from storage, so it cannot be read again."


def read_again(
    desk: Desk, database: Database, ledger: Ledger, arrival_id: str, actor: Actor, now: datetime
) -> Received:
    """Read a mail that could not be read, with today's code: what became of it, or why it stays where it is."""
    arrival, raw = load(desk, database, arrival_id)
    if arrival.outcome != Outcome.QUARANTINED or arrival.decided:
        raise ValueError(GONE)
    try:
        reading = read_apart(raw, arrival.envelope_from)
    except JobFailed as failed:
        why = f"{failed}; read again on {now:%Y-%m-%d %H:%M} UTC, without success"
        ledger.write(lambda session: say_why(session, arrival_id, why))
        return Received(Outcome.QUARANTINED, why)
    return ledger.write(lambda session: place_again(session, desk, arrival_id, reading, actor, now))


def read_all_again(
    desk: Desk, database: Database, ledger: Ledger, arrival_ids: Sequence[str], actor: Actor, now: datetime
) -> int:
    """As `read_again` for several; how many are not quarantined any more."""
    ended = 0
    for arrival_id in arrival_ids:
        with suppress(ValueError):
            ended += read_again(desk, database, ledger, arrival_id, actor, now).outcome != Outcome.QUARANTINED
    return ended


def place_again(
    session: Session, desk: Desk, arrival_id: str, reading: Reading, actor: Actor, now: datetime
) -> Received:
    """Receive a quarantined mail, in the caller's transaction."""
    arrival = begin_again(session, arrival_id)
    if arrival is None:
        raise ValueError(GONE)
    received = receive(session, desk, arrival, reading, now)
    message = get_message(session, received.message_id) if received.message_id else None
    tell(session, arrival, "read_again", actor, now, message, {"outcome": received.outcome})
    return received


def load(desk: Desk, database: Database, arrival_id: str) -> tuple[Arrival, bytes]:
    """An arrival and its octets."""
    with database.session() as session:
        arrival = get_arrival(session, arrival_id)
        if arrival is None:
            raise ValueError(GONE)
        try:
            return arrival, raw_of(session, arrival.raw_id, desk.blobs)
        except RawLost:
            raise ValueError(NO_CONTENT) from None


def discard(ledger: Ledger, arrival_id: str, reason: str, actor: Actor, now: datetime) -> None:
    """Take a mail that could not be read, or a report that fits no mail, off its list; who, when and why is kept."""
    reason = reason.strip()[:500]
    if not reason:
        raise ValueError("Say why it is discarded; the history keeps it.")

    def op(session: Session) -> bool:
        arrival = get_arrival(session, arrival_id)
        fits = arrival is not None and arrival.outcome in (Outcome.QUARANTINED, Outcome.REPORT)
        return bool(arrival and fits and decide(session, arrival, "discarded", actor, now, {"why": reason}))

    if not ledger.write(op):
        raise ValueError(GONE)


def release(ledger: Ledger, arrival_id: str, actor: Actor, now: datetime, into: bool = False) -> Message:
    """Let a mail in that waits in review: as the conversation it is, or into the one that it claims to belong to.

    A conversation that was deleted meanwhile is there again. Mail to an agent's reply address is let in by
    `review.let_in`.
    """

    def op(session: Session) -> Message:
        arrival, message, conversation = in_review(session, arrival_id)
        claimed = get_conversation(session, conversation.claims_id) if into and conversation.claims_id else None
        if into and claimed is None:
            raise ValueError("This mail claims to belong to no conversation; release it as a new one.")
        if not decide(session, arrival, "released", actor, now, {"into": claimed.number if claimed else None}):
            raise ValueError(GONE)
        outcome = Outcome.AUTOMATIC if message.kind == Kind.AUTO_REPLY else Outcome.PLACED
        place_released(session, message, outcome, f"Released from review by {actor.name}")
        restore(session, conversation.id, actor, now, RELEASED)
        if claimed:
            merge(session, conversation, claimed, actor, now)
        return message

    return ledger.write(op)


def keep_out(ledger: Ledger, arrival_id: str, actor: Actor, now: datetime) -> Message:
    """Leave a mail out: it stays marked as it is, its conversation is closed, and it waits no more."""

    def op(session: Session) -> Message:
        arrival, message, conversation = in_review(session, arrival_id)
        if not decide(session, arrival, "kept_out", actor, now):
            raise ValueError(GONE)
        if conversation.state == "open" and len(conversation_messages(session, conversation)) <= 1:
            set_state(session, conversation, "closed", actor.user_id, now)
        return message

    return ledger.write(op)


def in_review(session: Session, arrival_id: str) -> tuple[Arrival, Message, Conversation]:
    """A mail that waits in review with its conversation."""
    arrival = get_arrival(session, arrival_id)
    message = get_message(session, arrival.message_id) if arrival and arrival.message_id else None
    conversation = get_conversation(session, message.conversation_id or "") if message else None
    if not (arrival and message and conversation) or arrival.outcome != Outcome.REVIEW or arrival.decided:
        raise ValueError(GONE)
    return arrival, message, conversation


def belongs(
    desk: Desk, database: Database, ledger: Ledger, arrival_id: str, delivery_id: str, actor: Actor, now: datetime
) -> None:
    """Show a report that fits no mail in the history of this delivery; it suppresses nothing and changes no state."""
    arrival, raw = load(desk, database, arrival_id)
    report = read_apart(raw, arrival.envelope_from).report
    if arrival.outcome != Outcome.REPORT or report is None or arrival.decided:
        raise ValueError(GONE)

    def op(session: Session) -> None:
        delivery = get_delivery(session, delivery_id)
        if delivery is None:
            raise ValueError("There is no delivery with this id; it begins with dlv_ and stands on its mail's page.")
        fact: Recipient | None = fact_about(report, delivery)
        if not decide(session, arrival, "linked", actor, now, {"delivery": delivery.id}):
            raise ValueError(GONE)
        if fact:
            state, reply = fact_of(report, fact)
            note_report(session, delivery, state, reply, now)
        say_why(session, arrival.id, f"{actor.name} said that it is about the mail to {delivery.recipient}")

    ledger.write(op)
