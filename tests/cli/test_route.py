"""`gatepost route`: every way out explained, and TLS required or forgotten."""

from gatepost.parts import clock
from gatepost.store.destinations import get_destination, remember_tls
from tests.cli.conftest import Command
from tests.fakes.dns import dns_server

ZONE = {
    "remote.test": {"MX": ["10 mx1.remote.test.", "20 mx2.remote.test.", "30 gone.remote.test."]},
    "mx1.remote.test": {"A": ["192.0.2.1"], "AAAA": ["2001:db8::1"]},
    "mx2.remote.test": {"A": ["198.51.100.2"]},
    "null.test": {"MX": ["0 ."]},
    "ours.test": {"MX": ["10 mail.gatepost.test."]},
}


def direct(gatepost: Command, server: str) -> None:
    gatepost.environment.update(
        GATEPOST_ROUTE="direct", GATEPOST_DNS_SERVERS=f'["{server}"]', GATEPOST_PRIVATE_HOSTS="true"
    )


def test_the_sandbox_keeps_it(gatepost: Command) -> None:
    told = gatepost.run("route", "unknown@remote.test").stdout
    assert "lets nothing leave" in told
    assert "550 5.1.1" in told


def test_the_relay_takes_it(gatepost: Command) -> None:
    gatepost.environment.update(GATEPOST_ROUTE="relay", GATEPOST_RELAY="smtp://us:secret@relay.test")
    told = gatepost.run("route", "ana@remote.test").stdout
    assert "the relay smtp://relay.test:587" in told
    assert "STARTTLS is required and the certificate is checked" in told
    assert "secret" not in told


def test_the_servers_of_the_domain_take_it(gatepost: Command) -> None:
    with dns_server(ZONE) as dns:
        direct(gatepost, dns.address)
        lines = gatepost.run("route", "ana@remote.test").stdout.splitlines()
        assert lines == [
            "Mail to ana@remote.test goes straight to the mail servers of remote.test.",
            "1. mx1.remote.test port 25 (preference 10) at 192.0.2.1, 2001:db8::1",
            "2. mx2.remote.test port 25 (preference 20) at 198.51.100.2",
            "Not tried: gone.remote.test has no address",
            "TLS: TLS is used where it is offered.",
            "MTA-STS: remote.test has no policy.",
        ]
        assert "takes no mail (null MX)" in gatepost.run("route", "ana@null.test").stdout
        assert "will not be tried again" in gatepost.run("route", "ana@null.test").stdout
        assert "our own MX listener takes it" in gatepost.run("route", "ana@ours.test").stdout
        (told,) = gatepost.objects("route", "ana@remote.test")
        assert (told["route"], told["why"]) == ("direct", lines)


def test_tls_is_required_and_forgotten(gatepost: Command) -> None:
    with dns_server(ZONE) as dns:
        direct(gatepost, dns.address)
        assert "required for this domain" in gatepost.run("route", "ana@remote.test", "--require-tls").stdout
        assert "where it is offered" in gatepost.run("route", "ana@remote.test", "--no-require-tls").stdout
        with gatepost.parts() as parts:
            parts.ledger.write(lambda session: remember_tls(session, "remote.test", "verified", clock()))
        assert "less is not accepted silently" in gatepost.run("route", "ana@remote.test").stdout
        assert "where it is offered" in gatepost.run("route", "ana@remote.test", "--forget-tls").stdout
        with gatepost.parts() as parts, parts.database.session() as session:
            known = get_destination(session, "remote.test")
    assert known
    assert (known.tls_level, known.require_tls) == ("none", False)


def test_what_is_no_address(gatepost: Command) -> None:
    assert "nobody" in gatepost.refused("route", "nobody")
