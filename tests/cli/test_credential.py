"""`gatepost credential`."""

from gatepost.store.credentials import check_credential, credential_by_secret
from tests.cli.conftest import Command


def test_a_sender_that_is_not_verified_yet_is_told_with_its_fix(gatepost: Command) -> None:
    told = gatepost.run("credential", "add", "x", "--sender", "not-ours.org", "--json").stderr
    assert "nothing is sent as it yet: not-ours.org is not verified; add not-ours.org under Senders" in told
    assert not gatepost.run("credential", "add", "y", "--sender", "ours.example", "--json").stderr


def test_an_smtp_secret_works_and_is_shown_once(gatepost: Command) -> None:
    (made,) = gatepost.objects("credential", "add", "shop", "--sender", "Shop.example", "--sender", "a@b.example")
    assert made["senders"] == ["shop.example", "a@b.example"]
    with gatepost.parts() as parts, parts.database.session() as session:
        assert check_credential(session, parts.keys, made["username"], made["secret"])
    assert made["secret"] not in gatepost.run("credential", "list").stdout
    assert "Password (shown once)" in gatepost.run("credential", "add", "x", "--sender", "b.example").stdout


def test_an_api_key_has_its_scopes(gatepost: Command) -> None:
    arguments = ("--kind", "api", "--sender", "shop.example", "--scope", "messages:send", "--conversations", "never")
    (made,) = gatepost.objects("credential", "add", "shop", *arguments)
    with gatepost.parts() as parts, parts.database.session() as session:
        found = credential_by_secret(session, parts.keys, made["secret"])
        assert found
        assert (found.scopes, found.conversations) == (["messages:send"], "never")


def test_a_network_warns(gatepost: Command) -> None:
    result = gatepost.run("credential", "add", "x", "--sender", "b.example", "--network", "127.0.0.0/8", "--json")
    assert "without a password" in result.stderr
    assert result.stdout.count("\n") == 1


def test_disabled_by_name_user_name_or_id(gatepost: Command) -> None:
    (made,) = gatepost.objects("credential", "add", "shop", "--sender", "shop.example")
    for which in (made["name"], made["username"], made["id"]):
        assert gatepost.objects("credential", "disable", which)[0]["state"] == "disabled"
        assert gatepost.objects("credential", "list")[0]["state"] == "disabled"
        assert "enabled" in gatepost.run("credential", "enable", which).stdout
    gatepost.run("credential", "add", "shop", "--sender", "shop.example")
    assert "use the user name" in gatepost.refused("credential", "disable", "shop")
    assert "no such credential" in gatepost.refused("credential", "disable", "till")


def test_bad_credentials_are_refused_and_not_made(gatepost: Command) -> None:
    add = ("credential", "add", "shop", "--sender")
    assert "--sender" in gatepost.refused(*add, "a@@b")
    assert "--kind ftp: choose smtp, api" in gatepost.refused(*add, "b.example", "--kind", "ftp")
    assert "add --kind api" in gatepost.refused(*add, "b.example", "--scope", "messages:send")
    assert "--scope all" in gatepost.refused(*add, "b.example", "--kind", "api", "--scope", "all")
    assert "192.0.2.0/24" in gatepost.refused(*add, "b.example", "--network", "10.0.0.1/8")
    assert "--conversations" in gatepost.refused(*add, "b.example", "--conversations", "maybe")
    assert gatepost.objects("credential", "list") == []
