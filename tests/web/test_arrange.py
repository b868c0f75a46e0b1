"""Moving, splitting, merging and undoing on the page; nobody reaches into a mailbox that is not his."""

from sqlmodel import Session

from gatepost.model import Conversation
from gatepost.store import conversations
from gatepost.store.messages import conversation_messages
from tests.web.conftest import Site


def numbered(site: Site, number: int) -> Conversation:
    with site.parts.database.session() as session:
        found = conversations.by_number(session, number)
    assert found
    return found


def held(site: Site, number: int) -> list[str]:
    with site.parts.database.session() as session:
        return [row.id for row in conversation_messages(session, numbered(site, number))]


def test_a_mail_is_split_off_and_the_split_undone(site: Site) -> None:
    agent = site.client("ben@example.org")
    here = f"/inbox/{site.conversation}"
    page = agent.get(f"{here}/arrange").text
    assert "Move the chosen mails" in page
    assert site.message in page
    answer = agent.post(f"{here}/arrange", data={"what": "move", "where": "new", "mail": site.message})
    assert answer.status_code == 303, answer.text
    new = int(answer.headers["location"].rpartition("/")[2])
    assert held(site, new) == [site.message]
    assert held(site, site.conversation) == [site.inbound]
    page = agent.get(f"{here}/arrange").text
    assert "Split off" in page
    correction = page.partition('name="correction" value="')[2].partition('"')[0]
    assert agent.post(f"{here}/undo", data={"correction": correction}).status_code == 303
    assert held(site, site.conversation) == [site.inbound, site.message]
    assert "1 mail from" in agent.get(f"{here}/events").text


def test_a_merged_conversation_leads_to_the_survivor_and_takes_no_answer(site: Site) -> None:
    admin = site.client("ada@example.org")
    data = {"what": "merge", "to": f"#{site.conversation}"}
    answer = admin.post(f"/inbox/{site.foreign}/arrange", data=data)
    assert answer.headers["location"] == f"/inbox/{site.conversation}"
    page = admin.get(f"/inbox/{site.foreign}").text
    assert f'<a href="/inbox/{site.conversation}">' in page
    assert "was merged into" in page
    assert admin.post(f"/inbox/{site.foreign}/reply", data={"text": "x", "to": "a@b.example"}).status_code == 409


def test_nobody_moves_into_or_out_of_a_mailbox_that_is_not_his(site: Site) -> None:
    agent = site.client("ben@example.org")
    assert agent.get(f"/inbox/{site.foreign}/arrange").status_code == 404
    assert agent.post(f"/inbox/{site.foreign}/arrange", data={"what": "merge", "to": "1"}).status_code == 404
    here = f"/inbox/{site.conversation}/arrange"
    for number in (site.foreign, 99, "x", ""):
        answer = agent.post(here, data={"what": "merge", "to": str(number)})
        assert answer.status_code == 422
        assert "or it is not yours to change" in answer.text
    stolen = {"what": "move", "where": "new", "mail": site.foreign_message}
    answer = agent.post(here, data=stolen)
    assert answer.status_code == 422
    assert held(site, site.foreign)[-1] == site.foreign_message


def test_an_undo_needs_both_mailboxes(site: Site) -> None:
    admin, agent = site.client("ada@example.org"), site.client("ben@example.org")
    admin.post(f"/inbox/{site.foreign}/arrange", data={"what": "merge", "to": str(site.conversation)})
    page = admin.get(f"/inbox/{site.conversation}/arrange").text
    correction = page.partition('name="correction" value="')[2].partition('"')[0]
    assert correction.startswith("cor_")
    assert "Undo" not in agent.get(f"/inbox/{site.conversation}/arrange").text.partition("Moved before")[2]
    refused = agent.post(f"/inbox/{site.conversation}/undo", data={"correction": correction})
    assert refused.status_code == 422
    assert admin.post(f"/inbox/{site.conversation}/undo", data={"correction": correction}).status_code == 303
    assert numbered(site, site.foreign).merged_into is None


def test_one_click_joins_what_is_claimed(site: Site) -> None:
    def op(session: Session) -> int:
        claimed = conversations.by_number(session, site.conversation)
        assert claimed
        made = conversations.create_conversation(
            session, subject="Re", requester="e@x.example", channel_id=site.support, claims_id=claimed.id, now=site.now
        )
        return int(made.number)

    number = site.parts.ledger.write(op)
    agent = site.client("ben@example.org")
    assert "Join it" in agent.get(f"/inbox/{number}").text
    assert agent.post(f"/inbox/{number}/join").headers["location"] == f"/inbox/{site.conversation}"
    assert numbered(site, number).merged_into == numbered(site, site.conversation).id
