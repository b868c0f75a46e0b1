from collections.abc import Iterator

import pytest

from gatepost.child import Children
from gatepost.mail import parse
from gatepost.web import bodies
from gatepost.web.bodies import html_page

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
