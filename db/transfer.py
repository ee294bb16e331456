"""Copy all rows of a database into an empty one, of the same kind or another."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from db import upgrade
from db.backend import Backend, translate_errors
from db.errors import DatabaseError, DatabaseMissingError, DatabaseUnusableError
from db.tables import counters, metadata

#: Rows in memory at a time.
_BATCH = 1000
#: The tables to copy, referenced tables first.  Each database maintains `counters`
#: itself, and running daemons register again.
_TABLES = [
    table
    for table in metadata.sorted_tables
    if table.name not in {counters.name, "daemons"}
]


def copy_database(source: Backend, target: Backend) -> Mapping[str, int]:
    """Copy all rows in one transaction; return the number of rows by table.

    Raises:
        DatabaseMissingError: There is no database at *source*.
        DatabaseUnusableError: *source* is of another release, *target* has rows, or
            one of them is not a database of postbrush.
        DatabaseError: Reading or writing failed; *target* has no rows then.
    """
    _require_current_release(source)
    upgrade.upgrade_schema(target)
    with target.connect(target.begin_write_sql) as writer:
        _require_no_rows(writer, target)
        with source.connect(source.begin_read_sql) as reader:
            counts = {
                table.name: _copy_table(table, reader, writer, target)
                for table in _TABLES
            }
        target.reset_sequences(writer, _TABLES)
        _compare_counts(counts, writer, target)
        writer.commit()
    return counts


def require_empty(backend: Backend) -> None:
    """Check that a database has no rows, or no tables yet.

    Raises:
        DatabaseUnusableError: It has rows, or is not a database of postbrush.
    """
    if upgrade.refuse_newer(backend) is None:
        return
    with backend.connect(backend.begin_read_sql) as reader:
        _require_no_rows(reader, backend)


def _require_current_release(source: Backend) -> None:
    revision = upgrade.refuse_newer(source)
    if revision is None:
        raise DatabaseMissingError(f"{source} does not exist or is empty")
    if revision != upgrade.HEAD:
        raise DatabaseUnusableError(
            f"{source} was written by an older postbrush. Upgrade it first: set "
            "data_dir or database.url to it, and run `postbrush migrate`"
        )


def _require_no_rows(writer: sa.Connection, target: Backend) -> None:
    for table in _TABLES:
        if writer.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first():
            raise DatabaseUnusableError(
                f"{target} is not empty (it has {table.name}). Nothing was copied"
            )


def _copy_table(
    table: sa.Table, reader: sa.Connection, writer: sa.Connection, target: Backend
) -> int:
    query = sa.select(table).order_by(*table.primary_key)
    count = 0
    with reader.execution_options(yield_per=_BATCH).execute(query) as rows:
        for batch in rows.mappings().partitions():
            with translate_errors(target):
                writer.execute(table.insert(), [dict(row) for row in batch])
            count += len(batch)
    return count


def _compare_counts(
    counts: Mapping[str, int], writer: sa.Connection, target: Backend
) -> None:
    for table in _TABLES:
        query = sa.select(sa.func.count()).select_from(table)
        copied = writer.execute(query).scalar_one()
        if copied != (expected := counts[table.name]):
            raise DatabaseError(
                f"{target} received {copied} of {expected} rows of {table.name}. "
                "Nothing was copied"
            )
