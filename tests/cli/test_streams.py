"""Streams on the command line: named, left, and taken back."""

from gatepost.model import Unsubscribe
from gatepost.parts import clock
from gatepost.store.rows import insert_row
from tests.cli.conftest import Command


def test_a_stream_is_named_and_who_left_comes_back(gatepost: Command) -> None:
    gatepost.run("credential", "add", "shop", "--sender", "gatepost.test")
    assert "is the stream Order news" in gatepost.run("suppression", "stream", "shop", "Order news").stdout
    assert "0 have this name" in gatepost.refused("suppression", "stream", "nobody", "x")
    assert "up to 60 characters" in gatepost.refused("suppression", "stream", "shop", "x" * 99)
    assert "Nobody has left" in gatepost.run("suppression", "left").stdout
    left = Unsubscribe(stream="Order news", address="ana@x.example", how="the link in a mail", at=clock())
    with gatepost.parts() as parts:
        parts.ledger.write(lambda session: insert_row(session, left))
    (row,) = gatepost.objects("suppression", "left")
    assert (row["address"], row["stream"]) == ("ana@x.example", "Order news")
    assert "has not left" in gatepost.refused("suppression", "back", "ben@x.example", "Order news")
    assert "gets Order news again" in gatepost.run("suppression", "back", "Ana@x.example", "Order news").stdout
    assert gatepost.objects("suppression", "left") == []
