"""`gatepost fsck` proves that all that was accepted is there, each recipient in one state, each mail in one outcome."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, union_all, update
from sqlalchemy import select as core_select
from sqlmodel import Session, col, func, or_, select

from gatepost.blobs import Blobs
from gatepost.model import Arrival, Conversation, Delivery, Event, Message, Raw
from gatepost.store.acts import READDRESSED
from gatepost.store.conversations import get_conversation
from gatepost.store.deliveries import count_failures
from gatepost.words import ELSEWHERE, NOT_DELIVERED, PURGED, WAITING, DeliveryState, Outcome

EXAMPLES = 5
FRESH = timedelta(hours=1)
"""A file is written before the commit that names it: a younger one may just be on its way."""
LEFT_BEHIND = timedelta(days=1)
RESTORE = "restore the database from a backup, or report this as a fault of Gatepost with these ids"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not hold: what, how often, the first ids, what to do."""

    check: str
    count: int
    examples: tuple[str, ...]
    fix: str


def fsck(session: Session, blobs: Blobs, now: datetime) -> list[Finding]:
    """Everything that does not hold, in the order of the checks; nothing is changed."""
    asked = [question(session, *one) for one in questions(now)]
    found = [*asked, miscounted(session), lost_blobs(session, blobs), orphans(session, blobs, now)]
    return [finding for finding in found if finding]


def questions(now: datetime) -> Iterator[tuple[str, Any, str]]:
    """The checks that one query answers with the ids of those that fail."""
    yield "every recipient that was accepted is one delivery", accepted_differs(), RESTORE
    yield "every outgoing message has a delivery", without_delivery(), RESTORE
    yield "every delivery is in one known state", deliveries(~col(Delivery.state).in_(list(DeliveryState))), RESTORE
    yield "every delivery has its message", deliveries(~is_there(Message, Delivery.message_id)), RESTORE
    yield (
        "only what is being sent has a lease",
        deliveries(leased(Delivery.lease_until) != (col(Delivery.state) == DeliveryState.SENDING)),
        "run `gatepost queue retry ID` for those that wait, and report this as a fault of Gatepost",
    )
    yield (
        "what waits has a time, and what has ended has none",
        deliveries(due() != col(Delivery.state).in_(WAITING)),
        "run `gatepost queue retry ID` for those that wait, and report this as a fault of Gatepost",
    )
    yield "every message's octets are stored", select(Message.id).where(~is_there(Raw, Message.raw_id)), RESTORE
    unexplained = select(Raw.id).where(col(Raw.data).is_(None), col(Raw.blob).is_(None), col(Raw.purged_at).is_(None))
    yield "octets are only missing where somebody deleted them", unexplained, RESTORE
    yield "nothing is left of what was deleted for ever", left_of_purged(), "report this as a fault of Gatepost"
    yield "every arrival's octets are stored", arrivals(~is_there(Raw, Arrival.raw_id)), RESTORE
    yield "every arrival has one known outcome", arrivals(~col(Arrival.outcome).in_(list(Outcome))), RESTORE
    yield (
        "every arrival that was placed is a message",
        arrivals(col(Arrival.outcome) == Outcome.PLACED, ~is_there(Message, Arrival.message_id)),
        RESTORE,
    )
    yield (
        "no arrival waits to be read for an hour",
        arrivals(col(Arrival.outcome) == Outcome.PENDING, col(Arrival.received_at) < now - FRESH),
        "start `gatepost serve`: it reads them within a minute",
    )


def deliveries(*where: ColumnElement[bool]) -> Any:
    return select(Delivery.id).where(*where)


def arrivals(*where: ColumnElement[bool]) -> Any:
    return select(Arrival.id).where(*where)


def is_there(model: Any, key: Any) -> ColumnElement[bool]:
    return exists().where(col(model.id) == col(key))


def leased(column: Any) -> ColumnElement[bool]:
    return col(column).is_not(None)


def due() -> ColumnElement[bool]:
    """Whether a delivery has a next time; one that is being sent keeps the one it was due at."""
    return or_(col(Delivery.next_attempt_at).is_not(None), col(Delivery.state) == DeliveryState.SENDING)


def without_delivery() -> Any:
    there = exists().where(col(Delivery.message_id) == col(Message.id))
    return select(Message.id).where(Message.direction == "out", Message.trigger != ELSEWHERE, ~there)


def left_of_purged() -> Any:
    """Messages of conversations that were deleted for ever whose content was not."""
    there = select(Message.id).join(Conversation, col(Conversation.id) == col(Message.conversation_id))
    return there.where(Conversation.state == PURGED, col(Message.purged_at).is_(None))


