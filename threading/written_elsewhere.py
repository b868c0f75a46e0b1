"""Mail that a mailbox sent with another program, found in its Sent folder: it is ours, and goes to those it names."""

from dataclasses import replace
from datetime import datetime

from sqlmodel import Session

from gatepost.model import Arrival
from gatepost.seal import Keys
from gatepost.settings import Settings
from gatepost.store.events import add_event
from gatepost.store.messages import put_message
from gatepost.threading.candidates import Search, find_candidates
from gatepost.threading.identity import sender_of
from gatepost.threading.joining import (
    Joined,
    channel_of,
    conversation_for,
    enter,
    message_of,
    noticed,
    people_of,
    sentence,
    time_of,
)
from gatepost.threading.place import place
from gatepost.threading.reading import Reading
from gatepost.words import ELSEWHERE, Kind, Outcome, Strength


def take_written(
    session: Session, settings: Settings, keys: Keys, arrival: Arrival, reading: Reading, now: datetime
) -> Joined:
    """Store it as outgoing mail in the conversation it answers, else in a new one with those it was written to.

    Only the mailbox's owner puts mail into its Sent folder, which proves him. It has no deliveries, for nobody told us
    what became of it; it reopens nothing, and is acknowledged to nobody.
    """
    mail, channel_id = reading.mail, channel_of(session, arrival)
    sender = replace(sender_of(mail, Strength.ALIGNED), own=True)
    search = Search(session, settings, keys, sender.key, channel_id, arrival.account_id, arrival.provider_thread)
    placement = place(sender, find_candidates(search, mail, ""))
    people, at = people_of(session, mail, sender), time_of(arrival, mail, now)
    conversation = None
    if placement.conversation_id or (people and reading.kind != Kind.AUTO_REPLY):
        automatic = reading.kind == Kind.AUTO_REPLY
        conversation = conversation_for(session, channel_id, mail, placement, people, automatic, at, arrival.inlet)
    message = message_of(
        arrival, mail, reading.digest, reading.kind, reading.snippet, Outcome.PLACED, placement, sender, at
    )
    message.direction, message.trigger, message.outcome, message.verified = "out", ELSEWHERE, "", True
    if conversation:
        message.conversation_id, message.channel_id = conversation.id, conversation.channel_id
    put_message(session, message, None)
    if conversation:
        noted = noticed(arrival, placement, at, now)
        enter(session, conversation, message, mail, sender, placement, people, reopen=False, now=noted)
    add_event(
        session,
        "message.written",
        now=now,
        message_id=message.id,
        conversation_id=message.conversation_id,
        channel_id=message.channel_id or channel_id,
        data={"from": sender.key, "inlet": arrival.inlet},
    )
    why = f"Written with another mail program. {sentence(placement.why)}"
    return Joined(Outcome.PLACED, why, message.id, message.conversation_id)
