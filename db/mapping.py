"""Rows to records and back: the one place that knows how the two match.

To make a statement takes SQLAlchemy longer than SQLite takes to carry it out.  What
every image asks for several times is made once, with a `bindparam` for each value.
"""

from __future__ import annotations

from collections.abc import Mapping
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


def to_record(kind: type[Record], row: sa.Row[Any]) -> Record:
    """Return the record of *row*, whose columns are the record's fields."""
    values: dict[str, Any] = row._asdict()
    if kind is Post:
        values["shows"] = tuple(values["shows"])
    return kind(**values)


def values_of(record: DataclassInstance) -> dict[str, Any]:
    """Return a record's fields; unlike `asdict`, nothing is copied."""
    return {name: getattr(record, name) for name in _field_names(type(record))}


@cache
def _field_names(kind: type[DataclassInstance]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


async def fetch_one(
    tx: Tx,
    kind: type[Record],
    query: sa.Select[Any],
    **given: Any,  # noqa: ANN401 - values of the query's `bindparam`s
) -> Record | None:
    row = (await tx.execute(query, given)).first()
    return to_record(kind, row) if row else None


async def fetch_all(
    tx: Tx,
    kind: type[Record],
    query: sa.Select[Any],
    **given: Any,  # noqa: ANN401 - the same
) -> list[Record]:
    return [to_record(kind, row) for row in await tx.execute(query, given)]


async def fetch_scalar(tx: Tx, query: sa.Select[Any]) -> int:
    """Return the one number *query* asks for; nothing counts as 0."""
    return int((await tx.execute(query)).scalar() or 0)


async def insert_row(tx: Tx, table: sa.Table, values: Mapping[str, Any]) -> int:
    """Insert one row and return its id."""
    result = await tx.execute(_insert_statement(table), dict(values))
    key = result.inserted_primary_key
    return int(key[0]) if key and isinstance(key[0], int) else 0


@cache
def _insert_statement(table: sa.Table) -> sa.Insert:
    return table.insert()
