"""Transactions begin with their first statement, and end whatever happens to them."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from db import pauses, rows, upgrade
from db.engine import Database
from db.errors import DatabaseError
from db.records import Pause
from db.tables import pauses as table

_NOW = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    upgrade.upgrade(tmp_path / "some.db")
    found = Database(tmp_path / "some.db")
    yield found
    await found.close()


async def _pause(db: Database, source: str) -> None:
    async with db.writing() as tx:
        await pauses.begin(tx, Pause(source=source, since=_NOW, until=None))


async def _is_paused(db: Database, source: str) -> bool:
    async with db.reading() as tx:
        return await pauses.get(tx, source, _NOW) is not None


async def test_a_transaction_that_fails_leaves_nothing(db: Database) -> None:
    with pytest.raises(ZeroDivisionError):  # noqa: PT012 - the whole transaction
        async with db.writing() as tx:
            await pauses.begin(tx, Pause(source="one", since=_NOW, until=None))
            raise ZeroDivisionError
    assert not await _is_paused(db, "one")
    await _pause(db, "two")
    assert await _is_paused(db, "two")


async def test_a_transaction_in_which_nothing_is_asked_does_nothing(
    db: Database,
) -> None:
    async with db.writing():
        pass
    async with db.reading():
        pass
    await _pause(db, "one")
    assert await _is_paused(db, "one")


async def test_what_sqlite_refuses_is_said_in_our_words(db: Database) -> None:
    await _pause(db, "one")
    values = {"source": "one", "since": _NOW, "until": None}
    with pytest.raises(DatabaseError, match="UNIQUE"):
        async with db.writing() as tx:
            await rows.insert(tx, table, values)
    with pytest.raises(DatabaseError, match="UNIQUE"):  # noqa: PT012 - the same
        async with db.writing() as tx:
            await pauses.get(tx, "one", _NOW)
            await rows.insert(tx, table, values)
    await _pause(db, "two")


async def test_a_reader_sees_one_moment(db: Database) -> None:
    async with db.reading() as tx:
        assert await pauses.get(tx, "one", _NOW) is None
        await _pause(db, "one")
        assert await pauses.get(tx, "one", _NOW) is None
    assert await _is_paused(db, "one")


async def test_who_is_cancelled_while_another_writes_holds_nothing_after(
    db: Database,
) -> None:
    with closing(sqlite3.connect(db.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(_pause(db, "one"))
        # It has gone to the thread, where SQLite waits for the other.
        for _ in range(5):
            await asyncio.sleep(0)
        waiting.cancel()
        other.execute("COMMIT")
        with suppress(asyncio.CancelledError):
            await waiting
        # What was cancelled holds no lock: the other can write at once.
        other.execute("PRAGMA busy_timeout=2000")
        other.execute("BEGIN IMMEDIATE")
        other.execute("ROLLBACK")
    assert not await _is_paused(db, "one")
    await _pause(db, "two")
    assert await _is_paused(db, "two")


@pytest.mark.parametrize("turns", range(0, 60, 3))
async def test_whoever_is_cancelled_whenever_gives_its_connection_back(
    db: Database, turns: int
) -> None:
    """More at once than there are connections, cut off after so many turns."""
    looks = [_is_paused(db, "one") for _ in range(12)]
    writes = [_pause(db, f"source {number}") for number in range(6)]
    some = [asyncio.create_task(one) for one in [*looks, *writes]]
    for _ in range(turns):
        await asyncio.sleep(0)
    for one in some[::2]:
        one.cancel()
    ended = await asyncio.gather(*some, return_exceptions=True)
    strange = [one for one in ended if isinstance(one, Exception)]
    assert strange == []
    for desk in (db._reader, db._writer):
        assert desk is not None
        assert desk.engine.pool.checkedout() == 0  # type: ignore[attr-defined]  # of a QueuePool
    await _pause(db, "one")
    assert await _is_paused(db, "one")
