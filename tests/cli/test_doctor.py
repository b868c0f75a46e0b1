"""`gatepost doctor` and `gatepost config`."""

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gatepost.certificate import make_certificate
from gatepost.cli.doctor_data import judge_undone
from gatepost.parts import clock
from gatepost.resolver import reverse_name
from gatepost.store.domains import create_domain, dns_record
from gatepost.store.undone import Undone
from tests.cli.conftest import SUPPORT, Command
from tests.fakes.dns import Zone, dns_server


def found(gatepost: Command, group: str, code: int) -> list[tuple[str, str]]:
    rows = gatepost.objects("doctor", code=code)
    assert all(row["fix"] for row in rows if row["state"] != "ok")
    return [(row["state"], f"{row['sentence']} {row['fix'] or ''}") for row in rows if row["group"] == group]


def test_a_fresh_installation_is_well(gatepost: Command) -> None:
    with gatepost.parts() as parts:
        parts.ledger.write(lambda session: create_domain(session, parts.keys, "gatepost.test", clock()))
    text = gatepost.run("doctor").stdout
    assert "all well" in text
    rows = gatepost.objects("doctor")
    groups = {row["group"] for row in rows}
    assert groups == {
        *("settings", "keys", "database", "disk", "tls", "ports"),
        *("route", "domains", "mailboxes", "expiries", "queue", "arrivals"),
    }


def test_what_is_missing_names_its_fix(gatepost: Command) -> None:
    (gatepost.var / "gatepost.db").unlink()
    assert "gatepost init" in found(gatepost, "database", 3)[0][1]
    assert not (gatepost.var / "gatepost.db").exists()
    (gatepost.var / "gatepost.db").write_bytes(b"")
    assert "gatepost migrate" in found(gatepost, "database", 3)[0][1]
    (gatepost.var / "key").chmod(0o644)
    assert "chmod 600" in found(gatepost, "keys", 3)[0][1]
    assert "fix: " in gatepost.run("doctor", code=3).stdout


