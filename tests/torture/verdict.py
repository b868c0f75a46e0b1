"""The verdict on a run: the clients' sets, what is stored, what arrived, and `gatepost fsck`."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass

from sqlalchemy import text

from tests.torture.load import Load
from tests.torture.product import SENDER_DOMAIN, Gatepost
from tests.torture.run import Verdict
from tests.torture.sink import Sink

UNFINISHED = ("queued", "sending", "delayed")


@dataclass(frozen=True, slots=True)
class Stored:
    """How many messages there are by tag, and how many deliveries by state."""

    messages: Counter[str]
    states: Counter[str]

    @property
    def unfinished(self) -> int:
        """Deliveries without a final state."""
        return sum(self.states[state] for state in UNFINISHED)

    @property
    def doubled(self) -> int:
        """Messages beyond the first of a tag."""
        return sum(count - 1 for count in self.messages.values())


def stored(product: Gatepost) -> Stored:
    """What its database holds."""
    with product.database() as database, database.engine.connect() as connection:
        ids = connection.execute(text("SELECT message_id FROM message"))
        messages = Counter(found.partition("@")[0] for (found,) in ids if found.endswith(f"@{SENDER_DOMAIN}"))
        rows = connection.execute(text("SELECT state, count(*) FROM delivery GROUP BY state"))
        return Stored(messages, Counter({row[0]: row[1] for row in rows}))


async def drained(product: Gatepost, seconds: float = 60) -> float:
    """Wait until every delivery has a final state; how many seconds that took."""
    began = time.monotonic()
    while (await asyncio.to_thread(stored, product)).unfinished and time.monotonic() - began < seconds:
        await asyncio.sleep(0.3)
    return time.monotonic() - began


def judge(verdict: Verdict, product: Gatepost, load: Load, sink: Sink | None, *, check_fsck: bool = True) -> Stored:
    """Nothing lost, nothing doubled by a client's second try, nothing stored that was refused or had no dot."""
    there = stored(product)
    arrived = sink.tags if sink else set()
    have = set(there.messages) | arrived
    verdict.note(sent=load.made, acked=len(load.acked), sent_again=load.tried_again)
    verdict.hold(bool(load.acked), f"no mail was taken at all; the replies were {dict(load.replies)}")
    verdict.check("lost", len(set(load.acked) - have), 0)
    verdict.check("wrong", len(load.wrong & have), 0)
    verdict.check("stored_without_dot", len(load.half & have), 0)
    verdict.note(lost_250=len(load.unknown & have))
    verdict.check("stored_twice", there.doubled, 0)
    if sink:
        verdict.note(dup=sink.doubled)
        verdict.check("unfinished", there.unfinished, 0)
    permanent = {code: count for code, count in load.replies.items() if code.startswith("5")}
    verdict.check("replies_5xx", sum(permanent.values()), 0)
    verdict.hold(not permanent, f"permanent refusals: {permanent}")
    if check_fsck:
        findings = product.fsck()
        verdict.check("fsck_findings", len(findings), 0)
        for finding in findings:
            verdict.hold(False, f"fsck: {finding}")
    return there
