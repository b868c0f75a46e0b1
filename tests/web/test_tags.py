"""Conversations are found by their tags: in the search box and over the API (D6-D8)."""

import pytest
from sqlmodel import Session

from gatepost.model import Conversation
from gatepost.store import conversations
from tests.web.api_rig import Api, arrive, desk_address, question
from tests.web.api_rig import api as api
from tests.web.conftest import Site

TAG = "system_email_notification_failure"


def tag(site: Site, *names: str) -> None:
    def write(session: Session) -> None:
        found = conversations.by_number(session, site.conversation)
        assert found
        found.tags = [*found.tags, *names]
        session.add(found)

    site.parts.ledger.write(write)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (f"tag:{TAG}", True),
        (f"TAG:{TAG.upper()}", True),
        (f"tag:{TAG} broken parcel", True),
        (f"tag:{TAG} other words", False),
        ("tag:vip", True),
        ("tag:vip tag:nothing", False),
        ("tag:vi", False),
        ("tag:système", True),
        ('tag:a"b', True),
        ("tag:%", False),
        ("tag:", False),
    ],
)
def test_d8_conversations_are_searched_by_tag(site: Site, query: str, found: bool) -> None:
    tag(site, "VIP", "système", 'a"b')
    page = site.client("ben@example.org").get("/inbox", params={"q": query, "part": "list"}).text
    assert ("Broken parcel" in page) is found


def test_d6_the_conversation_shows_its_tag_which_leads_to_the_others(site: Site) -> None:
    page = site.client("ben@example.org").get(f"/inbox/{site.conversation}").text
    assert f'href="/inbox?q=tag%3A{TAG}"' in page


def test_d8_over_the_api(api: Api) -> None:
    desk_address(api)
    _, auth = api.key()
    received = arrive(api, question(), "help@shop.example")

    def write(session: Session) -> None:
        row = session.get(Conversation, received.conversation_id)
        assert row
        row.tags = [TAG]
        session.add(row)

    assert api.client.get(f"/v1/conversations?tag={TAG}", headers=auth).json()["data"] == []
    api.parts.ledger.write(write)
    (found,) = api.client.get(f"/v1/conversations?tag={TAG}", headers=auth).json()["data"]
    assert found["tags"] == [TAG]
    assert api.client.get("/v1/conversations?tag=other", headers=auth).json()["data"] == []
