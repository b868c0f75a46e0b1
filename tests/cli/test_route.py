"""`gatepost route`: every way out explained, and TLS required or forgotten."""

from pathlib import Path

from gatepost.parts import clock
from gatepost.store.destinations import get_destination, remember_tls
from tests.cli.conftest import Command
from tests.fakes.certificates import self_signed, server_context
from tests.fakes.dns import dns_server
from tests.fakes.smtp import Script, smtp_server_thread

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


def test_a_route_is_made_changed_explained_and_removed(gatepost: Command, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hunter22\n")
    made = gatepost.run(
        *("route", "add", "bulk", "--url", "smtp://us@relay.test:2525", "--password-file", str(secret)),
        *("--rule", "sender:News.example", "--rule", "recipient:remote.test"),
    ).stdout
    assert "Route bulk (relay) takes sender:news.example, recipient:remote.test." in made
    assert "return path" in made
    listed = gatepost.objects("route", "list")
    assert [row["name"] for row in listed] == ["sandbox", "bulk"]
    assert listed[1]["url"] == "smtp://us@relay.test:2525"
    assert "hunter22" not in str(listed)
    lines = gatepost.run("route", "ana@remote.test", "--sender", "x@else.example").stdout.splitlines()
    assert lines[:2] == [
        "Route bulk: the recipient's domain remote.test has the rule recipient:remote.test.",
        "Not bulk: sender:news.example does not fit the sender x@else.example.",
    ]
    assert "It leads to smtp://us@relay.test:2525, TLS required, login with a password." in lines
    assert "Route sandbox: no rule fits" in gatepost.run("route", "explain", "ana@other.test").stdout
    gatepost.run("route", "set", "bulk", "--rule", "credential:Shop", "--tls", "opportunistic")
    (_, changed) = gatepost.objects("route", "list")
    assert (changed["rules"], changed["tls"], changed["has_secret"]) == (["credential:shop"], "opportunistic", True)
    (told,) = gatepost.objects("route", "ana@remote.test", "--credential", "Shop")
    assert told["route"] == "bulk"
    gatepost.run("route", "set", "bulk", "--no-rules")
    assert gatepost.objects("route", "list")[1]["rules"] == []
    assert "is gone" in gatepost.run("route", "remove", "bulk").stdout
    assert gatepost.refused("route", "remove", "bulk").count("no such route") == 1


def test_a_route_that_does_not_fit_names_each_field(gatepost: Command) -> None:
    gatepost.run("route", "add", "one", "--url", "smtp://one.test", "--rule", "recipient:remote.test")
    for arguments, said in (
        (("Two", "--url", "smtp://x.test"), "NAME: A route's name"),
        (("two", "--url", "http://x.test"), "--url: Write the server as"),
        (("two", "--url", "smtp://u@x.test"), "--password-file: The server's user needs a password"),
        (("two", "--url", "smtp://u:p@x.test", "--tls", "none"), "--tls: A login is only sent over TLS"),
        (("two", "--url", "smtp://u@x.test", "--auth", "xoauth2"), "Name one source of the token"),
        (("two", "--url", "smtp://x.test", "--rule", "recipient:remote.test"), "is a rule of the route one already"),
        (("two", "--url", "smtp://x.test", "--rule", "to:remote.test"), "--rule: to:remote.test is no rule"),
        (("two", "--kind", "pigeon"), "--kind: A route is of kind"),
        (("two", "--kind", "account", "--url", "smtp://x.test"), "--account: Name the address"),
        (("mine", "--kind", "direct"), "call it direct"),
        (("one", "--url", "smtp://x.test"), "gatepost route set one"),
    ):
        assert said in gatepost.refused("route", "add", *arguments)


def test_a_route_is_tried_without_sending(gatepost: Command, tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    script = Script(tls=server_context(certificate, key), logins={"us": "hunter22"})
    with smtp_server_thread(script) as server:
        url = f"smtp://us:hunter22@localhost:{server.port}"
        gatepost.run("route", "add", "bulk", "--url", url, "--ca", str(certificate))
        said = gatepost.run("route", "test", "bulk").stdout
        assert "C: AUTH PLAIN ***" in said
        assert "ready to take mail; nothing was sent" in said
        assert "hunter22" not in said
        assert server.mails == []
        gatepost.run("route", "set", "bulk", "--url", f"smtp://us:wrong@localhost:{server.port}")
        failed = gatepost.run("route", "test", "bulk", code=1)
        assert "refused our login" in failed.stdout
        assert "does not work now" in failed.stderr
