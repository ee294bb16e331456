"""Column types, conversion between rows and records, and the statements that use both.

The types are the same for SQLite and PostgreSQL.  Times are UTC.  Both databases store
them without a zone, and `UtcDateTime` adds it.  States and reasons are stored by value
in columns of fixed length without a CHECK, so that a new member needs no migration.
The length of a text is a note for readers.  SQLite does not enforce it, so the type
does not ask PostgreSQL to do so.

SQLAlchemy takes longer to build a statement than SQLite takes to execute it.  So the
statements that every image needs several times are built once, at import of their
module, with a `bindparam` for each value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeEngine

from db.engine import Tx
from db.models import Post

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Record = TypeVar("Record", bound="DataclassInstance")
T = TypeVar("T")

#: Values in one `IN (...)`, well below SQLite's limit of parameters.
_CHUNK = 500


class UtcDateTime(sa.TypeDecorator[datetime]):
    """An aware datetime, stored in UTC without its zone."""

    impl = sa.DateTime
    cache_ok = True

    def process_bind_param(
        self, value: datetime | None, dialect: Dialect
    ) -> datetime | None:
        """Return the time in UTC without its zone, as it is stored."""
        del dialect
        return value.astimezone(UTC).replace(tzinfo=None) if value else None

    def process_result_value(
        self, value: datetime | None, dialect: Dialect
    ) -> datetime | None:
        """Return a stored time with its zone, UTC."""
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
        """Return the type of the server: PostgreSQL must compare by code point."""
        if dialect.name == "postgresql":
            return sa.Text(collation="C" if self.by_code else None)
        return sa.String(self.length) if self.length else sa.Text()

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Return the text without NUL, which PostgreSQL cannot store."""
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


def in_chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Split *values* into parts that fit into the parameters of one statement."""
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]


def if_given(
    column: sa.ColumnElement[T], value: T | None
) -> tuple[sa.ColumnElement[bool], ...]:
    """Return the condition that *column* has *value*; none if *value* is None."""
    return () if value is None else (column == value,)


def values_of(record: DataclassInstance) -> dict[str, Any]:
    """Return a record's fields by name; unlike `asdict`, values are not copied."""
    return {name: getattr(record, name) for name in _field_names(type(record))}


@cache
def _field_names(record_type: type[DataclassInstance]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(record_type))


def _to_record(record_type: type[Record], row: sa.Row[Any]) -> Record:
    values: dict[str, Any] = row._asdict()
    if record_type is Post:
        values["shown_files"] = tuple(values["shown_files"])
    return record_type(**values)


async def fetch_one(
    tx: Tx,
    record_type: type[Record],
    query: sa.Select[Any],
    **values: Any,  # noqa: ANN401 - values of the query's `bindparam`s
) -> Record | None:
    """Return the first row as a record; None if there is none."""
    row = (await tx.execute(query, values)).first()
    return _to_record(record_type, row) if row else None


async def fetch_all(
    tx: Tx,
    record_type: type[Record],
    query: sa.Select[Any],
    **values: Any,  # noqa: ANN401 - values of the query's `bindparam`s
) -> list[Record]:
    """Return all rows as records."""
    return [_to_record(record_type, row) for row in await tx.execute(query, values)]


async def fetch_scalar(tx: Tx, query: sa.Select[Any]) -> int:
    """Return the number that *query* selects; 0 for NULL or no row."""
    return int((await tx.execute(query)).scalar() or 0)


async def insert_row(tx: Tx, table: sa.Table, values: Mapping[str, Any]) -> int:
    """Insert one row; return its id, or 0 if the table's key is not an integer."""
    result = await tx.execute(_insert_statement(table), dict(values))
    key = result.inserted_primary_key
    return int(key[0]) if key and isinstance(key[0], int) else 0


async def insert_record(tx: Tx, table: sa.Table, record: Record) -> Record:
    """Insert a record, whose id is ignored; return it with its new id."""
    values = values_of(record)
    del values["id"]
    return replace(record, id=await insert_row(tx, table, values))


async def replace_row(tx: Tx, table: sa.Table, values: Mapping[str, Any]) -> None:
    """Replace the row that has the primary key of *values*; insert it if none has."""
    keys = {f"key_{column.name}": values[column.name] for column in table.primary_key}
    updated = await tx.execute(_replace_statement(table), {**values, **keys})
    if updated.rowcount == 0:
        await insert_row(tx, table, values)


@cache
def _replace_statement(table: sa.Table) -> sa.Update:
    return table.update().where(
        *(key == sa.bindparam(f"key_{key.name}") for key in table.primary_key)
    )


@cache
def _insert_statement(table: sa.Table) -> sa.Insert:
    return table.insert()