def test_a_proxy_that_is_not_named_is_a_finding(gatepost: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEPOST_WEB_URL", "https://mail.example.org")
    assert [text for state, text in found(gatepost, "settings", 3) if state == "warn" and "web_proxies" in text]
    monkeypatch.setenv("GATEPOST_WEB_PROXIES", '["127.0.0.1"]')
    assert not [text for _, text in found(gatepost, "settings", 3) if "web_proxies" in text]


def test_settings_that_do_not_fit_are_findings(gatepost: Command) -> None:
    gatepost.environment["GATEPOST_ROUTE"] = "pigeon"
    assert "GATEPOST_ROUTE" in found(gatepost, "settings", 3)[0][1]
    assert "GATEPOST_ROUTE" in gatepost.run("user", "list", code=2).stderr


@contextmanager
def greeter(greeting: bytes) -> Iterator[int]:
    """A server that says only this; its port."""

    class Greeting(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.sendall(greeting)
            self.request.settimeout(5)
            while self.request.recv(1000):
                pass

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Greeting) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_a_port_is_ours_another_program_s_or_free(gatepost: Command) -> None:
    for greeting, state in ((b"220 mail.gatepost.test ESMTP\r\n", "ok"), (b"220 other ESMTP\r\n", "fail")):
        with greeter(greeting) as port:
            gatepost.environment["GATEPOST_MX"] = f"127.0.0.1:{port}"
            mx = next(one for one in found(gatepost, "ports", 3) if "mx" in one[1])
            assert mx[0] == state
    assert ("ok", f"mx is not served now; 127.0.0.1:{port} is free ") in found(gatepost, "ports", 3)
    gatepost.environment["GATEPOST_MX"] = "192.0.2.1:25"
    assert any(state == "fail" and "GATEPOST_MX" in text for state, text in found(gatepost, "ports", 3))


def test_a_dkim_record_is_looked_up(gatepost: Command) -> None:
    with gatepost.parts() as parts:
        domain = parts.ledger.write(lambda session: create_domain(session, parts.keys, "shop.org", clock()))
        with parts.database.session() as session:
            name, record = dns_record(session, domain)
    published = [f'"{record[:200]}" "{record[200:]}"']
    others: Zone = {
        "shop.org": {"TXT": ['"v=spf1 a:mail.gatepost.test ~all"']},
        "_dmarc.shop.org": {"TXT": ['"v=DMARC1; p=none"']},
    }
    zones: tuple[tuple[Zone, str], ...] = (
        ({}, "fail"),
        (others | {name: {"TXT": ['"v=DKIM1; p=AAAA"']}}, "fail"),
        ({name: {"TXT": published}}, "warn"),
        (others | {name: {"TXT": published}}, "ok"),
    )
    for zone, state in zones:
        with dns_server(zone) as server:
            gatepost.environment["GATEPOST_DNS_SERVERS"] = f'["{server.address}"]'
            assert found(gatepost, "domains", 0 if state == "ok" else 3)[0][0] == state


def test_the_certificate_is_read(gatepost: Command, tmp_path: Path) -> None:
    certificate, key = tmp_path / "c.pem", tmp_path / "k.pem"
    gatepost.environment.update(GATEPOST_TLS_CERTIFICATE=str(certificate), GATEPOST_TLS_KEY=str(key))
    assert found(gatepost, "tls", 3)[0][0] == "fail"
    for age, state in ((timedelta(0), "ok"), (timedelta(days=815), "warn"), (timedelta(days=900), "fail")):
        make_certificate("mail.gatepost.test", certificate, key, datetime.now(UTC) - age)
        assert found(gatepost, "tls", 3)[0][0] == state


def test_a_relay_that_does_not_answer_fails(gatepost: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    gatepost.environment.update(GATEPOST_ROUTE="relay", GATEPOST_RELAY=f"smtp://user:hidden@127.0.0.1:{port}")
    ((state, text),) = found(gatepost, "route", 3)
    assert (state, "hidden" in text) == ("fail", False)


def test_the_direct_route_needs_a_name_that_leads_back(gatepost: Command) -> None:
    there = {"mail.gatepost.test": {"A": ["9.9.9.9"]}}
    back = {"9.9.9.9.in-addr.arpa": {"PTR": ["mail.gatepost.test."]}}
    gatepost.environment["GATEPOST_ROUTE"] = "direct"
    for zone, state, words in (
        ({}, "warn", "has no public address"),
        (there, "warn", "reverse DNS of 9.9.9.9"),
        (there | back, "ok", "and back"),
    ):
        with dns_server(zone) as server:
            gatepost.environment["GATEPOST_DNS_SERVERS"] = f'["{server.address}"]'
            states = found(gatepost, "route", 3)
        assert [each[0] for each in states] == ["ok", state]
        assert words in states[1][1]


def test_complaint_42_an_ipv6_address_without_a_name_is_found_before_servers_refuse_it(gatepost: Command) -> None:
    """mjl-/mox issue 149: IPv6 without PTR is refused for good, while IPv4 works."""
    zone: Zone = {
        "mail.gatepost.test": {"A": ["9.9.9.9"], "AAAA": ["2620:fe::9"]},
        "9.9.9.9.in-addr.arpa": {"PTR": ["mail.gatepost.test."]},
    }
    gatepost.environment["GATEPOST_ROUTE"] = "direct"
    for names, state in (({}, "warn"), ({reverse_name("2620:fe::9"): {"PTR": ["mail.gatepost.test."]}}, "ok")):
        with dns_server(zone | names) as server:
            gatepost.environment["GATEPOST_DNS_SERVERS"] = f'["{server.address}"]'
            text = found(gatepost, "route", 3)[1]
        assert text[0] == state
        assert ("reverse DNS of 2620:fe::9" in text[1]) == (state == "warn")


def test_mailboxes_are_judged(gatepost: Command, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("x\n")
    to = ["--host", "localhost", "--port", "1", "--password-file", str(tmp_path / "password"), "--no-check"]
    gatepost.run("mailbox", "connect", SUPPORT, *to)
    assert found(gatepost, "mailboxes", 3)[0][0] == "ok"
    gatepost.run("mailbox", "add", "sales@gatepost.test", "--no-mx")
    states = [state for state, _ in found(gatepost, "mailboxes", 3)]
    assert states == ["warn", "ok"]


def test_settings_are_shown_with_their_origin(gatepost: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    config = gatepost.var / "gatepost.toml"
    config.write_text('domain = "shop.example"\nrelay = "smtp://user:hidden@relay.example"\n')
    rows = gatepost.objects("--config", str(config), "config", "show", "--origin")
    shown = {row["setting"]: (row["value"], row["origin"]) for row in rows}
    assert shown["domain"] == ("shop.example", str(config))
    assert shown["relay"] == ("smtp://user:***@relay.example", str(config))
    assert shown["mx"] == ("127.0.0.1:0", "GATEPOST_MX")
    assert shown["route"] == ("sandbox", "default")
    assert "hidden" not in gatepost.run("--config", str(config), "config", "show").stdout


def test_a_full_disk_is_told(gatepost: Command) -> None:
    gatepost.environment["GATEPOST_DISK_FREE"] = str(2**62)
    ((state, words),) = found(gatepost, "disk", 3)
    assert state == "fail"
    assert "needed are 4,398,046,511,104 free some space" in words


def test_what_could_not_be_done_at_a_provider_is_told_with_its_fix() -> None:
    assert list(judge_undone(SUPPORT, Undone())) == []
    (later,) = judge_undone(SUPPORT, Undone(acts=2, why="The server is away."))
    assert (later.state, "2 changes of mails could not be done yet" in later.sentence) == ("ok", True)
    (lost,) = judge_undone(SUPPORT, Undone(1, 2, 1, "The folder for sent mail is full."))
    assert lost.state == "warn"
    assert lost.sentence.endswith("lacks 1 copy in Sent and 2 changes of mails: The folder for sent mail is full")
    assert f"gatepost mailbox sending {SUPPORT} --again" in lost.fix
