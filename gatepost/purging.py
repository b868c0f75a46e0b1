"""What was deleted is gone for ever after its time: seen to in a thread of the process that takes mail."""

from contextlib import AbstractAsyncContextManager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlmodel import Session

from gatepost.blobs import Blobs
from gatepost.ledger import Ledger
from gatepost.parts import Parts, clock
from gatepost.rounds import Duty, When, rounds
from gatepost.store.corrections import NotPossible
from gatepost.store.purge import BY_TIME, due_to_purge, files_to_remove, forget_file, purge

ROUND_SECONDS = 5.0
AT_ONCE = 20
LATER = timedelta(hours=1)
"""A file may just have been kept anew by a mail that is not committed yet; and what holds a conversation back lasts."""


def purge_due(ledger: Ledger, days: int, now: datetime) -> bool:
    """Delete for ever what was deleted so many days ago; True where there may be more. With 0 days nothing."""
    if not days:
        return False
    with ledger.database.session() as session:
        keys = due_to_purge(session, now - timedelta(days=days), AT_ONCE)
    for key in keys:
        with suppress(NotPossible):
            ledger.write(partial(purge_one, conversation_id=key, now=now))
    return len(keys) == AT_ONCE


def purge_one(session: Session, *, conversation_id: str, now: datetime) -> None:
    purge(session, conversation_id, BY_TIME, now)


def remove_files(ledger: Ledger, blobs: Blobs, now: datetime) -> bool:
    """Remove the files of what is deleted for ever, unless another mail has the same; True where some are left."""
    before, left, after = (now - LATER).timestamp(), False, ""
    while True:
        with ledger.database.session() as session:
            found = files_to_remove(session, after)
        for raw_id, name, shared in found:
            path, after = blobs.file(name), raw_id
            if shared or not path.exists() or blobs.remove_old(path, before):
                ledger.write(partial(forget_file, raw_id=raw_id))
            else:
                left = True
        if not found:
            return left


def purging(parts: Parts) -> AbstractAsyncContextManager[None]:
    """What is due is deleted for ever while this context is open; it looks once an hour, whatever is committed."""
    next_at = [datetime.min.replace(tzinfo=UTC)]

    def work(now: datetime) -> When:
        if now < next_at[0]:
            return next_at[0]
        if purge_due(parts.ledger, parts.settings.deleted_days, now):
            return True
        remove_files(parts.ledger, parts.blobs, now)
        next_at[0] = now + LATER
        return next_at[0]

    return rounds(Duty("deleting for ever", work, ROUND_SECONDS, parts.ledger, clock))
