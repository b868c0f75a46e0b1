"""The commands about completeness, import, state and ends, against a real Dovecot."""

from pathlib import Path

from tests.cli.conftest import Command
from tests.rig.dovecot import PASSWORD, Dovecot

BOX = "support@gatepost.test"


def connect(gatepost: Command, server: Dovecot, folder: Path) -> None:
    secret = folder / "secret"
    secret.write_text(f"{PASSWORD}\n")
    secret.chmod(0o600)
    user = server.add_user()
    server.deliver(user, b"Subject: one\r\n\r\n")
    server.maildir(user, "Spam")
    options = ("--port", str(server.port), "--security", "none", "--username", user, "--password-file", str(secret))
    gatepost.run("mailbox", "connect", BOX, "--host", "localhost", *options)


def test_a_mailbox_is_compared_shown_and_its_import_chosen(
    gatepost: Command, shared_dovecot: Dovecot, tmp_path: Path
) -> None:
    assert "No account is connected" in gatepost.run("mailbox", "verify").stdout
    connect(gatepost, shared_dovecot, tmp_path)
    assert "complete. 1 mail on the server" in gatepost.run("mailbox", "verify", BOX).stdout
    inbox = next(row for row in gatepost.objects("mailbox", "verify", BOX) if row["folder"] == "INBOX")
    assert (inbox["on_server"], inbox["waiting"], inbox["missing"]) == (1, 1, 0)
    folders = gatepost.objects("mailbox", "folders", BOX)
    assert [(row["folder"], row["read"]) for row in folders if row["role"] in ("inbox", "junk")] == [
        ("INBOX", True), ("Spam", False),
    ]  # fmt: skip
    assert (
        "Read from now on: Spam. All that lies there"
        in gatepost.run("mailbox", "folders", BOX, "--read", "Spam").stdout
    )
    assert "no folder Nowhere" in gatepost.run("mailbox", "folders", BOX, "--read", "Nowhere", code=2).stderr
    assert "once" in gatepost.run("mailbox", "folders", BOX, "--read", "A", "--leave", "A", code=2).stderr
    (chosen,) = gatepost.objects("mailbox", "import", BOX, "--days", "30")
    assert (chosen["import"], chosen["import_state"]) == ("days", "running")
    assert "paused" in gatepost.run("mailbox", "import", BOX, "--pause").stdout
    assert "give one of them" in gatepost.run("mailbox", "import", BOX, "--all", "--new", code=2).stderr
    (shown,) = gatepost.objects("mailbox", "show", BOX)
    assert (shown["account_state"], shown["on_server"], shown["missing"]) == ("connecting", 1, 0)
    assert shown["next_step"]


def test_a_server_that_is_away_is_a_finding(gatepost: Command, dovecot: Dovecot, tmp_path: Path) -> None:
    connect(gatepost, dovecot, tmp_path)
    dovecot.stop()
    assert "could not be compared" in gatepost.run("mailbox", "verify", BOX, code=3).stdout


def test_what_ends_is_listed(gatepost: Command) -> None:
    rows = gatepost.objects("mailbox", "expiries")
    assert all(row["what"] == "DKIM key" for row in rows)
