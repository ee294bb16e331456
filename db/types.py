"""Kinds of columns: what Python hands over, and what either database keeps of it.

Times are UTC: both databases keep them without a zone, and `UtcDateTime` adds it.
States
and reasons are stored by value in columns of fixed length without a CHECK, so that a
new member needs no migration.  The length of a text is a note for readers: SQLite
does not enforce it, so PostgreSQL is not asked to.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeEngine


class UtcDateTime(sa.TypeDecorator[datetime]):
    """An aware datetime, stored in UTC."""

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
    """A text, as Notion and the services may send it.

    NUL is left out: PostgreSQL cannot keep it, and nobody wrote it on purpose.

    Args:
        length: How long it gets; None: as long as it likes.
        by_code: It is ordered by code points, whatever the language of the server.
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


#: Up to 64 bits on either.
BigInt = sa.Integer().with_variant(sa.BigInteger(), "postgresql")


def partial_index(where: str) -> dict[str, Any]:
    """Return what makes an index hold only some rows.

    Migrations say it for either database.  To say it of PostgreSQL here would load
    all that SQLAlchemy knows of that: 3 MB in every process.
    """
    return {"sqlite_where": sa.text(where)}


def enum_type(kind: type[StrEnum]) -> sa.Enum:
    """Return the kind of a column that holds members of *kind*."""
    return sa.Enum(
        kind,
        native_enum=False,
        create_constraint=False,
        length=16,
        values_callable=lambda members: [member.value for member in members],
    )
