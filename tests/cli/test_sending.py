"""`gatepost mailbox sending` and `mailbox test`."""

from pathlib import Path

import pytest

from tests.cli.conftest import SUPPORT, Command
from tests.fakes.imap import Script, imap_server


@pytest.fixture
def password(tmp_path: Path) -> str:
    path = tmp_path / "password"
    path.write_text("secret-pw\n")
    return str(path)


def connect(gatepost: Command, port: int, password: str) -> None:
    to = ["--host", "localhost", "--port", str(port), "--security", "none", "--username", "user"]
    gatepost.run("mailbox", "connect", SUPPORT, *to, "--password-file", password)


def test_how_a_mailbox_sends_is_shown_and_changed(gatepost: Command, password: str) -> None:
    with imap_server(Script(messages={7: b"Subject: hi\r\n\r\n"})) as server:
        connect(gatepost, server.port, password)
    assert "Server for sending: not known" in gatepost.run("mailbox", "sending", SUPPORT).stdout
    assert "first" in gatepost.run("mailbox", "sending", SUPPORT, "--through", code=2).stderr
    to = ["--host", "127.0.0.1", "--port", "1", "--security", "starttls", "--through", "--two-way"]
    assert "Type the mailbox's password again" in gatepost.run("mailbox", "sending", SUPPORT, *to, code=2).stderr
    to += ["--password-file", password]
    refused = gatepost.run("mailbox", "sending", SUPPORT, *to, code=1).stderr
    assert "No mail server answers on port 1" in refused
    assert "--anyway saves it" in refused
    assert "Server for sending: not known" in gatepost.run("mailbox", "sending", SUPPORT).stdout
    wrong = [*to, "--host", "nobody.invalid", "--anyway"]
    assert (
        "There is no server named nobody.invalid" in gatepost.run("mailbox", "sending", SUPPORT, *wrong, code=1).stderr
    )
    (told,) = gatepost.objects("mailbox", "sending", SUPPORT, *to, "--anyway")
    assert (told["smtp_host"], told["smtp_port"], told["smtp_security"]) == ("127.0.0.1", 1, "starttls")
    assert (told["route"], told["two_way"], told["sent_copy"]) == ("support-gatepost-test", True, "auto")
    assert "sender:" + SUPPORT in gatepost.run("route", "list").stdout
    (told,) = gatepost.objects("mailbox", "sending", SUPPORT, "--not-through", "--copies", "never")
    assert (told["route"], told["sent_copy"]) == (None, "never")
    assert told["failed"] == []
    assert "tried again within seconds" in gatepost.run("mailbox", "sending", SUPPORT, "--again").stdout


@pytest.mark.parametrize(
    "wrong", [["--port", "0"], ["--security", "ssl"], ["--copies", "often"], ["--host", "no host"]]
)
def test_what_cannot_be_meant_is_told(gatepost: Command, wrong: list[str]) -> None:
    assert wrong[0] in gatepost.run("mailbox", "sending", SUPPORT, *wrong, code=2).stderr


def test_each_step_of_a_trial_is_told(gatepost: Command, password: str) -> None:
    with imap_server(Script(messages={7: b"Subject: hi\r\n\r\n"})) as server:
        connect(gatepost, server.port, password)
        (told,) = gatepost.objects("mailbox", "test", SUPPORT, code=3)
        steps = {step["name"]: step for step in told["steps"]}
        assert (steps["login"]["ok"], steps["folder"]["ok"], steps["write"]["ok"]) == (True, True, None)
        assert (steps["sent"]["ok"], steps["sent"]["field"]) == (False, "sent_folder")
        gatepost.run("mailbox", "sending", SUPPORT, "--copies", "never")
        shown = gatepost.run("mailbox", "test", SUPPORT).stdout
        assert "Logged in to localhost as user." in shown
        assert "name it with" in gatepost.run("mailbox", "test", SUPPORT, "--send", code=2).stderr
    assert "FAILED" in gatepost.run("mailbox", "test", SUPPORT, code=3).stdout
