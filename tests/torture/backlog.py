"""T20: a long queue at the start. The process was killed; a new one must be there at once, in little memory."""

import asyncio
import time
from datetime import datetime, timedelta
from typing import Any

from gatepost.ids import new_id
from gatepost.model import Delivery, Event, Message, Raw
from gatepost.parts import clock
from gatepost.store.rows import values_of
from tests.torture.bench import relaying
from tests.torture.load import mail_bytes
from tests.torture.product import SENDER_DOMAIN, Gatepost
from tests.torture.run import Run, Verdict
from tests.torture.sink import Sink
from tests.torture.verdict import stored

LISTENING_MOST, FIRST_MOST, RSS_MOST = 2.0, 5.0, 256.0
AT_ONCE = 2000
TABLES: Any = [model.__table__ for model in (Raw, Message, Delivery, Event)]  # type: ignore[union-attr]


def backlog(run: Run) -> Verdict:
    """T20: started with 100,000 mails queued: listening in 2 s, the first delivered in 5 s, in 256 MB."""
    return asyncio.run(behind(run))


async def behind(run: Run) -> Verdict:
    verdict, sink, count = Verdict(), Sink(), run.pick(4000, 100_000)
    async with relaying(run, sink) as product:
        began = time.monotonic()
        await asyncio.to_thread(fill, product, count)
        verdict.note(queued=count, filled_in_s=time.monotonic() - began)
        product.start()  # a first start warms the disk's cache, as for a server that was running
        product.kill()
        sink.arrivals.clear()
        began = time.monotonic()
        listening = await asyncio.to_thread(product.start)
        while not sink.arrivals and time.monotonic() < began + 60:
            await asyncio.sleep(0.01)
        first = time.monotonic() - began
        most = 5 if run.short else 30
        await asyncio.sleep(most)
        verdict.note(delivered_per_s=len(sink.arrivals) / (time.monotonic() - began - first))
        limits = (60.0, 60.0, RSS_MOST) if run.short else (LISTENING_MOST, FIRST_MOST, RSS_MOST)
        verdict.check("listening_s", listening, limits[0])
        verdict.check("first_delivery_s", first, limits[1])
        verdict.check("peak_rss_mb", product.peak(), limits[2])
        await asyncio.to_thread(product.stop)  # the sink answers meanwhile what is in flight
        there = await asyncio.to_thread(stored, product)
        verdict.check("lost", count - sum(there.messages.values()), 0)
        verdict.check("forgotten", count - there.unfinished - there.states["delivered"], 0)
        verdict.check("dup", sink.doubled, 20)
        findings = product.fsck()
        verdict.check("fsck_findings", len(findings), 0)
    return verdict


def fill(product: Gatepost, count: int) -> None:
    """Queue so many mails by the same rows that accepting makes."""
    now = clock() - timedelta(minutes=5)
    like = alike(now)
    with product.database() as database:
        for start in range(0, count, AT_ONCE):
            mails = [mail_rows(now, like) for _ in range(min(AT_ONCE, count - start))]
            with database.engine.begin() as connection:
                for table, rows in zip(TABLES, zip(*mails, strict=True), strict=True):
                    connection.execute(table.insert(), list(rows))


def mail_rows(now: datetime, like: tuple[dict[str, Any], dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    """One mail to one recipient, as rows of TABLES; `like` are the values that all have."""
    message_id, tag = new_id("msg"), new_id("msg")
    recipient = f"{tag[-12:]}@sink.test"
    content = mail_bytes(tag, recipient, 2000)
    message = {**like[0], "id": message_id, "digest": message_id, "raw_id": message_id, "size": len(content)}
    message["message_id"] = f"{tag}@{SENDER_DOMAIN}"
    delivery = {**like[1], "id": new_id("dlv"), "message_id": message_id, "recipient": recipient}
    event = {"at": now, "kind": "message.queued", "message_id": message_id, "data": {"recipients": 1}}
    raw = {"id": message_id, "data": content, "size": len(content)}
    return raw, message, delivery, event


def alike(now: datetime) -> tuple[dict[str, Any], dict[str, Any]]:
    """The values of a message and a delivery that are the same for all: making a row object for each is slow."""
    sender = f"shop@{SENDER_DOMAIN}"
    message = Message(
        id="", direction="out", digest="", message_id="", subject="Order", from_address=sender, at=now, size=0
    )
    delivery = Delivery(id="", message_id="", recipient="", next_attempt_at=now, created_at=now, updated_at=now)
    return values_of(message), values_of(delivery)
