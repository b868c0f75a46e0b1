"""Inserting rows without the unit of work: what the hot path does thousands of times a second."""

from functools import cache
from typing import Any

from sqlalchemy import Connection, Insert, Table
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlmodel import Session, SQLModel


def connection(session: Session) -> Connection:
    """The session's connection for Core statements, after what the session still holds was written."""
    if session.new or session.dirty or session.deleted:
        session.flush()
    return session.connection()


def insert_row(session: Session, row: SQLModel) -> None:
    """Insert a row as one Core statement; the object stays unknown to the session."""
    insert_rows(session, [row])


def insert_rows(session: Session, rows: list[Any]) -> None:
    """Insert many rows of one table."""
    if rows:
        insert_values(session, type(rows[0]), [values_of(row) for row in rows])


def insert_missing(session: Session, rows: list[Any]) -> None:
    """Insert the rows of one table whose keys are not there yet, whoever is writing the same ones now."""
    if rows:
        there = connection(session)
        values = [values_of(row) for row in rows]
        model: Any = type(rows[0])
        there.execute(missing_statement(model, there.dialect.name == "sqlite"), values)


@cache
def missing_statement(model: Any, sqlite: bool) -> Insert:
    table: Table = model.__table__
    return (sqlite_insert if sqlite else postgresql_insert)(table).on_conflict_do_nothing()


def insert_values(session: Session, model: Any, values: list[dict[str, Any]]) -> None:
    """Insert rows given as values; columns that are not named get what the database gives them."""
    connection(session).execute(statement(model), values)


@cache
def statement(model: Any) -> Insert:
    table: Table = model.__table__
    return table.insert()


@cache
def columns(model: Any) -> tuple[str, ...]:
    return tuple(model.model_fields)


def values_of(row: SQLModel) -> dict[str, Any]:
    model: Any = type(row)
    return {name: getattr(row, name) for name in columns(model)}
