"""A mail that an agent forwarded for a customer, on the page: shown with its customer, and undone by one press."""

import pytest
from sqlmodel import Session

from gatepost.store import conversations
from gatepost.store.handed_over import reason
from gatepost.store.messages import conversation_messages, get_message
from tests.web.conftest import Site


@pytest.fixture
def forwarded(site: Site) -> Site:
    """The customer's mail, as if the agent had forwarded it."""

    def op(session: Session) -> None:
        message = get_message(session, site.inbound)
        assert message
        message.user_id, message.from_address = site.agent, "ben@home.example"
        message.why = [*message.why, reason("carol@customer.example", "Carol", "Ben forwarded it")]
        session.add(message)

    site.parts.ledger.write(op)
    return site


def requester(site: Site) -> str:
    with site.parts.database.session() as session:
        found = conversations.by_number(session, site.conversation)
        assert found
        return found.requester


def test_the_page_names_the_customer_and_undoes_it(forwarded: Site) -> None:
    agent, path = forwarded.client("ben@example.org"), f"/inbox/{forwarded.conversation}"
    page = agent.get(path).text
    assert "Forwarded for Carol (carol@customer.example), who gets the answers." in page
    assert 'value="carol@customer.example"' in page, "the answer is proposed to her"
    assert agent.post(f"{path}/take-back", data={"mail": forwarded.inbound}).status_code == 303
    assert requester(forwarded) == "ben@home.example"
    page = agent.get(path).text
    assert "that was undone" in page
    assert "Not for this person" not in page
    assert "Counts as the agent&#39;s own mail" in agent.get(f"{path}/events").text


def test_an_answer_of_ours_keeps_its_agent(site: Site) -> None:
    agent, path = site.client("ben@example.org"), f"/inbox/{site.conversation}"
    agent.post(f"{path}/reply", data={"to": "carol@customer.example", "text": "Soon"})

    def answers() -> list[tuple[str, str | None]]:
        with site.parts.database.session() as session:
            found = conversations.by_number(session, site.conversation)
            assert found
            return [(row.id, row.user_id) for row in conversation_messages(session, found) if row.direction == "out"]

    before = answers()
    assert (before[-1][1], len(before)) == (site.agent, len(dict(before)))
    assert agent.post(f"{path}/take-back", data={"mail": before[-1][0]}).status_code == 303
    assert answers() == before


def test_only_a_mail_of_this_conversation_is_taken_back(forwarded: Site) -> None:
    agent, path = forwarded.client("ben@example.org"), f"/inbox/{forwarded.conversation}/take-back"
    assert agent.post(path, data={"mail": forwarded.foreign_message}).status_code == 422
    assert agent.post(path, data={}).status_code == 422
    assert agent.post(f"/inbox/{forwarded.foreign}/take-back", data={"mail": forwarded.inbound}).status_code == 404
    assert requester(forwarded) == "carol@customer.example"
