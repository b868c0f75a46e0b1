"""T11: the wall clock jumps while Gatepost runs, by libfaketime; delays inside a run are the monotonic clock's."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx2
from sqlalchemy import text
from sqlmodel import Session

from gatepost.parts import clock, open_parts
from gatepost.store.users import create_user, start_session
from gatepost.web.session import cookie_name
from tests.torture.bench import relaying
from tests.torture.load import Load, loading
from tests.torture.product import Gatepost
from tests.torture.run import Run, Skipped, Verdict
from tests.torture.sink import ACCEPTED, Sink
from tests.torture.verdict import drained, judge, stored

FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), Path("/nonexistent"))
HOUR, DAY = 3600, 86400
ENDED = ("failed", "expired", "uncertain", "bounced")
FULL = "451 4.2.2 mailbox full"


@dataclass(slots=True)
class Clock:
    """The wall clock of the product: a file that libfaketime reads each second."""

    path: Path
    jumps: list[str] = field(default_factory=list)

    def set(self, seconds: float) -> None:
        """So many seconds before or after the true time."""
        whole = self.path.with_suffix(".new")
        whole.write_text(f"{seconds:+.0f}s\n")
        whole.replace(self.path)

    def environ(self) -> dict[str, str]:
        """For the process."""
        return {
            "LD_PRELOAD": str(FAKETIME),
            "FAKETIME_TIMESTAMP_FILE": str(self.path),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "TZ": "Europe/Berlin",
        }


def jumps(short: bool) -> dict[str, float]:
    """What the clock is set to, in turn, in seconds from the true time."""
    if short:
        return {"+10 d": 10 * DAY, "-1 h": -HOUR}
    now = time.time()
    end_of_summer = datetime(2027, 10, 31, 0, 59, 57, tzinfo=UTC).timestamp() - now
    end_of_32_bits = datetime(2038, 1, 19, 3, 14, 5, tzinfo=UTC).timestamp() - now
    return {
        "+1 h": HOUR,
        "-1 h": -HOUR,
        "+10 d": 10 * DAY,
        "-10 d": -10 * DAY,
        "DST": end_of_summer,
        "2038": end_of_32_bits,
        "back": 0,
    }


def clock_jumps(run: Run) -> Verdict:
    """T11: the clock jumps by hours, days and to 2038 with 1,000 mails deferred: no early bounce, no hot loop."""
    if not FAKETIME.exists():
        raise Skipped("libfaketime is not installed: apt-get install faketime")
    return asyncio.run(jumping(run))


async def jumping(run: Run) -> Verdict:
    deferred, verdict = run.pick(40, 1000), Verdict()
    sink = Sink(rcpt=lambda recipient: FULL if recipient.startswith("r") else ACCEPTED)
    async with relaying(run, sink) as product:
        hands = Clock(run.folder / "clock")
        hands.set(0)
        product.environ = hands.environ()
        token = log_in(product)
        product.start()
        load = Load(product.ports["submission"], clients=10)
        async with loading(load):
            while len(load.acked) < deferred:
                await asyncio.sleep(0.02)
            load.paused = True
            await tried(product, 0)
            for name, seconds in jumps(run.short).items():
                await jump(run, verdict, product, sink, load, hands, name, seconds)
        await afterwards(run, verdict, product, sink, token)
        judge(verdict, product, load, sink)
        verdict.check("dup", sink.doubled, 20)
    return verdict


async def jump(
    run: Run, verdict: Verdict, product: Gatepost, sink: Sink, load: Load, hands: Clock, name: str, seconds: float
) -> None:
    """Set the clock and look for some seconds: each mail is tried once at most, and none is given up."""
    before, mails = len(sink.tried), len(load.acked)
    hands.set(seconds)
    await asyncio.sleep(1.5)  # until libfaketime has read the file
    load.recipient = lambda number: f"quick{number}@sink.test"
    load.paused = False
    await asyncio.sleep(1)
    load.paused = True
    await asyncio.sleep(3 if run.short else 10)
    new = len(load.acked) - mails
    verdict.check(f"tries_per_mail {name}", round((len(sink.tried) - before - new) / mails, 2), 1.1)
    verdict.hold(new > 0, f"{name}: no mail was taken after the jump")
    states = (await asyncio.to_thread(stored, product)).states
    verdict.check(f"given_up {name}", sum(states[state] for state in ENDED), 0)


async def tried(product: Gatepost, queued: int) -> None:
    """Wait until every mail has been tried once."""
    with suppress(TimeoutError):
        async with asyncio.timeout(120):
            while (found := (await asyncio.to_thread(stored, product)).states)["queued"] + found["sending"] > queued:
                await asyncio.sleep(0.2)


async def afterwards(run: Run, verdict: Verdict, product: Gatepost, sink: Sink, token: str) -> None:
    """The clock is right again, and the mails are wanted: all arrive, ids are unique, the session holds and ends."""
    sink.rcpt = lambda recipient: ACCEPTED
    await restart(product)
    began = time.monotonic()
    while await asyncio.to_thread(put_off, product) and time.monotonic() < began + 60:
        await asyncio.sleep(0.5)  # the sweeper makes due what the clock had put into a far future
    verdict.check("due_in_a_far_future", await asyncio.to_thread(put_off, product), 0)
    await asyncio.to_thread(product.stop)
    with product.database() as database, database.engine.begin() as connection:
        connection.execute(text("UPDATE delivery SET next_attempt_at = created_at WHERE state = 'delayed'"))
        rows = connection.execute(text("SELECT count(*), count(DISTINCT message_id) FROM message")).one()
        verdict.check("ids_used_twice", rows[0] - rows[1], 0)
    await restart(product)
    await drained(product)
    verdict.hold(logged_in(product, token), "the session of before the jumps is dead")
    await restart(product, {"LD_PRELOAD": str(FAKETIME), "FAKETIME": "+60d", "FAKETIME_DONT_FAKE_MONOTONIC": "1"})
    verdict.hold(not logged_in(product, token), "the session lives 60 days later: it is immortal")
    product.stop()


async def restart(product: Gatepost, environ: Mapping[str, str] | None = None) -> None:
    """Stop it and start it with the true clock, or with this environment."""
    await asyncio.to_thread(product.stop)
    product.environ = environ or {}
    await asyncio.to_thread(product.start)


def put_off(product: Gatepost) -> int:
    """How many deliveries wait for a time that no right clock makes."""
    with product.database() as database, database.engine.connect() as connection:
        query = text("SELECT count(*) FROM delivery WHERE next_attempt_at > :limit AND state IN ('queued', 'delayed')")
        return int(connection.execute(query, {"limit": ahead()}).scalar() or 0)


def ahead() -> str:
    """Three hours from now, as the database writes times."""
    return datetime.fromtimestamp(time.time() + 3 * HOUR, UTC).strftime("%Y-%m-%d %H:%M:%S")


def log_in(product: Gatepost) -> str:
    """A user's session; the token of its cookie."""

    def make(session: Session) -> str:
        user = create_user(session, email="ana@gatepost.test", name="Ana", role="admin", password_hash="", now=clock())
        return start_session(session, user.id, agent="", ip="127.0.0.1", now=clock())

    with open_parts(product.settings) as parts:
        return parts.ledger.write(make)


def logged_in(product: Gatepost, token: str) -> bool:
    """Whether the inbox opens with this token."""
    url = f"http://127.0.0.1:{product.ports['web']}/inbox"
    return httpx2.get(url, headers={"cookie": f"{cookie_name(secure=False)}={token}"}, timeout=20).status_code == 200
