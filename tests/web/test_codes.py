"""The pages of delivery codes, what leads to them, and hiding codes (D10, D23)."""

import pytest

from gatepost.store.users import get_user
from tests.web.conftest import Site


def test_d10_every_code_has_a_page_that_says_what_to_do(site: Site) -> None:
    agent = site.client("ben@example.org")
    index = agent.get("/delivery-codes").text
    assert 'href="/delivery-codes/5.1.1"' in index
    page = agent.get("/delivery-codes/5.1.1").text
    for text in ("The address does not exist", "Check the address", "Whoever sends the mail", "No: the same mail"):
        assert text in page
    assert "The email account that you tried to reach does not exist" in page
    assert 'href="/messages?show=failed&amp;code=5.1.1"' in page


def test_codes_are_searched(site: Site) -> None:
    agent = site.client("ben@example.org")
    found = agent.get("/delivery-codes?q=mailbox+full").text
    assert 'href="/delivery-codes/5.2.2"' in found
    assert 'href="/delivery-codes/5.7.26"' not in found
    assert "Nothing found" in agent.get("/delivery-codes?q=%3Cb%3Enothing").text


@pytest.mark.parametrize("code", ["999", "x", "5.1", "250", "5.1.1%00", "5.1.1.1"])
def test_what_is_no_code_is_told_so(site: Site, code: str) -> None:
    answer = site.client("ben@example.org").get(f"/delivery-codes/{code}")
    assert (answer.status_code, "no delivery code" in answer.text) == (404, True)


def test_a_code_that_nobody_registered_is_explained_by_its_class(site: Site) -> None:
    page = site.client("ben@example.org").get("/delivery-codes/5.99.99").text
    assert "This code is not registered" in page


def test_messages_are_listed_by_code(site: Site) -> None:
    agent = site.client("ben@example.org")
    assert "Broken parcel" in agent.get("/messages?show=failed&code=5.1.1").text
    assert "Broken parcel" in agent.get("/messages?show=failed&code=550").text
    assert "Broken parcel" not in agent.get("/messages?show=failed&code=5.2.2").text


@pytest.mark.parametrize("path", ["/inbox/{number}", "/messages/{message}", "/inbox/{number}/events"])
def test_every_place_that_shows_a_code_leads_to_its_page(site: Site, path: str) -> None:
    shown = site.client("ben@example.org").get(path.format(number=site.conversation, message=site.message)).text
    assert 'href="/delivery-codes/5.1.1"' in shown


def test_d23_a_reader_may_have_codes_hidden(site: Site) -> None:
    agent, admin = site.client("ben@example.org"), site.client("ada@example.org")
    path = f"/inbox/{site.conversation}"
    assert "550 5.1.1" in agent.get(path).text
    answer = agent.post("/profile/codes", data={"codes": "hide"})
    assert answer.headers["location"] == "/profile?done=codes"
    hidden = agent.get(path).text
    assert "550 5.1.1" not in hidden
    assert "The address bad@customer.example does not exist" in hidden
    assert "550 5.1.1" in admin.get(path).text
    agent.post("/profile/codes", data={"codes": ""})
    assert "550 5.1.1" in agent.get(path).text
    with site.parts.database.session() as session:
        user = get_user(session, site.agent)
    assert user
    assert user.show_codes is None