def accepted_differs() -> Any:
    """Messages whose accepted recipients, with the corrected addresses, are not as many as their deliveries."""
    events: Any = Event.__table__  # type: ignore[attr-defined]
    of = events.c.message_id.label("id")
    queued = core_select(of, events.c.data["recipients"].as_integer().label("n")).where(
        events.c.kind == "message.queued"
    )
    corrected = core_select(of, func.count().label("n")).where(events.c.kind == READDRESSED).group_by(of)
    rows = union_all(queued, corrected).subquery()
    accepted = core_select(rows.c.id, func.sum(rows.c.n).label("n")).group_by(rows.c.id).subquery()
    message = col(Delivery.message_id)
    stored = core_select(message.label("id"), func.count().label("n")).group_by(message).subquery()
    joined = core_select(accepted.c.id).outerjoin(stored, stored.c.id == accepted.c.id)
    return joined.where(func.coalesce(stored.c.n, 0) != accepted.c.n)


def question(session: Session, check: str, ids: Select[Any], fix: str) -> Finding | None:
    """Count what a query finds, and take the first examples."""
    failing = ids.subquery()
    count = session.execute(select(func.count()).select_from(failing)).scalar_one()
    if not count:
        return None
    first = session.execute(select(failing.c[0]).order_by(failing.c[0]).limit(EXAMPLES)).scalars()
    return Finding(check, count, tuple(str(one) for one in first), fix)


def miscounted(session: Session) -> Finding | None:
    """Conversations whose counts of messages or of recipients not reached are not what they hold."""
    ids = wrong_counts(session)
    examples = tuple(f"#{number}" for _, number, _ in ids[:EXAMPLES])
    fix = "run `gatepost fsck --fix`: the counts are made anew"
    return Finding("every conversation's counts are right", len(ids), examples, fix) if ids else None


def wrong_counts(session: Session) -> list[tuple[str, int, int]]:
    """Id, number and right count of messages of the conversations that are wrong."""
    own, origin = col(Message.conversation_id) == col(Conversation.id), col(Message.id) == col(Conversation.origin_id)
    held = select(func.count()).select_from(Message).where(own).scalar_subquery()
    begun = select(func.count()).select_from(Message).where(origin, ~own_too()).scalar_subquery()
    failing = select(func.count()).select_from(Delivery).join(Message, col(Message.id) == col(Delivery.message_id))
    failed = failing.where(or_(own, origin), col(Delivery.state).in_(NOT_DELIVERED)).scalar_subquery()
    right = held + begun
    rows = select(Conversation.id, Conversation.number, right.label("right")).where(
        or_(col(Conversation.messages) != right, col(Conversation.failed) != failed)
    )
    return [(row[0], row[1], row[2]) for row in session.execute(rows.order_by(col(Conversation.number)))]


def own_too() -> ColumnElement[bool]:
    """Whether the relayed message that a conversation answers is one of its own as well: then it counts once."""
    return func.coalesce(col(Message.conversation_id), "") == col(Conversation.id)


def fix_counts(session: Session) -> int:
    """Make wrong counts anew, in the caller's transaction; of how many conversations."""
    wrong = wrong_counts(session)
    for conversation_id, _, right in wrong:
        session.execute(update(Conversation).where(col(Conversation.id) == conversation_id).values(messages=right))
        conversation = get_conversation(session, conversation_id)
        if conversation:
            count_failures(session, conversation)
    return len(wrong)


def lost_blobs(session: Session, blobs: Blobs) -> Finding | None:
    """Stored mails whose file is gone or of another size."""
    lost: list[str] = []
    kept = (col(Raw.blob).is_not(None), col(Raw.purged_at).is_(None))
    for raw_id, blob, size in session.execute(select(Raw.id, Raw.blob, Raw.size).where(*kept)):
        if not is_whole(blobs, blob, size):
            lost.append(raw_id)
    fix = f"restore {blobs.root} from a backup"
    return (
        Finding("every large mail's file is there and whole", len(lost), tuple(lost[:EXAMPLES]), fix) if lost else None
    )


def is_whole(blobs: Blobs, blob: str, size: int) -> bool:
    try:
        return blobs.file(blob).stat().st_size == size
    except (OSError, ValueError):
        return False


def orphans(session: Session, blobs: Blobs, now: datetime) -> Finding | None:
    """Files that no stored mail names, as a commit that failed or a power cut leaves them."""
    loose = loose_files(session, blobs, now - FRESH)
    fix = f"run `gatepost fsck --fix` a day later, or delete them; they lie in {blobs.root}"
    examples = tuple(str(path.relative_to(blobs.root)) for path in loose[:EXAMPLES])
    return Finding("every file belongs to a stored mail", len(loose), examples, fix) if loose else None


def remove_orphans(session: Session, blobs: Blobs, now: datetime) -> int:
    """Remove the files that no stored mail names and nobody has kept for a day; how many."""
    before = now - LEFT_BEHIND
    return sum(blobs.remove_old(path, before.timestamp()) for path in loose_files(session, blobs, before))


def loose_files(session: Session, blobs: Blobs, before: datetime) -> Sequence[Path]:
    """The files below the folder that are older and that no stored mail names, in order."""
    old = [path for path in blobs.root.rglob("*") if path.is_file() and path.stat().st_mtime < before.timestamp()]
    named = set(session.execute(select(Raw.blob).where(col(Raw.blob).is_not(None))).scalars())
    return sorted(path for path in old if path.name not in named)
