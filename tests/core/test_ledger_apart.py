"""The writing process: it writes what is gathered, its errors keep their kind, and its end loses nobody's wait."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, func, select

from gatepost.database import Database, SyncFailed, is_full
from gatepost.envelope import Asked, Envelope
from gatepost.ids import new_id
from gatepost.ledger import Ledger
from gatepost.ledger_apart import Apart, packed, read_trouble, trouble_of, unpacked
from gatepost.model import Contact
from gatepost.reply import Refused, Reply
from gatepost.words import DeliveryState

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def add_contacts(session: Session, addresses: Sequence[str]) -> list[int]:
    """Store contacts in the process that writes, whose number is told; `refused@x` is refused, `fault@x` breaks."""
    for address in addresses:
        if address == "refused@x":
            raise Refused(550, "5.5.4", "no")
        if address == "fault@x":
            raise ValueError(address)
        session.add(Contact(id=new_id("ctc"), address=address, created_at=NOW))
    return [os.getpid() for _ in addresses]


def count(database: Database) -> int:
    with database.session() as session:
        return session.exec(select(func.count()).select_from(Contact)).one()


@asynccontextmanager
async def writing(ledger: Ledger) -> AsyncIterator[Apart]:
    """A writer that is ready, ended with the block."""
    url = ledger.database.engine.url.render_as_string(hide_password=False)
    apart = Apart(ledger, url, (add_contacts,))
    task = asyncio.create_task(apart.run())
    try:
        await until(lambda: apart.ready)
        yield apart
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.01)


def test_dataclasses_cross_as_their_values() -> None:
    envelope = Envelope("a@b.example", ("c@d.example",), b"text", asked={"c@d.example": Asked("NEVER")})
    sent = [(1, add_contacts, (envelope, Reply(250, "2.0.0", "OK"), NOW, DeliveryState.DELIVERED))]
    crossing = bytearray(packed(sent))
    assert list(unpacked(crossing)) == [sent]
    assert b"_dataclass_setstate" not in packed(sent)
    assert not crossing


def played(scenario: Callable[[], Coroutine[None, None, None]]) -> None:
    asyncio.run(scenario())


def test_what_is_gathered_is_written_by_the_other_process(ledger: Ledger, database: Database) -> None:
    async def scenario() -> None:
        async with writing(ledger) as apart:
            found = await asyncio.gather(*(ledger.gather(add_contacts, f"{number}@x") for number in range(300)))
            assert apart.process
            assert set(found) == {apart.process.pid}
            assert count(database) == 300
        assert ledger.apart is None
        assert apart.process.poll() == 0
        assert await ledger.gather(add_contacts, "later@x") == os.getpid()

    played(scenario)


def test_one_bad_item_fails_alone_with_its_error(ledger: Ledger, database: Database) -> None:
    async def scenario() -> None:
        async with writing(ledger):
            given = ("a@x", "refused@x", "b@x", "fault@x", "c@x")
            found = await asyncio.gather(*(ledger.gather(add_contacts, one) for one in given), return_exceptions=True)
        assert isinstance(found[1], Refused)
        assert str(found[1].reply) == "550 5.5.4 no"
        assert isinstance(found[3], RuntimeError)
        assert count(database) == 3

    played(scenario)


def test_its_end_is_a_database_that_went_away_and_another_one_is_started(ledger: Ledger, database: Database) -> None:
    async def scenario() -> None:
        async with writing(ledger) as apart:
            assert apart.process
            first = apart.process.pid
            os.kill(first, signal.SIGSTOP)
            waiting = asyncio.ensure_future(ledger.gather(add_contacts, "a@x"))
            await asyncio.sleep(0.05)
            os.kill(first, signal.SIGKILL)
            with pytest.raises(OperationalError):
                await waiting
            assert await ledger.gather(add_contacts, "b@x") == os.getpid()  # meanwhile the ledger writes by itself
            await until(lambda: apart.ready)
            assert await ledger.gather(add_contacts, "c@x") not in (first, os.getpid())
        assert count(database) == 2

    played(scenario)


def test_after_a_failed_sync_nothing_is_written(ledger: Ledger) -> None:
    async def scenario() -> None:
        async with writing(ledger) as apart:
            future = apart.gather(add_contacts, "a@x")
            apart.tell([(1, None, ("sync", "disk I/O error"))])
            with pytest.raises(SyncFailed):
                await future
            with pytest.raises(SyncFailed):
                await ledger.gather(add_contacts, "b@x")
            apart.waiting[1] = asyncio.get_running_loop().create_future()  # the writer's own answer to the first

    played(scenario)


@pytest.mark.parametrize(
    "error",
    [
        SyncFailed("no"),
        OSError(28, "No space left on device"),
        OperationalError("", None, Exception("locked")),
        OperationalError("", None, OSError(28, "database or disk is full")),
        Refused(550, "5.5.4", "no"),
        ValueError("x"),
    ],
)
def test_an_error_keeps_its_kind(error: Exception) -> None:
    again = read_trouble(trouble_of(error))
    assert type(again) is (RuntimeError if isinstance(error, ValueError) else type(error))
    assert is_full(again) == is_full(error)


def test_what_arrives_in_pieces_is_read_when_it_is_whole() -> None:
    octets = packed([1, "two"]) + packed("three")
    received = bytearray()
    found: list[object] = []
    for at in range(len(octets)):
        received += octets[at : at + 1]
        found += unpacked(received)
    assert found == [[1, "two"], "three"]
    assert not received
