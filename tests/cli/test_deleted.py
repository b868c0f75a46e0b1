"""Deleting at the command line, and what `trace` then tells."""

from tests.cli.conftest import Command
from tests.cli.test_conversation import arrive


def test_deleted_restored_and_gone_for_ever(gatepost: Command) -> None:
    with gatepost.parts() as parts:
        arrive(parts, "1@c.example", "Lamp")
        arrive(parts, "2@c.example", "Chair")
    assert "2 conversations deleted" in gatepost.run("conversation", "delete", "1", "#2").stdout
    assert "was deleted by the command line" in gatepost.run("trace", "#1").stdout
    (back,) = gatepost.objects("conversation", "restore", "2")
    assert (back["conversation"], back["state"]) == (2, "restored")
    assert "#2 is not in Deleted" in gatepost.refused("conversation", "purge", "1", "2", "--yes")
    assert "Delete for ever: 1 conversation, 1 mail" in gatepost.refused("conversation", "purge", "1")
    assert (
        "Deleted for ever: 1 conversation, 1 mail, 0 attachments."
        in gatepost.run("conversation", "purge", "1", "--yes").stdout
    )
    with gatepost.parts() as parts:
        again = arrive(parts, "1@c.example", "Lamp")
    assert "#1 was deleted by the command line" in again.why
    told = gatepost.run("trace", "1@c.example").stdout
    assert "#1 was deleted by the command line on" in told
    assert "Lamp" not in told
    assert "was deleted by" in gatepost.refused("conversation", "restore", "1")
    gatepost.run("fsck")
