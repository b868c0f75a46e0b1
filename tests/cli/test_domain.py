"""`gatepost domain` and `gatepost sender`."""

from gatepost.store.events import events_after
from tests.cli.conftest import Command
from tests.fakes.dns import dns_server, zone_from_text


def test_a_domain_is_added_published_checked_and_rotated(gatepost: Command) -> None:
    (made,) = gatepost.objects("domain", "add", "Northwind.de")
    assert (made["domain"], made["usable"]) == ("northwind.de", False)
    assert made["record_name"].endswith("._domainkey.northwind.de")
    assert made["record"].startswith("v=DKIM1; k=rsa; p=")
    assert gatepost.objects("domain", "show", "NORTHWIND.de.") == [made]
    assert [row["domain"] for row in gatepost.objects("domain", "list")] == ["northwind.de"]
    zone = gatepost.run("domain", "zone", "northwind.de").stdout
    with dns_server({}) as server:
        gatepost.environment["GATEPOST_DNS_SERVERS"] = f'["{server.address}"]'
        assert "missing" in gatepost.run("domain", "check", "northwind.de", code=3).stdout
        server.zone = zone_from_text(zone, "northwind.de")
        rows = gatepost.objects("domain", "check", "northwind.de")
        assert {row["state"] for row in rows} == {"ok"}
    assert gatepost.objects("domain", "list")[0]["usable"]
    (begun,) = gatepost.objects("domain", "rotate", "northwind.de")
    assert begun["next"] == "publish"
    assert [key["state"] for key in begun["keys"]] == ["signing", "made", "signing"]
    assert "not seen in the DNS" in gatepost.run("domain", "rotate", "northwind.de", code=1).stderr
    assert "not yet" in gatepost.run("domain", "rotate", "northwind.de", "--look").stdout
    assert "begin" in gatepost.run("domain", "rotate", "northwind.de", "--back").stdout
    assert "removed" in gatepost.run("domain", "remove", "northwind.de").stdout
    with gatepost.parts() as parts, parts.database.session() as session:
        kinds = [event.kind for event in events_after(session, 0)]
    assert kinds == ["domain.verified", "domain.rotated", "domain.rotated", "domain.removed"]


def test_bad_domains_are_refused(gatepost: Command) -> None:
    gatepost.run("domain", "add", "shop.example")
    assert "is there already" in gatepost.refused("domain", "add", "shop.example")
    assert "DOMAIN a b" in gatepost.refused("domain", "add", "a b")
    for command in ("show", "zone", "check", "rotate", "remove"):
        assert "gatepost domain add other.example" in gatepost.refused("domain", command, "other.example")
    assert "--algorithm md5" in gatepost.refused("domain", "rotate", "shop.example", "--algorithm", "md5")


def test_a_sender_is_asked_and_explained(gatepost: Command) -> None:
    assert "gatepost sender add" in gatepost.run("sender", "list").stdout
    (before,) = gatepost.objects("sender", "check", "anna@northwind.de")
    assert (before["usable"], "under Senders" in before["fix"]) == (False, True)
    assert gatepost.objects("sender", "check", "x@gatepost.test")[0]["usable"]
    assert "is queued" in gatepost.run("sender", "add", "Anna@northwind.de").stdout
    assert "less than a minute" in gatepost.run("sender", "add", "anna@northwind.de", code=1).stderr
    (row,) = gatepost.objects("sender", "list")
    assert (row["address"], row["usable"], row["confirmed_at"]) == ("anna@northwind.de", False, None)
    assert "forgotten" in gatepost.run("sender", "remove", "anna@northwind.de").stdout
    assert "not there" in gatepost.refused("sender", "remove", "anna@northwind.de")
    assert "ADDRESS nonsense" in gatepost.refused("sender", "add", "nonsense")
