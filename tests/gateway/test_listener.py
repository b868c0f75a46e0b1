"""What both listeners do with slow, greedy, impatient and lying clients, and with trouble of ours."""

import asyncio
import socket

import pytest

from gatepost.gateway.connection import Connection, reply_line
from gatepost.reply import Reply
from tests.gateway.dialogue import (
    BEGIN,
    CREDENTIAL,
    MAIL,
    Client,
    Run,
    World,
    connected,
    in_data,
    port_of,
    until,
)


@pytest.mark.parametrize("half", [True, False], ids=["half-close", "reset"])
def test_the_commit_is_finished_when_the_client_goes(world: World, run: Run, half: bool) -> None:
    async def scenario() -> None:
        world.gate = asyncio.Event()
        async with world.mx() as server, connected(server) as client:
            await in_data(client)
            client.send(MAIL + b".\r\n")
            await client.writer.drain()
            if half:
                client.writer.write_eof()
            await asyncio.sleep(0.1)
            if not half:
                client.close()
                await asyncio.sleep(0.1)
            assert world.got == []
            world.gate.set()
            await until(lambda: len(world.got) == 1)
            if half:
                assert await client.rest() == b"250 2.0.0 Stored\r\n"

    run(scenario())


def test_the_commit_is_finished_when_a_tls_client_goes(world: World, run: Run) -> None:
    async def scenario() -> None:
        world.gate = asyncio.Event()
        world.network = CREDENTIAL
        async with world.submission(implicit=True) as server, connected(server, tls=True) as client:
            await in_data(client)
            client.send(MAIL + b".\r\n")
            await client.writer.drain()
            client.writer.close()
            await asyncio.sleep(0.1)
            world.gate.set()
            await until(lambda: len(world.got) == 1)

    run(scenario())


def test_a_pipelined_transaction_after_the_dot(world: World, run: Run) -> None:
    async def scenario() -> None:
        async with world.mx() as server, connected(server) as client:
            await client.reply()
            await client.say("EHLO c.example.org")
            group = "MAIL FROM:<a@example.org>\r\nRCPT TO:<help@gatepost.test>\r\nDATA\r\n"
            client.send(group)
            assert [(await client.reply())[:3] for _ in range(3)] == ["250", "250", "354"]
            client.send(MAIL + b".\r\n" + group.encode())
            assert [(await client.reply())[:3] for _ in range(4)] == ["250", "250", "250", "354"]
            client.send(MAIL + b".\r\nQUIT\r\n")
            assert await client.reply() == "250 2.0.0 Stored"
            assert await client.reply() == "221 2.0.0 Goodbye"
            assert await client.rest() == b""

    run(scenario())
    assert len(world.got) == 2


@pytest.mark.parametrize("step", ["read_data", "start_tls"])
def test_after_a_fault_midway_nothing_is_read_as_a_command(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    async def broken(*_arguments: object) -> None:
        raise RuntimeError("db password=hunter2 down")

    monkeypatch.setattr(Connection, step, broken)

    async def scenario() -> None:
        async with world.mx(tls=True) as server, connected(server) as client:
            if step == "read_data":
                await in_data(client)
            else:
                await client.reply()
                assert (await client.say("STARTTLS")).startswith("220")
            client.send(b"MAIL FROM:<x@evil.example>\r\n")
            rest = await client.rest()
            assert rest.count(b"\r\n") == 1
            assert rest.startswith(b"451 4.3.0 ")
            assert b"hunter2" not in rest

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("before", "octets"),
    [
        ((), "EHLO c.example.org\r\nMAIL FROM:<a@example.org>\r\n"),
        (BEGIN[:3], b"DATA\r\n" + MAIL + b".\r\nMAIL FROM:<x@example.org>\r\n"),
        (BEGIN[:1], "DATA\r\nRSET\r\n"),
        (BEGIN[:1], "STARTTLS\r\nEHLO x.example.org\r\nMAIL FROM:<a@example.org>\r\n"),
    ],
    ids=["EHLO", "DATA", "early DATA", "STARTTLS"],
)
def test_unauthorised_pipelining_ends_the_session(world: World, run: Run, before: tuple[str, ...], octets: str) -> None:
    async def scenario() -> None:
        async with world.mx(tls=True) as server, connected(server) as client:
            await client.reply()
            await client.all(*before)
            assert (await client.say(octets)).startswith("554 5.5.0")
            assert await client.rest() == b""

    run(scenario())
    assert world.got == []


