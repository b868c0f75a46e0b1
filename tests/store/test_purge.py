"""Deleting for ever: what goes, what stays, what holds it back, and that the store is whole afterwards."""

import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlmodel import Session, select

from gatepost.acts import Actor
from gatepost.blobs import Blobs, Content
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


def note(session: Session, row: Conversation, now: datetime) -> str:
    """A mail in a conversation."""
    key = new_id("msg")
    message = Message(id=key, direction="in", digest=key, message_id=f"{key}@x", at=now, size=9, conversation_id=row.id)
    messages.put_message(session, message, Content(b"x", None, 1))
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


def test_copies_of_what_was_merged_or_moved_here_go_too(ledger: Ledger, database: Database, now: datetime) -> None:
    """A copy names the conversation that its mail was in when it was made."""
    mia = ledger.write(lambda s: create_user(s, email="mia@desk.example", name="Mia", role="agent", now=now).id)

    def op(session: Session) -> list[str]:
        one, other = (
            conversations.create_conversation(session, subject="s", requester="a@x", channel_id=None, now=now)
            for _ in range(2)
        )
        made = [note(session, key, now) for key in (one, one, other)]
        copies = [send(session, ["mia@desk.example"], now)[0].message_id for _ in made]
        for answers_id, copy_id in zip(made, copies, strict=True):
            session.add(
                AgentCopy(
                    message_id=copy_id, conversation_id=one.id, user_id=mia, answers_id=answers_id, expires_at=now
                )
            )
        carry_out(session, one.id, other.id, made[:1], KIM, now)  # moved
        return [other.id, *copies]

    other_id, moved, stays, _ = ledger.write(op)
    sent(ledger, now)

    def gone_for_ever(session: Session) -> None:
        delete(session, other_id, KIM, now)
        purge(session, other_id, KIM, now)

    ledger.write(gone_for_ever)
    with database.session() as session:
        purged = {row.id: row.purged_at is not None for row in session.exec(select(Message)).all()}
    assert (purged[moved], purged[stays]) == (True, False)


def test_what_is_restored_at_this_moment_is_not_emptied(
    ledger: Ledger, database: Database, told: str, now: datetime
) -> None:
    """On PostgreSQL another process may bring it back, with a new mail, between our reading and our writing."""
    if database.sqlite:
        return  # there whoever writes reads nothing that others may change
    sent(ledger, now)

    seen: list[str] = []

    def meanwhile(connection: object, cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("UPDATE conversation") and not seen:
            seen.append(statement)
            with Session(database.engine) as other:
                restore(other, told, KIM, now)
                other.commit()

    event.listen(database.engine, "before_cursor_execute", meanwhile)
    with Session(database.engine) as session, pytest.raises(NotPossible):
        purge(session, told, KIM, now)
    with database.session() as session:
        assert session.exec(select(Conversation.state)).one() == "open"
        assert session.exec(select(Message.purged_at)).one() is None


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
