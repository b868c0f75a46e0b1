"""What all rows share: times in UTC, and the reasons of a decision."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Dialect
from sqlalchemy.types import DateTime, TypeDecorator
from sqlmodel import SQLModel

SQLModel.model_config["defer_build"] = True  # rows are not validated: making their validators takes time at each start


class UTCDateTime(TypeDecorator[datetime]):
    """A time in UTC; SQLite keeps no zone, so it is taken off and put back at this border."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without zone is never stored")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Why = list[dict[str, Any]]
