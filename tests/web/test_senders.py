"""Validating a sender address by the pages: ask, open the link, confirm."""

import re
from datetime import timedelta

import pytest

from gatepost.settings import Settings
from gatepost.store.messages import get_message, raw_of
from gatepost.store.senders import list_senders
from tests.web.conftest import Site


def link_in(site: Site) -> str:
    """The path in the newest confirmation mail."""
    with site.parts.database.session() as session:
        row = list_senders(session)[0]
        message = get_message(session, row.message_id or "")
        assert message is not None
        found = re.search(rb"http://[^/]+(/confirm/[\w-]+)", raw_of(session, message.raw_id, site.parts.blobs))
    assert found
    return found[1].decode()


def test_an_address_is_validated_by_its_owner(site: Site) -> None:
    admin, anybody = site.client("ada@example.org"), site.client()
    answer = admin.post("/senders/addresses", data={"address": "sales@northwind.de"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/senders?done=asked")
    page = admin.get("/senders?done=asked").text
    assert "nobody has opened the link" in page
    assert "The mail is on its way" in page
    link = link_in(site)
    for _ in range(2):  # a scanner opens it too; looking changes nothing
        looked = anybody.get(link)
        assert (looked.status_code, "May mail be sent as sales@northwind.de?" in looked.text) == (200, True)
    assert "nobody has opened the link" in admin.get("/senders").text
    assert "Mail may be sent as sales@northwind.de from now on" in anybody.post(link).text
    assert "was confirmed by mail" in admin.get("/senders").text
    for spent in (anybody.post(link), anybody.get(link)):
        assert (spent.status_code, "no longer valid" in spent.text) == (404, True)


def test_a_link_runs_out_and_another_site_cannot_press_the_button(site: Site) -> None:
    site.client("ada@example.org").post("/senders/addresses", data={"address": "sales@northwind.de"})
    link = link_in(site)
    foreign = site.client().post(link, headers={"Sec-Fetch-Site": "cross-site"})
    assert foreign.status_code == 403
    site.now += timedelta(hours=72)
    assert site.client().post(link).status_code == 404


def test_what_needs_no_validation_says_why(site: Site) -> None:
    admin = site.client("ada@example.org")
    for address, words in (
        ("x@gatepost.test", "needs no confirmation"),
        ("nonsense", "@"),
    ):
        answer = admin.post("/senders/addresses", data={"address": address})
        assert (answer.status_code, words in answer.text) == (422, True)
    admin.post("/senders/addresses", data={"address": "sales@northwind.de"})
    again = admin.post("/senders/addresses", data={"address": "sales@northwind.de"})
    assert (again.status_code, "less than a minute ago" in again.text) == (422, True)


def test_an_address_is_forgotten(site: Site) -> None:
    admin = site.client("ada@example.org")
    admin.post("/senders/addresses", data={"address": "sales@northwind.de"})
    with site.parts.database.session() as session:
        (row,) = list_senders(session)
    assert admin.post(f"/senders/addresses/{row.id}/delete").status_code == 303
    assert "sales@northwind.de" not in admin.get("/senders").text
    assert admin.post(f"/senders/addresses/{row.id}/delete").status_code == 404


@pytest.fixture
def settings(settings: Settings, request: pytest.FixtureRequest) -> Settings:
    return settings.model_copy(update={"route": getattr(request, "param", settings.route)})


@pytest.mark.parametrize("settings", ["sandbox", "relay"], indirect=True)
def test_the_link_is_for_its_receiver_alone(site: Site) -> None:
    """Whoever asks could confirm what is not his by reading our own mail; where nothing leaves, nobody else can."""
    admin = site.client("ada@example.org")
    admin.post("/senders/addresses", data={"address": "sales@northwind.de"})
    link = link_in(site)
    with site.parts.database.session() as session:
        message = list_senders(session)[0].message_id
    pages = (f"/messages/{message}", f"/m/{message}/source", f"/m/{message}/body")
    seen = [link in admin.get(page).text for page in pages]
    assert any(seen) == (site.parts.settings.route == "sandbox")
    assert "Confirm sales@northwind.de as a sender" in admin.get(pages[1]).text
