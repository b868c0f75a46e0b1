"""What a credential may ask, on both databases."""

from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from gatepost.blobs import Content
from gatepost.database import Database
from gatepost.model import Conversation, Credential, Message
from gatepost.reply import Reply
from gatepost.seal import Keys
from gatepost.store import api
from gatepost.store.channels import create_channel
from gatepost.store.claims import claim
from gatepost.store.conversations import add_participants, create_conversation
from gatepost.store.credentials import create_credential
from gatepost.store.deliveries import Result
from gatepost.store.events import add_event
from gatepost.store.messages import put_message
from gatepost.words import DeliveryState
from tests.rows import put_deliveries, record_reply


def key(session: Session, keys: Keys, now: datetime) -> Credential:
    return create_credential(session, keys, kind="api", name="x", senders=["x.example"], now=now)[0]


def mail(session: Session, number: int, owner: str | None, now: datetime, **more: str) -> Message:
    """A stored mail with one recipient; its id is ordered by `number`."""
    identifier = f"msg_{number:032x}"
    values: dict[str, Any] = {
        "direction": "out",
        "digest": identifier,
        "message_id": f"{number}@x",
        "credential_id": owner,
        **more,
    }
    message = Message(id=identifier, at=now, size=2, **values)
    put_message(session, message, Content(b"x\n", None, 2))
    put_deliveries(session, identifier, [f"u{number}@x.example"], now)
    return message


def test_messages_are_the_credentials_own(database: Database, keys: Keys, now: datetime) -> None:
    with database.session() as session:
        mine, other = key(session, keys, now), key(session, keys, now)
        for number in range(6):
            mail(session, number, (mine if number % 2 else other).id, now)
        rows = api.own_messages(session, mine.id, state=None, after=None, limit=2)
        assert [row.message_id for row in rows] == ["5@x", "3@x"]
        rest = api.own_messages(session, mine.id, state=DeliveryState.QUEUED, after=rows[-1].id, limit=2)
        assert [row.message_id for row in rest] == ["1@x"]
        assert api.own_messages(session, mine.id, state=DeliveryState.FAILED, after=None, limit=2) == []
        assert api.own_message(session, mine.id, rows[0].id) is not None
        assert api.own_message(session, other.id, rows[0].id) is None
        assert api.own_message(session, mine.id, "") is None
        counted = api.state_counts(session, [rows[0].id, "msg_none"])
        assert counted == {rows[0].id: {"queued": 1}, "msg_none": {}}
        assert api.state_counts(session, []) == {}


def test_a_history_has_events_and_attempts(database: Database, keys: Keys, now: datetime) -> None:
    with database.session() as session:
        message = mail(session, 1, key(session, keys, now).id, now)
        mail(session, 2, None, now)
        add_event(session, "message.queued", now=now, message_id=message.id)
        for taken in claim(session, 10, timedelta(minutes=1), now):
            record_reply(session, taken, Result(DeliveryState.FAILED, Reply(550), "mx", "relay", None), now)
        events, attempts = api.message_history(session, message.id)
        assert [event.kind for event in events] == ["message.queued"]
        assert [(row.state, row.code) for row in attempts] == [("failed", 550)]


def test_conversations_are_seen_by_credential_or_channel(database: Database, keys: Keys, now: datetime) -> None:
    with database.session() as session:
        mine = key(session, keys, now)
        channel = create_channel(session, name="x", address="a@x.example", now=now)
        rows = [
            create_conversation(
                session, subject=str(number), requester="r@x.example", channel_id=in_channel, credential_id=by, now=now
            )
            for number, (in_channel, by) in enumerate([(None, None), (channel.id, None), (None, mine.id)])
        ]
        add_participants(session, rows[1].id, [("b@x.example", "", "participant"), ("r@x.example", "", "requester")])
        seen, own = api.visible(mine.id, [channel.id]), api.visible(mine.id, [])

        def subjects(**more: Any) -> list[str]:
            wanted: dict[str, Any] = {"state": None, "failed": None, "after": None, "limit": 10, **more}
            return [row.subject for row in api.conversations(session, seen, **wanted)]

        assert subjects() == ["2", "1"]
        assert subjects(limit=1) == ["2"]
        assert subjects(after=rows[2].id) == ["1"]
        assert subjects(failed=False, state="open") == ["2", "1"]
        assert subjects(failed=True) == subjects(state="closed") == []
        assert api.one_conversation(session, seen, number=rows[1].number) is not None
        assert api.one_conversation(session, own, number=rows[1].number) is None
        assert api.one_conversation(session, seen, conversation_id=rows[0].id) is None
        assert api.one_conversation(session, own, conversation_id=rows[2].id) is not None
        people = api.participants_of(session, [rows[1].id, rows[2].id])
        assert [row.address for row in people[rows[1].id]] == ["r@x.example", "b@x.example"]
        assert people[rows[2].id] == []


def test_a_conversations_mails_are_paged_without_notes(database: Database, now: datetime) -> None:
    with database.session() as session:
        origin = mail(session, 9, None, now - timedelta(hours=1))
        conversation: Conversation = create_conversation(
            session, subject="x", requester="r@x.example", channel_id=None, origin_id=origin.id, now=now
        )
        for number in (1, 2, 3):
            mail(session, number, None, now, conversation_id=conversation.id)
        mail(session, 4, None, now, conversation_id=conversation.id, direction="note")
        mail(session, 5, None, now)
        first = api.mails_of(session, conversation, after=None, limit=2)
        rest = api.mails_of(session, conversation, after=first[-1].id, limit=5)
        assert [row.message_id for row in (*first, *rest)] == ["9@x", "1@x", "2@x", "3@x"]
        assert api.mails_of(session, conversation, after=f"msg_{5:032x}", limit=5) == []
