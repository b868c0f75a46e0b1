"""`gatepost webhook`."""

from gatepost.parts import clock
from gatepost.store.events import last_seq
from gatepost.store.webhook_calls import put_calls
from tests.cli.conftest import Command


def test_a_webhook_from_its_beginning_to_its_end(gatepost: Command) -> None:
    (made,) = gatepost.objects("webhook", "add", "https://hooks.example.org/x", "--kind", "delivery.*")
    assert made["secret"].startswith("whsec_")
    assert made["secret"] not in gatepost.run("webhook", "list").stdout
    (row,) = gatepost.objects("webhook", "list")
    assert (row["url"], row["kinds"], row["disabled"]) == ("https://hooks.example.org/x", "delivery.*", "")
    gatepost.run("webhook", "test", made["id"])
    with gatepost.parts() as parts:
        parts.ledger.write(lambda session: put_calls(session, last_seq(session), clock()))
    (call,) = gatepost.objects("webhook", "log", made["id"])
    assert (call["kind"], call["state"], call["payload"]["type"]) == ("webhook.test", "queued", "webhook.test")
    assert gatepost.objects("webhook", "replay", made["id"], call["id"])[0]["event"] == call["event"]
    (new,) = gatepost.objects("webhook", "rotate", made["id"])
    assert new["secret"] not in (None, made["secret"])
    assert gatepost.objects("webhook", "rotate", made["id"], "--finish")[0]["finished"]
    assert gatepost.objects("webhook", "enable", made["id"])[0]["enabled"]
    assert gatepost.objects("webhook", "remove", made["id"])[0]["removed"]
    assert gatepost.objects("webhook", "list") == []


def test_what_does_not_fit_is_named(gatepost: Command) -> None:
    assert "https://" in gatepost.refused("webhook", "add", "ftp://hooks.example.org/")
    assert "--kind" in gatepost.refused("webhook", "add", "https://hooks.example.org/", "--kind", "user.login")
    assert "--credential" in gatepost.refused("webhook", "add", "https://hooks.example.org/", "--credential", "none")
    assert "webhook list" in gatepost.refused("webhook", "remove", "whk_1")
    (made,) = gatepost.objects("webhook", "add", "https://hooks.example.org/x")
    assert "webhook log" in gatepost.refused("webhook", "replay", made["id"], "whc_1")
