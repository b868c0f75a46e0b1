"""`gatepost mailbox explain`: a refusal in words, without any settings."""

from tests.cli.conftest import Command


def test_a_code_is_explained_with_who_and_how(gatepost: Command) -> None:
    said = gatepost.run("mailbox", "explain", "AADSTS90094: needs admin").stdout
    assert "nothing is to be set in Gatepost" in said
    assert "Who must act: the organisation's administrator" in said
    assert "  1. Send the approval link" in said
    [found] = gatepost.objects("mailbox", "explain", "535 5.7.139 SmtpClientAuthentication is disabled")
    assert (found["key"], found["who"], found["state"]) == ("smtp_auth_off", "it", "")


def test_a_provider_narrows_it_down(gatepost: Command) -> None:
    both = {found["key"] for found in gatepost.objects("mailbox", "explain", "access_denied")}
    assert both == {"microsoft_cancelled", "google_cancelled"}
    [one] = gatepost.objects("mailbox", "explain", "access_denied", "--provider", "google")
    assert one["key"] == "google_cancelled"


def test_what_nobody_knows_is_refused_with_examples(gatepost: Command) -> None:
    assert "AADSTS90094" in gatepost.refused("mailbox", "explain", "the moon is blue")
    assert "choose google or microsoft" in gatepost.refused("mailbox", "explain", "x", "--provider", "yahoo")
