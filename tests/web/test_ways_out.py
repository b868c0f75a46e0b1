"""The pages of routes, as an admin uses them, and sending a delivery over another one."""

from gatepost.store.routes import get_route
from tests.fakes.smtp import smtp_server_thread
from tests.web.conftest import Site
from tests.web.test_acts import fail, rows

FORM = {
    "name": "bulk",
    "kind": "relay",
    "url": "smtp://us@relay.example:587",
    "password": "hunter22",
    "tls": "required",
}


def test_an_admin_makes_changes_and_removes_a_route(site: Site) -> None:
    admin = site.client("ada@example.org")
    assert "everything else" in admin.get("/routes").text
    made = admin.post("/routes", data=FORM | {"rules": "sender:news.example\nrecipient:example.net"})
    assert made.headers["location"] == "/routes?done=saved"
    page = admin.get("/routes").text
    assert "sender:news.example" in page
    assert "hunter22" not in page + admin.get("/routes/bulk").text
    explained = admin.get("/routes", params={"address": "x@example.net"}).text
    assert "domain example.net has the rule recipient:example.net" in explained.replace("&#39;", "'")
    assert "Not bulk: sender:news.example does not fit" in explained
    assert "problem" in admin.get("/routes", params={"address": "nobody"}).text
    saved = admin.post("/routes/bulk", data={"url": FORM["url"], "tls": "required", "rules": ""})
    assert saved.status_code == 303
    with site.parts.database.session() as session:
        row = get_route(session, "bulk")
        assert row
        assert (row.rules, row.secret_sealed is not None) == ([], True)
    assert admin.post("/routes/bulk/delete").headers["location"] == "/routes?done=removed"
    assert admin.get("/routes/bulk").status_code == 404


def test_what_is_wrong_stands_beside_its_field(site: Site) -> None:
    admin = site.client("ada@example.org")
    wrong = admin.post("/routes", data=FORM | {"password": "", "rules": "to:x"})
    assert wrong.status_code == 422
    assert "needs a password" in wrong.text
    assert "to:x is no rule" in wrong.text
    assert admin.post("/routes", data=FORM | {"token_command": "id", "ca": "/etc/passwd"}).status_code == 303
    with site.parts.database.session() as session:
        row = get_route(session, "bulk")
        assert row
        assert "token_command" not in row.config
        assert "private" not in row.config


def test_a_route_is_tried_and_shows_what_was_said(site: Site) -> None:
    admin = site.client("ada@example.org")
    with smtp_server_thread() as server:
        admin.post(
            "/routes", data={"name": "near", "kind": "relay", "url": f"smtp://127.0.0.1:{server.port}", "tls": "none"}
        )
        tried = admin.post("/routes/near/test").text
        assert "The route works" in tried
        assert "ready to take mail; nothing was sent" in tried
    assert "does not work now" in admin.post("/routes/near/test").text


def test_only_admins_see_routes(site: Site) -> None:
    assert site.client("ben@example.org").get("/routes").status_code == 403


def test_a_failed_delivery_goes_over_another_route(site: Site) -> None:
    fail(site, site.now)
    admin = site.client("ada@example.org")
    row = next(row for row in rows(site, site.message) if row.state == "failed")
    page = f"/messages/{site.message}/resend?delivery={row.id}"
    assert "over another route" not in admin.get(page).text
    admin.post("/routes", data=FORM)
    assert "over another route" in admin.get(page).text
    press = {"act": "reroute", "delivery": row.id, "route": "bulk"}
    answer = admin.post(f"/messages/{site.message}/act", data=press)
    assert answer.headers["location"].endswith("done=reroute")
    (now,) = [each for each in rows(site, site.message) if each.id == row.id]
    assert (now.state, now.via) == ("queued", "bulk")
    assert "A person chose the route bulk" in admin.get(f"/messages/{site.message}").text
    nowhere = admin.post(f"/messages/{site.message}/act", data=press | {"route": "nowhere"})
    assert nowhere.headers["location"].endswith("done=unchanged")


def test_all_that_failed_goes_over_another_route_after_a_preview(site: Site) -> None:
    fail(site, site.now)
    admin = site.client("ada@example.org")
    admin.post("/routes", data=FORM)
    assert "Over the route" in admin.get("/messages/retry").text
    assert admin.post("/messages/retry", data={"route": "bulk"}).headers["location"].endswith("done=reroute")
    assert {row.via for row in rows(site, site.message) if row.state == "queued"} == {"bulk"}
