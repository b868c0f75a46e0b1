"""`gatepost code`: delivery codes explained without an installation."""

import json

from typer.testing import CliRunner

from gatepost.cli.app import app
from tests.cli.conftest import Command


def test_a_code_tells_reason_advice_who_and_whether_later_may_work(gatepost: Command) -> None:
    (told,) = gatepost.objects("code", "5.7.1")
    assert (told["code"], told["known"], told["retryable"]) == ("5.7.1", True, False)
    assert told["who"] in ("sender", "recipient", "admin", "wait")
    assert told["reason"]
    assert told["texts"][0].keys() == {"who", "text"}
    text = gatepost.run("code", "5.7.1").stdout
    assert told["reason"] in text
    assert told["advice"] in text
    assert "who can fix it" in text
    assert "no, it would be refused again" in text
    assert gatepost.objects("code", "550 5.7.1") == gatepost.objects("code", "550", "5.7.1") == [told]
    assert gatepost.objects("code", "4.2.2")[0]["retryable"]


def test_words_find_codes_and_what_is_none_is_said(gatepost: Command) -> None:
    assert "5.2.2" in [row["code"] for row in gatepost.objects("code", "mailbox", "full")]
    (other,) = gatepost.objects("code", "5.7.199")
    assert not other["known"]
    assert "not registered" in gatepost.run("code", "5.7.199").stdout
    assert "no delivery code has these words" in gatepost.refused("code", "zebra crossing")


def test_it_needs_no_installation() -> None:
    result = CliRunner().invoke(app, ["code", "4.2.2", "--json"], env={"GATEPOST_VAR": "/nowhere"})
    assert result.exit_code == 0
    assert json.loads(result.stdout)["code"] == "4.2.2"
