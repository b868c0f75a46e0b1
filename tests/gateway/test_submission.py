"""The submission listener: who may send, and what happens at the dot."""

import asyncio
import smtplib
from base64 import b64encode

import pytest

from gatepost.reply import Refused
from tests.gateway.dialogue import CREDENTIAL, Run, World, connected, port_of, trusting

MAIL = b"From: shop@gatepost.test\r\nSubject: x\r\n\r\n.Hello\r\n"
STUFFED = MAIL.replace(b"\r\n.", b"\r\n..") + b".\r\n"


def plain(username: str, secret: str) -> str:
    return "AUTH PLAIN " + b64encode(f"\0{username}\0{secret}".encode()).decode()


def test_smtplib_submits_over_starttls(world: World, run: Run) -> None:
    async def scenario() -> None:
        async with world.submission() as server:
            await asyncio.to_thread(submit, port_of(server))

    def submit(port: int) -> None:
        with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
            client.ehlo()
            assert client.has_extn("starttls")
            assert not client.has_extn("auth")
            client.starttls(context=trusting())
            client.login("shop", "s3cret")
            assert client.has_extn("auth")
            assert client.sendmail("shop@gatepost.test", ["a@example.org", "b@example.org"], MAIL) == {}
            client.mail("shop@gatepost.test", ["BODY=8BITMIME", "SIZE=100"])
            client.rcpt("c@example.org")
            assert client.data(MAIL) == (250, b"2.0.0 queued as msg_2:crd_1")

    run(scenario())
    assert [envelope.recipients for envelope in world.got] == [("a@example.org", "b@example.org"), ("c@example.org",)]
    assert world.got[0].content == MAIL
    assert world.got[0].tls


def test_smtplib_submits_over_implicit_tls(world: World, run: Run) -> None:
    async def scenario() -> None:
        async with world.submission(implicit=True) as server:
            await asyncio.to_thread(submit, port_of(server))

    def submit(port: int) -> None:
        with smtplib.SMTP_SSL("127.0.0.1", port, timeout=20, context=trusting()) as client:
            client.ehlo()
            assert client.has_extn("auth")
            assert not client.has_extn("starttls")
            client.user, client.password = "shop", "s3cret"
            assert client.auth("LOGIN", client.auth_login) == (235, b"2.7.0 Logged in")
            assert client.sendmail("shop@gatepost.test", ["a@example.org"], MAIL) == {}

    run(scenario())
    assert len(world.got) == 1


def test_ehlo_lists_what_is_offered(world: World) -> None:
    common = ["mail.gatepost.test", "SIZE 26214400", "8BITMIME", "SMTPUTF8", "PIPELINING", "ENHANCEDSTATUSCODES", "DSN"]

    async def scenario() -> None:
        async with world.submission() as server, connected(server) as client:
            await client.reply()
            for word in ("STARTTLS", "AUTH PLAIN LOGIN"):
                lines = (await client.say("EHLO app.example.org")).split("\r\n")
                assert [line[4:] for line in lines] == [*common, word]
                if word == "STARTTLS":
                    await client.start_tls()

    asyncio.run(scenario())


def test_nothing_without_login_and_no_login_without_tls(world: World) -> None:
    async def scenario() -> None:
        async with world.submission() as server, connected(server) as client:
            await client.reply()
            assert (await client.say("MAIL FROM:<a@example.org>")).startswith("503 5.5.1")
            await client.say("EHLO app.example.org")
            assert (await client.say(plain("shop", "s3cret"))).startswith("538 5.7.11")
            refused = await client.say("MAIL FROM:<a@example.org>")
            assert refused == "530 5.7.0 authentication required; send STARTTLS first"
            assert (await client.say("RCPT TO:<a@example.org>")).startswith("530 5.7.0")
            assert (await client.say("DATA")).startswith("503 5.5.1")
            await client.start_tls()
            await client.say("EHLO app.example.org")
            assert await client.say("MAIL FROM:<a@example.org>") == "530 5.7.0 authentication required"

    asyncio.run(scenario())
    assert (world.tries, world.got) == ([], [])


def test_equal_answers_and_throttling(world: World) -> None:
    async def scenario() -> None:
        async with world.submission(implicit=True) as server, connected(server, tls=True) as client:
            await client.reply()
            await client.say("EHLO app.example.org")
            wrong = await client.all(*[plain("shop", "wrong")] * 5, plain("nobody", "wrong"))
            assert set(wrong) == {"535 5.7.8 The user name or the secret is wrong"}
            assert (await client.say(plain("shop", "s3cret"))).startswith("454 4.7.0")
            assert (await client.say(plain("crash", "x"))).startswith("451 4.3.0")
            assert (await client.say("MAIL FROM:<a@example.org>")).startswith("530 5.7.0")

    asyncio.run(scenario())
    assert len(world.tries) == 7


