"""Many mails in one transaction: what they leave is written behind, in few statements, what they ask is remembered.

Whoever reads through the session gets everything written first, so nobody sees a state that is not there.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, Table, event
from sqlalchemy.orm import ORMExecuteState
from sqlmodel import Session, SQLModel

from gatepost.store.many import execute_many

T = TypeVar("T")
KEY = "together"
Values = dict[str, Any]


@dataclass(slots=True)
class Together:
    """What is still to be written, by statement, and what was read, with the state of the tables it was read from."""

    session: Session
    inserts: dict[tuple[int, Any, tuple[str, ...]], list[Values]] = field(default_factory=dict)
    updates: dict[Any, list[Values]] = field(default_factory=dict)
    known: dict[Hashable, Any] = field(default_factory=dict)
    absent: dict[str, set[str]] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)

    def insert(self, table: Table, statement: Any, rows: Sequence[Values]) -> None:
        """Insert them later: rows of a table behind those of the tables it refers to."""
        for row in rows:
            self.inserts.setdefault((depth_of(table), statement, tuple(row)), []).append(row)

    def update(self, statement: Any, values: Values) -> None:
        """Update later, after all inserts; those of one statement in their order."""
        self.updates.setdefault(statement, []).append(values)

    def write(self) -> None:
        """Write what waits."""
        if not self.inserts and not self.updates:
            return
        inserts, updates = self.inserts, self.updates
        self.inserts, self.updates = {}, {}
        connection = self.session.connection()
        for _, statement, keys in sorted(inserts, key=lambda key: key[0]):
            execute_many(connection, statement, inserts[_, statement, keys])
        for statement, values in updates.items():
            execute_many(connection, statement, values)


def depth_of(table: Table) -> int:
    """Its place among the tables: those it refers to come first."""
    if not DEPTHS:
        DEPTHS.update((each.name, place) for place, each in enumerate(SQLModel.metadata.sorted_tables))
    return DEPTHS[table.name]


DEPTHS: dict[str, int] = {}


def together_in(session: Session) -> Together | None:
    """What holds for this session now, or None outside `together`."""
    return cast("Together | None", session.info.get(KEY))


@contextmanager
def together(session: Session) -> Iterator[Together]:
    """While this lasts, writes by store/rows wait until somebody reads; in the end all is written."""
    batch = Together(session)

    def before_statement(state: ORMExecuteState) -> None:
        batch.write()
        if not state.is_select:
            batch.known.clear()

    def before_flush(*_: Any) -> None:
        batch.write()
        batch.known.clear()

    session.flush()
    session.info[KEY] = batch
    hooks: dict[str, Callable[..., None]] = {"do_orm_execute": before_statement, "before_flush": before_flush}
    for name, hook in hooks.items():
        event.listen(session, name, hook)
    try:
        yield batch
        batch.write()
    finally:
        for name, hook in hooks.items():
            event.remove(session, name, hook)
        del session.info[KEY]


def remembered(session: Session, key: Hashable, look_up: Callable[[], T]) -> T:
    """What `look_up` gave for this key before, until `forget`; outside `together` it is asked each time."""
    batch = together_in(session)
    if batch is None:
        return look_up()
    if key not in batch.known:
        batch.known[key] = look_up()
    return cast(T, batch.known[key])


def foresee(session: Session, table: str, asked: set[str], found: set[str]) -> None:
    """Let it be known which keys of a table, of those that were asked for all at once, are not there."""
    batch = together_in(session)
    if batch is not None:
        batch.absent.setdefault(table, set()).update(asked - found)


def appear(session: Session, table: str, keys: Sequence[str]) -> None:
    """Keys that are there from now on."""
    batch = together_in(session)
    if batch is not None and table in batch.absent:
        batch.absent[table].difference_update(keys)


def is_absent(session: Session, table: str, key: str) -> bool:
    """Whether it was looked up before that this key is not there; False where nobody knows."""
    batch = together_in(session)
    return batch is not None and key in batch.absent.get(table, ())


def connect(session: Session) -> Connection:
    """The session's connection, after what waits was written."""
    batch = together_in(session)
    if batch is not None:
        batch.write()
    return session.connection()
