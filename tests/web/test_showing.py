"""A conversation that a further mailbox shows (complaint 44): its people see all of it, and nobody else does."""

import pytest
from sqlmodel import Session, col, select

from gatepost.model import Arrival, Conversation, Message
from gatepost.store import conversations, showing, users
from gatepost.store.arrivals import put_arrival
from gatepost.store.channels import get_channel
from gatepost.store.events import events_after
from gatepost.store.messages import get_message, raw_of
from gatepost.store.pages import open_by_channel, tab_counts
from gatepost.store.placing import shown_in
from gatepost.store.rows import made
from gatepost.web.live import news_for
from tests.web.conftest import Site


def foreign(session: Session, site: Site) -> Conversation:
    found = conversations.by_number(session, site.foreign)
    assert found
    return found


@pytest.fixture
def inbound(site: Site) -> str:
    """The customer's mail in the conversation of Billing, which the agent of Support may not see."""
    with site.parts.database.session() as session:
        where = (Message.conversation_id == foreign(session, site).id, Message.direction == "in")
        return session.exec(select(Message.id).where(*where)).one()


def share(site: Site, message_id: str) -> None:
    """Show it in Support: the mail came there too."""

    def op(session: Session) -> None:
        message, channel = get_message(session, message_id), get_channel(session, site.support)
        assert message
        assert channel
        arrival = made(
            Arrival, id="arr_2", receipt="r2", inlet="mx", raw_id=message.raw_id, received_at=site.now,
            channel_id=site.support, message_id=message_id, outcome="placed",
        )  # fmt: skip
        put_arrival(session, arrival)
        showing.show(session, foreign(session, site), channel, message_id, site.now)

    site.parts.ledger.write(op)


def pages_of(site: Site, message_id: str) -> list[str]:
    return [
        f"/inbox/{site.foreign}",
        f"/inbox/{site.foreign}/events",
        f"/inbox/{site.foreign}/arrange",
        f"/messages/{message_id}",
        f"/messages/{site.foreign_message}",
        f"/m/{message_id}/body",
        f"/m/{message_id}/parts/2",
        f"/m/{message_id}/source",
        f"/sandbox/{site.foreign_kept}",
    ]


LISTS = ["/inbox", "/inbox?q=Secret", "/messages", "/messages?q=Secret", "/sandbox", "/inbox?mailbox={support}"]


def test_its_people_see_it_on_every_page_and_in_every_list(site: Site, inbound: str) -> None:
    agent, admin = site.client("ben@example.org"), site.client("ada@example.org")
    known = [path for path in pages_of(site, inbound) if admin.get(path).status_code == 200]
    assert len(known) >= 6
    assert {agent.get(path).status_code for path in known} == {404}
    lists = [path.format(support=site.support) for path in LISTS]
    assert [path for path in lists if "Secret invoice" in agent.get(path).text] == []
    share(site, inbound)
    assert {path: agent.get(path).status_code for path in known} == dict.fromkeys(known, 200)
    assert [path for path in lists if "Secret invoice" not in agent.get(path).text] == []
    page = agent.get(f"/inbox/{site.foreign}").text
    assert "Shown in Support too" in page
    assert "You answer from there" in page
    assert "You answer from there" not in admin.get(f"/inbox/{site.foreign}").text
    assert "Shown in another mailbox too" in agent.get(f"/inbox/{site.foreign}/events").text
    with site.parts.database.session() as session:
        scope = frozenset({site.support})
        assert open_by_channel(session, scope) == {site.support: 2}
        assert tab_counts(session, scope=scope, user_id=site.agent)["all"] == 2


def test_only_its_people_hear_of_it_live(site: Site, inbound: str) -> None:
    token = site.parts.ledger.write(lambda s: users.start_session(s, site.agent, agent="", ip="", now=site.now))
    login = users.token_hash(token)

    def heard() -> set[tuple[str, str]]:
        with site.parts.database.session() as session:
            events = events_after(session, 0, 500)
            return news_for(session, events, frozenset({login}), site.now)[login]

    assert ("conversation", str(site.foreign)) not in heard()
    share(site, inbound)
    assert ("conversation", str(site.foreign)) in heard()


@pytest.mark.parametrize(("who", "address"), [("ben@example.org", "support@"), ("ada@example.org", "billing@")])
def test_an_answer_is_from_the_mailbox_that_its_writer_works_in(
    site: Site, inbound: str, who: str, address: str
) -> None:
    share(site, inbound)
    client = site.client(who)
    data = {"to": "carol@customer.example", "text": "We look into it"}
    assert client.post(f"/inbox/{site.foreign}/reply", data=data).status_code == 303
    with site.parts.database.session() as session:
        here = Message.conversation_id == foreign(session, site).id
        newest = session.exec(select(Message).where(here).order_by(col(Message.id).desc())).first()
        assert newest
        assert newest.from_address == f"{address}example.org"
        assert f"<{address}example.org>".encode() in raw_of(session, newest.raw_id, site.parts.blobs)


def test_a_copy_of_its_own_says_where_the_same_mail_is(site: Site, inbound: str) -> None:
    def op(session: Session) -> None:
        theirs, mine = foreign(session, site), conversations.by_number(session, site.conversation)
        message = get_message(session, site.inbound)
        assert mine
        assert message
        mine.claims_id = theirs.id
        message.why = [{"result": "new", "text": "A new conversation, for this mailbox alone", "copy": True}]
        session.add(mine)
        session.add(message)

    site.parts.ledger.write(op)
    assert "The same mail is in" in site.client("ada@example.org").get(f"/inbox/{site.conversation}").text
    seen = site.client("ben@example.org").get(f"/inbox/{site.conversation}").text
    assert "The same mail is in" not in seen, "the agent may not read that conversation"
    assert "Secret invoice" not in seen


def test_nothing_is_shown_twice_or_in_its_own_mailbox(site: Site, inbound: str) -> None:
    share(site, inbound)

    def again(session: Session) -> int:
        for channel_id in (site.support, site.billing):
            channel = get_channel(session, channel_id)
            assert channel
            showing.show(session, foreign(session, site), channel, inbound, site.now)
        return sum(event.kind == showing.SHOWN for event in events_after(session, 0, 500))

    assert site.parts.ledger.write(again) == 1
    with site.parts.database.session() as session:
        assert shown_in(session, foreign(session, site).id) == {site.support}
