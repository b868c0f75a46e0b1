"""The copy of a mail of ours that comes back from the Sent folder of its mailbox: it is no mail of its own."""

from datetime import datetime, timedelta

from sqlmodel import Session

from gatepost.mail import Mail
from gatepost.message_ids import extract_ids
from gatepost.model import Arrival, Message
from gatepost.seal import Keys
from gatepost.store.messages import get_message, sent_by_header_id
from gatepost.store.other_ids import keep_other_id
from gatepost.store.sent_copies import awaited, came_back
from gatepost.threading.candidates import PASSED_ON_FIELDS
from gatepost.threading.identity import sender_of
from gatepost.tokens import read_message_id
from gatepost.words import Strength

AWAITED_FOR = timedelta(days=3)
SAME_SECOND = timedelta(seconds=2)
FIRST_ID = "X-Google-Original-Message-ID"
"""Where Gmail keeps the id that a mail had before it got another."""


def own_copy(session: Session, keys: Keys, arrival: Arrival, mail: Mail, now: datetime) -> tuple[Message, str] | None:
    """The message of ours that a mail from a Sent folder is a copy of, and how it was recognised.

    Only the mailbox's owner, and we, put mail there, so its ids are believed. An id that its server gave it is kept.
    """
    if not written_there(arrival, mail):
        return None
    found = by_id(session, keys, mail) or by_look(session, arrival, mail, now)
    if found is None:
        return None
    message, how = found
    header_id = mail.message_id or ""
    keep_other_id(session, header_id, message.id, "sent folder", now)
    if arrival.account_id:
        came_back(session, arrival.account_id, message.id, header_id, now)
    return message, f"It is the copy in the Sent folder of a mail that we sent ({how})"


def written_there(arrival: Arrival, mail: Mail) -> bool:
    """Whether a mail lies in Sent because it was sent from there.

    Some servers deliver mail for `user+Sent@` into the folder Sent, whoever wrote it: that says to whom it was
    delivered. At Gmail nobody but Gmail says what was sent.
    """
    return arrival.sent and (bool(arrival.provider_thread) or not any(mail.all(name) for name in PASSED_ON_FIELDS))


def by_id(session: Session, keys: Keys, mail: Mail) -> tuple[Message, str] | None:
    """Under an id that we gave it, or its server did; an id that a system chose counts with the same sender only."""
    sender = sender_of(mail, Strength.NONE).key
    for header_id in dict.fromkeys((mail.message_id or "", *original_ids(mail))):
        minted = read_message_id(keys, header_id)
        message = get_message(session, minted) if minted else None
        if message:
            return message, "it has our Message-ID"
        for message in sent_by_header_id(session, header_id) if header_id else ():
            if message.from_address == sender:
                return message, "it has its Message-ID"
    return None


def original_ids(mail: Mail) -> tuple[str, ...]:
    return tuple(header_id for value in mail.all(FIRST_ID)[:3] for header_id in extract_ids(value))


def by_look(session: Session, arrival: Arrival, mail: Mail, now: datetime) -> tuple[Message, str] | None:
    """The one mail whose copy in this account is awaited, with this sender, subject and second."""
    if not arrival.account_id or mail.date is None:
        return None
    sender = sender_of(mail, Strength.NONE).key
    waiting = awaited(session, arrival.account_id, sender, mail.subject[:500], now - AWAITED_FOR)
    same = [message for message in waiting if abs(message.at - mail.date) <= SAME_SECOND]
    how = "its server gave it another Message-ID; sender, subject and second are the same"
    return (same[0], how) if len(same) == 1 else None
