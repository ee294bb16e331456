"""Column types, the same for SQLite and PostgreSQL.

Times are UTC.  Both databases store them without a zone, and `UtcDateTime` adds it.
States and reasons are stored by value in columns of fixed length without a CHECK, so
that a new member needs no migration.  The length of a text is a note for readers.
SQLite does not enforce it, so the type does not ask PostgreSQL to do so.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeEngine


class UtcDateTime(sa.TypeDecorator[datetime]):
    """An aware datetime, stored in UTC without its zone."""

    impl = sa.DateTime
    cache_ok = True

    def process_bind_param(
        self, value: datetime | None, dialect: Dialect
    ) -> datetime | None:
        del dialect
        return value.astimezone(UTC).replace(tzinfo=None) if value else None

    def process_result_value(
        self, value: datetime | None, dialect: Dialect
    ) -> datetime | None:
        del dialect
        return value.replace(tzinfo=UTC) if value else None


class CleanText(sa.TypeDecorator[str]):
    """A text from Notion or a provider, stored without NUL.

    PostgreSQL cannot store NUL, and no one writes it on purpose.

    Args:
        length: Expected maximum length in characters; None if there is none.
        by_code: Order by code points, whatever the locale of the server.
    """

    impl = sa.Text
    cache_ok = True

    def __init__(self, length: int | None = None, *, by_code: bool = False) -> None:
        super().__init__()
        self.length = length
        self.by_code = by_code

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[str]:
        if dialect.name == "postgresql":
            return sa.Text(collation="C" if self.by_code else None)
        return sa.String(self.length) if self.length else sa.Text()

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        del dialect
        return value.replace("\0", "") if value else value


#: An integer of up to 64 bits on both databases.
BigInt = sa.Integer().with_variant(sa.BigInteger(), "postgresql")


def partial_index(where: str) -> dict[str, Any]:
    """Return the arguments of an index over the rows that match *where*.

    They name SQLite only: `postgresql_where` would load SQLAlchemy's PostgreSQL
    dialect, 3 MB in every process.  The migrations create the index on both.
    """
    return {"sqlite_where": sa.text(where)}


def enum_type(kind: type[StrEnum]) -> sa.Enum:
    """Return a column type that stores members of the enum *kind* by value."""
    return sa.Enum(
        kind,
        native_enum=False,
        create_constraint=False,
        length=16,
        values_callable=lambda members: [member.value for member in members],
    )
