"""Conversion between rows and records, and statements that use it.

SQLAlchemy takes longer to build a statement than SQLite takes to execute it.  So the
statements that every image needs several times are built once, at import, with a
`bindparam` for each value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa

from db.engine import Tx
from db.models import (
    Attempt,
    BreakerRecord,
    DaemonRecord,
    HeldPost,
    ImageRecord,
    Job,
    JobEvent,
    Pause,
    Post,
)

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Record = TypeVar(
    "Record",
    Job,
    Post,
    HeldPost,
    Attempt,
    ImageRecord,
    BreakerRecord,
    DaemonRecord,
    JobEvent,
    Pause,
)


T = TypeVar("T")

#: Values in one `IN (...)`, well below SQLite's limit of parameters.
_CHUNK = 500


def in_chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Split *values* into parts that fit into the parameters of one statement."""
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]


def to_record(record_type: type[Record], row: sa.Row[Any]) -> Record:
    """Return the record of *row*, whose columns are the record's fields."""
    values: dict[str, Any] = row._asdict()
    if record_type is Post:
        values["shows"] = tuple(values["shows"])
    return record_type(**values)


def values_of(record: DataclassInstance) -> dict[str, Any]:
    """Return a record's fields by name; unlike `asdict`, values are not copied."""
    return {name: getattr(record, name) for name in _field_names(type(record))}


@cache
def _field_names(record_type: type[DataclassInstance]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(record_type))


async def fetch_one(
    tx: Tx,
    record_type: type[Record],
    query: sa.Select[Any],
    **values: Any,  # noqa: ANN401 - values of the query's `bindparam`s
) -> Record | None:
    """Return the first row as a record; None if there is none."""
    row = (await tx.execute(query, values)).first()
    return to_record(record_type, row) if row else None


async def fetch_all(
    tx: Tx,
    record_type: type[Record],
    query: sa.Select[Any],
    **values: Any,  # noqa: ANN401 - values of the query's `bindparam`s
) -> list[Record]:
    """Return all rows as records."""
    return [to_record(record_type, row) for row in await tx.execute(query, values)]


async def fetch_scalar(tx: Tx, query: sa.Select[Any]) -> int:
    """Return the number that *query* selects; 0 for NULL or no row."""
    return int((await tx.execute(query)).scalar() or 0)


async def insert_row(tx: Tx, table: sa.Table, values: Mapping[str, Any]) -> int:
    """Insert one row; return its id, or 0 if the table's key is not an integer."""
    result = await tx.execute(_insert_statement(table), dict(values))
    key = result.inserted_primary_key
    return int(key[0]) if key and isinstance(key[0], int) else 0


@cache
def _insert_statement(table: sa.Table) -> sa.Insert:
    return table.insert()
