"""The MX listener: what it takes, and that it relays for nobody."""

import asyncio
import smtplib

import pytest

from gatepost.envelope import Envelope
from gatepost.gateway.mx import hops
from gatepost.reply import Refused
from tests.gateway.dialogue import MAIL, Run, World, connected, port_of

RELAY_FORMS = [
    "user%example.org@gatepost.test",
    "user%example.org@[127.0.0.1]",
    "user%example.org",
    "user%example.org@",
    "user%gatepost.test@example.org",
    "user%example.org%gatepost.test@gatepost.test",
    "user%25example.org@gatepost.test",
    "@gatepost.test:user@example.org",
    "@gatepost.test,@example.org:user@example.net",
    "@[127.0.0.1]:user@example.org",
    "@localhost:user@example.org",
    "@:user@example.org",
    "example.org!user",
    "example.org!user@gatepost.test",
    "example.org!user@[127.0.0.1]",
    "gatepost.test!user@example.org",
    "example.org!gatepost.test!user",
    '"user@example.org"@gatepost.test',
    '"user@example.org"',
    '"user%example.org"@gatepost.test',
    '"example.org!user"@gatepost.test',
    '"user@example.org\\"@gatepost.test"@example.net',
    '"help@gatepost.test"@example.org',
    '"help@gatepost.test>"@example.org',
    '"help"@example.org',
    '"> <help@gatepost.test"@example.org',
    "user@example.org@gatepost.test",
    "help@gatepost.test@example.org",
    "user@gatepost.test@example.org",
    "user@[127.0.0.1]",
    "user@[192.0.2.1]",
    "user@[IPv6:::1]",
    "user@127.0.0.1",
    "user@localhost",
    "user@",
    "user",
    "@example.org",
    "",
    "help@gatepost.test.example.org",
    "help@example.org.",
    "help@xgatepost.test",
    "help@gatepost.testx",
    "help@gatepost.test,user@example.org",
    "help@gatepost.test;user@example.org",
    "help@gatepost.test user@example.org",
    "help@gatepost.test> <user@example.org",
    "user@example.org (help@gatepost.test)",
    "(x)user@example.org",
    "Help <user@example.org>",
    "smtp:user@example.org",
    "mailto:user@example.org",
    "relay:example.org:user@gatepost.test",
    "=?utf-8?q?user=40example.org?=@gatepost.test",
    "=?utf-8?q?user@example.org?=",
    "üser@example.org",
    "user@exämple.org",
    "user＠example.org",
    "help@gatepost．test@example.org",
    "user@example.org\\@gatepost.test",
    "user\\@example.org@gatepost.test",
    "user/example.org@gatepost.test",
    "user+help@gatepost.test",
    "help@GATEPOST.TEST@example.org",
    "postmaster@example.org",
]


def test_takes_mail_for_a_known_address(world: World, run: Run) -> None:
    async def scenario() -> None:
        async with world.mx() as server:
            await asyncio.to_thread(deliver, port_of(server))

    def deliver(port: int) -> None:
        with smtplib.SMTP("127.0.0.1", port, timeout=20, local_hostname="client.example.org") as client:
            client.ehlo()
            assert set(client.esmtp_features) == {
                "size",
                "8bitmime",
                "smtputf8",
                "pipelining",
                "enhancedstatuscodes",
            }
            assert client.mail("a@example.org") == (250, b"2.1.0 Sender taken")
            assert client.rcpt("nobody@gatepost.test") == (550, b"5.1.1 No such address here")
            assert client.rcpt("help@Gatepost.TEST") == (250, b"2.1.5 Recipient taken")
            assert client.data(MAIL) == (250, b"2.0.0 Stored")

    run(scenario())
    expected = Envelope("a@example.org", ("help@gatepost.test",), MAIL, "127.0.0.1", "client.example.org")
    assert world.got == [expected]


def test_starttls_is_offered_with_a_certificate(world: World, run: Run) -> None:
    async def scenario() -> None:
        async with world.mx(tls=True) as server, connected(server) as client:
            assert (await client.reply()).startswith("220 mail.gatepost.test")
            assert "STARTTLS" in await client.say("EHLO c.example.org")
            await client.start_tls()
            assert (await client.say("MAIL FROM:<>")).startswith("503 5.5.1")
            hello = await client.say("EHLO d.example.org")
            assert "STARTTLS" not in hello
            assert "AUTH" not in hello
            assert (await client.say("STARTTLS")).startswith("503 5.5.1")
            await client.all("MAIL FROM:<>", "RCPT TO:<help@gatepost.test>", "DATA")
            assert await client.say(MAIL + b".\r\n") == "250 2.0.0 Stored"

    run(scenario())
    assert world.got[0].tls in ("TLSv1.2", "TLSv1.3")
    assert (world.got[0].mail_from, world.got[0].helo) == ("", "d.example.org")


def test_relays_no_address_form(world: World) -> None:
    async def scenario() -> None:
        world.settings = world.settings.model_copy(update={"connections_per_ip": 100})
        async with world.mx() as server:
            for form in RELAY_FORMS:
                async with connected(server) as client:
                    await client.reply()
                    await client.all("EHLO c.example.org", "MAIL FROM:<a@example.org> SMTPUTF8")
                    reply = await client.say(f"RCPT TO:<{form}>")
                    assert reply[:9] in ("501 5.1.3", "550 5.1.1", "555 5.5.4", "553 5.6.7"), (form, reply)
                    assert (await client.say("DATA")).startswith("503 5.5.1")

    asyncio.run(scenario())
    assert len(RELAY_FORMS) >= 60
    assert world.got == []