def test_a_throttled_login_of_the_function_is_told(world: World) -> None:
    async def scenario() -> None:
        async with world.submission(implicit=True) as server, connected(server, tls=True) as client:
            await client.reply()
            await client.say("EHLO app.example.org")
            assert await client.say(plain("shop", "s3cret")) == "454 4.7.0 Too many tries"

    async def refuse(username: str, secret: str, ip: str) -> None:
        raise Refused(454, "4.7.0", "Too many tries")

    world.authenticate = refuse  # type: ignore[method-assign]
    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("AUTH", "504 5.5.4"),
        ("AUTH CRAM-MD5", "504 5.5.4"),
        ("AUTH PLAIN %%%", "501 5.5.2"),
        ("AUTH PLAIN eA==", "501 5.5.2"),
        ("AUTH PLAIN =", "501 5.5.2"),
        ("AUTH PLAIN //8=", "501 5.5.2"),
        ("AUTH PLAIN " + b64encode(b"admin\0shop\0s3cret").decode(), "501 5.5.2"),
        ("AUTH LOGIN\r\n", "334 VXNlcm5hbWU6"),
    ],
)
def test_malformed_login(world: World, command: str, code: str) -> None:
    async def scenario() -> None:
        async with world.submission(implicit=True) as server, connected(server, tls=True) as client:
            await client.reply()
            await client.say("EHLO app.example.org")
            assert (await client.say(command)).startswith(code)
            if code.startswith("334"):
                assert (await client.say("*")).startswith("501 5.7.0")
            assert (await client.say(plain("shop", "s3cret"))).startswith("235")
            assert (await client.say(plain("shop", "s3cret"))).startswith("503")

    asyncio.run(scenario())


def test_half_authenticated_pipelining_ends_the_session(world: World) -> None:
    async def scenario() -> None:
        async with world.submission(implicit=True) as server:
            for octets in (
                plain("shop", "s3cret") + "\r\nMAIL FROM:<a@example.org>\r\n",
                "AUTH PLAIN\r\nAHNob3AAczNjcmV0\r\n",
                "EHLO again.example.org\r\nMAIL FROM:<a@example.org>\r\n",
            ):
                async with connected(server, tls=True) as client:
                    await client.reply()
                    await client.say("EHLO app.example.org")
                    assert (await client.say(octets)).startswith("554 5.5.0")
                    assert await client.rest() == b""
            async with connected(server, tls=True) as client:
                await client.reply()
                await client.all("EHLO app.example.org", "AUTH PLAIN")
                assert (await client.say("AHNob3AAczNjcmV0\r\nMAIL FROM:<a@x.org>\r\n")).startswith("554 5.5.0")

    asyncio.run(scenario())
    assert world.tries == []


