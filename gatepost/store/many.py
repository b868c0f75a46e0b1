"""One statement for many rows: compiled once, so that a row costs little more than its values."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Dialect

MOST_STATEMENTS = 200


@dataclass(frozen=True, slots=True)
class Compiled:
    """A statement as the driver takes it: its parameters in order, each with what makes it a value of the driver's.

    `fixed` are those that are the same for all rows. Where the driver knows no names, only their order counts.
    """

    sql: str
    fixed: Mapping[str, Any]
    parameters: tuple[tuple[str, Callable[[Any], Any] | None], ...]
    positional: bool

    def values(self, row: Mapping[str, Any]) -> Any:
        """One row's parameters. Raises KeyError where one is missing."""
        whole = {**self.fixed, **row}
        found = [whole[name] if convert is None else convert(whole[name]) for name, convert in self.parameters]
        return tuple(found) if self.positional else dict(zip((name for name, _ in self.parameters), found, strict=True))


def execute_many(connection: Connection, statement: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    """Run a statement for rows that all have the same keys."""
    if rows:
        ready = compiled(statement, tuple(rows[0]), connection.dialect)
        connection.exec_driver_sql(ready.sql, [ready.values(row) for row in rows])


@lru_cache(MOST_STATEMENTS)
def compiled(statement: Any, keys: tuple[str, ...], dialect: Dialect) -> Compiled:
    """SQLAlchemy does this for each row anew, which costs twice what the database does with the row."""
    made = statement.compile(dialect=dialect, column_keys=list(keys), for_executemany=True)
    whole = made.construct_params(dict.fromkeys(keys))
    names = made.positiontup if made.positional else list(whole)
    converters = ((name, made.binds[name].type.dialect_impl(dialect).bind_processor(dialect)) for name in names)
    fixed = {name: value for name, value in whole.items() if name not in keys}
    return Compiled(str(made), fixed, tuple(converters), made.positional)
