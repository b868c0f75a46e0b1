"""`gatepost mailbox`, with a real IMAP dialogue where one is needed."""

from pathlib import Path

import pytest

from gatepost.parts import clock
from gatepost.store.accounts import list_accounts, open_secret
from tests.cli.conftest import SUPPORT, Command
from tests.fakes.imap import Script, imap_server

SALES = "sales@gatepost.test"


@pytest.fixture
def password(tmp_path: Path) -> str:
    """A file with the password."""
    path = tmp_path / "password"
    path.write_text("secret-pw\n")
    return str(path)


def connect(port: int, password: str) -> list[str]:
    to = ["--host", "localhost", "--port", str(port), "--security", "none", "--username", "user"]
    return ["mailbox", "connect", SUPPORT, *to, "--password-file", password]


def test_mailboxes_are_added_and_listed(gatepost: Command) -> None:
    gatepost.objects("mailbox", "add", SALES, "--name", "Sales", "--alias", "deals@gatepost.test", "--no-mx")
    sales, support = gatepost.objects("mailbox", "list")
    assert (sales["address"], sales["name"], sales["mx"]) == (SALES, "Sales", False)
    assert sales["aliases"] == ["deals@gatepost.test"]
    assert support["address"] == SUPPORT
    assert SALES in gatepost.run("mailbox", "list").stdout
    assert "mailbox connect" in gatepost.run("mailbox", "add", "x@gatepost.test", "--no-mx").stdout


def test_a_login_is_tried_then_saved_sealed(gatepost: Command, password: str) -> None:
    with imap_server(Script(messages={7: b"Subject: hi\r\n\r\n"})) as server:
        result = gatepost.run(*connect(server.port, password))
        assert "Connected: 1 message in INBOX." in result.stdout
        assert "in the clear" in result.stderr
        (checked,) = gatepost.objects("mailbox", "check", SUPPORT)
        assert (checked["ok"], checked["messages"]) == (True, 1)
    with gatepost.parts() as parts, parts.database.session() as session:
        (account,) = list_accounts(session)
        assert open_secret(parts.keys, account) == "secret-pw"
        assert account.next_poll_at <= clock()
    assert gatepost.run("mailbox", "check", SUPPORT, code=3).stdout.startswith(SUPPORT)


def test_a_refused_login_is_not_saved(gatepost: Command, password: str) -> None:
    script = Script(answers={"LOGIN": b"{tag} NO [AUTHENTICATIONFAILED] no\r\n"})
    with imap_server(script) as server:
        result = gatepost.run(*connect(server.port, password), code=2)
    assert "--password-file" in result.stderr
    assert "Nothing was saved" in result.stderr
    assert gatepost.objects("mailbox", "list")[0]["account"] is None


def test_without_a_check_it_is_saved_all_the_same(gatepost: Command, password: str) -> None:
    (made,) = gatepost.objects(*connect(1, password), "--no-check")
    assert made["state"] == "connecting"
    again = gatepost.objects(*connect(2, password), "--no-check")[0]
    assert again["account"] == made["account"]
    assert gatepost.objects("mailbox", "list")[0]["account"] == "user at localhost:2"


def test_what_of_the_old_mail_is_wanted_is_said_while_connecting(gatepost: Command, password: str) -> None:
    boxes = {
        "all": "All mail that is there comes too",
        "new": "nothing is fetched",
        "30": "that of the last 30 days",
        "ask": "chosen",
    }
    found = {}
    for old, words in boxes.items():
        address = f"box-{old}@gatepost.test"
        gatepost.run("mailbox", "add", address, "--no-mx")
        options = [address if part == SUPPORT else part for part in connect(1, password)]
        said = gatepost.run(*options, "--no-check", "--import", old).stdout
        assert words in said
        assert f"gatepost mailbox import {address}" in said
        (row,) = gatepost.objects("mailbox", "import", address)
        found[old] = row["import"]
    assert found == {"all": "all", "new": "new", "30": "days", "ask": "asking"}
    for wrong in ("some", "0", "99999"):
        assert "--import" in gatepost.refused(*connect(1, password), "--no-check", "--import", wrong)
    assert gatepost.objects("mailbox", "list")[-1]["account"] is None


def test_disconnected_and_polled_again(gatepost: Command, password: str) -> None:
    gatepost.run(*connect(1, password), "--no-check")
    assert gatepost.objects("mailbox", "disconnect", SUPPORT)[0]["result"] == "disconnected"
    assert gatepost.objects("mailbox", "list")[0]["account_state"] == "disabled"
    assert "is due now" in gatepost.run("mailbox", "poll", SUPPORT).stdout
    assert gatepost.objects("mailbox", "list")[0]["account_state"] == "connecting"


def test_removed_or_with_history_switched_off(gatepost: Command, password: str) -> None:
    gatepost.run("mailbox", "add", SALES)
    assert gatepost.objects("mailbox", "remove", SALES)[0]["result"] == "deleted"
    gatepost.run(*connect(1, password), "--no-check")
    assert "switched off instead" in gatepost.run("mailbox", "remove", SUPPORT).stdout
    (support,) = gatepost.objects("mailbox", "list")
    assert (support["state"], support["mx"], support["account_state"]) == ("inactive", False, "disabled")


def test_bad_input_is_named(gatepost: Command, password: str) -> None:
    assert "ADDRESS nobody" in gatepost.refused("mailbox", "add", "nobody")
    assert "already a mailbox" in gatepost.refused("mailbox", "add", SUPPORT)
    assert "--alias x" in gatepost.refused("mailbox", "add", SALES, "--alias", "x")
    assert SUPPORT in gatepost.refused("mailbox", "poll", SALES)
    assert "no account is connected" in gatepost.refused("mailbox", "check", SUPPORT)
    to = ("mailbox", "connect", SUPPORT, "--host")
    assert "--host" in gatepost.refused(*to, "imap example", "--password-file", password)
    assert "--port 70000" in gatepost.refused(*to, "localhost", "--port", "70000", "--password-file", password)
    assert "--security ssl" in gatepost.refused(*to, "localhost", "--security", "ssl")
    assert "--password-file" in gatepost.refused(*to, "localhost")
    assert "/nowhere" in gatepost.refused(*to, "localhost", "--password-file", "/nowhere")
    assert [row["address"] for row in gatepost.objects("mailbox", "list")] == [SUPPORT]
