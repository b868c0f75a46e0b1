"""Inserting rows without the unit of work: what the hot path does thousands of times a second."""

from functools import cache
from typing import Any

from sqlalchemy import Insert, insert
from sqlmodel import Session, SQLModel


def insert_row(session: Session, row: SQLModel) -> None:
    """Insert a row as one Core statement; the object stays unknown to the session."""
    insert_rows(session, [row])


def insert_rows(session: Session, rows: list[Any]) -> None:
    """Insert many rows of one table."""
    if rows:
        table: Any = type(rows[0])
        session.execute(statement(table), [values_of(row) for row in rows])


@cache
def statement(table: Any) -> Insert:
    return insert(table)


@cache
def columns(table: Any) -> tuple[str, ...]:
    return tuple(table.model_fields)


def values_of(row: SQLModel) -> dict[str, Any]:
    table: Any = type(row)
    return {name: getattr(row, name) for name in columns(table)}
