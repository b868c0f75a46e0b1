"""Many mails in one transaction end as the same mails one by one."""

import random
from contextlib import suppress

import pytest
from sqlalchemy import func
from sqlmodel import Session, col, select

from bench.mails import Maker
from gatepost.blobs import Blobs
from gatepost.database import Database
from gatepost.model import Channel, Contact, Conversation, KnownId, Message, Participant
from gatepost.parts import clock
from gatepost.seal import Keys
from gatepost.settings import Settings
from gatepost.store.channels import create_channel
from gatepost.store.conversations import create_conversation, get_conversation, note_contact, participants
from gatepost.store.together import together, together_in
from gatepost.threading.intake import Arriving, Desk, Item, Received, receive_all, receive_item
from gatepost.threading.reading import read

SUPPORT = "support@gatepost.test"


def items(desk: Desk, channel: Channel, mails: list[bytes]) -> list[Item]:
    return [
        Item(
            desk,
            read(raw, None),
            clock(),
            arriving=Arriving(raw=raw, inlet="import", recipient=SUPPORT, channel_id=channel.id),
            content=desk.blobs.keep(raw),
        )
        for raw in mails
    ]


def state_of(session: Session) -> list[object]:
    """What is stored, without ids and times that are made."""
    mails = session.exec(select(Message).order_by(col(Message.message_id))).all()
    conversations = session.exec(select(Conversation).order_by(col(Conversation.number))).all()
    numbers = {one.id: one.number for one in conversations}
    people = session.exec(select(Participant)).all()
    ids = session.exec(select(KnownId)).all()
    own = {mail.id: mail.message_id for mail in mails}
    return [
        [
            (mail.message_id, numbers[mail.conversation_id or ""], mail.verified, mail.why, mail.outcome)
            for mail in mails
        ],
        [(one.number, one.subject, one.messages, one.updated_at, one.snippet, one.requester) for one in conversations],
        sorted((numbers[one.conversation_id], one.address, one.role, one.name) for one in people),
        sorted((one.message_id, numbers[one.conversation_id], own.get(one.message_pk or "", "")) for one in ids),
        sorted(session.exec(select(Contact.address)).all()),
    ]


@pytest.fixture
def desk(settings: Settings, keys: Keys) -> Desk:
    return Desk(settings, keys, Blobs(settings.path(settings.var)))


@pytest.mark.parametrize("shuffled", [False, True])
def test_together_ends_as_one_by_one(desk: Desk, database: Database, shuffled: bool) -> None:
    mails = list(Maker(repetitive=True, seed=3).mails(120))
    mails += mails[:5]
    if shuffled:
        random.Random(5).shuffle(mails)
    states = []
    for size in (1, 40):
        received: list[Received] = []
        with Session(database.engine, expire_on_commit=False) as session:
            channel = create_channel(session, name="Support", address=SUPPORT, now=clock())
            everything = items(desk, channel, mails)
            for at in range(0, len(everything), size):
                batch = everything[at : at + size]
                received += [receive_item(session, one) for one in batch] if size == 1 else receive_all(session, batch)
            session.expire_all()
            states.append((state_of(session), [(one.outcome, one.why) for one in received]))
            session.rollback()
    assert states[0] == states[1]


def test_who_reads_sees_what_waits_to_be_written(database: Database) -> None:
    with Session(database.engine) as session, together(session) as batch:
        note_contact(session, "ana@x.example", "Ana", clock())
        assert batch.inserts
        assert session.exec(select(func.count()).select_from(Contact)).one() == 1
        assert not batch.inserts


def test_what_was_remembered_is_dropped_when_somebody_writes_by_himself(database: Database) -> None:
    with Session(database.engine) as session, together(session):
        made = create_conversation(session, subject="S", requester="a@x.example", channel_id=None, now=clock())
        assert participants(session, made.id) == []
        session.add(Participant(conversation_id=made.id, address="b@x.example"))
        session.flush()
        assert [one.address for one in participants(session, made.id)] == ["b@x.example"]
        found = get_conversation(session, made.id)
        assert found
        assert found.number == made.number


def test_a_batch_that_fails_leaves_nothing_behind(database: Database) -> None:
    with Session(database.engine) as session:
        with suppress(RuntimeError), together(session):
            note_contact(session, "ana@x.example", "Ana", clock())
            raise RuntimeError
        assert together_in(session) is None
        session.rollback()
        assert session.exec(select(func.count()).select_from(Contact)).one() == 0


def test_running_numbers_have_no_gaps(database: Database) -> None:
    with Session(database.engine) as session:
        numbers = []
        for _ in range(2):
            with together(session):
                for _ in range(3):
                    made = create_conversation(session, subject="S", requester="", channel_id=None, now=clock())
                    numbers.append(made.number)
        made = create_conversation(session, subject="S", requester="", channel_id=None, now=clock())
        assert [*numbers, made.number] == [1, 2, 3, 4, 5, 6, 7]
