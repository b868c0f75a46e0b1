"""DANE against a DNS server that says AD, and TLS servers with certificates that match, or do not."""

import asyncio
import hashlib
import ssl
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

from gatepost.gateway.accept import Gate
from gatepost.gateway.dane import check_chain, usable
from gatepost.gateway.explain_route import explain_route
from gatepost.gateway.send import Sent
from gatepost.resolver import Tlsa, dns_resolver
from gatepost.store.destinations import remember_policy
from tests.fakes.certificates import server_context
from tests.fakes.dns import Zone, dns_server, zone_from_text
from tests.fakes.smtp import FakeServer, Script, smtp_server
from tests.gateway.direct_rig import World

NOW = datetime.now(UTC)
ZONE = """
single 60 IN MX 10 mx1.remote
unsigned 60 IN MX 10 mx1.remote
mx1.remote 60 IN A 127.0.0.1
"""
Key = ec.EllipticCurvePrivateKey


def made(
    name: str, issuer: tuple[x509.Certificate, Key] | None = None, *, ca: bool = False, ended: bool = False
) -> tuple[x509.Certificate, Key]:
    """A certificate for a name, by itself or by an issuer."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    end = NOW - timedelta(days=1) if ended else NOW + timedelta(days=1)
    builder = (
        x509.CertificateBuilder(issuer[0].subject if issuer else subject, subject, key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=9))
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    return builder.sign(issuer[1] if issuer else key, hashes.SHA256()), key


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def record(certificate: x509.Certificate, usage: int, selector: int, matching: int) -> Tlsa:
    """The record that names a certificate."""
    spki = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    part = spki if selector else der(certificate)
    return (
        usage,
        selector,
        matching,
        {0: part, 1: hashlib.sha256(part).digest(), 2: hashlib.sha512(part).digest()}[matching],
    )


@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("matching", [0, 1, 2])
def test_a_servers_own_certificate_is_matched_whatever_its_name_and_dates(selector: int, matching: int) -> None:
    mine, other = made("other.test", ended=True)[0], made("mx1.remote.test")[0]
    found, why = check_chain([der(mine)], [record(mine, 3, selector, matching)], ["mx1.remote.test"], NOW)
    assert (found, why.startswith("the certificate matches TLSA 3")) == (True, True)
    assert not check_chain([der(other)], [record(mine, 3, selector, matching)], ["mx1.remote.test"], NOW)[0]


def test_an_anchor_counts_with_name_and_dates() -> None:
    anchor = made("ca.test", ca=True)
    good, late = made("mx1.remote.test", anchor)[0], made("mx1.remote.test", anchor, ended=True)[0]
    wanted = [record(anchor[0], 2, 0, 1)]
    chain = [der(good), der(anchor[0])]
    assert check_chain(chain, wanted, ["mx1.remote.test"], NOW)[0]
    for shown, names, said in (
        (chain, ["mx2.remote.test"], "is not for mx2.remote.test"),
        ([der(late), der(anchor[0])], ["mx1.remote.test"], "expired"),
        ([der(good)], ["mx1.remote.test"], "no certificate of the server's chain matches"),
        ([der(made("mx1.remote.test")[0]), der(anchor[0])], ["mx1.remote.test"], "does not lead to"),
        ([], ["mx1.remote.test"], "showed no certificate"),
        ([b"nonsense"], ["mx1.remote.test"], "no certificate of the server's chain"),
    ):
        found, why = check_chain(shown, wanted, names, NOW)
        assert (found, said in why) == (False, True), why
    under_leaf = [der(made("mx1.remote.test", (good, anchor[1]))[0]), der(good)]
    assert not check_chain(under_leaf, [record(good, 2, 0, 1)], ["mx1.remote.test"], NOW)[0]


def test_records_that_cannot_be_met_only_ask_for_tls() -> None:
    mine = made("mx1.remote.test")[0]
    useless = [record(mine, 1, 0, 1), (3, 1, 1, b"short"), (3, 7, 1, b"x" * 32), (3, 1, 9, b"x"), (3, 0, 0, b"")]
    assert usable(useless) == ()
    assert check_chain([der(mine)], useless, ["mx1.remote.test"], NOW) == (
        True,
        "none of the TLSA records can be used, so any certificate will do (section 2.2)",
    )


@pytest.fixture
def world(gate: Gate, tmp_path: Path, now: datetime) -> Iterator[World]:
    zone: Zone = zone_from_text(ZONE, "test")
    with dns_server(zone) as dns:
        dns.signed = lambda name: not name.startswith("unsigned")
        yield World(gate, dns, tmp_path, now)


def tls(folder: Path, certificate: x509.Certificate, key: Key) -> ssl.SSLContext:
    paths = folder / "dane.crt", folder / "dane.key"
    paths[0].write_bytes(certificate.public_bytes(Encoding.PEM))
    paths[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return server_context(*paths)


def send(world: World, script: Script, named: Tlsa, to: str = "ana@single.test") -> tuple[Sent, FakeServer, list[str]]:
    """One attempt with a server at 127.0.0.1 whose TLSA record is this, and what is explained of the way."""

    async def scenario() -> tuple[Sent, FakeServer, list[str]]:
        async with smtp_server(script) as server:
            text = f"{named[0]} {named[1]} {named[2]} {named[3].hex()}"
            world.dns.zone[f"_{server.port}._tcp.mx1.remote.test"] = {"TLSA": [text]}
            told = explain_route(world.lookup(server.port), to, world.now)[1]
            return await world.send(server.port, to), server, told

    return asyncio.run(scenario())


def test_a_mail_goes_to_the_server_that_dane_names(world: World, tmp_path: Path) -> None:
    mine = made("else.test", ended=True)
    script = Script(tls=tls(tmp_path, *mine))
    sent, server, told = send(world, script, record(mine[0], 3, 1, 1))
    assert sent.reply.code == 250
    assert server.mails[0].tls
    assert "* DANE: the certificate matches TLSA 3 1 1" in sent.transcript
    assert any("DANE: its certificate must match TLSA 3 1 1" in line for line in told)
    known = world.known("single.test")
    assert known
    assert known.tls_level == "encrypted"  # without DANE some day, no checked certificate is asked for


def test_another_certificate_is_refused_for_now(world: World, tmp_path: Path) -> None:
    script = Script(tls=tls(tmp_path, *made("mx1.remote.test")))
    sent, server, _ = send(world, script, record(made("mx1.remote.test")[0], 3, 1, 1))
    assert (sent.reply.status, sent.reply.temporary) == ("4.7.5", True)
    assert "is not who its DANE records say: the server's certificate matches none" in sent.reply.text
    assert "nothing was sent" in sent.reply.text
    assert server.mails == []


def test_a_server_that_hides_tls_gets_nothing(world: World) -> None:
    sent, server, _ = send(world, Script(), record(made("mx1.remote.test")[0], 3, 1, 1))
    assert (sent.reply.status, sent.reply.temporary) == ("4.7.10", True)
    assert server.mails == []


def test_without_signatures_dane_does_not_count(world: World, tmp_path: Path) -> None:
    script = Script(tls=tls(tmp_path, *made("mx1.remote.test")))
    sent, _, told = send(world, script, record(made("x.test")[0], 3, 1, 1), "ana@unsigned.test")
    assert sent.reply.code == 250
    assert not any("DANE" in line for line in told)


def test_dane_wins_over_a_policy(world: World, tmp_path: Path) -> None:
    """An MTA-STS policy that names other servers, or wants a checked certificate, does not stop what DANE allows."""
    policy = {"mode": "enforce", "mx": ["other.test"], "max_age": 86400}
    expires = world.now + timedelta(days=1)
    world.gate.ledger.write(lambda s: remember_policy(s, "single.test", "1", policy, expires))
    mine = made("mx1.remote.test")
    sent, _, _ = send(world, Script(tls=tls(tmp_path, *mine)), record(mine[0], 3, 0, 2))
    assert sent.reply.code == 250


@pytest.mark.parametrize("servers", ["mx1.remote.test", "other.test"])
def test_records_that_name_nothing_do_not_win_over_a_policy(world: World, tmp_path: Path, servers: str) -> None:
    policy = {"mode": "enforce", "mx": [servers], "max_age": 86400}
    expires = world.now + timedelta(days=1)
    world.gate.ledger.write(lambda s: remember_policy(s, "single.test", "1", policy, expires))
    script = Script(tls=tls(tmp_path, *made("mx1.remote.test")))
    sent, server, _ = send(world, script, (3, 1, 9, b"unknown"))
    assert (sent.reply.status, sent.reply.temporary, server.mails) == ("4.7.5", True, [])


def test_trouble_about_the_records_is_temporary(world: World) -> None:
    world.dns.faults["_2525._tcp.mx1.remote.test"] = "servfail"
    plan = world.plan("single.test", 2525)
    assert plan.reply
    assert (plan.reply.status, "whether mx1.remote.test has DANE records" in plan.reply.text) == ("4.4.4", True)


def test_whom_we_believe(world: World) -> None:
    resolver = dns_resolver([world.dns.address], 1)
    assert resolver.authentic("single.test", "MX") == (True, True)
    world.dns.signed = lambda name: False
    assert dns_resolver([world.dns.address], 1).authentic("single.test", "MX") == (False, True)
    assert replace(resolver).authentic("single.test", "MX") == (True, True)  # as it was kept


def test_the_chain_that_a_server_shows_is_held_against_an_anchor(world: World, tmp_path: Path) -> None:
    world.now = NOW
    anchor = made("ca.test", ca=True)
    leaf = made("mx1.remote.test", anchor)
    context = tls(tmp_path, *leaf)
    chain = tmp_path / "chain.pem"
    chain.write_bytes(b"".join(each.public_bytes(Encoding.PEM) for each in (leaf[0], anchor[0])))
    context.load_cert_chain(chain, tmp_path / "dane.key")
    sent, _, _ = send(world, Script(tls=context), record(anchor[0], 2, 0, 1))
    assert sent.reply.code == 250
    assert "* DANE: the chain of certificates leads to TLSA 2 0 1" in sent.transcript
