"""The contract of webhooks and of the settled history, on both databases."""

from datetime import datetime, timedelta

from sqlmodel import Session

from gatepost.database import Database
from gatepost.seal import Keys
from gatepost.store.events import add_event
from gatepost.store.settled import Horizon, mark
from gatepost.store.webhook_calls import CallResult, calls_of, claim_calls, has_work, put_calls, record_call
from gatepost.store.webhooks import create_webhook, delete_webhook, get_webhook, list_webhooks

LEASE = timedelta(seconds=60)


def put(database: Database, now: datetime, *kinds: str, conversation: str | None = None) -> None:
    with Session(database.engine) as session:
        for kind in kinds:
            add_event(session, kind, now=now, conversation_id=conversation)
        session.commit()


def made(database: Database, keys: Keys, now: datetime, kinds: tuple[str, ...] = ()) -> str:
    with Session(database.engine) as session:
        webhook, _ = create_webhook(
            session, keys, url="https://hooks.example/", kinds=kinds, credential_id=None, now=now
        )
        session.commit()
        return webhook.id


def test_an_event_becomes_one_call_for_each_webhook_that_wants_it(
    database: Database, keys: Keys, now: datetime
) -> None:
    put(database, now, "message.queued")
    every, some = made(database, keys, now), made(database, keys, now, ("delivery.*",))
    put(database, now, "message.queued", "user.login", "delivery.failed")
    with Session(database.engine) as session:
        horizon = mark(session).seq
        assert has_work(session, horizon, now)
        assert put_calls(session, horizon, now) == 6
        assert put_calls(session, horizon, now) == 0
        session.commit()
        assert [call.kind for call in calls_of(session, every)] == ["delivery.failed", "message.queued"]
        assert [call.kind for call in calls_of(session, some)] == ["delivery.failed"]
        assert len(list_webhooks(session)) == 2
        assert delete_webhook(session, every)
        assert not delete_webhook(session, every)
        assert get_webhook(session, every) is None


def test_a_call_is_claimed_once_and_a_failing_webhook_gets_one_at_a_time(
    database: Database, keys: Keys, now: datetime
) -> None:
    webhook = made(database, keys, now)
    for number in range(3):
        put(database, now, "conversation.created", "message.received", conversation=f"con_{number}")
    with Session(database.engine) as session, Session(database.engine) as other:
        put_calls(session, mark(session).seq, now)
        session.commit()
        claims = claim_calls(session, 2, LEASE, now)
        session.commit()
        assert [claim.payload["type"] for claim in claims] == ["conversation.created"] * 2
        assert claim_calls(other, 2, LEASE, now) == []
        other.rollback()
        late = now + timedelta(seconds=5)
        assert record_call(session, claims[0], CallResult("delayed", 500, "", late), now)
        assert record_call(session, claims[1], CallResult("delivered", 200, ""), now)
        assert not record_call(session, claims[1], CallResult("delivered", 200, ""), now)
        session.commit()
        following = claim_calls(session, 4, LEASE, now)
        assert [(claim.payload["data"]["conversation_id"]) for claim in following] == ["con_1", "con_2"]
        record_call(session, following[0], CallResult("failed", 500, ""), now)
        session.commit()
        found = get_webhook(session, webhook)
        assert found
        assert found.failures == 1
        assert claim_calls(session, 4, LEASE, late) == []


def test_a_number_that_appears_late_is_not_missed(database: Database, now: datetime) -> None:
    if database.sqlite:
        put(database, now, "message.queued")
        with database.session() as session:
            assert Horizon().move(mark(session)) == 1
        return
    horizon = Horizon()

    def look() -> int:
        with database.session() as session:
            return horizon.move(mark(session))

    with Session(database.engine) as slow:
        add_event(slow, "message.queued", now=now)
        put(database, now, "message.received")
        assert [look(), look(), look()] == [0, 0, 0]
        slow.commit()
    look()
    assert look() == 2
