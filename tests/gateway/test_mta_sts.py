"""MTA-STS: the records and files of RFC 8461, and what a policy does to the direct route."""

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.gateway.accept import Gate
from gatepost.gateway.mta_sts import Policy, policy_of_row, read_policy, read_record
from gatepost.gateway.send import Sent
from tests.fakes.dns import dns_server
from tests.fakes.smtp import FakeServer, Script, smtp_server
from tests.gateway.direct_rig import World, policy_server

TEXT = "version: STSv1\r\nmode: enforce\r\nmx: mx1.remote.test\r\nmx: *.mail.remote.test\r\nmax_age: 604800\r\n"


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        ([b"v=STSv1; id=20160831085700Z;"], "20160831085700Z"),
        ([b"v=STSv1;id=1"], "1"),
        ([b"v=spf1 -all", b"v=STSv1; id=a1; other=x"], "a1"),
        ([b"v=STSv1; id=1;", b"v=STSv1; id=2;"], None),
        ([b"v=STSv1; id=;"], None),
        ([b"v=STSv1; id=" + b"9" * 33], None),
        ([b"v=STSv1; id=a-b"], None),
        ([b"v=STSv2; id=1"], None),
        ([b"\xff\xfe"], None),
        ([], None),
    ],
)
def test_the_record(texts: list[bytes], found: str | None) -> None:
    assert read_record(texts) == found


def test_the_policy_file() -> None:
    policy = read_policy(TEXT.encode())
    assert policy == Policy("enforce", ("mx1.remote.test", "*.mail.remote.test"), 604800)
    assert read_policy(TEXT.replace("\r\n", "\n").encode()) == policy
    assert policy_of_row(policy.as_row()) == policy
    assert policy_of_row({}) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        TEXT.replace("STSv1", "STSv2"),
        TEXT.replace("enforce", "perhaps"),
        TEXT.replace("604800", "long"),
        TEXT.replace("604800", "\u0663"),
        TEXT.replace("mx:", "my:"),
    ],
)
def test_what_is_no_policy(text: str) -> None:
    assert read_policy(text.encode()) is None


@given(st.binary(max_size=2000))
@settings(max_examples=100, deadline=None)
def test_reading_never_fails(octets: bytes) -> None:
    read_record([octets])
    read_policy(octets)
    read_policy(b"version: STSv1\nmode: enforce\nmax_age: 1\nmx: " + octets)


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("mx1.remote.test", True),
        ("MX1.remote.test", True),
        ("a.mail.remote.test", True),
        ("mail.remote.test", False),
        ("a.b.mail.remote.test", False),
        ("mx2.remote.test", False),
        ("evilmail.remote.test", False),
    ],
)
def test_which_servers_are_allowed(host: str, allowed: bool) -> None:
    policy = read_policy(TEXT.encode())
    assert policy
    assert policy.allows(host) == allowed


@pytest.fixture
def world(gate: Gate, tmp_path: Path, now: datetime) -> Iterator[World]:
    zone = {
        "remote.test": {"MX": ["10 mx1.remote.test."]},
        "mx1.remote.test": {"A": ["127.0.0.1"]},
        "_mta-sts.remote.test": {"TXT": ['"v=STSv1; id=1;"']},
        "mta-sts.remote.test": {"A": ["127.0.0.1"]},
    }
    with dns_server(zone) as dns:
        yield World(gate, dns, tmp_path, now)


def send(world: World, script: Script, policy: str = TEXT, *, kind: str = "text/plain") -> tuple[Sent, FakeServer]:
    """One attempt with a policy server and the mail server of this script."""

    async def scenario() -> tuple[Sent, FakeServer]:
        async with smtp_server(script) as server:
            return await world.send(server.port), server

    tls = world.certificate("mta-sts.remote.test")
    with policy_server(tls, {"mta-sts.remote.test": (200, kind, policy)}) as world.sts_port:
        return asyncio.run(scenario())


def test_an_enforced_policy_wants_a_checked_certificate(world: World) -> None:
    for script in (Script(), Script(tls=world.certificate("mx1.remote.test", trust=False))):
        sent, server = send(world, script)
        assert (sent.reply.temporary, sent.stage, server.mails) == (True, "tls", [])
        assert "MTA-STS" in sent.reply.text
    sent, server = send(world, Script(tls=world.certificate("mx1.remote.test")))
    assert (sent.reply.code, server.mails[0].tls) == (250, True)
    known = world.known()
    assert known
    assert (known.sts_id, known.sts_expires_at) == ("1", world.now + timedelta(days=7))


def test_a_certificate_for_another_name_is_not_enough(world: World) -> None:
    sent, server = send(world, Script(tls=world.certificate("mx9.remote.test")))
    assert (sent.reply.status, server.mails) == ("4.7.5", [])


def test_a_server_that_the_policy_does_not_name_gets_nothing(world: World) -> None:
    sent, server = send(
        world, Script(tls=world.certificate("mx1.remote.test")), TEXT.replace("mx1.remote", "mx7.remote")
    )
    assert (sent.reply.status, server.connections) == ("4.7.5", 0)
    assert "mx1.remote.test is not among the servers of the domain's MTA-STS policy" in sent.reply.text


@pytest.mark.parametrize("mode", ["testing", "none"])
def test_other_modes_demand_nothing(world: World, mode: str) -> None:
    assert send(world, Script(), TEXT.replace("enforce", mode))[0].reply.code == 250


def test_a_kept_policy_holds_when_record_and_server_are_gone(world: World) -> None:
    assert send(world, Script(tls=world.certificate("mx1.remote.test")))[0].reply.positive
    del world.dns.zone["_mta-sts.remote.test"]
    sent, server = send(world, Script(), "")
    assert ("MTA-STS" in sent.reply.text, server.mails) == (True, [])
    world.now += timedelta(days=31)
    assert send(world, Script(), "")[0].reply.positive


def test_a_new_id_brings_the_new_policy(world: World) -> None:
    assert not send(world, Script())[0].reply.positive
    world.dns.zone["_mta-sts.remote.test"]["TXT"] = ['"v=STSv1; id=2;"']
    assert send(world, Script(), TEXT.replace("enforce", "none"))[0].reply.positive
    known = world.known()
    assert known
    assert (known.sts_id, known.sts_policy["mode"]) == ("2", "none")


def test_a_policy_that_cannot_be_fetched_properly_is_none(world: World) -> None:
    assert send(world, Script(), kind="text/html")[0].reply.positive
    assert send(world, Script(), "what?")[0].reply.positive
    known = world.known()
    assert known is None or not known.sts_policy


def test_a_policy_server_with_a_wrong_certificate_is_not_believed(world: World) -> None:
    async def scenario() -> Sent:
        async with smtp_server() as server:
            return await world.send(server.port)

    tls = world.certificate("mta-sts.remote.test", trust=False)
    with policy_server(tls, {"mta-sts.remote.test": (200, "text/plain", TEXT)}) as world.sts_port:
        assert asyncio.run(scenario()).reply.positive
