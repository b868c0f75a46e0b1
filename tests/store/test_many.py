from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import bindparam, update
from sqlmodel import Session, select

from gatepost.database import Database
from gatepost.ids import new_id
from gatepost.ledger import Ledger
from gatepost.model import Contact, Event
from gatepost.store.events import event_values
from gatepost.store.many import execute_many
from gatepost.store.rows import connection, insert_values

LATER = datetime(2026, 11, 22, 12, 0, 0, 7, timezone(timedelta(hours=2)))
TABLE = Contact.__table__  # type: ignore[attr-defined]
RENAME = update(TABLE).where(TABLE.c.id == bindparam("its_id")).values(address=bindparam("its_address"), name="100 %s")


def test_values_are_stored_as_sqlalchemy_stores_them(ledger: Ledger, database: Database, now: datetime) -> None:
    data = {"reply": "250 ü :x %s %(y)s ?", "list": [1, None, {"a": "b"}]}
    made = [event_values("a.b", now=now, data=data), event_values("c.d", now=LATER, message_id=None)]
    ledger.write(lambda session: insert_values(session, Event, made))
    with database.session() as session:
        first, second = session.exec(select(Event).order_by(Event.seq)).all()  # type: ignore[arg-type]
    assert (first.kind, first.at, first.data, first.message_id) == ("a.b", now, data, None)
    assert (second.kind, second.at, second.data) == ("c.d", LATER.astimezone(UTC), {})
    assert second.seq == (first.seq or 0) + 1


def test_an_update_has_its_own_values_beside_those_of_the_rows(ledger: Ledger, database: Database) -> None:
    ids = [new_id("ctc") for _ in range(3)]

    def work(session: Session) -> None:
        insert_values(session, Contact, [{"id": one, "address": one, "name": "", "created_at": LATER} for one in ids])
        renamed = [{"its_id": one, "its_address": f"{one}@x"} for one in ids[:2]]
        execute_many(connection(session), RENAME, renamed)
        execute_many(connection(session), RENAME, [])

    ledger.write(work)
    with database.session() as session:
        found = {one.id: (one.address, one.name) for one in session.exec(select(Contact)).all()}
    assert found == {ids[0]: (f"{ids[0]}@x", "100 %s"), ids[1]: (f"{ids[1]}@x", "100 %s"), ids[2]: (ids[2], "")}


def test_a_row_without_a_value_is_a_fault(ledger: Ledger, database: Database, now: datetime) -> None:
    rows = [event_values("a.b", now=now), {"kind": "c.d"}]
    with pytest.raises(KeyError):
        ledger.write(lambda session: insert_values(session, Event, rows))
