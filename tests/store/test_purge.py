"""Deleting for ever: what goes, what stays, what holds it back, and that the store is whole afterwards."""

import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, select

from gatepost.acts import Actor
from gatepost.blobs import Blobs
from gatepost.database import Database
from gatepost.gateway import acts
from gatepost.ids import new_id
from gatepost.ledger import Ledger
from gatepost.model import AgentCopy, Conversation, Delivery, Event, Message, Raw
from gatepost.purging import purge_due, remove_files
from gatepost.store import conversations, messages
from gatepost.store.corrections import NotPossible, carry_out
from gatepost.store.deleted import delete, restore
from gatepost.store.fsck import fsck
from gatepost.store.purge import contents, purge
from gatepost.store.queue import Which
from gatepost.store.users import create_user
from gatepost.words import DeliveryState
from tests.rows import record_reply
from tests.store.test_deliveries import REFUSED, claim_all, result, send
from tests.store.test_fsck import story

KIM = Actor("Kim")
BIG = b"x" * 200_000


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "blobs")


@pytest.fixture
def told(ledger: Ledger, now: datetime) -> str:
    """A conversation in Deleted with one mail, which nobody has got yet."""
    message_id = ledger.write(lambda session: story(session, now))
    with ledger.database.session() as session:
        message = messages.get_message(session, message_id)
        assert message
        assert message.conversation_id
        key = message.conversation_id
    ledger.write(lambda session: delete(session, key, KIM, now))
    return key


def sent(ledger: Ledger, now: datetime) -> None:
    """Nobody takes the mails."""
    for claim in claim_all(ledger, now):
        ledger.write(lambda s, claim=claim: record_reply(s, claim, result(DeliveryState.FAILED, REFUSED), now))  # type: ignore[misc]


def test_what_is_queued_holds_it_back(ledger: Ledger, database: Database, told: str, now: datetime) -> None:
    with pytest.raises(NotPossible, match="#1 holds 1 mail not sent to everybody yet"):
        ledger.write(lambda session: purge(session, told, KIM, now))
    assert not purge_due(ledger, 30, now + timedelta(days=31))
    with database.session() as session:
        assert contents(session, [told]).waiting == {1: 1}
        assert session.exec(select(Conversation.state)).one() == "deleted"


def test_it_goes_after_its_days_and_the_store_is_whole(
    ledger: Ledger, database: Database, blobs: Blobs, told: str, now: datetime
) -> None:
    sent(ledger, now)
    for days, later in ((30, 29), (0, 400)):
        purge_due(ledger, days, now + timedelta(days=later))
        with database.session() as session:
            assert session.exec(select(Conversation.state)).one() == "deleted"
    purge_due(ledger, 30, now + timedelta(days=30))
    with database.session() as session:
        row, event = session.exec(select(Conversation)).one(), session.exec(select(Event)).all()[-1]
        assert (row.state, row.messages, row.failed) == ("purged", 1, 2)
        assert (event.kind, event.data["mails"]) == ("conversation.purged", 1)
        assert session.exec(select(Raw.data)).one() is None
        assert fsck(session, blobs, now) == []


def test_nothing_is_sent_of_what_is_gone(ledger: Ledger, database: Database, told: str, now: datetime) -> None:
    sent(ledger, now)
    ledger.write(lambda session: purge(session, told, KIM, now))
    which = Which(states=(DeliveryState.FAILED,))
    assert acts.preview(database, "retry", which, now).refused == {
        "what it said was deleted for ever, so there is nothing left to send": 2
    }
    assert acts.perform(database, ledger, "retry", which, KIM, now).changed == 0
    with database.session() as session:
        delivery = session.exec(select(Delivery)).first()
    assert delivery
    with pytest.raises(ValueError, match="deleted for ever"):
        acts.resend(ledger, delivery.id, "right@x.example", KIM, now)


def test_copies_for_agents_go_too(ledger: Ledger, database: Database, told: str, now: datetime) -> None:
    mia = ledger.write(lambda s: create_user(s, email="mia@desk.example", name="Mia", role="agent", now=now).id)

    def op(session: Session) -> str:
        row = send(session, ["mia@desk.example"], now)[0]
        copy = AgentCopy(message_id=row.message_id, conversation_id=told, user_id=mia, answers_id="", expires_at=now)
        session.add(copy)
        return row.message_id

    copy_id = ledger.write(op)
    sent(ledger, now)
    ledger.write(lambda session: purge(session, told, KIM, now))
    with database.session() as session:
        copy = messages.get_message(session, copy_id)
        assert copy
        assert copy.purged_at
        assert copy.conversation_id is None


def test_a_file_goes_an_hour_later_unless_another_mail_has_it(
    ledger: Ledger, database: Database, blobs: Blobs, now: datetime
) -> None:
    content = blobs.keep(BIG)

    def op(session: Session) -> list[str]:
        made = []
        for number in range(2):
            row = conversations.create_conversation(session, subject="s", requester="a@x", channel_id=None, now=now)
            key = new_id("msg")
            message = Message(
                id=key, direction="in", digest=key, message_id=f"{number}@x", at=now, size=9, conversation_id=row.id
            )
            messages.put_message(session, message, content)
            conversations.touch(session, row.id, "", now, reopen=False)
            delete(session, row.id, KIM, now)
            made.append(row.id)
        return made

    first, second = ledger.write(op)
    path = blobs.file(content.blob or "")
    os.utime(path, (now.timestamp(), now.timestamp()))
    ledger.write(lambda session: purge(session, first, KIM, now))
    assert not remove_files(ledger, blobs, now + timedelta(hours=2))
    assert path.exists()
    ledger.write(lambda session: purge(session, second, KIM, now))
    assert remove_files(ledger, blobs, now)
    assert path.exists()
    assert not remove_files(ledger, blobs, now + timedelta(hours=2))
    assert not path.exists()
    with database.session() as session:
        assert fsck(session, blobs, now) == []


def test_what_is_deleted_can_only_be_restored(ledger: Ledger, told: str, now: datetime) -> None:
    other = ledger.write(
        lambda s: conversations.create_conversation(s, subject="", requester="", channel_id=None, now=now)
    )
    with pytest.raises(NotPossible, match="restore it first"):
        ledger.write(lambda session: carry_out(session, other.id, told, None, KIM, now))
    assert ledger.write(lambda session: delete(session, told, KIM, now)) is False
    assert ledger.write(lambda session: restore(session, told, KIM, now)) is True
    assert ledger.write(lambda session: restore(session, told, KIM, now)) is False
    with pytest.raises(NotPossible, match="Only what is in Deleted"):
        ledger.write(lambda session: purge(session, told, KIM, now))
