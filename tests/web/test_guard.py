"""What stands before the pages: host names, headers, bounds, errors in words, health."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.exceptions import HTTPException
from starlette.testclient import TestClient

from gatepost.web.assets import AssetsMissing, load_assets
from gatepost.web.forms import clean, parse_form
from gatepost.web.guard import is_known_host
from gatepost.web.render import initials, linked, size, tint
from gatepost.web.session import net_of
from tests.web.conftest import BASE, HERE, Site


def test_every_answer_has_the_headers(site: Site) -> None:
    client = site.client("ada@example.org")
    for path in ("/inbox", "/login", "/nothing", "/static/icons.svg", "/healthz"):
        headers = client.get(path).headers
        assert "default-src 'none'; script-src 'self'; style-src 'self'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
    assert client.get("/inbox").headers["cache-control"] == "no-store"
    assert "immutable" in client.get("/static/icons.svg").headers["cache-control"]


def test_no_page_has_anything_inline(site: Site) -> None:
    client = site.client("ada@example.org")
    for path in ("/inbox", f"/inbox/{site.conversation}", "/messages", "/sandbox", "/senders", "/users", "/profile"):
        page = client.get(path).text
        for inline in ("<style", " style=", " onclick=", " onload=", "javascript:", "<script>", "hx-on"):
            assert inline not in page, (path, inline)


@pytest.mark.parametrize("host", ["evil.example", "", "127.0.0.1.evil.example", "evil.example:8025", "[::1"])
def test_an_unknown_name_is_refused(site: Site, host: str) -> None:
    client = TestClient(site.app, base_url=BASE, headers={**HERE, "Host": host})
    assert client.get("/login").status_code == 400


@pytest.mark.parametrize("host", ["127.0.0.1:8025", "localhost", "[::1]:8025", "10.1.2.3", "Mail.Example.org:80"])
def test_a_known_name_is_served(host: str) -> None:
    assert is_known_host(host, frozenset({"localhost", "mail.example.org"}))


def test_errors_are_told_in_words(site: Site) -> None:
    client = site.client("ada@example.org")
    missing = client.get("/nothing")
    assert missing.status_code == 404
    assert "There is no such page" in missing.text
    assert client.get("/inbox/99999").status_code == 404
    assert client.get("/inbox/abc").status_code == 404
    assert "not yours to see" in client.get("/inbox/99999").text
    assert client.post("/healthz").status_code == 405
    piece = client.get("/inbox/99999", headers={"HX-Request": "true"}).text
    assert "<html" not in piece
    assert "not yours to see" in piece


def test_a_fault_of_ours_is_logged_and_told_without_details(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(site.app.state.templates.globals, "account_look", None)
    site.parts.ledger.write(lambda session: None)
    client = TestClient(site.app, base_url=BASE, headers=HERE, raise_server_exceptions=False)
    client.cookies.update(site.client("ada@example.org").cookies)
    site.app.state.bodies = None
    answer = client.get(f"/inbox/{site.conversation}")
    assert answer.status_code == 500
    assert "It is our fault" in answer.text
    assert "Traceback" not in answer.text
    assert "AttributeError" not in answer.text


def test_forms_are_bounded(site: Site) -> None:
    client = site.client("ada@example.org")
    note = f"/inbox/{site.conversation}/note"
    assert client.post(note, data={"text": "x" * 1_100_000}).status_code == 413
    assert client.post(note, files={"text": b"x"}).status_code == 415
    assert client.post(note, data={str(n): "x" for n in range(600)}).status_code == 413
    assert client.post(note, data={"text": "x" * 60_000}).status_code == 422


def test_health_and_numbers(site: Site) -> None:
    client = site.client()
    assert client.get("/healthz").text == "ok\n"
    assert client.get("/readyz").text == "ready\n"
    assert client.get("/metrics").status_code == 403
    assert site.client("ben@example.org").get("/metrics").status_code == 403
    near = TestClient(site.app, base_url=BASE, client=("127.0.0.1", 50000))
    assert near.get("/metrics").status_code == 200
    numbers = site.client("ada@example.org").get("/metrics").text
    assert 'gatepost_deliveries{state="delivered"} 2.0' in numbers
    assert 'gatepost_deliveries{state="failed"} 2.0' in numbers
    assert 'gatepost_inbound{outcome="placed"} 0.0' in numbers


def test_missing_assets_name_the_fix(tmp_path: object) -> None:
    from pathlib import Path

    with pytest.raises(AssetsMissing, match="make setup"):
        load_assets(Path(str(tmp_path)))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_any_body_is_a_form_or_refused(body: bytes) -> None:
    try:
        form = parse_form(body)
    except HTTPException:
        return
    assert all("\x00" not in value for values in form.fields.values() for value in values)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=300))
def test_text_is_always_escaped(text: str) -> None:
    assert "<" not in str(linked(text.replace("http", "")))
    assert initials(text)
    assert tint(text) in {f"c{n}" for n in range(6)}
    assert clean(clean(text)) == clean(text)


def test_links_end_before_punctuation_and_never_carry_quotes() -> None:
    assert 'href="https://a.example/x"' in str(linked("see https://a.example/x."))
    assert 'onmouseover="' not in str(linked('https://a.example/" onmouseover="alert(1)'))
    assert "<a" not in str(linked("javascript:alert(1)"))


def test_small_words() -> None:
    assert (size(5), size(182_000), size(3_400_000)) == ("5 B", "182 KB", "3.4 MB")
    assert net_of("2001:db8:1:2:3::1") == "2001:db8:1:2::/64"
    assert net_of("192.0.2.7") == "192.0.2.7"
    assert net_of("testclient") == "testclient"


@pytest.mark.parametrize("digits", [10, 30, 5000])
def test_a_number_that_no_column_holds_is_no_page(site: Site, digits: int) -> None:
    for client in (site.client(), site.client("ben@example.org")):
        for path in (f"/inbox/{'9' * digits}", f"/m/{site.inbound}/parts/{'9' * digits}"):
            assert client.get(path).status_code == 404


def test_what_a_browser_keeps_is_for_one_login_and_names_are_not_looked_up(site: Site) -> None:
    headers = site.client("ben@example.org").get(f"/m/{site.inbound}/body").headers
    assert headers["cache-control"].startswith("private")
    assert "Cookie" in headers["vary"]
    assert headers["x-dns-prefetch-control"] == "off"
