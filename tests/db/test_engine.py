"""Transactions begin with their first statement, and end whatever happens to them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime

import pytest

from db import mapping
from db.backend import Backend
from db.engine import Database
from db.errors import DatabaseError
from db.models import Pause
from db.source_state import get_pause, set_pause
from db.tables import pauses as table

_NOW = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.fixture
async def db(place: Backend) -> AsyncIterator[Database]:
    database = Database(place)
    yield database
    await database.close()


async def _pause(db: Database, source: str) -> None:
    async with db.write_transaction() as tx:
        await set_pause(tx, Pause(source=source, since=_NOW, until=None))


async def _is_paused(db: Database, source: str) -> bool:
    async with db.read_transaction() as tx:
        return await get_pause(tx, source, _NOW) is not None


async def test_a_transaction_that_fails_leaves_nothing(db: Database) -> None:
    with pytest.raises(ZeroDivisionError):  # noqa: PT012 - the whole transaction
        async with db.write_transaction() as tx:
            await set_pause(tx, Pause(source="one", since=_NOW, until=None))
            raise ZeroDivisionError
    assert not await _is_paused(db, "one")
    await _pause(db, "two")
    assert await _is_paused(db, "two")


async def test_a_transaction_in_which_nothing_is_asked_does_nothing(
    db: Database,
) -> None:
    async with db.write_transaction():
        pass
    async with db.read_transaction():
        pass
    await _pause(db, "one")
    assert await _is_paused(db, "one")


async def test_what_the_database_refuses_is_said_in_our_words(db: Database) -> None:
    await _pause(db, "one")
    values = {"source": "one", "since": _NOW, "until": None}
    with pytest.raises(DatabaseError, match=r"(?i)unique"):
        async with db.write_transaction() as tx:
            await mapping.insert_row(tx, table, values)
    with pytest.raises(DatabaseError, match=r"(?i)unique"):  # noqa: PT012 - the same
        async with db.write_transaction() as tx:
            await get_pause(tx, "one", _NOW)
            await mapping.insert_row(tx, table, values)
    await _pause(db, "two")


async def test_who_goes_on_after_a_statement_failed_is_told_that_nothing_was_kept(
    db: Database,
) -> None:
    await _pause(db, "one")
    values = {"source": "one", "since": _NOW, "until": None}
    with pytest.raises(DatabaseError, match="nothing was written"):  # noqa: PT012 - the same
        async with db.write_transaction() as tx:
            await set_pause(tx, Pause(source="two", since=_NOW, until=None))
            with suppress(Exception):
                await mapping.insert_row(tx, table, values)
    assert not await _is_paused(db, "two")


async def test_a_reader_sees_one_moment(db: Database) -> None:
    async with db.read_transaction() as tx:
        assert await get_pause(tx, "one", _NOW) is None
        await _pause(db, "one")
        assert await get_pause(tx, "one", _NOW) is None
    assert await _is_paused(db, "one")


async def test_who_is_cancelled_while_another_writes_holds_nothing_after(
    db: Database,
) -> None:
    other = Database(db.backend)
    async with other.write_transaction() as tx:
        await get_pause(tx, "one", _NOW)
        waiting = asyncio.create_task(_pause(db, "one"))
        # It has gone to the thread, where it waits for the other.
        for _ in range(5):
            await asyncio.sleep(0)
        waiting.cancel()
    with suppress(asyncio.CancelledError):
        await waiting
    # What was cancelled holds no lock: the other can write at once.
    async with asyncio.timeout(5):
        await _pause(other, "three")
    await other.close()
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