def test_a_network_credential_needs_no_login(world: World, run: Run) -> None:
    async def scenario() -> None:
        world.network = CREDENTIAL
        async with world.submission() as server, connected(server) as client:
            await client.reply()
            assert await client.say("HELO bench") == "250 mail.gatepost.test"
            client.send("MAIL FROM:<a@gatepost.test>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n")
            assert [(await client.reply())[:3] for _ in range(3)] == ["250", "250", "354"]
            assert await client.say(STUFFED) == "250 2.0.0 queued as msg_1:crd_1"

    run(scenario())


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("MAIL FROM:a@example.org", "501 5.1.7"),
        ("MAIL FROM:<a>", "501 5.1.7"),
        ("MAIL FROM:<a@b@c>", "501 5.1.7"),
        ("MAIL FROM:<@x.org:a@example.org>", "501 5.1.7"),
        ("MAIL FROM:<a@example.org", "501 5.1.7"),
        ("MAIL FROM:<a@example.org>x", "501 5.1.7"),
        ("MAIL", "501 5.5.4"),
        ("MAIL TO:<a@example.org>", "501 5.5.4"),
        ("MAIL FROM:<ä@example.org>", "553 5.6.7"),
        ("MAIL FROM:<ä@example.org> SMTPUTF8", "250 2.1.0"),
        ("MAIL FROM: <a@example.org> BODY=8BITMIME SIZE=100 AUTH=<>", "250 2.1.0"),
        ("mail from:<>", "250 2.1.0"),
        ('MAIL FROM:<"a> b"@example.org>', "250 2.1.0"),
        ("MAIL FROM:<a@example.org> BODY=BINARYMIME", "501 5.5.4"),
        ("MAIL FROM:<a@example.org> SIZE=x", "501 5.5.4"),
        ("MAIL FROM:<a@example.org> SMTPUTF8=1", "501 5.5.4"),
        ("MAIL FROM:<a@example.org> RET=FULL", "250"),
        ("MAIL FROM:<a@example.org> RET=NONE", "501 5.5.4"),
        ("MAIL FROM:<a@example.org> SIZE=26214401", "552 5.3.4"),
        ("MAIL FROM:<a@example.org> SIZE=26214400", "250 2.1.0"),
        ("MAIL FROM:<" + "a" * 3000 + "@example.org>", "501 5.1.7"),
        ("MAIL FROM:<" + "a" * 5000 + "@example.org>", "500 5.5.6"),
    ],
)
def test_mail(world: World, command: str, code: str) -> None:
    async def scenario() -> None:
        world.network = CREDENTIAL
        async with world.submission() as server, connected(server) as client:
            await client.reply()
            await client.say("EHLO app.example.org")
            assert (await client.say(command)).startswith(code)
            follow = "503 5.5.1" if code.startswith("250") else "250"
            assert (await client.say("MAIL FROM:<x@example.org>")).startswith(follow)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("RCPT TO:<a@example.org>", "250 2.1.5"),
        ("RCPT TO:<b@münchen.example>", "553 5.6.7"),
        ("RCPT TO:<>", "501 5.1.3"),
        ("RCPT TO:<a@>", "501 5.1.3"),
        ("RCPT TO:<a b@example.org>", "501 5.1.3"),
        ("RCPT TO:<a@[127.0.0.1]>", "501 5.1.3"),
        ("RCPT TO:<a@example.org> NOTIFY=NEVER", "250"),
        ("RCPT TO:<a@example.org> NOTIFY=NEVER,DELAY", "501 5.5.4"),
        ("RCPT", "501 5.5.4"),
    ],
)
def test_rcpt(world: World, command: str, code: str) -> None:
    async def scenario() -> None:
        world.network = CREDENTIAL
        async with world.submission() as server, connected(server) as client:
            await client.reply()
            await client.all("EHLO app.example.org", "MAIL FROM:<x@example.org>")
            assert (await client.say(command)).startswith(code)

    asyncio.run(scenario())


def test_too_many_recipients_are_for_the_next_transaction(world: World) -> None:
    async def scenario() -> None:
        world.network = CREDENTIAL
        world.settings = world.settings.model_copy(update={"recipients_submission": 3})
        async with world.submission() as server, connected(server) as client:
            await client.reply()
            await client.all("EHLO app.example.org", "MAIL FROM:<x@example.org>")
            replies = await client.all(*[f"RCPT TO:<r{number}@example.org>" for number in range(40)])
            assert [reply[:9] for reply in replies] == ["250 2.1.5"] * 3 + ["452 4.5.3"] * 37, "no errors of the client"
            await client.say("DATA")
            assert (await client.say(STUFFED)).startswith("250")

    asyncio.run(scenario())
    assert len(world.got[0].recipients) == 3


def test_size_at_the_dot_and_the_session_goes_on(world: World) -> None:
    async def scenario() -> None:
        world.network = CREDENTIAL
        world.settings = world.settings.model_copy(update={"message_size": 100_000})
        begin = ("MAIL FROM:<x@example.org>", "RCPT TO:<a@example.org>", "DATA")
        async with world.submission() as server, connected(server) as client:
            await client.reply()
            assert "SIZE 100000" in await client.say("EHLO app.example.org")
            for size, code in ((100_000, "250 2.0.0"), (100_001, "552 5.3.4"), (50, "250 2.0.0")):
                await client.all(*begin)
                line = b"x" * 98 + b"\r\n"
                body = (
                    line * (size // 100 - 1) + b"x" * (98 + size % 100) + b"\r\n" if size > 100 else b"x" * 48 + b"\r\n"
                )
                assert len(body) == size
                assert (await client.say(body + b".\r\n")).startswith(code)

    asyncio.run(scenario())
    assert [len(envelope.content) for envelope in world.got] == [100_000, 50]


def test_bare_line_ends_are_normalised(world: World) -> None:
    async def scenario() -> None:
        world.network = CREDENTIAL
        async with world.submission() as server, connected(server) as client:
            await client.reply()
            await client.all("EHLO a", "MAIL FROM:<x@example.org>", "RCPT TO:<a@example.org>", "DATA")
            assert (await client.say(b"S: x\n\ra\n.\nb\0\r\r\n.\r\n")).startswith("250")

    asyncio.run(scenario())
    assert world.got[0].content == b"S: x\r\n\r\na\r\n.\r\nb\r\n\r\n"
