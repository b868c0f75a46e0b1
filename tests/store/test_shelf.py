"""Snoozing, and what was deleted meanwhile."""

from datetime import datetime, timedelta

from sqlmodel import Session, select

from gatepost.acts import Actor
from gatepost.ledger import Ledger
from gatepost.model import Conversation
from gatepost.store.conversations import create_conversation
from gatepost.store.deleted import delete, restore
from gatepost.store.shelf import next_to_wake, snooze, wake_snoozed

KIM, DAY = Actor("Kim"), timedelta(days=1)


def test_what_was_deleted_while_its_time_passed_is_open_once_it_is_restored(ledger: Ledger, now: datetime) -> None:
    def op(session: Session) -> list[str]:
        row = create_conversation(session, subject="s", requester="a@x", channel_id=None, now=now)
        snooze(session, row, now + DAY, None, now)
        delete(session, row.id, KIM, now)
        states = [str(session.exec(select(Conversation.state)).one())]
        assert wake_snoozed(session, now + DAY) == 1
        assert next_to_wake(session) is None
        states.append(str(session.exec(select(Conversation.state)).one()))
        restore(session, row.id, KIM, now + 2 * DAY)
        return [*states, str(session.exec(select(Conversation.state)).one())]

    assert ledger.write(op) == ["deleted", "deleted", "open"]
