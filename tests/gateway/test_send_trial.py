"""Trying the server that a mailbox sends over: what does not work names the setting and the fix."""

from dataclasses import replace
from pathlib import Path

import pytest

from gatepost.gateway.route import Hop
from gatepost.gateway.send_trial import try_login, try_sending
from tests.fakes.certificates import self_signed, server_context
from tests.fakes.smtp import Script, smtp_server_thread

ME = "box@mail.test"


@pytest.fixture
def script(tmp_path: Path) -> Script:
    return Script(tls=server_context(*self_signed(tmp_path)), logins={ME: "s3cret"})


def hop_to(port: int, folder: Path, **changes: object) -> Hop:
    hop = Hop("localhost", port, username=ME, password="s3cret", ca=str(folder / "localhost.crt"))
    return replace(hop, **changes)  # type: ignore[arg-type]


def test_a_login_that_works_and_a_mail_to_itself(script: Script, tmp_path: Path) -> None:
    with smtp_server_thread(script) as server:
        ok, sentence, fix, field = try_sending(hop_to(server.port, tmp_path), ME)
        assert (ok, fix, field) == (True, "", "")
        assert "localhost takes our login for sending, over TLSv1.3." in sentence
        assert server.mails == []
        assert try_sending(hop_to(server.port, tmp_path), ME, b"Subject: x\r\n\r\n")[0]
        (mail,) = server.mails
        assert (mail.user, mail.recipients[0]) == (ME, f"TO:<{ME}>")


def test_tls_that_does_not_fit(script: Script, tmp_path: Path) -> None:
    with smtp_server_thread(script) as server:
        found = try_sending(hop_to(server.port, tmp_path, implicit_tls=True), ME)
        assert found[2:] == ("Set Security for sending to STARTTLS, or Port to 465.", "smtp_security")
        untrusted = try_sending(hop_to(server.port, tmp_path, ca=None), ME)
        assert untrusted[3] == "smtp_host"
        assert "SHA-256 fingerprint is " in untrusted[1]
    with smtp_server_thread(replace(script, tls=None)) as plain:
        bare = try_sending(hop_to(plain.port, tmp_path), ME)
        assert bare[2:] == ("Set Security for sending to TLS and Port to 465.", "smtp_security")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("535 5.7.8 no", "does not accept our login"),
        ("535 5.7.139 SmtpClientAuthentication is disabled for the Tenant", "no mail by a login"),
        ("535 5.7.139 Authentication unsuccessful, basic authentication is disabled", "no passwords for sending"),
    ],
)
def test_a_refused_login(script: Script, tmp_path: Path, answer: str, words: str) -> None:
    with smtp_server_thread(replace(script, replies={"AUTH": [answer]})) as server:
        ok, sentence, fix, field = try_sending(hop_to(server.port, tmp_path), ME)
    assert (ok, field) == (False, "smtp_password")
    assert words in sentence
    assert fix
    assert "s3cret" not in sentence


def test_nobody_there_and_no_such_name(script: Script, tmp_path: Path) -> None:
    ok, sentence, fix, field = try_sending(hop_to(1, tmp_path), ME)
    assert (ok, field, sentence) == (False, "smtp_port", "No mail server answers on port 1 of localhost.")
    assert "465 with TLS and 587 with STARTTLS" in fix
    assert try_sending(hop_to(1, tmp_path, host="nobody.invalid"), ME)[3] == "smtp_host"


def test_what_may_pass_by_itself(script: Script, tmp_path: Path) -> None:
    assert try_login(hop_to(1, tmp_path))[1]  # nobody answers now
    assert not try_login(hop_to(1, tmp_path, host="nobody.invalid"))[1]
    for answer, passes in (("454 4.7.0 Temporary authentication failure", True), ("535 5.7.8 no", False)):
        with smtp_server_thread(replace(script, replies={"AUTH": [answer]})) as server:
            tried, passing = try_login(hop_to(server.port, tmp_path))
            assert (tried[0], passing) == (False, passes)
    with smtp_server_thread(script) as server:
        assert not try_login(hop_to(server.port, tmp_path, ca=None))[1]
        assert try_login(hop_to(server.port, tmp_path))[0][0]
