"""The direct route against real DNS and SMTP servers on loopback: order, fallback, guards and TLS levels."""

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from gatepost.gateway.accept import Gate
from gatepost.gateway.send import Sent
from gatepost.store.destinations import forget_tls, remember_tls, require_tls
from tests.fakes.dns import Zone, dns_server, zone_from_text
from tests.fakes.smtp import FakeServer, Script, smtp_server
from tests.gateway.direct_rig import World
from tests.rig.postfix import Postfix

ZONE = """
remote 60 IN MX 10 mx1.remote
remote 60 IN MX 20 mx2.remote
mx1.remote 60 IN A 127.0.0.1
mx2.remote 60 IN A 127.0.0.2
single 60 IN MX 10 mx1.remote
both 60 IN MX 10 dual.remote
dual.remote 60 IN A 127.0.0.2
dual.remote 60 IN AAAA ::1
dual.remote 60 IN A 127.0.0.1
null 60 IN MX 0 .
mixed 60 IN MX 0 .
mixed 60 IN MX 10 mx1.remote
bare 60 IN A 127.0.0.1
empty 60 IN TXT "nothing"
lost 60 IN MX 10 nowhere.remote
ours 60 IN MX 10 mail.gatepost
ours 60 IN MX 20 mx1.remote
backup 60 IN MX 10 mx1.remote
backup 60 IN MX 20 mail.gatepost
backup 60 IN MX 20 mx2.remote
backup 60 IN MX 30 mx2.remote
aimed 60 IN MX 10 sly.remote
sly.remote 60 IN A 192.0.2.9
mail.gatepost 60 IN A 192.0.2.9
"""


@pytest.fixture
def world(gate: Gate, tmp_path: Path, now: datetime) -> Iterator[World]:
    zone: Zone = zone_from_text(ZONE, "test")
    with dns_server(zone, {"broken.test": "servfail"}) as dns:
        yield World(gate, dns, tmp_path, now)


def send(
    world: World, first: Script, recipient: str = "ana@single.test", **settings: object
) -> tuple[Sent, FakeServer]:
    """One attempt with a server at 127.0.0.1."""

    async def scenario() -> tuple[Sent, FakeServer]:
        async with smtp_server(first) as server:
            return await world.send(server.port, recipient, **settings), server

    return asyncio.run(scenario())


def send_to_two(world: World, first: Script, second: Script) -> tuple[Sent, FakeServer, FakeServer]:
    """One attempt with servers at 127.0.0.1 (mx1) and 127.0.0.2 (mx2)."""

    async def scenario() -> tuple[Sent, FakeServer, FakeServer]:
        async with smtp_server(first) as one, smtp_server(second, ("127.0.0.2", one.port)) as two:
            return await world.send(one.port), one, two

    return asyncio.run(scenario())


def test_the_best_server_gets_the_mail_over_checked_tls_which_is_remembered(world: World) -> None:
    sent, server = send(world, Script(tls=world.certificate("mx1.remote.test")))
    assert (sent.reply.code, sent.remote_host) == (250, "mx1.remote.test [127.0.0.1]")
    assert sent.tls
    assert server.mails[0].tls
    assert "EHLO mail.gatepost.test" in server.commands
    known = world.known("single.test")
    assert known
    assert (known.tls_level, known.tls_seen_at) == ("verified", world.now)


def test_trouble_with_a_connection_leads_to_the_next_server(world: World) -> None:
    for cut in (["CONNECT"], ["EHLO"], ["MAIL"], ["RCPT"]):
        sent, one, two = send_to_two(world, Script(cut=cut), Script())
        assert (sent.reply.code, sent.remote_host, len(two.mails)) == (250, "mx2.remote.test [127.0.0.2]", 1)
        assert one.connections
        assert not one.mails
    sent, _, two = send_to_two(world, Script(replies={"CONNECT": ["554 5.7.1 go away"]}), Script())
    assert (sent.reply.code, len(two.mails)) == (250, 1)


@pytest.mark.parametrize("answer", ["550 5.1.1 no such user", "450 4.7.1 greylisted", "421 4.3.2 later"])
def test_an_answer_about_the_mail_counts(world: World, answer: str) -> None:
    sent, _, two = send_to_two(world, Script(replies={"RCPT": [answer]}), Script())
    assert str(sent.reply) == answer
    assert two.connections == 0


def test_a_mail_that_may_have_been_taken_goes_nowhere_else(world: World) -> None:
    sent, _, two = send_to_two(world, Script(cut=["DOT"]), Script())
    assert (sent.uncertain, two.connections) == (True, 0)


def test_where_nobody_answers_every_server_is_named(world: World) -> None:
    sent, _, _ = send_to_two(world, Script(cut=["CONNECT"]), Script(replies={"CONNECT": ["421 4.3.2 busy"]}))
    assert sent.reply.temporary
    assert "mx1.remote.test" in sent.reply.text
    assert "busy" in sent.reply.text
    assert "busy" in sent.transcript
    assert "mx1.remote.test" in sent.transcript