def test_a_recipient_who_is_named_again_and_again_is_looked_up_once(world: World) -> None:
    async def scenario() -> None:
        async with world.mx() as server, connected(server) as client:
            await client.reply()
            await client.all("EHLO c.example.org", "MAIL FROM:<a@example.org>")
            client.send("RCPT TO:<help@gatepost.test>\r\n" * 200)
            replies = (await client.rest()).decode().splitlines()
            assert {reply[:9] for reply in replies[:-1]} == {"250 2.1.5"}
            assert replies[-1].startswith("421 4.7.0")
            assert 90 < len(replies) < 110

    asyncio.run(scenario())
    assert world.asked == ["help@gatepost.test"]


def test_a_flood_of_recipients_beyond_the_limit_ends_the_session(world: World) -> None:
    world.settings = world.settings.model_copy(update={"recipients_mx": 1})

    async def scenario() -> None:
        async with world.mx() as server:
            async with connected(server) as client:
                await client.reply()
                await client.all("EHLO c.example.org", "MAIL FROM:<a@example.org>", "RCPT TO:<help@gatepost.test>")
                client.send("".join(f"RCPT TO:<r{number}@gatepost.test>\r\n" for number in range(1000)))
                replies = (await client.rest()).decode().splitlines()
                assert [reply[:9] for reply in replies] == ["452 4.5.3"] * 200 + ["421 4.7.0"]
            async with connected(server) as client:
                await client.reply()
                for _ in range(3):  # who ends each mail before that may go on
                    await client.all("EHLO c.example.org", "MAIL FROM:<a@example.org>", "RCPT TO:<help@gatepost.test>")
                    replies = await client.all(*[f"RCPT TO:<r{number}@gatepost.test>" for number in range(150)])
                    assert {reply[:9] for reply in replies} == {"452 4.5.3"}
                    await client.say("DATA")
                    assert await client.say(MAIL + b".\r\n") == "250 2.0.0 Stored"

    asyncio.run(scenario())
    assert world.asked == ["help@gatepost.test"] * 4


def test_refuses_auth_and_postmaster_needs_no_domain(world: World) -> None:
    async def scenario() -> None:
        world.known = ("postmaster@gatepost.test",)
        async with world.mx(tls=True) as server, connected(server) as client:
            await client.reply()
            await client.say("EHLO c.example.org")
            assert (await client.say("AUTH PLAIN AHgAeA==")).startswith("502 5.5.1")
            await client.say("MAIL FROM:<a@example.org>")
            assert (await client.say("RCPT TO:<Postmaster>")).startswith("250 2.1.5")

    asyncio.run(scenario())


def test_trouble_at_rcpt_is_temporary(world: World) -> None:
    async def scenario() -> None:
        async with world.mx() as server, connected(server) as client:
            await client.reply()
            await client.all("EHLO c.example.org", "MAIL FROM:<a@example.org>")
            reply = await client.say("RCPT TO:<crash@gatepost.test>")
            assert reply.startswith("451 4.3.0")
            assert "hunter2" not in reply
            assert (await client.say("RCPT TO:<help@gatepost.test>")).startswith("250")

    asyncio.run(scenario())


def test_refusal_and_trouble_at_the_dot(world: World) -> None:
    async def scenario() -> None:
        async with world.mx() as server, connected(server) as client:
            await client.reply()
            await client.say("EHLO c.example.org")
            for trouble, reply in (
                (Refused(550, "5.7.1", "DMARC says no"), "550 5.7.1 DMARC says no"),
                (RuntimeError("db password=hunter2 down"), "451 4.3.0 Internal trouble"),
                (TimeoutError(), "451 4.3.0 Internal trouble"),
                (None, "250 2.0.0 Stored"),
            ):
                world.trouble = trouble
                await client.all("MAIL FROM:<a@example.org>", "RCPT TO:<help@gatepost.test>", "DATA")
                assert (await client.say(MAIL + b".\r\n")).startswith(reply)

    asyncio.run(scenario())
    assert len(world.got) == 1


@pytest.mark.parametrize("bad", [b"a\nb", b"a\rb", b"a\0b", b"x\n.\nMAIL FROM:<b@example.org>"])
def test_bare_line_ends_are_refused(world: World, bad: bytes) -> None:
    async def scenario() -> None:
        async with world.mx() as server, connected(server) as client:
            await client.reply()
            await client.all("EHLO c.example.org", "MAIL FROM:<a@example.org>", "RCPT TO:<help@gatepost.test>", "DATA")
            assert (await client.say(MAIL + bad + b"\r\n.\r\n")).startswith("550 5.6.0")
            assert (await client.say("RCPT TO:<help@gatepost.test>")).startswith("503")

    asyncio.run(scenario())
    assert world.got == []


def test_loop_is_refused(world: World) -> None:
    async def scenario() -> None:
        async with world.mx() as server, connected(server) as client:
            await client.reply()
            await client.say("EHLO c.example.org")
            for count, code in ((50, "250"), (51, "554 5.4.6")):
                await client.all("MAIL FROM:<>", "RCPT TO:<help@gatepost.test>", "DATA")
                assert (await client.say(b"Received: x\r\n" * count + MAIL + b".\r\n")).startswith(code)

    asyncio.run(scenario())


def test_hops_counts_the_header_only() -> None:
    assert hops(b"") == 0
    assert hops(b"Received: a\r\nRECEIVED: b\r\n c\r\nX-Received: d\r\n\r\nReceived: e\r\n") == 2
