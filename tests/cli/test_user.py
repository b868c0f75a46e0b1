"""`gatepost user`."""

from gatepost.parts import clock
from gatepost.password import check_password
from gatepost.store.users import invite_by_token, memberships, user_by_email
from tests.cli.conftest import SUPPORT, Command

ANN = "ann@gatepost.test"


def test_a_user_gets_a_password_that_must_be_changed(gatepost: Command) -> None:
    (made,) = gatepost.objects("user", "add", "Ann@Gatepost.test", "--role", "admin", "--mailbox", SUPPORT)
    with gatepost.parts() as parts, parts.database.session() as session:
        user = user_by_email(session, ANN)
        assert user
        assert check_password(made["password"], user.password_hash)
        assert (user.role, user.must_change_password, len(memberships(session, user.id))) == ("admin", True, 1)
    assert made["password"] not in gatepost.run("user", "list").stdout


def test_a_new_password_replaces_the_old_one(gatepost: Command) -> None:
    first = gatepost.objects("user", "add", ANN)[0]["password"]
    second = gatepost.objects("user", "password", ANN)[0]["password"]
    with gatepost.parts() as parts, parts.database.session() as session:
        user = user_by_email(session, ANN)
        assert user
        assert check_password(second, user.password_hash)
        assert not check_password(first, user.password_hash)


def test_an_invitation_works_once_for_somebody_new(gatepost: Command) -> None:
    (made,) = gatepost.objects("user", "invite", ANN)
    with gatepost.parts() as parts, parts.database.session() as session:
        found = invite_by_token(session, made["link"].rpartition("/")[2], clock())
        assert found
        assert found[1].email == ANN
    assert gatepost.objects("user", "list")[0]["state"] == "invited"
    assert "/invite/" in gatepost.run("user", "invite", ANN).stdout


def test_a_user_is_disabled_and_enabled(gatepost: Command) -> None:
    gatepost.run("user", "add", ANN)
    assert gatepost.objects("user", "disable", ANN)[0]["state"] == "disabled"
    assert gatepost.objects("user", "list")[0]["state"] == "disabled"
    assert "gatepost user enable" in gatepost.refused("user", "invite", ANN)
    assert "enabled" in gatepost.run("user", "enable", ANN).stdout


def test_bad_input_is_named_and_changes_nothing(gatepost: Command) -> None:
    assert "EMAIL nonsense" in gatepost.refused("user", "add", "nonsense")
    assert "--role boss: choose admin or agent" in gatepost.refused("user", "add", ANN, "--role", "boss")
    assert "--mailbox x@y.test" in gatepost.refused("user", "add", ANN, "--mailbox", "x@y.test")
    assert "no such user" in gatepost.refused("user", "password", ANN)
    assert gatepost.objects("user", "list") == []
    assert "There are no users" in gatepost.run("user", "list").stdout
    gatepost.run("user", "add", ANN, "--role", "admin")
    assert "already a user" in gatepost.refused("user", "add", ANN)
    assert "last admin" in gatepost.refused("user", "disable", ANN)