def test_all_addresses_of_a_server_are_tried_ipv4_first(world: World) -> None:
    plan = world.plan("both.test")
    assert sorted(plan.targets[0].addresses[:2]) == ["127.0.0.1", "127.0.0.2"]
    assert plan.targets[0].addresses[2:] == ("::1",)
    sent, server = send(world, Script(), "ana@both.test")
    assert (sent.reply.code, sent.remote_host) == (250, "dual.remote.test [127.0.0.1]")
    assert len(server.mails) == 1


@pytest.mark.parametrize(
    ("domain", "status", "words"),
    [
        ("null.test", "5.1.10", "takes no mail"),
        ("no-such.test", "5.1.2", "does not exist"),
        ("empty.test", "5.1.2", "neither mail servers nor an address"),
        ("broken.test", "4.4.3", "could not be looked up"),
        ("lost.test", "4.4.4", "nowhere.remote.test has no address"),
        ("ours.test", "5.4.6", "come back to us"),
        ("aimed.test", "5.4.6", "our own address"),
    ],
)
def test_a_domain_without_a_server_for_us(world: World, domain: str, status: str, words: str) -> None:
    sent, server = send(world, Script(), f"ana@{domain}")
    assert (sent.reply.code, sent.reply.status, sent.stage) == (None, status, "connect")
    assert words in sent.reply.text
    assert server.connections == 0


def test_a_domain_without_mx_takes_mail_at_its_address(world: World) -> None:
    assert send(world, Script(), "ana@bare.test")[0].remote_host == "bare.test [127.0.0.1]"
    assert send(world, Script(), "ana@mixed.test")[0].reply.code == 250


def test_private_addresses_are_refused_unless_allowed(world: World) -> None:
    sent, server = send(world, Script(), "ana@single.test", private_hosts=False)
    assert (sent.reply.status, server.connections) == ("5.4.4", 0)
    assert "private address" in sent.reply.text


def test_servers_that_are_no_better_than_we_are_are_left_out(world: World) -> None:
    assert [target.host for target in world.plan("backup.test").targets] == ["mx1.remote.test"]


def test_mail_to_a_domain_of_ours_goes_to_our_own_listener(world: World) -> None:
    async def scenario() -> tuple[Sent, FakeServer]:
        async with smtp_server(Script(replies={"RCPT": ["550 5.1.1 unknown here"]})) as server:
            world.own = server.host_port
            return await world.send(1, "nobody@ours.test"), server

    sent, server = asyncio.run(scenario())
    assert (sent.reply.code, server.connections) == (550, 1)


def test_without_tls_the_mail_goes_in_the_clear(world: World) -> None:
    sent, server = send(world, Script())
    assert (sent.reply.code, sent.tls) == (250, None)
    assert not server.mails[0].tls
    assert world.known("single.test") is None


def test_any_certificate_is_better_than_none(world: World) -> None:
    sent, server = send(world, Script(tls=world.certificate("mx1.remote.test", trust=False)))
    assert (sent.reply.code, server.mails[0].tls) == (250, True)
    known = world.known("single.test")
    assert known
    assert known.tls_level == "encrypted"


@pytest.mark.parametrize("level", ["verified", "encrypted"])
def test_a_domain_that_had_tls_does_not_fall_back_silently(world: World, level: str) -> None:
    world.gate.ledger.write(lambda s: remember_tls(s, "single.test", level, world.now - timedelta(days=3)))  # type: ignore[arg-type]
    sent, server = send(world, Script())
    assert (sent.reply.status, sent.stage, server.mails) == ("4.7.10", "tls", [])
    assert "2026-11-19" in sent.reply.text
    assert "less is not accepted silently" in sent.reply.text
    sent, server = send(world, Script(tls=world.certificate("mx1.remote.test", trust=False)))
    assert bool(sent.reply.positive) == (level == "encrypted")
    assert world.gate.ledger.write(lambda session: forget_tls(session, "single.test"))
    assert send(world, Script())[0].reply.positive


def test_a_level_of_long_ago_does_not_count(world: World) -> None:
    world.gate.ledger.write(lambda s: remember_tls(s, "single.test", "verified", world.now - timedelta(days=31)))
    assert send(world, Script())[0].reply.positive


def test_tls_can_be_required_for_a_domain(world: World) -> None:
    world.gate.ledger.write(lambda session: require_tls(session, "single.test", True))
    for script in (Script(), Script(tls=world.certificate("mx1.remote.test", trust=False))):
        sent, server = send(world, script)
        assert (sent.reply.temporary, server.mails) == (True, [])
        assert "required for this domain by our settings" in sent.reply.text
    assert send(world, Script(tls=world.certificate("mx1.remote.test")))[0].reply.positive


def test_a_real_postfix_as_the_remote_mx(world: World, postfix: Postfix) -> None:
    world.dns.zone["postfix.test"] = {"MX": ["10 localhost."]}
    world.dns.zone["localhost"] = {"A": ["127.0.0.1"]}
    world.trusted.append(postfix.certificate.read_bytes())
    sent = asyncio.run(world.send(postfix.port, "anna@postfix.test"))
    assert (sent.reply.code, sent.remote_host) == (250, "localhost [127.0.0.1]")
    assert sent.tls
    known = world.known("postfix.test")
    assert known
    assert known.tls_level == "verified"
    assert b"Hello" in postfix.wait_for(1)[0]
    assert asyncio.run(world.send(postfix.port, "unknown@postfix.test")).reply.status == "5.1.1"