def test_what_was_said_before_tls_is_forgotten(world: World) -> None:
    async def scenario() -> None:
        async with world.mx(tls=True) as server, connected(server) as client:
            await client.reply()
            await client.all(*BEGIN[:3])
            await client.start_tls()
            assert (await client.say("DATA")).startswith("503 5.5.1")
            assert (await client.say("RCPT TO:<help@gatepost.test>")) == "503 5.5.1 Send EHLO first"

    asyncio.run(scenario())


def test_a_client_that_speaks_first_is_turned_away(world: World, run: Run) -> None:
    async def scenario() -> None:
        async with world.mx() as server:
            early = socket.create_connection(("127.0.0.1", port_of(server)))
            early.sendall(b"EHLO c.example.org\r\n")  # before the loop can take the connection
            client = Client(*await asyncio.open_connection(sock=early))
            assert (await client.reply()).startswith("554 5.5.0")
            assert await client.rest() == b""
            client.close()

    run(scenario())


def test_commands_need_crlf(world: World) -> None:
    async def scenario() -> None:
        async with world.mx() as server, connected(server) as client:
            await client.reply()
            await client.say("EHLO c.example.org")
            assert (await client.say(b"MAIL FROM:<a@example.org>\n")).startswith("500 5.5.2")
            assert (await client.say(b"MAIL FROM:<a@example.org>\rRCPT TO:<b@c>\r\n")).startswith("500 5.5.2")
            assert (await client.say(b"MAIL FROM:<a@\0example.org>\r\n")).startswith("500 5.5.2")
            assert (await client.say(b"MAIL FROM:<a@example.org>\n")).startswith("500 5.5.2")
            assert (await client.say(b"NOOP \xff\r\n")).startswith("500 5.5.2")
            assert (await client.say(b"MAIL FROM:<a@example.org>\n")).startswith("500 5.5.2")
            assert (await client.rest()).startswith(b"421 4.7.0")

    asyncio.run(scenario())


def test_twenty_errors_or_a_hundred_idle_commands_end_the_session(world: World) -> None:
    async def scenario() -> None:
        async with world.mx() as server:
            for command, count, code in (("WHAT", 20, "500 5.5.1"), ("NOOP", 100, "250 2.0.0"), ("RSET", 100, "250")):
                async with connected(server) as client:
                    await client.reply()
                    for _ in range(count):
                        assert (await client.say(command)).startswith(code)
                    assert (await client.reply()).startswith("421 4.7.0")
                    assert await client.rest() == b""

    asyncio.run(scenario())


def test_a_mail_taken_clears_the_counts(world: World) -> None:
    async def scenario() -> None:
        async with world.mx() as server, connected(server) as client:
            await client.reply()
            for _ in range(3):
                await client.all(*["WHAT"] * 10, *["NOOP"] * 40, *BEGIN)
                assert await client.say(MAIL + b".\r\n") == "250 2.0.0 Stored"

    asyncio.run(scenario())
    assert len(world.got) == 3


@pytest.mark.parametrize("verb", ["VRFY a", "EXPN a", "HELP", "ETRN x", "BDAT 5 LAST", "XCLIENT NAME=a", "TURN"])
def test_not_offered(world: World, verb: str) -> None:
    async def scenario() -> None:
        async with world.mx() as server, connected(server) as client:
            await client.reply()
            assert (await client.say(verb)).startswith("502 5.5.1")

    asyncio.run(scenario())


@pytest.mark.parametrize("line", ["GET / HTTP/1.1", "POST / HTTP/1.1", "PROXY TCP4 1.2.3.4 5.6.7.8 1 2"])
def test_other_protocols_are_shown_the_door(world: World, line: str) -> None:
    async def scenario() -> None:
        async with world.mx() as server, connected(server) as client:
            await client.reply()
            assert (await client.say(line)).startswith("554 5.5.1")
            assert await client.rest() == b""

    asyncio.run(scenario())


def test_every_reply_has_an_enhanced_code(world: World) -> None:
    async def scenario() -> None:
        async with world.mx() as server, connected(server) as client:
            await client.reply()
            await client.say("EHLO c.example.org")
            for command in (
                "NOOP",
                "RSET",
                "RSET x",
                "DATA",
                "DATA x",
                "MAIL",
                "RCPT",
                "HELO",
                "QUIT x",
                "STARTTLS",
                "",
            ):
                reply = await client.say(command or b"\r\n")
                code, status, text = reply.split(" ", 2)
                assert status.startswith(f"{code[0]}."), reply
                assert text

    asyncio.run(scenario())


def test_a_reply_is_one_short_ascii_line() -> None:
    assert reply_line(Reply(550, "5.1.1", "“ä”\r\n250 injected")) == b'550 5.1.1 "?" 250 injected\r\n'
    assert len(reply_line(Reply(550, "5.1.1", "x" * 5000))) <= 512
