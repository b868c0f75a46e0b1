"""Connections that are too many, too slow, too long or too silent."""

import asyncio
import os
import subprocess
import sys

import pytest

from gatepost.gateway import connection as connection_module
from gatepost.gateway.connection import BUFFER, Connection
from gatepost.gateway.data import DataReader
from gatepost.gateway.limits import Connections, Limits
from tests.gateway.dialogue import BEGIN, MAIL, Client, Run, World, connected, having, in_data, until


async def dripping(client: Client, octet: bytes) -> str:
    """The reply that comes while an octet is sent every tenth of a second."""
    reply = asyncio.create_task(client.reply())
    while not reply.done():
        client.send(octet)
        await asyncio.wait([reply], timeout=0.1)
    return reply.result()


def test_overload_is_421(world: World, run: Run) -> None:
    async def scenario() -> None:
        async with having(world, connections=3).mx() as server:
            clients = [Client(*await asyncio.open_connection(*server.sockets[0].getsockname()[:2])) for _ in range(5)]
            greetings = [await client.reply() for client in clients]
            assert [greeting[:3] for greeting in greetings] == ["220", "220", "220", "421", "421"]
            assert greetings[4] == "421 4.7.0 Too many connections; please try again later"
            assert await clients[4].rest() == b""
            assert await clients[0].say("QUIT") == "221 2.0.0 Goodbye"
            await clients[0].rest()
            async with connected(server) as client:
                assert (await client.reply()).startswith("220")
            for one in clients:
                one.close()

    run(scenario())


def test_connections_per_address(world: World) -> None:
    async def scenario() -> None:
        having(world, connections_per_ip=2)
        async with world.mx() as server, connected(server) as one, connected(server) as two, connected(server) as three:
            assert (await one.reply())[:3] + (await two.reply())[:3] == "220220"
            assert (await three.reply()).startswith("421 4.7.0 Too many connections from your address")

    asyncio.run(scenario())


def test_a_client_in_the_tls_handshake_counts(world: World) -> None:
    async def scenario() -> None:
        async with having(world, connections_per_ip=1).submission(implicit=True) as server:
            async with connected(server) as silent, connected(server) as second:
                assert (await second.reply()).startswith("421")
                silent.close()
            await asyncio.sleep(0.1)
            async with connected(server, tls=True) as third:
                assert (await third.reply()).startswith("220")

    asyncio.run(scenario())


def test_a_handshake_that_fails_frees_its_place(world: World, run: Run) -> None:
    async def scenario() -> None:
        async with having(world, connections_per_ip=1).submission(implicit=True) as server:
            for _ in range(3):
                async with connected(server) as client:
                    client.send(b"EHLO this is not TLS at all\r\n" * 10)
                    await client.rest()
                await asyncio.sleep(0.05)
            async with connected(server, tls=True) as client:
                assert (await client.reply()).startswith("220")

    run(scenario())


def test_an_endless_command_line_is_cut(world: World, seen: list[Connection]) -> None:
    async def scenario() -> None:
        async with world.mx() as server, connected(server) as client:
            await client.reply()
            client.send(b"MAIL FROM:<" + b"a" * 200_000)
            assert (await client.reply()).startswith("500 5.5.6")
            await client.rest()

    asyncio.run(scenario())
    assert len(seen[0].incoming) <= BUFFER + 256 * 1024


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Connection]:
    """The server's side of each connection."""
    connections: list[Connection] = []
    made = Connection.connection_made

    def note(self: Connection, transport: asyncio.BaseTransport) -> None:
        connections.append(self)
        made(self, transport)

    monkeypatch.setattr(connection_module.Connection, "connection_made", note)
    return connections


def test_an_endless_line_in_data_takes_no_memory_and_is_cut(world: World, run: Run, seen: list[Connection]) -> None:
    async def scenario() -> None:
        async with having(world, message_size=2_000_000).mx() as server, connected(server) as client:
            await in_data(client)
            chunk, sent, most = b"x" * 50_000, 0, 0
            try:
                while sent < 20_000_000 and not client.reader.at_eof():
                    client.send(chunk)
                    await client.writer.drain()
                    sent += len(chunk)
                    sink = seen[0].sink
                    most = max(most, len(seen[0].incoming) + (sink.held if sink else 0))
                    await asyncio.sleep(0)
            except ConnectionError:
                pass
            assert most <= BUFFER + 256 * 1024
            assert seen[0].ended
            assert sent < 20_000_000

    run(scenario())
    assert world.got == []


def test_a_mail_that_is_a_little_too_big_gets_its_reply(world: World) -> None:
    async def scenario() -> None:
        async with having(world, message_size=1_000_000).mx() as server, connected(server) as client:
            await in_data(client)
            assert (await client.say((b"x" * 98 + b"\r\n") * 10_500 + b".\r\n")).startswith("552 5.3.4")
            assert (await client.all(*BEGIN[1:]))[-1].startswith("354")
            assert (await client.say(MAIL + b".\r\n")).startswith("250")

    asyncio.run(scenario())


