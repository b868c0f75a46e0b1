from collections.abc import Iterator

import pytest

from gatepost.child import Children
from gatepost.mail import parse
from gatepost.store.messages import messages_by_header_id
from gatepost.web import bodies
from gatepost.web.bodies import html_page
from tests.web.conftest import Site
from tests.web.test_bodies import put

MAIL = parse(b"From: a@x.example\nContent-Type: text/html\n\n<p>Hello <b>you</b><script>x()</script>\n")


@pytest.fixture
def starved(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Children that have no time for anything."""
    children = Children(wall=0.001)
    monkeypatch.setattr(bodies, "CHILDREN", children)
    yield
    children.close()


def test_html_is_made_safe_in_a_child() -> None:
    assert "<p>Hello <b>you</b>" in html_page(MAIL)
    assert "script" not in html_page(MAIL)


@pytest.mark.usefixtures("starved")
def test_html_that_a_child_cannot_clean_is_shown_as_its_text() -> None:
    assert "Hello you" in html_page(MAIL)
    assert "<b>" not in html_page(MAIL)


@pytest.mark.usefixtures("unreadable")
def test_a_mail_that_a_child_cannot_read_is_shown_as_that_with_its_source(site: Site) -> None:
    raw = "From: c@customer.example\r\nContent-Type: text/html\r\n\r\n<p>Long.</p>\r\n" + "<b>x</b>\r\n" * 3000
    put(site, site.conversation, raw, "in", "l1@customer.example")
    client = site.client("ben@example.org")
    assert (
        "The text of this mail cannot be shown: Reading it took longer"
        in client.get(f"/inbox/{site.conversation}").text
    )
    with site.parts.database.session() as session:
        (row,) = messages_by_header_id(session, "l1@customer.example")
    for path in ("body", "parts/0"):
        found = client.get(f"/m/{row.id}/{path}")
        assert found.status_code == 503
        assert "Its source can be downloaded" in found.text
    assert client.get(f"/m/{row.id}/source").content == raw.encode()
