"""gatepost.store.links: how often an address is asked, and how long its link is good for."""

from datetime import datetime, timedelta

import pytest
from sqlmodel import Session

from gatepost.database import Database
from gatepost.model import AgentAddress, Sender
from gatepost.store.links import LINK_LIFE, MOST_A_DAY, AskedOften, asked_again, recent, row_by_token
from gatepost.store.senders import ask, confirm

ANNA = "anna@northwind.de"


def test_a_minute_between_mails_and_five_a_day(now: datetime) -> None:
    asked: list[str] = []
    for number in range(MOST_A_DAY):
        at = now + timedelta(minutes=number)
        values = asked_again(ANNA, asked, f"t{number}", at)
        asked = values["asked"]
        assert values["expires_at"] == at + LINK_LIFE
        with pytest.raises(AskedOften, match="less than a minute"):
            asked_again(ANNA, asked, "again", at + timedelta(seconds=59))
    with pytest.raises(AskedOften, match="tomorrow"):
        asked_again(ANNA, asked, "sixth", now + timedelta(hours=1))
    assert len(recent(asked, now + timedelta(days=1))) == MOST_A_DAY - 1
    assert asked_again(ANNA, asked, "next day", now + timedelta(days=1))


def test_a_link_works_once_for_its_own_table_and_time(database: Database, now: datetime) -> None:
    with database.session() as session:
        ask(session, ANNA, "token", "msg_1", now)
        assert row_by_token(session, Sender, "", now) is None
        assert row_by_token(session, Sender, "other", now) is None
        assert row_by_token(session, AgentAddress, "token", now) is None
        assert row_by_token(session, Sender, "token", now + LINK_LIFE) is None
        assert found(session, now) == ANNA
        assert confirm(session, "token", now)
        assert found(session, now) is None


def found(session: Session, now: datetime) -> str | None:
    row = row_by_token(session, Sender, "token", now)
    return row.address if row else None