def test_silence_is_cut_and_octets_do_not_put_it_off(world: World, run: Run) -> None:
    async def scenario() -> None:
        async with having(world, command_seconds=1).mx() as server, connected(server) as client:
            await client.reply()
            assert (await dripping(client, b"N")).startswith("421 4.4.2")
            assert await client.rest() == b""

    run(scenario())


def test_a_slow_mail_is_cut_below_500_octets_a_second(world: World) -> None:
    async def scenario() -> None:
        async with having(world, command_seconds=2).mx() as server, connected(server) as client:
            await in_data(client)
            assert (await dripping(client, b"x")).startswith("421 4.4.2")

    asyncio.run(scenario())
    assert world.got == []


def test_deadlines() -> None:
    async def scenario() -> None:
        one = Connection(Limits(1_000_000, 10, command_seconds=300, session_seconds=1800), Connections())
        one.began, one.since = 0, 100
        assert one.due() == 400  # waiting for a command
        one.sink = DataReader(1_000_000, strict=True)
        one.last_read = 100
        assert one.due() == 400  # nothing of the mail yet
        one.sink.feed(b"x" * 50_000)
        one.last_read = 390
        assert one.due() == 100 + 300 + 100  # 500 octets earn a second
        one.sink.feed(b"x" * 500_000)
        assert one.due() == 390 + 300  # one read
        one.last_read = 1790
        one.since = 1700
        assert one.due() == 1800  # the session

    asyncio.run(scenario())


def test_the_session_ends_at_its_cap_whatever_is_said(world: World) -> None:
    async def scenario() -> None:
        async with having(world, session_seconds=1).mx() as server, connected(server) as client:
            await client.reply()
            reply = "250"
            for _ in range(90):
                reply = await client.say("NOOP")
                if not reply.startswith("250"):
                    break
                await asyncio.sleep(0.05)
            assert reply.startswith("421 4.4.2")

    asyncio.run(scenario())


def test_a_client_that_never_reads_is_cut(world: World, seen: list[Connection]) -> None:
    async def scenario() -> None:
        async with having(world, command_seconds=1).mx() as server, connected(server) as client:
            await client.reply()
            seen[0].limits = Limits(1000, 10, command_seconds=1, closing_seconds=0.2)
            client.reader._transport.pause_reading()  # type: ignore[attr-defined]
            seen[0].say(b"250 x\r\n" * 3_000_000)
            client.send("NOOP")
            await until(lambda: seen[0].connections.total == 0)

    asyncio.run(scenario())


def test_a_shutdown_is_told(world: World, run: Run, seen: list[Connection]) -> None:
    async def scenario() -> None:
        async with world.mx() as server, connected(server) as client:
            await client.reply()
            for session in seen[0].connections.sessions:
                assert session
                session.cancel()
            assert (await client.reply()).startswith("421 4.3.2")
            assert await client.rest() == b""

    run(scenario())


def test_no_task_and_no_count_is_left(world: World, run: Run, seen: list[Connection]) -> None:
    async def scenario() -> None:
        async with having(world, connections_per_ip=100).mx() as server:
            before = len(asyncio.all_tasks())
            for number in range(40):
                async with connected(server) as client:
                    await client.reply()
                    await client.all(*BEGIN[: number % 5])
            await until(lambda: len(asyncio.all_tasks()) == before)
            assert seen[0].connections.total == 0
            assert seen[0].connections.sessions == set()

    run(scenario())


FEW_DESCRIPTORS = """
import asyncio, resource, socket, sys
from pathlib import Path
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
from gatepost.settings import Settings
from tests.gateway.dialogue import World
async def main():
    world = World(Settings(home=Path(sys.argv[1]), mx="127.0.0.1:0", connections=1000, connections_per_ip=1000))
    async with world.mx() as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.to_thread(sys.stdin.read)
asyncio.run(main())
"""


def test_out_of_file_descriptors(tmp_path: os.PathLike[str]) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", FEW_DESCRIPTORS, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert child.stdout
    port = int(child.stdout.readline())

    async def scenario() -> None:
        pairs = await asyncio.gather(*(asyncio.open_connection("127.0.0.1", port) for _ in range(200)))
        clients = [Client(*pair) for pair in pairs]
        greetings = [(await client.reply())[:3] for client in clients]
        assert greetings.count("220") == 8
        assert greetings.count("421") == 192
        for client in clients:
            client.close()

    try:
        asyncio.run(scenario())
    finally:
        _, errors = child.communicate(b"", timeout=20)
    assert errors == b""
    assert child.returncode == 0
