"""The rig itself: each real server starts, does what the tests count on, and leaves nothing behind."""

import smtplib
import ssl
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import Page

from tests.rig import packages
from tests.rig.postfix import Postfix
from tests.rig.process import running, wait_until


def test_postgres_is_durable_as_gatepost_demands(postgres_database: str) -> None:
    with psycopg.connect(postgres_database.replace("+psycopg", "")) as connection:
        for setting in ("fsync", "synchronous_commit"):
            row = connection.execute("SELECT current_setting(%s)", [setting]).fetchone()
            assert row == ("on",)


def test_postfix_delivers_and_refuses(postfix: Postfix) -> None:
    with smtplib.SMTP("127.0.0.1", postfix.port, local_hostname="gatepost.test", timeout=30) as client:
        client.starttls(context=ssl.create_default_context(cafile=str(postfix.certificate)))
        client.ehlo()
        assert client.mail("b+token@bounce.gatepost.test")[0] == 250
        assert client.rcpt("unknown@anywhere.test")[0] == 550
        code, text = client.rcpt("full@anywhere.test")
        assert (code, text.startswith(b"4.2.2")) == (452, True)
        assert client.rcpt("anna@elsewhere.test")[0] == 250
        assert client.data(b"Subject: one\r\n\r\nText\r\n")[0] == 250
    (raw,) = postfix.wait_for(1)
    assert b"X-Original-To: anna@elsewhere.test" in raw
    assert b"Return-Path: <b+token@bounce.gatepost.test>" in raw


def test_browser_shows_a_page_and_reaches_nothing_else(page: Page) -> None:
    requests: list[str] = []
    page.on("requestfinished", lambda request: requests.append(request.url))
    page.set_content("<h1>Gatepost</h1><img src='http://canary.example/x.png'>")
    assert page.text_content("h1") == "Gatepost"
    assert requests == []


def test_install_is_refused_when_something_would_be_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "apt-get"
    fake.write_text("#!/bin/sh\necho 'Remv exim4-base [4.96]'\necho 'Inst postfix'\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert packages.simulate(["postfix"]) == "it would remove exim4-base"
    fake.write_text("#!/bin/sh\necho 'Inst postfix'\n")
    assert packages.simulate(["postfix"]) == ""


def test_no_daemon_starts_while_packages_are_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = tmp_path / "policy-rc.d"
    monkeypatch.setattr(packages, "POLICY", policy)
    with packages.no_daemons():
        assert policy.read_text().endswith("exit 101\n")
        assert policy.stat().st_mode & 0o111
    assert not policy.exists()
    policy.write_text("ours")
    with packages.no_daemons():
        pass
    assert policy.read_text() == "ours"


def test_a_missing_component_fails_in_ci_and_skips_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(packages.PROGRAMS, "postfix", ("postfix", "no-such-program"))
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="apt-get install postfix"):
        packages.need("postfix")
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception, match="apt-get install postfix"):
        packages.need("postfix")


def test_what_is_missing_is_said_and_fails_only_in_ci(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(packages.PROGRAMS, "swaks", ("swaks", "no-such-program"))
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.delenv("CI", raising=False)
    assert packages.main() == 0
    assert "apt-get install --no-install-recommends swaks" in capsys.readouterr().err
    monkeypatch.setenv("CI", "true")
    assert packages.main() == 1


def test_a_server_ends_with_its_block(tmp_path: Path) -> None:
    with running(["sleep", "60"], tmp_path / "log") as process:
        assert process.poll() is None
    assert process.poll() is not None


def test_a_server_that_does_not_start_shows_its_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with (
        running(["sh", "-c", "echo no such luck; exit 3"], log) as process,
        pytest.raises(RuntimeError, match="no such luck"),
    ):
        wait_until(lambda: False, process, log)
