"""`gatepost oauth-client`: registrations at Google and Microsoft."""

from pathlib import Path

import pytest

from tests.cli.conftest import Command


def test_a_client_is_set_shown_without_its_secret_changed_and_removed(gatepost: Command, tmp_path: Path) -> None:
    assert "No OAuth client is set" in gatepost.run("oauth-client", "list").stdout
    secret = tmp_path / "secret"
    secret.write_text("very-secret\n")
    told = gatepost.run(
        "oauth-client", "set", "microsoft", "--client-id", "1234", "--secret-file", str(secret),
        "--tenant", "contoso.test", "--secret-ends", "2027-05-31",
    ).stdout  # fmt: skip
    assert "/connect/callback" in told
    (row,) = gatepost.objects("oauth-client", "list")
    assert row["client_id"] == "1234"
    assert (row["tenant"], row["audience"], row["secret_ends"]) == ("contoso.test", "internal", "2027-05-31")
    assert row["mailboxes"] == 0
    assert "very-secret" not in str(row) + told
    (row,) = gatepost.objects("oauth-client", "set", "microsoft", "--audience", "external", "--secret-ends", "")
    assert (row["client_id"], row["audience"], row["secret_ends"]) == ("1234", "external", None)
    assert gatepost.objects("oauth-client", "remove", "microsoft") == [
        {"provider": "microsoft", "removed": True, "mailboxes": 0}
    ]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("set", "yahoo", "--client-id", "1"), "write google or microsoft"),
        (("set", "google", "--client-id", "me@x.example"), "--client-id"),
        (("set", "google", "--client-id", "1"), "--secret-file"),
        (("set", "google", "--client-id", "1", "--secret-file", "nowhere"), "nowhere: cannot be read"),
        (("set", "google", "--client-id", "1", "--tenant", "x.example"), "--tenant"),
        (("set", "google", "--client-id", "1", "--audience", "all"), "--audience all"),
        (("set", "google", "--client-id", "1", "--secret-ends", "soon"), "2027-05-31"),
        (("remove", "google"), "no client is set"),
    ],
)
def test_what_does_not_fit_is_named(gatepost: Command, arguments: tuple[str, ...], told: str) -> None:
    done = gatepost.run("oauth-client", *arguments, code=2)
    assert told in done.stderr


def test_the_steps_name_the_redirect_address_and_the_permissions(gatepost: Command) -> None:
    told = gatepost.run("oauth-client", "steps", "google").stdout
    assert "/connect/callback" in told
    assert "https://mail.google.com/" in told
    (object_,) = gatepost.objects("oauth-client", "steps", "microsoft")
    assert any(scope["name"] == "https://outlook.office.com/IMAP.AccessAsUser.All" for scope in object_["scopes"])
