"""Accepting in the loop that sends: where there is room, a mail goes from the door to its sending without a queue."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from gatepost.database import AWAY
from gatepost.gateway.accept import Gate, NotRemembered, prepare
from gatepost.gateway.outbox import Outbox
from gatepost.gateway.put import Prepared, Put, Stored, Submission, put_all

AT_ONCE = 32 * 1024
"""Mail up to this size is signed in the loop: a thread would cost more than the signature."""


async def accept_now(outbox: Outbox, submission: Submission, now: datetime) -> str:
    """Take responsibility for a mail, as `accept`: its id, once it is durably stored. Raises Refused.

    It is stored as being sent by us where there are places for all its recipients. If sending ends meanwhile, nothing
    is begun that could not be recorded: the mail is due when its lease ends.
    """
    prepared = await prepare_here(outbox.gate, submission, now)
    reserved = outbox.reserve(prepared.recipients)
    stored, lease = Stored(""), reserved.lease_until if reserved else None
    try:
        stored = await outbox.gate.ledger.gather(put_all, Put(prepared, now, lease))
    except (*AWAY, asyncio.CancelledError):  # it may be stored all the same, as being sent by us
        if lease:
            outbox.doubts.note([prepared.message.id], lease)
        raise
    finally:
        if reserved:
            outbox.hand(reserved, stored.claims if outbox.loop else (), prepared.content.data)
        else:
            outbox.wake()
    return stored.message_id


async def prepare_here(gate: Gate, submission: Submission, now: datetime) -> Prepared:
    """As `prepare`, at once for a small mail where nothing has to be looked up, else in a thread."""
    if submission.envelope.size <= AT_ONCE:
        with suppress(NotRemembered):
            return prepare(replace(gate, looks_up=False), submission, now)
    async with gate.budget.share(submission.envelope.size):
        return await asyncio.to_thread(prepare, gate, submission, now)
