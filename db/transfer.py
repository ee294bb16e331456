"""All rows of one database into another that has none, of whatever kind each is."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from db import upgrade
from db.backend import Backend, translate_errors
from db.errors import DatabaseError, DatabaseMissingError, DatabaseUnusableError
from db.tables import metadata, tallies

#: Rows at a time: what is held in memory.
_BATCH = 1000
#: What is copied, in an order in which every row finds those it names; tallies are
#: kept by each database itself, daemons say anew that they live.
_TABLES = [
    table
    for table in metadata.sorted_tables
    if table.name not in {tallies.name, "daemons"}
]


def copy_database(source: Backend, target: Backend) -> Mapping[str, int]:
    """Copy everything, in one transaction; return how many rows each table has.

    Raises:
        DatabaseMissingError: There is nothing at *source*.
        DatabaseUnusableError: *source* is of another release, *target* holds rows, or
            one of them is no database of postbrush.
        DatabaseError: It cannot be read or written; *target* holds no rows then.
    """
    _require_current_release(source)
    upgrade.upgrade_schema(target)
    old, new = source.create_engine(size=1), target.create_engine(size=1)
    try:
        with translate_errors(target), new.connect() as writer:
            writer.exec_driver_sql(target.begin_write_sql)
            _require_no_rows(writer, target)
            with translate_errors(source), old.connect() as reader:
                reader.exec_driver_sql(source.begin_read_sql)
                counts = {}
                for table in _TABLES:
                    counts[table.name] = _copy_table(table, reader, writer, target)
            target.reset_sequences(writer, _TABLES)
            _compare_counts(counts, writer, target)
            writer.commit()
    finally:
        old.dispose()
        new.dispose()
    return counts


def require_empty(place: Backend) -> None:
    """See that there are no rows at a place, or no tables yet.

    Raises:
        DatabaseUnusableError: There are, or it is no database of postbrush.
    """
    if upgrade.refuse_newer(place) is None:
        return
    engine = place.create_engine(size=1)
    try:
        with translate_errors(place), engine.connect() as reader:
            reader.exec_driver_sql(place.begin_read_sql)
            _require_no_rows(reader, place)
    finally:
        engine.dispose()


def _require_current_release(source: Backend) -> None:
    found = upgrade.refuse_newer(source)
    if found is None:
        raise DatabaseMissingError(f"there is no database at {source}")
    if found != upgrade.HEAD:
        raise DatabaseUnusableError(
            f"{source} was made by an older postbrush: run `postbrush migrate` with it "
            "first, which brings it up to date"
        )


def _require_no_rows(writer: sa.Connection, target: Backend) -> None:
    for table in _TABLES:
        if writer.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first():
            raise DatabaseUnusableError(
                f"{target} is not empty (it has {table.name}): nothing was copied"
            )


def _copy_table(
    table: sa.Table, reader: sa.Connection, writer: sa.Connection, target: Backend
) -> int:
    query = sa.select(table).order_by(*table.primary_key)
    count = 0
    with reader.execution_options(yield_per=_BATCH).execute(query) as rows:
        for some in rows.mappings().partitions():
            with translate_errors(target):
                writer.execute(table.insert(), [dict(row) for row in some])
            count += len(some)
    return count


def _compare_counts(
    counts: Mapping[str, int], writer: sa.Connection, target: Backend
) -> None:
    for table in _TABLES:
        query = sa.select(sa.func.count()).select_from(table)
        found = writer.execute(query).scalar_one()
        if found != counts[table.name]:
            raise DatabaseError(
                f"{target} got {found} rows of {counts[table.name]} into {table.name}: "
                "nothing was copied"
            )
