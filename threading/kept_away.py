"""Mail that was deleted here and comes once more, from another place, mailbox or file: it is not shown again."""

from datetime import datetime

from sqlmodel import Session

from gatepost.model import Arrival, Message
from gatepost.store.gone import gone
from gatepost.store.messages import message_by_digest
from gatepost.store.placing import channels_of, survivor
from gatepost.store.purge import empty_arrival
from gatepost.threading.showing import PROVEN
from gatepost.words import GONE, Outcome, Strength

NOT_SHOWN = "the same mail is not shown again"


def kept_away(
    session: Session, arrival: Arrival, same: Message, digest: str, channel_id: str | None, *, named: bool
) -> str:
    """Why a mail that is the `same` as one of ours is not shown; empty where it is there, or is to be shown.

    What somebody sends to a mailbox that had not got it, by SMTP, or `named` in To or Cc, is for the people there,
    whoever deleted it.
    """
    if same.purged_at and same.conversation_id is None:
        return f"What it is about was deleted: {NOT_SHOWN}"
    conversation = survivor(session, same.conversation_id or "")
    if conversation is None or conversation.state not in GONE:
        return ""
    elsewhere = bool(channel_id) and channel_id not in channels_of(session, conversation.id)
    if elsewhere and (arrival.inlet == "mx" or named or message_by_digest(session, "in", f"{digest}:{channel_id}")):
        return ""
    return f"{gone(conversation)}: {NOT_SHOWN}"


def proves_more(same: Message, arrival: Arrival) -> bool:
    """Whether a mail is its author's, while the one that was deleted may have been another's: a forger, or a server on
    the way that breaks what proves a mail, can be first. What is fetched again is often known less well than it was.
    """
    if same.conversation_id is None:
        return False
    if arrival.strength in PROVEN:
        return same.strength == Strength.FAILING or (arrival.inlet == "mx" and same.strength not in PROVEN)
    return arrival.inlet == "mx" and same.outcome == Outcome.REVIEW and arrival.strength != Strength.FAILING


def outcome_of(same: Message) -> Outcome:
    """How such a mail ends: as the one that was deleted, but that it waits for nobody."""
    outcome = Outcome(same.outcome or Outcome.PLACED)
    return Outcome.PLACED if outcome == Outcome.REVIEW else outcome


def take_away(session: Session, arrival: Arrival, message: Message, now: datetime) -> None:
    """Keep no octets of a mail that was deleted for ever, whichever way it came again."""
    if message.purged_at:
        empty_arrival(session, arrival, now)
