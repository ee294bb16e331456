"""Rows to records and back: the one place that knows how the two match."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import sqlalchemy as sa

from db.engine import Tx
from db.records import (
    Attempt,
    BreakerRecord,
    Held,
    History,
    ImageRecord,
    Job,
    Pause,
    Post,
)

Record = TypeVar(
    "Record", Job, Post, Held, Attempt, ImageRecord, BreakerRecord, History, Pause
)


def build(kind: type[Record], row: sa.Row[Any]) -> Record:
    """Return the record of *row*, whose columns are the record's fields."""
    values: dict[str, Any] = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    if kind is Post:
        values["shows"] = tuple(values["shows"])
    return kind(**values)


async def one(tx: Tx, kind: type[Record], query: sa.Select[Any]) -> Record | None:
    row = (await tx.execute(query)).first()
    return build(kind, row) if row else None


async def many(tx: Tx, kind: type[Record], query: sa.Select[Any]) -> list[Record]:
    return [build(kind, row) for row in await tx.execute(query)]


async def number(tx: Tx, query: sa.Select[Any]) -> int:
    """Return the one number *query* asks for; nothing counts as 0."""
    return int((await tx.execute(query)).scalar() or 0)


async def insert(tx: Tx, table: sa.Table, values: Mapping[str, Any]) -> int:
    """Insert one row and return its id."""
    result = await tx.execute(table.insert().values(**values))
    key = result.inserted_primary_key
    return int(key[0]) if key and isinstance(key[0], int) else 0
