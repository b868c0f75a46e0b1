"""`gatepost inbound` on mail that was set aside."""

from base64 import b64decode
from pathlib import Path

import pytest

from gatepost.blobs import Content
from gatepost.parts import clock
from gatepost.store.arrivals import get_arrival, settle
from gatepost.threading.intake import Arriving, store_arrival
from gatepost.words import Outcome
from tests.cli.conftest import SUPPORT, Command

RAW = b"From: Ana <ana@x.example>\r\nTo: support\r\nSubject: x\r\nMessage-ID: <1@x.example>\r\n\r\nHi\r\n"
WHY = "Reading it took more than 2 s of processor time, 3 times"


@pytest.fixture
def arrival(gatepost: Command) -> str:
    """A mail that could not be read; its id."""
    with gatepost.parts() as parts:
        content = Content(RAW, None, len(RAW))
        arriving = Arriving(RAW, "mx", SUPPORT, "ana@x.example")
        row = parts.ledger.write(lambda session: store_arrival(session, arriving, content, clock()))
        parts.ledger.write(lambda session: settle(session, row.id, Outcome.QUARANTINED, WHY, None))
        return row.id


def test_unreadable_mail_is_listed_written_out_and_read_again(gatepost: Command, arrival: str, tmp_path: Path) -> None:
    (row,) = gatepost.objects("inbound", "list", "quarantined")
    assert (row["id"], row["why"]) == (arrival, WHY)
    assert WHY in gatepost.run("inbound", "list").stdout
    gatepost.run("inbound", "raw", arrival, "--to", str(tmp_path / "mail.eml"))
    assert (tmp_path / "mail.eml").read_bytes() == RAW
    assert b64decode(gatepost.objects("inbound", "raw", arrival)[0]["raw"]) == RAW
    (done,) = gatepost.objects("inbound", "again", "--all")
    assert done["outcome"] == "placed"
    assert "does not wait any more" in gatepost.refused("inbound", "again", arrival)
    assert "No mail waits" in gatepost.run("inbound", "list").stdout


def test_discarding_takes_a_reason(gatepost: Command, arrival: str) -> None:
    assert "Say why" in gatepost.refused("inbound", "discard", arrival, "--reason", " ")
    gatepost.run("inbound", "discard", arrival, "--reason", "a torn archive")
    with gatepost.parts() as parts, parts.database.session() as session:
        row = get_arrival(session, arrival)
        assert row
        assert row.decided == "discarded"


@pytest.mark.parametrize(
    "arguments",
    [("list", "other"), ("raw", "arr_0"), ("again",), ("again", "arr_0"), ("release", "arr_0"), ("keep-out", "arr_0")],
)
def test_what_is_not_there_is_said(gatepost: Command, arguments: tuple[str, ...]) -> None:
    assert gatepost.refused("inbound", *arguments)
