"""All rows of one database into another that has none, of whatever kind each is."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from db import upgrade
from db.errors import DatabaseError, DatabaseMissingError, DatabaseUnusableError
from db.place import Place, in_words_of
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


def copy(source: Place, target: Place) -> Mapping[str, int]:
    """Copy everything, in one transaction; return how many rows each table has.

    Raises:
        DatabaseMissingError: There is nothing at *source*.
        DatabaseUnusableError: *source* is of another release, *target* holds rows, or
            one of them is no database of postbrush.
        DatabaseError: It cannot be read or written; *target* holds no rows then.
    """
    _require_release(source)
    upgrade.upgrade(target)
    old, new = source.engine(size=1), target.engine(size=1)
    try:
        with in_words_of(target), new.connect() as writer:
            writer.exec_driver_sql(target.writing)
            _require_empty(writer, target)
            with in_words_of(source), old.connect() as reader:
                reader.exec_driver_sql(source.reading)
                counts = {}
                for table in _TABLES:
                    counts[table.name] = _copied(table, reader, writer, target)
            target.renumber(writer, _TABLES)
            _compare(counts, writer, target)
            writer.commit()
    finally:
        old.dispose()
        new.dispose()
    return counts


def require_empty(place: Place) -> None:
    """See that there are no rows at a place, or no tables yet.

    Raises:
        DatabaseUnusableError: There are, or it is no database of postbrush.
    """
    if upgrade.refuse_newer(place) is None:
        return
    engine = place.engine(size=1)
    try:
        with in_words_of(place), engine.connect() as reader:
            reader.exec_driver_sql(place.reading)
            _require_empty(reader, place)
    finally:
        engine.dispose()


def _require_release(source: Place) -> None:
    found = upgrade.refuse_newer(source)
    if found is None:
        raise DatabaseMissingError(f"there is no database at {source}")
    if found != upgrade.HEAD:
        raise DatabaseUnusableError(
            f"{source} was made by an older postbrush: run `postbrush migrate` with it "
            "first, which brings it up to date"
        )


def _require_empty(writer: sa.Connection, target: Place) -> None:
    for table in _TABLES:
        if writer.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first():
            raise DatabaseUnusableError(
                f"{target} is not empty (it has {table.name}): nothing was copied"
            )


def _copied(
    table: sa.Table, reader: sa.Connection, writer: sa.Connection, target: Place
) -> int:
    query = sa.select(table).order_by(*table.primary_key)
    count = 0
    with reader.execution_options(yield_per=_BATCH).execute(query) as rows:
        for some in rows.mappings().partitions():
            with in_words_of(target):
                writer.execute(table.insert(), [dict(row) for row in some])
            count += len(some)
    return count


def _compare(counts: Mapping[str, int], writer: sa.Connection, target: Place) -> None:
    for table in _TABLES:
        query = sa.select(sa.func.count()).select_from(table)
        found = writer.execute(query).scalar_one()
        if found != counts[table.name]:
            raise DatabaseError(
                f"{target} got {found} rows of {counts[table.name]} into {table.name}: "
                "nothing was copied"
            )
