"""What pages ask of the store: limited to the reader's channels, the same on both databases."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from sqlmodel import Session

from gatepost.blobs import Content
from gatepost.database import Database
from gatepost.ids import new_id
from gatepost.ledger import Ledger
from gatepost.model import Conversation, Delivery, Message, SandboxMail
from gatepost.store import channels, conversations, deliveries, mailboxes, message_pages, messages, pages, users


@dataclass
class Scene:
    """What a database holds."""

    user: str
    support: str
    billing: str
    relayed: str
    sent: str
    kept: str


@pytest.fixture
def scene(ledger: Ledger, now: datetime) -> Scene:
    """A conversation in each of two channels, and a relayed mail outside any."""
    return ledger.write(lambda session: fill(session, now))


def fill(session: Session, now: datetime) -> Scene:
    user = users.create_user(session, email="a@example.org", name="Ada", role="agent", now=now)
    support = channels.create_channel(session, name="Support", address="support@example.org", now=now)
    billing = channels.create_channel(session, name="Billing", address="billing@example.org", now=now)
    first = talk(session, support.id, "Late 50% off", now)
    second = talk(session, billing.id, "Invoice", now + timedelta(minutes=1))
    conversations.assign(session, first, user, user.id, now)
    sent = send(session, first, [("x@one.example", "failed"), ("y@one.example", "delayed")], now)
    send(session, second, [("z@two.example", "delivered")], now)
    relayed = send(session, None, [("w@three.example", "bounced")], now)
    kept = SandboxMail(
        id=new_id("sbx"), delivery_id=deliveries.deliveries_of(session, sent)[0].id, message_id=sent, mail_from="b@b",
        recipient="x@one.example", at=now,
    )  # fmt: skip
    session.add(kept)
    session.flush()
    return Scene(user.id, support.id, billing.id, relayed, sent, kept.id)


def talk(session: Session, channel_id: str, subject: str, now: datetime) -> Conversation:
    conversation = conversations.create_conversation(
        session, subject=subject, requester="carol@customer.example", channel_id=channel_id, now=now
    )
    people = [("carol@customer.example", "Carol", "requester"), ("dora@customer.example", "", "participant")]
    conversations.add_participants(session, conversation.id, people)
    return conversation


def send(session: Session, conversation: Conversation | None, to: list[tuple[str, str]], now: datetime) -> str:
    identifier = new_id("msg")
    message = Message(
        id=identifier, direction="out", digest=identifier, message_id=identifier, subject="Hello", size=1, at=now,
        from_address="shop@example.org", conversation_id=conversation.id if conversation else None,
        channel_id=conversation.channel_id if conversation else None,
    )  # fmt: skip
    messages.put_message(session, message, Content(b"x", None, 1))
    for recipient, state in to:
        row = Delivery(
            id=new_id("dlv"), message_id=identifier, recipient=recipient, state=state, created_at=now, updated_at=now
        )
        session.add(row)
    session.flush()
    if conversation:
        deliveries.count_failures(session, conversation)
    return identifier


def subjects(database: Database, scene: Scene, tab: str = "all", text: str = "", channel_id: str = "") -> list[str]:
    with database.session() as session:
        rows = pages.conversation_list(
            session, scope=None, user_id=scene.user, tab=tab, text=text, channel_id=channel_id
        )
        return [row.conversation.subject for row in rows]


def test_the_newest_change_stands_first(database: Database, scene: Scene) -> None:
    assert subjects(database, scene) == ["Invoice", "Late 50% off"]
    assert subjects(database, scene, tab="mine") == ["Late 50% off"]
    assert subjects(database, scene, tab="unassigned") == ["Invoice"]
    assert subjects(database, scene, tab="failed") == ["Late 50% off"]
    assert subjects(database, scene, tab="closed") == []
    assert subjects(database, scene, channel_id=scene.billing) == ["Invoice"]


@pytest.mark.parametrize(
    ("text", "found"),
    [("50%", 1), ("CAROL", 2), ("dora@", 2), ("#2", 1), ("1", 1), ("%", 1), ("_", 0), ("\\", 0), ("9" * 30, 0)],
)
def test_searching_takes_every_character_as_it_is(database: Database, scene: Scene, text: str, found: int) -> None:
    assert len(subjects(database, scene, text=text)) == found


def test_a_row_tells_people_trouble_and_whether_it_is_new(database: Database, ledger: Ledger, scene: Scene) -> None:
    with database.session() as session:
        row = pages.conversation_list(session, scope=None, user_id=scene.user, tab="mine")[0]
    assert row.people == ("Carol", "dora@customer.example")
    assert row.assignee == "Ada"
    assert row.unread
    assert (row.trouble.total, row.trouble.failed, row.trouble.delayed) == (2, 1, 1)
    at = row.conversation.updated_at
    ledger.write(lambda session: conversations.mark_seen(session, row.conversation.id, scene.user, at))
    with database.session() as session:
        assert not pages.conversation_list(session, scope=None, user_id=scene.user, tab="mine")[0].unread


def test_a_scope_hides_everything_else(database: Database, scene: Scene) -> None:
    scope = frozenset({scene.support})
    with database.session() as session:
        rows = pages.conversation_list(session, scope=scope, user_id="", tab="all")
        assert [row.conversation.channel_id for row in rows] == [scene.support]
        assert [row.message.id for row in message_pages.message_list(session, scope=scope)] == [scene.sent]
        assert len(message_pages.sandbox_list(session, scope=scope)) == 1
        assert [channel.id for channel in pages.channels_in(session, scope)] == [scene.support]
        assert pages.open_by_channel(session, scope) == {scene.support: 1}
        assert message_pages.relayed_failures(session, scope) == 0
        nothing: frozenset[str] = frozenset()
        assert not pages.conversation_list(session, scope=nothing, user_id="", tab="all")
        assert not message_pages.message_list(session, scope=nothing)
        assert not message_pages.sandbox_list(session, scope=nothing)
        assert not pages.channels_in(session, nothing)


def test_counts(database: Database, scene: Scene) -> None:
    with database.session() as session:
        counts = pages.tab_counts(session, scope=None, user_id=scene.user)
        assert counts == {"all": 2, "mine": 1, "unassigned": 1, "failed": 1}
        assert message_pages.message_counts(session, None) == {"all": 3, "waiting": 1, "delivered": 1, "failed": 2}
        assert message_pages.relayed_failures(session, None) == 1
        assert pages.outcome_counts(session) == {}
        assert pages.newest_arrival(session) is None


def test_a_relayed_mail_comes_home_when_it_is_answered(database: Database, ledger: Ledger, scene: Scene) -> None:
    def answered(session: Session) -> None:
        conversations.create_conversation(
            session, subject="Re", requester="w@three.example", channel_id=scene.support, origin_id=scene.relayed,
            now=datetime.fromisoformat("2026-11-22T12:00:00+00:00"),
        )  # fmt: skip

    with database.session() as session:
        message = messages.get_message(session, scene.relayed)
        assert message
        assert pages.homes_of(session, message) == [None]
    ledger.write(answered)
    with database.session() as session:
        message = messages.get_message(session, scene.relayed)
        assert message
        assert pages.homes_of(session, message) == [None, scene.support]
        assert message_pages.relayed_failures(session, None) == 0
        found = pages.conversations_by_message(session, [scene.relayed, scene.sent])
        assert {key: len(value) for key, value in found.items()} == {scene.relayed: 1, scene.sent: 1}
        ids = [conversation_id for values in found.values() for conversation_id in values]
        assert {number for number, _ in pages.keys_of(session, ids).values()} == {1, 3}
        visible = message_pages.message_list(session, scope=frozenset({scene.support}))
        assert {row.message.id for row in visible} == {scene.sent, scene.relayed}


def test_a_mailbox_is_changed_but_takes_no_address_of_another(database: Database, ledger: Ledger, scene: Scene) -> None:
    def change(session: Session, address: str, state: str = "inactive") -> None:
        mailboxes.change_channel(
            session, scene.support, name="Help", address=address, sender_name="", footer="F", by_mx=False, state=state
        )

    ledger.write(lambda session: change(session, "help@example.org"))
    with database.session() as session:
        channel = channels.get_channel(session, scene.support)
    assert channel
    assert (channel.address, channel.sender_name, channel.state) == ("help@example.org", "Help", "inactive")
    with pytest.raises(ValueError, match="already belongs"):
        ledger.write(lambda session: change(session, "billing@example.org"))
    with pytest.raises(ValueError, match="active or inactive"):
        ledger.write(lambda session: change(session, "help@example.org", "asleep"))
