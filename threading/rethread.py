"""Stored mail put where a policy would put it today: first what would change, then by corrections, with undo."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from gatepost.acts import Actor
from gatepost.child import JobFailed
from gatepost.database import Database
from gatepost.ledger import Ledger
from gatepost.model import Correction, Message
from gatepost.store import corrections
from gatepost.store.conversations import by_number
from gatepost.store.messages import RawLost, get_message, raw_of
from gatepost.store.placing import mails_in, note_policy, of_run
from gatepost.threading.intake import Desk
from gatepost.threading.place import Policy
from gatepost.threading.reading import read_safely
from gatepost.threading.replay import Replayed, replay

CHANGED = "It is not where it was any more: look at the preview again"


@dataclass(frozen=True, slots=True)
class Preview:
    """Which mails would land elsewhere; how many were looked at, were moved by a person, or cannot be read."""

    elsewhere: tuple[Replayed, ...]
    looked: int
    by_hand: int
    lost: int


@dataclass(frozen=True, slots=True)
class Put:
    """What was carried out: the corrections, and (message id, why) of what stayed where it was."""

    moved: tuple[Correction, ...]
    stayed: tuple[tuple[str, str], ...]


def decide_anew(session: Session, desk: Desk, message: Message, policy: Policy) -> Replayed | None:
    """A stored mail decided by today's code; None where its octets are lost or cannot be read."""
    envelope_from = message.envelope_from if message.trigger == "mx" else None
    try:
        reading = read_safely(raw_of(session, message.raw_id, desk.blobs), envelope_from)
    except (RawLost, JobFailed):
        return None
    return replay(session, desk.settings, desk.keys, message, reading, policy)


def lands_elsewhere(one: Replayed) -> bool:
    """Whether a mail would be in another conversation, and no person has put it where it is."""
    was, would = one.before.conversation, one.now.conversation
    return not one.by_hand and was is not None and would is not None and was != would


def preview(session: Session, desk: Desk, messages: Iterable[Message], policy: Policy) -> Preview:
    """What a policy would do to these mails; nothing changes."""
    looked = by_hand = lost = 0
    elsewhere = []
    for message in messages:
        one = decide_anew(session, desk, message, policy)
        looked += one is not None
        lost += one is None
        by_hand += one is not None and one.by_hand
        if one and lands_elsewhere(one):
            elsewhere.append(one)
    return Preview(tuple(elsewhere), looked, by_hand, lost)


def rethread(
    database: Database,
    ledger: Ledger,
    desk: Desk,
    message_ids: Sequence[str],
    policy: Policy,
    actor: Actor,
    now: datetime,
) -> Put:
    """Put each of these mails where the policy puts it, one after the other: a later one is decided by what is then."""
    moved, stayed = [], []
    for message_id in message_ids:
        with database.session() as session:
            message = get_message(session, message_id)
            one = decide_anew(session, desk, message, policy) if message else None
        if one is None:
            stayed.append((message_id, "It is not stored any more, or cannot be read"))
        elif not lands_elsewhere(one):
            stayed.append((message_id, "It is where it belongs by now"))
        else:
            try:
                moved.append(ledger.write(lambda session, one=one: put_there(session, one, policy, actor, now)))  # type: ignore[misc]
            except corrections.NotPossible as error:
                stayed.append((message_id, str(error)))
    return Put(tuple(moved), tuple(stayed))


def put_there(session: Session, one: Replayed, policy: Policy, actor: Actor, now: datetime) -> Correction:
    """Move one mail to where it was decided to belong, or with its whole conversation where it is alone in it.

    Raises NotPossible.
    """
    message = get_message(session, one.message.id)
    if message is None or message.conversation_id is None or message.conversation_id != one.message.conversation_id:
        raise corrections.NotPossible(CHANGED)
    target = by_number(session, one.now.conversation) if one.now.conversation else None
    if one.now.conversation and target is None:
        raise corrections.NotPossible(CHANGED)
    alone = target is not None and mails_in(session, message.conversation_id) == 1
    ids = None if alone else [message.id]
    target_id = target.id if target else ""
    done = corrections.carry_out(session, message.conversation_id, target_id, ids, actor, now)
    note_policy(session, done.id, policy.name)
    return done


def take_back(database: Database, ledger: Ledger, at: datetime, actor: Actor, now: datetime) -> Put:
    """Undo what was carried out together at that moment, the last first; what cannot be undone any more stays."""
    with database.session() as session:
        ids = of_run(session, at)
    stayed = []
    for correction_id in ids:
        try:
            ledger.write(lambda session, one=correction_id: corrections.take_back(session, one, actor, now))  # type: ignore[misc]
        except corrections.NotPossible as error:
            stayed.append((correction_id, str(error)))
    with database.session() as session:
        undone = [row for one in ids if (row := corrections.get_correction(session, one)) and row.undone_at == now]
    return Put(tuple(undone), tuple(stayed))
