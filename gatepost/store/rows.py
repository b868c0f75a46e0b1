"""Inserting rows without the unit of work: what the hot path does thousands of times a second."""

from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Connection, Insert, Table, Update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import configure_mappers
from sqlmodel import Session, SQLModel

from gatepost.store.many import execute_many
from gatepost.store.together import connect, together_in

M = TypeVar("M", bound=SQLModel)


def connection(session: Session) -> Connection:
    """The session's connection for Core statements, after what the session still holds was written."""
    if session.new or session.dirty or session.deleted:
        session.flush()
    return connect(session)


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
        insert_missing_values(session, type(rows[0]), [values_of(row) for row in rows])


def insert_missing_values(session: Session, model: Any, values: list[dict[str, Any]]) -> None:
    """As `insert_missing`, for rows given as values."""
    if values:
        write(session, model, missing_statement(model, session.get_bind().dialect.name == "sqlite"), values)


@cache
def missing_statement(model: Any, sqlite: bool) -> Insert:
    table: Table = model.__table__
    return (sqlite_insert if sqlite else postgresql_insert)(table).on_conflict_do_nothing()


def insert_values(session: Session, model: Any, values: list[dict[str, Any]]) -> None:
    """Insert rows given as values; columns that are not named get what the database gives them."""
    write(session, model, statement(model), values)


def write(session: Session, model: Any, insert: Insert, values: list[dict[str, Any]]) -> None:
    """Insert now, or with what else a batch leaves."""
    batch = together_in(session)
    if batch is None:
        execute_many(connection(session), insert, values)
    else:
        batch.insert(model.__table__, insert, values)


def update_values(session: Session, update: Update, values: dict[str, Any]) -> None:
    """Update rows by a statement whose parameters are `values`, now, or with what else a batch leaves."""
    batch = together_in(session)
    if batch is None:
        connection(session).execute(update, values)
    else:
        batch.update(update, values)


def made(model: type[M], **values: Any) -> M:
    """A row's object as if it had been read, unknown to any session: a thirtieth of the price of its constructor."""
    row: M = manager_of(model).new_instance()
    object.__setattr__(row, "__pydantic_fields_set__", set(values))
    object.__setattr__(row, "__pydantic_extra__", None)
    object.__setattr__(row, "__pydantic_private__", None)
    row.__dict__.update(fixed_defaults(model))
    for name, make in made_defaults(model):
        row.__dict__[name] = make()
    row.__dict__.update(values)
    return row


@cache
def manager_of(model: Any) -> Any:
    configure_mappers()  # else the first query does, and rows made before it cannot be read
    return model.__mapper__.class_manager


@cache
def fixed_defaults(model: Any) -> dict[str, Any]:
    fields = model.model_fields.items()
    return {name: each.default for name, each in fields if not each.is_required() and each.default_factory is None}


@cache
def made_defaults(model: Any) -> list[tuple[str, Any]]:
    return [(name, each.default_factory) for name, each in model.model_fields.items() if each.default_factory]


@cache
def statement(model: Any) -> Insert:
    table: Table = model.__table__
    return table.insert()


@cache
def columns(model: Any) -> tuple[str, ...]:
    return tuple(model.model_fields)


def values_of(row: SQLModel) -> dict[str, Any]:
    there = row.__dict__  # going through the attributes costs ten times as much
    return {name: there[name] if name in there else getattr(row, name) for name in columns(type(row))}
