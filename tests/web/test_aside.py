"""Asking somebody else from a conversation's page."""

from gatepost.store.conversations import by_number
from gatepost.store.sides import sides_of
from tests.web.conftest import Site

FORM = {"to": "maker@lamps.example", "subject": "Spare part", "text": "Have you one?"}


def test_a_third_person_is_asked_and_both_conversations_name_each_other(site: Site) -> None:
    agent, path = site.client("ben@example.org"), f"/inbox/{site.conversation}"
    assert f'href="{path}/aside"' in agent.get(path).text
    assert "the customer never sees it" in agent.get(f"{path}/aside").text
    answer = agent.post(f"{path}/aside", data=FORM)
    assert answer.status_code == 303
    side = agent.get(answer.headers["location"]).text
    assert "Side conversation about" in side
    assert f'href="{path}"' in side
    page = agent.get(path).text
    assert "Side conversation with maker@lamps.example:" in page
    assert f'href="{answer.headers["location"]}"' in page
    assert "Somebody else was asked" in agent.get(f"{path}/events").text


def test_what_was_written_stays_when_it_cannot_go_out(site: Site) -> None:
    agent, path = site.client("ben@example.org"), f"/inbox/{site.conversation}/aside"
    for changed, problem in (
        ({"to": ""}, "Name at least one person"),
        ({"to": "carol@customer.example"}, "takes part in this conversation"),
        ({"to": "support@example.org"}, "an address of yours"),
        ({"subject": ""}, "Write what it is about"),
        ({"text": " "}, "Write something before you send"),
        ({"to": "not an address"}, "problem-to"),
    ):
        answer = agent.post(path, data=FORM | changed)
        assert (answer.status_code, problem in answer.text) == (422, True), changed
    with site.parts.database.session() as session:
        found = by_number(session, site.conversation)
        assert found
        assert sides_of(session, found.id) == []
    assert agent.post(f"/inbox/{site.foreign}/aside", data=FORM).status_code == 404
