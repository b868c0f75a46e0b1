"""Spools are written by threads: the loop never waits for a disk, and a client does before too much waits in memory."""

import asyncio
import errno
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gatepost.blobs import Blobs, Spool
from gatepost.disk import NO_ROOM
from gatepost.envelope import Envelope
from gatepost.gateway.mx import start_mx
from gatepost.gateway.spooling import Spooling
from gatepost.gateway.spooling_behind import AHEAD, SpoolingBehind, writers
from gatepost.reply import Reply
from tests.gateway.dialogue import Run, World, connected, in_data, until

LINE = b"x" * 998 + b"\r\n"


class StandingDisk(Spool):
    """Writes nothing until it is let go."""

    let_go: threading.Event

    def write(self, octets: bytes) -> None:
        assert threading.current_thread() is not threading.main_thread(), "the loop must not write"
        self.let_go.wait(60)
        super().write(octets)


class FullDisk(Spool):
    """Takes a little, then no more."""

    def write(self, octets: bytes) -> None:
        if self.size > 1000:
            raise OSError(errno.ENOSPC, "No space left on device")
        super().write(octets)


@dataclass(frozen=True, slots=True)
class OnDisk(Blobs):
    """Blobs on a disk of a kind."""

    kind: Callable[[Path], Spool] = Spool
    made: list[Spool] = field(default_factory=list)

    def spool(self) -> Spool:
        self.spool_folder.mkdir(parents=True, exist_ok=True)
        self.made.append(self.kind(self.spool_folder))
        return self.made[-1]


def files(blobs: Blobs) -> list[Path]:
    return list(blobs.spool_folder.iterdir()) if blobs.spool_folder.exists() else []


def standing(tmp_path: Path) -> tuple[OnDisk, threading.Event]:
    let_go = threading.Event()
    kind = type("Standing", (StandingDisk,), {"let_go": let_go})
    return OnDisk(tmp_path / "blobs", kind=kind), let_go


def nothing() -> None:
    pass


def behind_of(blobs: Blobs) -> SpoolingBehind:
    return SpoolingBehind(lambda: spooling(blobs), blobs.sync, writers(), nothing, nothing)


def spooling(blobs: Blobs) -> Spooling:
    return Spooling(blobs.spool(), 10_000_000, strict=True, line_limit=998)


def test_all_is_written_in_order_and_dropped(tmp_path: Path, run: Run) -> None:
    blobs = Blobs(tmp_path / "blobs")

    async def scenario() -> None:
        behind = behind_of(blobs)
        pieces = [b"%06d\r\n" % number * 10_000 for number in range(100)]  # more than is written between two syncs
        for piece in pieces:
            behind.feed(piece)
            await asyncio.sleep(0)
        behind.feed(b".\r\n")
        await behind.written()
        file = behind.end()
        assert (behind.waiting, behind.fault) == (0, None)
        assert file
        assert file.read() == b"".join(pieces)
        behind.drop()
        await until(lambda: not files(blobs))

    run(scenario())


def test_what_is_kept_stays(tmp_path: Path, run: Run) -> None:
    blobs = Blobs(tmp_path / "blobs")

    async def scenario() -> None:
        behind = behind_of(blobs)
        behind.feed(b"mail\r\n.\r\n")
        await behind.written()
        file = behind.end()
        assert file
        kept = blobs.take(file)
        behind.drop()
        await behind.written()
        assert kept.blob
        assert blobs.load(kept.blob) == b"mail\r\n"
        assert behind.spooling is None
        assert files(blobs) == []

    run(scenario())


def test_dropped_while_the_disk_stands_still(tmp_path: Path, run: Run) -> None:
    blobs, let_go = standing(tmp_path)

    async def scenario() -> None:
        behind = behind_of(blobs)
        behind.feed(LINE)
        behind.feed(LINE)
        await until(lambda: len(blobs.made) == 1)
        behind.drop()
        let_go.set()
        await until(lambda: not files(blobs))
        assert behind.waiting == 0

    run(scenario())


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path, run: Run) -> None:
    blobs = OnDisk(tmp_path / "blobs", kind=FullDisk)

    async def scenario() -> None:
        behind = behind_of(blobs)
        for _ in range(3):
            behind.feed(LINE)
        await behind.written()
        assert (behind.end(), behind.fault) == (None, NO_ROOM)
        behind.feed(LINE)
        behind.drop()
        await until(lambda: not files(blobs))

    run(scenario())


@pytest.mark.parametrize(("kind", "answer"), [(Spool, "250 2.0.0"), (FullDisk, "452 4.3.1")])
def test_a_large_mail_by_a_listener(
    world: World, run: Run, tmp_path: Path, kind: Callable[[Path], Spool], answer: str
) -> None:
    blobs, got = OnDisk(tmp_path / "blobs", kind=kind), []

    async def receive(envelope: Envelope) -> Reply:
        assert envelope.spool
        got.append(await asyncio.to_thread(envelope.spool.read))
        return Reply(250, "2.0.0", "Stored")

    async def scenario() -> None:
        server = await start_mx(
            world.settings, "127.0.0.1:0", tls=None, known_recipient=world.known_recipient, receive=receive, blobs=blobs
        )
        async with connected(server) as client:
            await in_data(client)
            assert (await client.say(LINE * 3000 + b".\r\n")).startswith(answer)
            await until(lambda: not files(blobs))
        server.close()

    run(scenario())
    assert got == ([LINE * 3000] if kind is Spool else [])


def test_while_the_disk_stands_still_others_are_answered_and_the_client_waits(
    world: World, run: Run, tmp_path: Path
) -> None:
    blobs, let_go = standing(tmp_path)
    octets = LINE * 20_000
    got: list[int] = []

    async def receive(envelope: Envelope) -> Reply:
        got.append(envelope.size)
        return Reply(250, "2.0.0", "Stored")

    async def scenario() -> None:
        server = await start_mx(
            world.settings, "127.0.0.1:0", tls=None, known_recipient=world.known_recipient, receive=receive, blobs=blobs
        )
        async with connected(server) as large, connected(server) as small:
            await in_data(large)
            large.send(octets + b".\r\n")
            await until(lambda: len(blobs.made) == 1)
            await small.reply()
            assert (await small.all("EHLO c.example.org", *["NOOP"] * 20))[-1].startswith("250")
            assert large.writer.transport.get_write_buffer_size() > len(octets) // 2, "the client is held back"
            let_go.set()
            assert (await large.reply()).startswith("250 2.0.0")
        server.close()

    run(scenario())
    assert got == [len(octets)]


def test_so_much_waits_in_memory(tmp_path: Path) -> None:
    blobs, let_go = standing(tmp_path)
    told: list[str] = []

    async def scenario() -> None:
        with ThreadPoolExecutor(1) as threads:
            tell = told.append
            behind = SpoolingBehind(
                lambda: spooling(blobs), blobs.sync, threads, lambda: tell("crowded"), lambda: tell("caught up")
            )
            while behind.waiting <= AHEAD:
                assert told == []
                behind.feed(LINE * 64)
            assert told == ["crowded"]
            let_go.set()
            await behind.written()
            assert told == ["crowded", "caught up"]
            behind.drop()

    asyncio.run(scenario())
